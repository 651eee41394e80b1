use lab::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, HostKeyKind, RouterSpec};
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse as Reply};
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};
use std::sync::Arc;

use crate::client::{connect, lab_of, logged_in, within};

#[tokio::test]
async fn the_right_password_logs_in_and_a_wrong_one_does_not() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxe")).await;
    let (mut handle, _) = within(connect(&router)).await.expect("connected");
    for (password, success) in [("wrong", false), (DEFAULT_PASSWORD, true)] {
        let result = within(handle.authenticate_password(DEFAULT_USER, password)).await;
        assert_eq!(result.expect("answered").success(), success);
    }
    assert_eq!(router.logins_total(), 1);
}

#[tokio::test]
async fn the_fingerprint_is_that_of_the_key_shown() {
    for kind in [HostKeyKind::Ed25519, HostKeyKind::Rsa] {
        let (_lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxe").host_key(kind)).await;
        let (_, first) = within(connect(&router)).await.expect("connected");
        assert_eq!(first, router.host_key_fingerprint(), "{kind:?}");

        router.change_host_key();
        let (_, second) = within(connect(&router)).await.expect("connected");
        assert_eq!(second, router.host_key_fingerprint(), "{kind:?}");
        assert_ne!(first, second, "{kind:?}");

        router.set_fault(Some(Fault::ChangedHostKey));
        let (_, third) = within(connect(&router)).await.expect("connected");
        assert_eq!(second, router.host_key_fingerprint(), "{kind:?}");
        assert_ne!(second, third, "{kind:?}");
    }
}

#[tokio::test]
async fn keyboard_interactive_asks_all_questions() {
    let spec = RouterSpec::new("r1", "cisco_iosxe").verification_code("123456");
    let (_lab, router) = lab_of(spec).await;
    let (mut handle, _) = within(connect(&router)).await.expect("connected");
    let password = within(handle.authenticate_password(DEFAULT_USER, DEFAULT_PASSWORD)).await;
    assert!(!password.expect("answered").success(), "it is not offered");

    let start = within(handle.authenticate_keyboard_interactive_start(DEFAULT_USER, None)).await;
    let Ok(Reply::InfoRequest { prompts, .. }) = start else { panic!("{start:?}") };
    assert_eq!(prompts.len(), 2);
    assert!(prompts.iter().all(|prompt| !prompt.echo));
    let answers = vec![DEFAULT_PASSWORD.to_owned(), "123456".to_owned()];
    let end = within(handle.authenticate_keyboard_interactive_respond(answers)).await;
    assert!(matches!(end, Ok(Reply::Success)), "{end:?}");
}

#[tokio::test]
async fn only_authorized_keys_log_in() {
    let key = |seed| {
        let pair = Ed25519Keypair::from_seed(&[seed; 32]);
        Arc::new(PrivateKey::new(KeypairData::from(pair), "test").expect("a key"))
    };
    let line = key(1).public_key().to_openssh().expect("a line");
    let spec = RouterSpec::new("r1", "cisco_iosxe").public_key(line).without_password();
    let (_lab, router) = lab_of(spec).await;
    for (seed, success) in [(2, false), (1, true)] {
        let (mut handle, _) = within(connect(&router)).await.expect("connected");
        let key = PrivateKeyWithHashAlg::new(key(seed), None);
        let result = within(handle.authenticate_publickey(DEFAULT_USER, key)).await;
        assert_eq!(result.expect("answered").success(), success, "{seed}");
    }
}

#[tokio::test]
async fn sessions_are_limited_and_come_back() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxe").sessions_max(1)).await;
    let handle = logged_in(&router).await;
    let first = within(handle.channel_open_session()).await.expect("room");
    assert_eq!(router.sessions_open(), 1);
    let second = within(handle.channel_open_session()).await;
    assert!(matches!(second, Err(russh::Error::ChannelOpenFailure(_))), "{second:?}");

    within(first.close()).await.expect("closed");
    crate::client::eventually(|| router.sessions_open() == 0).await;
    within(handle.channel_open_session()).await.expect("room again");
}

#[tokio::test]
async fn refused_credentials_are_answered() {
    let spec = RouterSpec::new("r1", "cisco_iosxe").fault(Fault::AuthRefused);
    let (_lab, router) = lab_of(spec).await;
    let (mut handle, _) = within(connect(&router)).await.expect("connected");
    let result = within(handle.authenticate_password(DEFAULT_USER, DEFAULT_PASSWORD)).await;
    assert!(matches!(result, Ok(AuthResult::Failure { .. })), "{result:?}");
    assert_eq!(router.logins_total(), 0);
}
