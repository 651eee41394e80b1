//! What a peer is asked that has let us in before.

use std::borrow::Cow;
use std::sync::Arc;

use driver_ssh::{LoginLog, SshFactory, SshSettings};
use lab::BareServer;
use parking_lot::Mutex;
use pool_core::{AuthMethod, ConnectionConfig, ErrorKind, Phase, Secret};
use russh::server::{Auth, Handler, Response};
use russh::{MethodKind, MethodSet};

use crate::rig::{Rig, config, on_peers, patient};

/// A server that takes one method, and notes what it is asked for.
#[derive(Clone)]
struct Door(Arc<Mutex<State>>);

struct State {
    takes: MethodKind,
    banner: Option<String>,
    hangs_up: bool,
    asked: Vec<&'static str>,
}

impl Door {
    fn new() -> Self {
        let takes = MethodKind::Password;
        let state = State { takes, banner: None, hangs_up: false, asked: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    fn start(&self) -> BareServer {
        let door = self.clone();
        on_peers(BareServer::start(move || door.clone())).unwrap()
    }

    /// What it was asked for since the last time.
    fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().asked)
    }

    fn answer(&self, method: MethodKind, is_right: bool) -> Auth {
        let mut state = self.0.lock();
        state.asked.push((&method).into());
        if method == state.takes && is_right {
            return Auth::Accept;
        }
        let methods = Some(MethodSet::from(&[state.takes][..]));
        Auth::Reject { proceed_with_methods: methods, partial_success: false }
    }
}

impl Handler for Door {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        Ok(self.0.lock().banner.clone())
    }

    async fn auth_none(&mut self, _: &str) -> Result<Auth, Self::Error> {
        Ok(self.answer(MethodKind::None, false))
    }

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, Self::Error> {
        if self.0.lock().hangs_up {
            return Err(russh::Error::Disconnect);
        }
        Ok(self.answer(MethodKind::Password, password == lab::DEFAULT_PASSWORD))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(mut answers) = response else {
            let prompts = vec![(Cow::Borrowed("Password: "), false)];
            let (name, instructions) = (Cow::Borrowed(""), Cow::Borrowed(""));
            return Ok(Auth::Partial { name, instructions, prompts: Cow::Owned(prompts) });
        };
        let is_right = answers.next().is_some_and(|a| &a[..] == lab::DEFAULT_PASSWORD.as_bytes());
        Ok(self.answer(MethodKind::KeyboardInteractive, is_right))
    }
}

fn log_in(rig: &Rig, config: &ConnectionConfig) -> pool_core::Result<()> {
    rig.run(async { rig.exec(&patient(), config).await }).map(drop)
}

#[test]
fn whoever_let_us_in_is_not_asked_again_how() {
    let (rig, door) = (Rig::new(), Door::new());
    let server = door.start();
    let mut config = config(server.address());
    log_in(&rig, &config).unwrap();
    assert_eq!(door.asked(), ["none", "password"]);
    log_in(&rig, &config).unwrap();
    log_in(&rig, &config).unwrap();
    assert_eq!(door.asked(), ["password", "password"]);

    config.credentials.auth_order.retain(|method| *method != AuthMethod::PublicKey);
    log_in(&rig, &config).unwrap();
    assert_eq!(door.asked(), ["password"], "there is no key to begin with");
    config.credentials.auth_order.reverse();
    log_in(&rig, &config).unwrap();
    assert_eq!(door.asked(), ["none", "password"], "something else may come first");
    rig.assert_nothing_remains(server.address());
}

#[test]
fn whoever_has_another_method_now_is_asked_and_remembered_by_that() {
    let (rig, door) = (Rig::new(), Door::new());
    let server = door.start();
    let config = config(server.address());
    log_in(&rig, &config).unwrap();
    door.0.lock().takes = MethodKind::KeyboardInteractive;
    door.asked();
    log_in(&rig, &config).unwrap();
    assert_eq!(door.asked(), ["password", "none", "keyboard-interactive"]);
    for expected in [&["none", "keyboard-interactive"][..], &["keyboard-interactive"]] {
        log_in(&rig, &config).unwrap();
        assert_eq!(door.asked(), expected);
    }
    door.0.lock().takes = MethodKind::PublicKey;
    let error = log_in(&rig, &config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    let expected =
        "tried keyboard-interactive (which it offered before); the device offers publickey";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn a_password_that_is_wrong_now_is_refused_once_and_the_offer_is_named() {
    let (rig, door) = (Rig::new(), Door::new());
    let server = door.start();
    let mut config = config(server.address());
    log_in(&rig, &config).unwrap();
    door.asked();
    config.credentials.password = Some(Secret::new("wrong"));
    let error = log_in(&rig, &config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.to_string().contains("tried password; the device offers password"), "{error}");
    assert_eq!(door.asked(), ["password", "none"]);
    log_in(&rig, &config).unwrap_err();
    assert_eq!(door.asked(), ["none", "password", "none"], "nothing is known of it now");
    rig.assert_nothing_remains(server.address());
}

#[test]
fn whoever_fails_without_being_asked_is_asked_the_next_time() {
    let (rig, door) = (Rig::new(), Door::new());
    let server = door.start();
    let config = config(server.address());
    log_in(&rig, &config).unwrap();
    door.0.lock().hangs_up = true;
    let error = log_in(&rig, &config).unwrap_err();
    assert_eq!(error.phase(), Some(Phase::Authentication), "{error}");
    door.0.lock().hangs_up = false;
    door.asked();
    log_in(&rig, &config).unwrap();
    assert_eq!(door.asked(), ["none", "password"]);
    rig.assert_nothing_remains(server.address());
}

#[test]
fn whoever_has_something_to_say_is_asked_each_time() {
    let (rig, door) = (Rig::new(), Door::new());
    door.0.lock().banner = Some("Keep out.".to_owned());
    let server = door.start();
    let config = config(server.address());
    let sessions = SshFactory::new(rig.settings.clone());
    for _ in 0..3 {
        let session = rig.run(async { sessions.log_in(&patient(), &config).await.unwrap() });
        assert_eq!(session.server().banner.as_deref(), Some("Keep out."));
        assert_eq!(door.asked(), ["none", "password"]);
    }
}

#[test]
fn whoever_is_looked_into_is_asked_each_time() {
    let (mut rig, door) = (Rig::new(), Door::new());
    let server = door.start();
    let config = config(server.address());
    log_in(&rig, &config).unwrap();
    let mut settings = SshSettings::clone(&rig.settings);
    settings.login_log = Some(LoginLog::new());
    rig.settings = Arc::new(settings);
    door.asked();
    log_in(&rig, &config).unwrap();
    assert_eq!(door.asked(), ["none", "password"]);
}
