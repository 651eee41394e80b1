use pool_core::Phase;

use crate::engine::{Engine, Fault};

/// Work that opens a session channel.
pub(crate) fn open_channel(
    phase: Phase,
) -> impl FnMut(&mut Engine) -> Result<(), Fault> + Send + 'static {
    move |engine| {
        engine.progress.enter(phase);
        let channel = engine.session().channel_session()?;
        engine.set_channel(channel);
        Ok(())
    }
}

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    /// libssh2 does not tell a status of 0 from none at all.
    pub(crate) status: Option<i32>,
    pub(crate) signal: Option<String>,
}

/// Work that closes the channel on both sides, and returns how its command ended.
///
/// The channel must be closed before it is freed: freeing it asks for the close without waiting.
pub(crate) fn close_channel(engine: &mut Engine) -> Result<Exit, Fault> {
    engine.channel()?.close()?;
    if engine.channel()?.eof() {
        engine.channel()?.wait_close()?;
    }
    let channel = engine.channel()?;
    // A process that was killed has status 0, and a signal.
    let signal = channel.exit_signal()?.exit_signal;
    let status = channel.exit_status()?;
    engine.drop_channel();
    Ok(Exit { status: signal.is_none().then_some(status), signal })
}
