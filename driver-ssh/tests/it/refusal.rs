//! A server that refuses what it does not like, and goes on.

use lab::BareServer;
use pool_core::{ErrorKind, Phase, Request};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Session};
use russh::{Channel, ChannelId, Pty};

use crate::rig::{Rig, config, on_peers, patient};

/// Runs no command but `greet`, on both streams, and knows no shell.
struct Choosy;

impl Handler for Choosy {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, _: &str) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if command != b"greet" {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        session.extended_data(channel, 1, &b"behind\r\n"[..])?;
        session.data(channel, &b"in front\r\n"[..])?;
        session.exit_status_request(channel, 7)?;
        session.eof(channel)?;
        session.close(channel)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}

fn choosy() -> BareServer {
    on_peers(BareServer::start(|| Choosy)).unwrap()
}

#[test]
fn a_refused_command_leaves_the_session_good() {
    let rig = Rig::new();
    let server = choosy();
    let peer = server.address();
    rig.run(async {
        let mut session = rig.exec(&patient(), &config(peer)).await.unwrap();
        for _ in 0..3 {
            let request = Request::command("reload").unwrap();
            let error = session.execute(&patient(), &request).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
            assert!(!error.breaks_connection());
            session.health_check(&patient()).await.unwrap();
        }
        let request = Request::command("greet").unwrap();
        let transcript = session.execute(&patient(), &request).await.unwrap();
        assert_eq!(transcript.output(), "in front\nbehind\n");
        assert_eq!(transcript.steps[0].exit_status, Some(7));
    });
    rig.assert_nothing_remains(peer);
}

#[test]
fn a_refused_shell_is_a_busy_device() {
    let rig = Rig::new();
    let server = choosy();
    let peer = server.address();
    let error = rig.run(async { rig.shell(&patient(), &config(peer)).await.unwrap_err() });
    let found = (error.kind(), error.phase());
    assert_eq!(found, (ErrorKind::Busy, Some(Phase::Shell)), "{error}");
    rig.assert_nothing_remains(peer);
}
