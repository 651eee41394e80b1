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

/// Work that closes the channel on both sides, and returns the exit status that came with it.
///
/// The channel must be closed before it is freed: freeing it asks for the close without waiting.
pub(crate) fn close_channel(engine: &mut Engine) -> Result<Option<i32>, Fault> {
    engine.channel()?.close()?;
    if engine.channel()?.eof() {
        engine.channel()?.wait_close()?;
    }
    let channel = engine.channel()?;
    // A process that was killed has status 0, and a signal.
    let killed = channel.exit_signal()?.exit_signal.is_some();
    let status = channel.exit_status()?;
    engine.drop_channel();
    Ok((!killed).then_some(status))
}
