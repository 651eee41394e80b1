//! Sessions through a jump host.

use std::sync::Arc;
use std::time::Duration;

use lab::{Fault, Lab, LabRouter, RouterSpec};
use pool_core::{
    ConnectionConfig, Context, Credentials, Error, ErrorKind, Fingerprint, HostKeyPolicy,
    HostKeyProblem, JumpHost, Phase, Request, Secret,
};
use tokio::task::JoinSet;

use crate::rig::{Rig, config, on_peers, patient, sockets_to};

const BASTION_USER: &str = "hopper";
const BASTION_PASSWORD: &str = "bastion-password";

/// A router, and a bastion that forwards to it.
struct Site {
    rig: Rig,
    lab: Lab,
}

impl Site {
    fn new() -> Self {
        Self::with(|bastion| bastion.forwards(true), |router| router)
    }

    fn with(
        bastion: impl FnOnce(RouterSpec) -> RouterSpec,
        router: impl FnOnce(RouterSpec) -> RouterSpec,
    ) -> Self {
        let specs = vec![
            bastion(RouterSpec::new("b", "linux").password(BASTION_USER, BASTION_PASSWORD)),
            router(RouterSpec::new("r", "linux")),
        ];
        Self { rig: Rig::new(), lab: on_peers(Lab::start(specs)).unwrap() }
    }

    fn bastion(&self) -> &LabRouter {
        self.lab.router("b")
    }

    fn router(&self) -> &LabRouter {
        self.lab.router("r")
    }

    fn jump(&self) -> JumpHost {
        let credentials = Credentials::password(BASTION_USER, BASTION_PASSWORD.to_owned());
        JumpHost::new(config(self.bastion().address()).endpoint, credentials)
    }

    fn config(&self) -> ConnectionConfig {
        self.config_with(self.jump())
    }

    fn config_with(&self, jump: JumpHost) -> ConnectionConfig {
        let mut config = config(self.router().address());
        config.jump = Some(Arc::new(jump));
        config
    }

    fn fails(&self, config: &ConnectionConfig) -> Error {
        let error = self.rig.run(async { self.rig.exec(&patient(), config).await.unwrap_err() });
        self.assert_nothing_remains();
        error
    }

    /// That the failure is the bastion's, and says so.
    #[track_caller]
    fn fails_at_bastion(&self, config: &ConnectionConfig, kind: ErrorKind, phase: Phase) -> Error {
        let error = self.fails(config);
        assert_eq!((error.kind(), error.phase()), (kind, Some(phase)), "{error:?}");
        let bastion = self.bastion().address().to_string();
        assert_eq!(error.jump_host(), Some(bastion.as_str()), "{error:?}");
        assert!(error.to_string().contains(&bastion), "{error}");
        assert_eq!(self.router().connections_open(), 0);
        error
    }

    /// That the failure is the router's.
    #[track_caller]
    fn fails_at_router(&self, config: &ConnectionConfig, kind: ErrorKind, phase: Phase) -> Error {
        let error = self.fails(config);
        assert_eq!((error.kind(), error.phase()), (kind, Some(phase)), "{error:?}");
        assert_eq!(error.jump_host(), None, "{error:?}");
        error
    }

    fn assert_nothing_remains(&self) {
        self.rig.assert_nothing_remains(self.bastion().address());
        self.rig.assert_nothing_remains(self.router().address());
        for _ in 0..500 {
            if self.bastion().connections_open() + self.router().connections_open() == 0 {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        panic!("connections are left at the bastion or the router");
    }
}

#[test]
fn commands_and_shells_run_behind_a_bastion() {
    let site = Site::new();
    let config = site.config();
    site.rig.run(async {
        let mut session = site.rig.exec(&patient(), &config).await.unwrap();
        for _ in 0..3 {
            let request = Request::command("hostname").unwrap();
            let transcript = session.execute(&patient(), &request).await.unwrap();
            assert_eq!(transcript.output().trim(), "r");
            session.health_check(&patient()).await.unwrap();
        }
        let to_router = sockets_to(site.router().address());
        assert_eq!(to_router, 1, "the bastion's, which lives in this process, and none of ours");
        session.close(&patient()).await.unwrap();
        let mut shell = site.rig.shell(&patient(), &config).await.unwrap();
        shell.write_all(&patient(), b"hostname\r").await.unwrap();
        let mut text = bytes::BytesMut::new();
        let ctx = patient();
        while !String::from_utf8_lossy(&text).contains("\rr\r") {
            assert_ne!(shell.read(&ctx, &mut text).await.unwrap(), 0);
        }
        shell.close(&patient()).await.unwrap();
    });
    assert_eq!((site.bastion().logins_total(), site.router().logins_total()), (2, 2));
    site.assert_nothing_remains();
}

#[test]
fn a_large_output_comes_through_whole() {
    let text = "0123456789 abcdefghijklmnopqrstuvwxyz\n".repeat(60_000);
    let site = Site::with(|b| b.forwards(true), |r| r.show("show much", text.clone()));
    site.rig.run(async {
        let mut session = site.rig.exec(&patient(), &site.config()).await.unwrap();
        let request = Request::command("show much").unwrap().with_output_bytes_max(16 << 20);
        let transcript = session.execute(&patient(), &request).await.unwrap();
        assert_eq!(transcript.output().trim_end(), text.trim_end());
    });
    site.assert_nothing_remains();
}

#[test]
fn failures_of_the_bastion_are_told_from_those_of_the_router() {
    use ErrorKind::{Authentication, Connect, HostKey, Unsupported};

    let site = Site::new();
    let mut jump = site.jump();
    jump.credentials.password = Some(Secret::new("wrong"));
    let config = site.config_with(jump);
    site.fails_at_bastion(&config, Authentication, Phase::Authentication);

    let mut jump = site.jump();
    let pin = site.router().host_key_fingerprint();
    jump.host_key_pins = vec![Fingerprint::new(&pin).unwrap()];
    site.fails_at_bastion(&site.config_with(jump.clone()), HostKey, Phase::HostKey);
    jump.host_key_pins = Vec::new();
    jump.host_key = HostKeyPolicy::Strict;
    site.rig.run(async { site.rig.exec(&patient(), &site.config()).await.unwrap() });
    site.rig.run(async { site.rig.exec(&patient(), &site.config_with(jump)).await.unwrap() });

    let mut config = site.config();
    config.credentials.password = Some(Secret::new("wrong"));
    site.fails_at_router(&config, Authentication, Phase::Authentication);
    let mut config = site.config();
    config.host_key_pins = vec![Fingerprint::new(&site.bastion().host_key_fingerprint()).unwrap()];
    let error = site.fails_at_router(&config, HostKey, Phase::HostKey);
    let Error::HostKey { problem: HostKeyProblem::NotPinned { actual, .. }, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*actual, pin);

    site.router().set_fault(Some(Fault::Refuse));
    let error = site.fails_at_router(&site.config(), Connect, Phase::Connect);
    assert!(error.to_string().contains(&site.router().address().to_string()), "{error}");

    site.bastion().set_fault(Some(Fault::Refuse));
    site.fails_at_bastion(&site.config(), Connect, Phase::Connect);

    let closed = Site::with(|bastion| bastion, |router| router);
    let error = closed.fails(&closed.config());
    assert_eq!(error.kind(), Unsupported, "{error:?}");
    assert_eq!(error.jump_host(), Some(closed.bastion().address().to_string().as_str()));
}

/// Long enough for two logins on a machine that is busy with other tests: the silence has to come
/// before the deadline does.
const TWO_LOGINS: Duration = Duration::from_secs(3);

#[test]
fn silence_of_either_end_is_cut_at_the_one_deadline_and_leaves_nothing() {
    let stages = [
        (Fault::AcceptSilent, Phase::Banner),
        (Fault::StallInKex, Phase::KeyExchange),
        (Fault::StallInAuth, Phase::Authentication),
    ];
    for (fault, phase) in stages {
        let site = Site::new();
        let cut = |at_bastion: bool| {
            let ctx = Context::detached(TWO_LOGINS);
            let error = site.rig.run(async { site.rig.exec(&ctx, &site.config()).await });
            let error = error.unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::DeadlineExceeded, Some(phase)));
            assert_eq!(error.jump_host().is_some(), at_bastion, "{fault}: {error:?}");
            site.assert_nothing_remains();
        };
        site.router().set_fault(Some(fault));
        cut(false);
        site.router().set_fault(None);
        site.bastion().set_fault(Some(fault));
        cut(true);
    }
    let site = Site::new();
    site.bastion().set_fault(Some(Fault::StallAtChannelOpen));
    let ctx = Context::detached(TWO_LOGINS);
    let error = site.rig.run(async { site.rig.exec(&ctx, &site.config()).await.unwrap_err() });
    assert_eq!((error.phase(), error.jump_host().is_some()), (Some(Phase::Connect), true));
    site.assert_nothing_remains();
}

#[test]
fn a_dropped_login_leaves_nothing_at_either_end() {
    let site = Site::new();
    site.router().set_fault(Some(Fault::StallInAuth));
    let config = site.config();
    site.rig.run(async {
        let ctx = patient();
        let login = site.rig.exec(&ctx, &config);
        tokio::time::timeout(Duration::from_millis(400), login).await.unwrap_err();
    });
    assert_eq!(site.bastion().logins_total(), 1);
    site.assert_nothing_remains();
}

#[test]
fn the_end_of_either_session_is_noticed_and_told_apart() {
    let site = Site::new();
    site.rig.run(async {
        let request = Request::command("hostname").unwrap();
        let mut session = site.rig.exec(&patient(), &site.config()).await.unwrap();
        site.bastion().end_connections();
        let error = session.execute(&patient(), &request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{error:?}");
        assert!(error.jump_host().is_some(), "{error:?}");

        let mut session = site.rig.exec(&patient(), &site.config()).await.unwrap();
        site.router().end_connections();
        let error = session.execute(&patient(), &request).await.unwrap_err();
        assert_eq!((error.kind(), error.jump_host()), (ErrorKind::Disconnected, None), "{error:?}");
    });
    site.assert_nothing_remains();
}

#[test]
fn many_sessions_through_one_bastion_wait_on_no_thread() {
    let site = Site::new();
    site.rig.run(async {
        let mut logins = JoinSet::new();
        for _ in 0..20 {
            let (settings, config) = (site.rig.settings.clone(), site.config());
            logins.spawn(async move {
                let factory = driver_ssh::SshFactory::new(settings);
                factory.log_in(&patient(), &config).await
            });
        }
        let sessions = logins.join_all().await;
        assert!(sessions.iter().all(Result::is_ok));
        // What the logins have left to be carried may still be on its way.
        while site.rig.settings.blocking_threads_in_use() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(sessions);
    });
    site.assert_nothing_remains();
}
