use std::fs;
use std::path::PathBuf;

use pool_core::{ConnectionConfig, Credentials, Platform};

use super::*;

fn key(key_type: &str, seed: u8) -> KnownKey {
    let length = u32::try_from(key_type.len()).unwrap().to_be_bytes();
    KnownKey::from_blob(&[&length, key_type.as_bytes(), &[seed; 32]].concat()).unwrap()
}

fn config() -> ConnectionConfig {
    let endpoint = Endpoint::new("192.0.2.1", 2222).unwrap();
    let credentials = Credentials::password("monitor", "x".to_owned());
    ConnectionConfig::new(endpoint, Platform::new("linux"), credentials)
}

fn check(path: PathBuf, policy: HostKeyPolicy) -> HostKeyCheck {
    let mut config = config();
    config.host_key = policy;
    let mut check = HostKeyCheck::new(&SshSettings::new(path), &Peer::from(&config));
    check.load().unwrap();
    check
}

/// As a login does it: by what is known, and if that is not enough, by the file.
fn decide(check: &mut HostKeyCheck, shown: Option<KnownKey>) -> Result<Decision, Error> {
    match check.judge_key(shown)? {
        Judgement::Accepted => Ok(Decision::Accepted),
        Judgement::Open(shown) => check.decide(&shown),
    }
}

fn problem(result: Result<Decision, Error>) -> HostKeyProblem {
    match result {
        Err(Error::HostKey { problem, host }) if host == "[192.0.2.1]:2222" => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn strict_refuses_a_host_it_does_not_know_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("known_hosts");
    let result =
        decide(&mut check(path.clone(), HostKeyPolicy::Strict), Some(key("ssh-ed25519", 1)));
    assert!(matches!(problem(result), HostKeyProblem::Unknown { .. }));
    assert!(!path.exists());
}

#[test]
fn accept_new_remembers_a_key_and_refuses_another_one_of_any_type() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/known_hosts");
    let first = key("ssh-ed25519", 1);
    let decide =
        |policy, key: &KnownKey| decide(&mut check(path.clone(), policy), Some(key.clone()));

    assert_eq!(decide(HostKeyPolicy::AcceptNew, &first).unwrap(), Decision::Accepted);
    assert_eq!(decide(HostKeyPolicy::AcceptNew, &first).unwrap(), Decision::Accepted);
    assert_eq!(decide(HostKeyPolicy::Strict, &first).unwrap(), Decision::Accepted);
    for other in [key("ssh-ed25519", 2), key("ssh-rsa", 1)] {
        let HostKeyProblem::Changed { expected, actual } =
            problem(decide(HostKeyPolicy::AcceptNew, &other))
        else {
            panic!("changed is expected")
        };
        assert_eq!(expected, [first.fingerprint()]);
        assert_eq!(actual, other.fingerprint());
    }
    assert_eq!(check(path.clone(), HostKeyPolicy::Strict).known_types(), ["ssh-ed25519"]);
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 1);
}

#[test]
fn a_key_of_the_same_type_is_compared_with_those_of_its_type() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("known_hosts");
    let keys = [key("ssh-ed25519", 1), key("ssh-rsa", 1)];
    let lines = keys.each_ref().map(|key| crate::known_hosts::entry_line("[192.0.2.1]:2222", key));
    fs::write(&path, lines.concat()).unwrap();
    for key in &keys {
        decide(&mut check(path.clone(), HostKeyPolicy::Strict), Some(key.clone())).unwrap();
    }
    let result = decide(&mut check(path, HostKeyPolicy::Strict), Some(key("ssh-rsa", 9)));
    let HostKeyProblem::Changed { expected, .. } = problem(result) else { panic!("changed") };
    assert_eq!(expected, [keys[1].fingerprint()]);
}

#[test]
fn a_revoked_key_is_refused_even_if_the_host_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("known_hosts");
    let revoked = key("ssh-ed25519", 1);
    fs::write(&path, format!("@revoked {}", crate::known_hosts::entry_line("*", &revoked)))
        .unwrap();
    let result = decide(&mut check(path, HostKeyPolicy::AcceptNew), Some(revoked));
    assert!(matches!(problem(result), HostKeyProblem::Unusable { .. }));
}

#[test]
fn off_accepts_anything_without_touching_the_file_and_is_warned_about_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("known_hosts");
    let result = decide(&mut check(path.clone(), HostKeyPolicy::Off), None);
    assert_eq!(result.unwrap(), Decision::Accepted);
    assert!(!path.exists());

    let warned = Warned::default();
    let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
    assert!(warned.is_first(&endpoint));
    assert!(!warned.is_first(&endpoint));
}

#[test]
fn a_store_that_fails_is_our_own_failure_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let config = config();
    let unreadable = HostKeyCheck::new(&SshSettings::new(dir.path()), &Peer::from(&config)).load();

    let path = dir.path().join("known_hosts");
    let mut writing = check(path.clone(), HostKeyPolicy::AcceptNew);
    fs::create_dir(&path).unwrap();
    let unwritable = decide(&mut writing, Some(key("ssh-ed25519", 1)));

    for error in [unreadable.unwrap_err(), unwritable.unwrap_err()] {
        assert!(matches!(error, Error::Local { phase: Phase::HostKey, .. }), "{error:?}");
        assert!(error.is_transient());
        assert!(error.to_string().contains(&dir.path().display().to_string()), "{error}");
    }
}

#[test]
fn fingerprints_are_those_of_openssh() {
    let length = 32_u32.to_be_bytes();
    let body: Vec<u8> = (0..32).collect();
    let blob = [&11_u32.to_be_bytes()[..], b"ssh-ed25519", &length, &body].concat();
    let key = KnownKey::from_blob(&blob).unwrap();
    assert_eq!(key.fingerprint(), "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA");
}

#[test]
fn pins_decide_alone_and_touch_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let pinned = key("ssh-ed25519", 1);
    let mut config = config();
    config.host_key_pins = vec![Fingerprint::new(&pinned.fingerprint()).unwrap()];
    for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew, HostKeyPolicy::Off] {
        config.host_key = policy;
        // A folder in place of the file: whoever looks at it fails.
        let mut check = HostKeyCheck::new(&SshSettings::new(dir.path()), &Peer::from(&config));
        check.load().unwrap();
        assert_eq!(decide(&mut check, Some(pinned.clone())).unwrap(), Decision::Accepted);
        let other = key("ssh-rsa", 2);
        let HostKeyProblem::NotPinned { expected, actual, key_type } =
            problem(decide(&mut check, Some(other.clone())))
        else {
            panic!("not pinned is expected")
        };
        assert_eq!((expected, actual), (vec![pinned.fingerprint()], other.fingerprint()));
        assert_eq!(key_type, "ssh-rsa");
        assert!(matches!(problem(decide(&mut check, None)), HostKeyProblem::Unusable { .. }));
    }
}
