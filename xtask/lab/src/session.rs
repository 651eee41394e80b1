use std::borrow::Cow;
use std::sync::Arc;

use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session as SshSession,
    VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty};

use crate::channel::Channels;
use crate::flood::Voice;
use crate::health::Health;
use crate::output::Output;
use crate::router::Shared;
use crate::stream::Gate;
use crate::user::User;
use crate::{Fault, Manner, Stage, login};

/// Sessions at a time on a router whose spec sets no limit.
const SESSIONS_MAX: usize = 1024;

/// One client's SSH connection: login and channels. Its shells end with it.
pub(crate) struct Session {
    router: Arc<Shared>,
    gate: Gate,
    health: Health,
    /// Whom the client has called itself last.
    user: User,
    channels: Channels,
    /// Requests for a channel that are never answered.
    unanswered: Vec<ChannelOpenHandle>,
}

impl Session {
    pub(crate) fn new(router: Arc<Shared>, gate: Gate) -> Self {
        Self {
            health: Health::new(Arc::clone(&router), gate.clone()),
            router,
            gate,
            user: User::default(),
            channels: Channels::default(),
            unanswered: Vec::new(),
        }
    }

    /// Where to give the session what it can speak unasked with.
    pub(crate) fn voice(&self) -> Voice {
        self.health.voice()
    }

    /// Falls sick if that is what happens at this stage. Returns whether the answer is withheld.
    fn falls_sick(&mut self, stage: Stage) -> bool {
        self.health.falls_sick(stage, self.channels.tasks())
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
    fn start(&mut self, channel: ChannelId, command: Option<String>, session: &SshSession) {
        let output = Output::new(session.handle(), channel, self.gate.clone());
        let (router, user) = (Arc::clone(&self.router), self.user.clone());
        self.channels.start(channel, router, output, user, command);
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
        self.health.log_in(self.channels.tasks());
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
        let sessions_max = self.router.spec.sessions_max.unwrap_or(SESSIONS_MAX);
        match self.router.counters.session(sessions_max) {
            Some(open) => {
                self.channels.insert(channel.id(), open);
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
        self.channels.forward(channel, target, reply).await;
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
        self.channels.set_terminal(channel, term);
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
        if !self.channels.type_in(channel, data) {
            tracing::debug!(router = self.router.spec.name, "typed text was lost");
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
        self.channels.end_input(channel);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut SshSession,
    ) -> Result<(), Self::Error> {
        self.channels.remove(channel);
        if self.gate.is_leaving() {
            self.gate.close();
        }
        Ok(())
    }
}
