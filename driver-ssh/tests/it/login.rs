//! The ways to log in, and to be refused.

use std::fs;
use std::path::PathBuf;

use lab::Fault;
use pool_core::{Credentials, Error, ErrorKind, Phase, PrivateKey, PrivateKeySource, Secret};

use crate::rig::{Rig, config, lab_of, patient};

const ED25519_PUBLIC: &str = include_str!("keys/ed25519.pub");
const RSA_PUBLIC: &str = include_str!("keys/rsa.pub");
const ENCRYPTED_PUBLIC: &str = include_str!("keys/encrypted.pub");
const ENCRYPTED_PASSPHRASE: &str = "correct horse";

fn key_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/keys").join(name)
}

fn with_key(source: PrivateKeySource, passphrase: Option<&str>) -> Credentials {
    Credentials {
        username: lab::DEFAULT_USER.to_owned(),
        private_key: Some(PrivateKey { source, passphrase: passphrase.map(Secret::new) }),
        ..Credentials::default()
    }
}

/// Logs in with `credentials` at a router that takes keys only.
fn by_key(credentials: Credentials) -> Result<(), Error> {
    let rig = Rig::new();
    let lab = lab_of(|spec| {
        let keys = [ED25519_PUBLIC, RSA_PUBLIC, ENCRYPTED_PUBLIC];
        keys.into_iter().fold(spec.without_password(), lab::RouterSpec::public_key)
    });
    let mut config = config(lab.router("r").address());
    config.credentials = credentials;
    let result = rig.run(async { rig.exec(&patient(), &config).await }).map(drop);
    rig.assert_nothing_remains(lab.router("r").address());
    result
}

#[test]
fn by_ed25519_and_rsa_keys_from_files_and_from_memory() {
    for name in ["ed25519", "rsa"] {
        let path = key_file(name);
        let text = fs::read_to_string(&path).unwrap();
        by_key(with_key(PrivateKeySource::File(path), None)).unwrap();
        by_key(with_key(PrivateKeySource::Memory(Secret::new(text)), None)).unwrap();
    }
}

#[test]
fn by_an_encrypted_key() {
    let source = || PrivateKeySource::File(key_file("encrypted"));
    by_key(with_key(source(), Some(ENCRYPTED_PASSPHRASE))).unwrap();
    for wrong in [None, Some("wrong")] {
        let error = by_key(with_key(source(), wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Local, "{error}");
        assert!(error.to_string().contains("keys/encrypted"), "{error}");
    }
}

#[test]
fn a_key_file_that_is_missing_is_our_failure_and_is_named() {
    let error = by_key(with_key(PrivateKeySource::File(key_file("none")), None)).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Local, Some(Phase::Authentication)));
    assert!(error.to_string().contains("keys/none"), "{error}");
}

#[test]
fn a_key_that_is_refused_is_followed_by_the_password() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.public_key(RSA_PUBLIC));
    let mut config = config(lab.router("r").address());
    let key = PrivateKey { source: PrivateKeySource::File(key_file("ed25519")), passphrase: None };
    config.credentials.private_key = Some(key);
    rig.run(async { rig.exec(&patient(), &config).await.unwrap() });
}

#[test]
fn by_keyboard_interactive_where_there_is_no_password_method() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.keyboard_interactive(true));
    let mut config = config(lab.router("r").address());
    rig.run(async {
        rig.exec(&patient(), &config).await.unwrap();
        config.credentials.password = Some(Secret::new("wrong"));
        let error = rig.exec(&patient(), &config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(error.to_string().contains("tried keyboard-interactive"), "{error}");
    });
    rig.assert_nothing_remains(lab.router("r").address());
}

#[test]
fn several_questions_at_once_are_answered_one_by_one() {
    let rig = Rig::new();
    // Both answers are hidden, so both are taken for the password.
    let lab = lab_of(|spec| spec.verification_code(lab::DEFAULT_PASSWORD));
    let config = config(lab.router("r").address());
    rig.run(async { rig.exec(&patient(), &config).await.unwrap() });
}

#[test]
fn a_wrong_password_is_refused_once_and_never_shown() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let router = lab.router("r");
    let mut config = config(router.address());
    config.credentials.password = Some(Secret::new("hunter2-wrong"));
    let error = rig.run(async { rig.exec(&patient(), &config).await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(!error.is_transient());
    let text = format!("{error} {error:?}");
    assert!(text.contains("tried password; the device offers password"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(router.logins_total(), 0);
    rig.assert_nothing_remains(router.address());
}

#[test]
fn credentials_that_fit_no_offered_method() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.without_password().public_key(RSA_PUBLIC));
    let config = config(lab.router("r").address());
    let error = rig.run(async { rig.exec(&patient(), &config).await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.to_string().contains("tried nothing; the device offers publickey"), "{error}");
}

#[test]
fn a_router_that_refuses_everybody() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.fault(Fault::AuthRefused));
    let config = config(lab.router("r").address());
    let error = rig.run(async { rig.shell(&patient(), &config).await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Authentication);
}

#[test]
fn a_text_before_authentication_does_not_disturb() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.auth_banner("Unauthorized access is prohibited.\n"));
    let config = config(lab.router("r").address());
    rig.run(async { rig.exec(&patient(), &config).await.unwrap() });
}
