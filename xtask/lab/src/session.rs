use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session as SshSession,
    VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::counters::Open;
use crate::flood::Voice;
use crate::output::Output;
use crate::router::Shared;
use crate::shell::{self, Shell};
use crate::stream::Gate;
use crate::user::User;
use crate::{Fault, Manner, Stage, login};

/// Packets of typed text that wait for the shell; more are lost, as in a full input buffer.
const INPUT_PACKETS_MAX: usize = 256;

/// Sessions at a time on a router whose spec sets no limit.
const SESSIONS_MAX: usize = 1024;

/// One client's SSH connection: login and channels. Its shells end with it.
pub(crate) struct Session {
    router: Arc<Shared>,
    gate: Gate,
    voice: Voice,
    chatters: bool,
    /// Whom the client has called itself last.
    user: User,
    channels: HashMap<ChannelId, ChannelState>,
    shells: JoinSet<()>,
    /// Requests for a channel that are never answered.
    unanswered: Vec<ChannelOpenHandle>,
}

#[derive(Debug)]
struct ChannelState {
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

impl Drop for ChannelState {
    fn drop(&mut self) {
        if let Some(shell) = &self.shell {
            shell.abort();
        }
    }
}

impl Session {
    pub(crate) fn new(router: Arc<Shared>, gate: Gate) -> Self {
        Self {
            router,
            gate,
            voice: Voice::default(),
            chatters: false,
            user: User::default(),
            channels: HashMap::new(),
            shells: JoinSet::new(),
            unanswered: Vec::new(),
        }
    }

    /// Where to give the session what it can speak unasked with.
    pub(crate) fn voice(&self) -> Voice {
        self.voice.clone()
    }

    /// Falls sick if that is what happens at this stage. Returns whether the answer is withheld:
    /// whoever floods must not give it, and of the others it would not leave the router.
    fn falls_sick(&mut self, stage: Stage) -> bool {
        match self.router.manner_at(stage) {
            None => return false,
            Some(Manner::Flood) => self.chatter(),
            Some(manner) => self.gate.spoil(manner),
        }
        true
    }

    fn chatter(&mut self) {
        if !std::mem::replace(&mut self.chatters, true) {
            self.voice.chatter(&mut self.shells);
        }
    }

    /// Notes whom the client calls itself, and tells the name alone.
    fn user(&mut self, user: &str) -> String {
        self.user = User::new(user, self.router.dialect.terminal_in_username);
        self.user.name().to_owned()
    }

    /// The answer to credentials that are right or wrong.
    fn judge(&mut self, right: bool) -> Auth {
        if let Some(manner) = self.router.manner_at(Stage::Authentication) {
            self.gate.spoil(manner);
        }
        if right && !self.router.has(Fault::AuthRefused) {
            return Auth::Accept;
        }
        // The client may try again by the same methods, as with real routers.
        let methods = login::methods(&self.router.spec.login);
        Auth::Reject { proceed_with_methods: Some(methods), partial_success: false }
    }

    /// Starts a shell on the channel, or one command when there is one.
    fn start(&mut self, channel: ChannelId, command: Option<String>, session: &mut SshSession) {
        let Some(state) = self.channels.get_mut(&channel) else { return };
        let (input, typed) = mpsc::channel(INPUT_PACKETS_MAX);
        let output = Output::new(session.handle(), channel, self.gate.clone());
        let router = Arc::clone(&self.router);
        let terminal = state.terminal.clone();
        let user = self.user.clone();
        state.input = Some(input);
        state.shell = Some(match command {
            None => self.shells.spawn(Shell::new(router, output, typed, terminal, user).run()),
            Some(command) => {
                self.shells.spawn(shell::execute(router, output, typed, terminal, command))
            }
        });
    }
}

impl Handler for Session {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        Ok(self.router.spec.auth_banner.clone())
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let user = self.user(user);
        let right = login::by_password(&self.router.spec.login, &user, password);
        Ok(self.judge(right))
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        let user = self.user(user);
        let right = login::by_key(&self.router.spec.login, &user, offer.public_key);
        Ok(self.judge(right))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let user = self.user(user);
        let right = login::by_key(&self.router.spec.login, &user, key.public_key);
        Ok(self.judge(right))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let user = self.user(user);
        let login = &self.router.spec.login;
        let asks_on = self.router.manner_at(Stage::Authentication) == Some(Manner::Flood);
        let Some(response) = response.filter(|_| !asks_on) else {
            let questions = login::questions(login).iter();
            return Ok(Auth::Partial {
                name: Cow::Borrowed(""),
                instructions: Cow::Borrowed(""),
                prompts: questions.map(|question| (Cow::Borrowed(*question), false)).collect(),
            });
        };
        let answers: Vec<String> =
            response.map(|answer| String::from_utf8_lossy(&answer).into_owned()).collect();
        let right = login::by_answers(login, &user, &answers);
        Ok(self.judge(right))
    }

    async fn auth_succeeded(&mut self, _session: &mut SshSession) -> Result<(), Self::Error> {
        self.router.counters.login();
        let manner = match self.router.manner_at(Stage::Disconnect) {
            None if self.router.has(Fault::CloseAfterAuth) => Manner::HalfClose,
            None => return Ok(()),
            Some(Manner::Flood) => {
                self.chatter();
                return Ok(());
            }
            Some(manner) => manner,
        };
        let gate = self.gate.clone();
        // The success is still to be written: behind it the router falls sick.
        let mark = gate.written() + 1;
        self.shells.spawn(async move {
            gate.reached(mark).await;
            gate.spoil(manner);
        });
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        if self.falls_sick(Stage::ChannelOpen) {
            self.unanswered.push(reply);
            return Ok(());
        }
        while self.shells.try_join_next().is_some() {}
        let sessions_max = self.router.spec.sessions_max.unwrap_or(SESSIONS_MAX);
        match self.router.counters.session(sessions_max) {
            Some(open) => {
                let state = ChannelState { terminal: None, input: None, shell: None, _open: open };
                self.channels.insert(channel.id(), state);
                reply.accept().await;
            }
            None => reply.reject(ChannelOpenFailure::ResourceShortage).await,
        }
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        if self.falls_sick(Stage::ChannelOpen) {
            self.unanswered.push(reply);
            return Ok(());
        }
        if !self.router.spec.forwards {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        }
        let target = (host.to_owned(), u16::try_from(port).unwrap_or(0));
        match TcpStream::connect(target).await {
            Ok(mut stream) => {
                reply.accept().await;
                self.shells.spawn(async move {
                    // However it ends, it ends.
                    tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut stream)
                        .await
                        .ok();
                });
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        if self.falls_sick(Stage::Pty) {
            return Ok(());
        }
        if let Some(state) = self.channels.get_mut(&channel) {
            state.terminal = Some(Terminal { kind: term.to_owned() });
        }
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        if self.falls_sick(Stage::Shell) {
            return Ok(());
        }
        session.channel_success(channel)?;
        self.start(channel, None, session);
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        if self.falls_sick(Stage::Exec) {
            return Ok(());
        }
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(data).into_owned();
        self.start(channel, Some(command), session);
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        _variable_name: &str,
        _variable_value: &str,
        session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        self.falls_sick(Stage::Writing);
        let input = self.channels.get(&channel).and_then(|state| state.input.as_ref());
        if let Some(Err(error)) = input.map(|input| input.try_send(Bytes::copy_from_slice(data))) {
            tracing::debug!(router = self.router.spec.name, %error, "typed text was lost");
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        // The end of the channel follows on the heels, and is answered by the library.
        self.falls_sick(Stage::Close);
        if let Some(state) = self.channels.get_mut(&channel) {
            state.input = None;
        }
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        self.channels.remove(&channel);
        if self.gate.is_leaving() {
            self.gate.close();
        }
        Ok(())
    }
}
