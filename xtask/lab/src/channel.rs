use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use russh::server::{ChannelOpenHandle, Msg};
use russh::{Channel, ChannelId, ChannelOpenFailure};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::counters::Open;
use crate::output::Output;
use crate::router::Shared;
use crate::shell::{self, Shell};
use crate::user::User;

/// Packets of typed text that wait for the shell; more are lost, as in a full input buffer.
const INPUT_PACKETS_MAX: usize = 256;

/// The channels of one session, and what runs on them, which ends with it.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    open: HashMap<ChannelId, State>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    terminal: Option<Terminal>,
    input: Option<mpsc::Sender<Bytes>>,
    shell: Option<AbortHandle>,
    /// Counts the session for as long as its channel is open.
    _open: Open,
}

/// The terminal that a client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    /// Its kind, such as `vt100`.
    pub(crate) kind: String,
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(shell) = &self.shell {
            shell.abort();
        }
    }
}

impl Channels {
    /// Where tasks run that end with the session.
    pub(crate) fn tasks(&mut self) -> &mut JoinSet<()> {
        &mut self.tasks
    }

    /// Takes a channel in that has been opened.
    pub(crate) fn insert(&mut self, channel: ChannelId, open: Open) {
        while self.tasks.try_join_next().is_some() {}
        let state = State { terminal: None, input: None, shell: None, _open: open };
        self.open.insert(channel, state);
    }

    /// Gives the channel a terminal of this kind.
    pub(crate) fn set_terminal(&mut self, channel: ChannelId, kind: &str) {
        if let Some(state) = self.open.get_mut(&channel) {
            state.terminal = Some(Terminal { kind: kind.to_owned() });
        }
    }

    /// Starts a shell on the channel, or one command when there is one.
    pub(crate) fn start(
        &mut self,
        channel: ChannelId,
        router: Arc<Shared>,
        output: Output,
        user: User,
        command: Option<String>,
    ) {
        let Some(state) = self.open.get_mut(&channel) else { return };
        let (input, typed) = mpsc::channel(INPUT_PACKETS_MAX);
        let terminal = state.terminal.clone();
        state.input = Some(input);
        state.shell = Some(match command {
            None => self.tasks.spawn(Shell::new(router, output, typed, terminal, user).run()),
            Some(command) => {
                self.tasks.spawn(shell::execute(router, output, typed, terminal, command))
            }
        });
    }

    /// Connects the channel with `target`, and answers `reply` with whether that was possible.
    pub(crate) async fn forward(
        &mut self,
        channel: Channel<Msg>,
        target: (String, u16),
        reply: ChannelOpenHandle,
    ) {
        match TcpStream::connect(target).await {
            Ok(mut stream) => {
                reply.accept().await;
                self.tasks.spawn(async move {
                    // However it ends, it ends.
                    tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut stream)
                        .await
                        .ok();
                });
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
    }

    /// Hands typed text to the channel's shell, if there is one. Returns whether nothing was lost.
    pub(crate) fn type_in(&self, channel: ChannelId, data: &[u8]) -> bool {
        let input = self.open.get(&channel).and_then(|state| state.input.as_ref());
        input.is_none_or(|input| input.try_send(Bytes::copy_from_slice(data)).is_ok())
    }

    /// Tells the channel's shell that nothing more will be typed.
    pub(crate) fn end_input(&mut self, channel: ChannelId) {
        if let Some(state) = self.open.get_mut(&channel) {
            state.input = None;
        }
    }

    /// Ends what runs on the channel.
    pub(crate) fn remove(&mut self, channel: ChannelId) {
        self.open.remove(&channel);
    }
}
