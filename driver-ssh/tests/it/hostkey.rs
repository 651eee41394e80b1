//! Host keys of real servers.

use std::fs;

use lab::{Fault, HostKeyKind};
use pool_core::{
    Error, ErrorKind, Fingerprint, HostKeyPolicy, HostKeyProblem, Phase, ProtocolFactory,
};

use crate::rig::{Rig, config, lab_of, patient};

#[test]
fn a_new_host_is_remembered_and_known_from_then_on() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let router = lab.router("r");
    let mut config = config(router.address());
    rig.run(async {
        config.host_key = HostKeyPolicy::Strict;
        let error = rig.exec(&patient(), &config).await.unwrap_err();
        let Error::HostKey { problem: HostKeyProblem::Unknown { actual }, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*actual, router.host_key_fingerprint());
        assert_eq!(router.logins_total(), 0, "no password before the key is checked");

        config.host_key = HostKeyPolicy::AcceptNew;
        rig.exec(&patient(), &config).await.unwrap();
        config.host_key = HostKeyPolicy::Strict;
        rig.exec(&patient(), &config).await.unwrap();
    });
    let file = fs::read_to_string(&rig.settings.known_hosts).unwrap();
    assert_eq!(file.lines().count(), 1, "{file}");
    rig.assert_nothing_remains(router.address());
}

#[test]
fn a_changed_key_is_refused_before_any_password_is_sent() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let router = lab.router("r");
    let mut config = config(router.address());
    rig.run(async {
        rig.exec(&patient(), &config).await.unwrap();
        let old = router.host_key_fingerprint();
        let logins = router.logins_total();
        router.change_host_key();
        for policy in [HostKeyPolicy::AcceptNew, HostKeyPolicy::Strict] {
            config.host_key = policy;
            let error = rig.exec(&patient(), &config).await.unwrap_err();
            assert!(!error.is_transient());
            let Error::HostKey { problem: HostKeyProblem::Changed { expected, actual }, .. } =
                error
            else {
                panic!("{error}")
            };
            assert_eq!(expected, [old.as_str()]);
            assert_eq!(actual, router.host_key_fingerprint());
        }
        assert_eq!(router.logins_total(), logins);
        config.host_key = HostKeyPolicy::Off;
        rig.exec(&patient(), &config).await.unwrap();
    });
    rig.assert_nothing_remains(router.address());
}

#[test]
fn a_fault_of_the_lab_that_shows_another_key() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let router = lab.router("r");
    let config = config(router.address());
    rig.run(async {
        rig.exec(&patient(), &config).await.unwrap();
        router.set_fault(Some(Fault::ChangedHostKey));
        let error = rig.exec(&patient(), &config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostKey, "{error}");
    });
}

#[test]
fn an_rsa_host_key_is_known_by_its_type_whatever_signed_with_it() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.host_key(HostKeyKind::Rsa));
    let config = config(lab.router("r").address());
    rig.run(async {
        rig.exec(&patient(), &config).await.unwrap();
        rig.exec(&patient(), &config).await.unwrap();
    });
    let file = fs::read_to_string(&rig.settings.known_hosts).unwrap();
    assert!(file.contains(" ssh-rsa "), "{file}");
}

#[test]
fn many_first_contacts_at_once_write_one_file() {
    let rig = Rig::new();
    let specs = (0..20).map(|i| lab::RouterSpec::new(format!("r{i}"), "linux")).collect();
    let lab = crate::rig::on_peers(lab::Lab::start(specs)).unwrap();
    rig.run(async {
        let mut logins = tokio::task::JoinSet::new();
        for router in lab.routers() {
            let (settings, config) = (rig.settings.clone(), config(router.address()));
            logins.spawn(async move {
                let factory = driver_ssh::SshFactory::new(settings);
                factory.create_with_context(&patient(), &config).await
            });
        }
        for result in logins.join_all().await {
            result.unwrap();
        }
    });
    let file = fs::read_to_string(&rig.settings.known_hosts).unwrap();
    assert_eq!(file.lines().count(), 20);
}

#[test]
fn a_known_hosts_that_cannot_be_written_fails_the_login_and_names_the_file() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let config = config(lab.router("r").address());
    let blocked = rig.dir().path().join("file");
    fs::write(&blocked, "").unwrap();
    let path = blocked.join("known_hosts");
    let settings = std::sync::Arc::new(driver_ssh::SshSettings::new(&path));
    let factory = driver_ssh::SshFactory::new(settings);
    let error =
        rig.run(async { factory.create_with_context(&patient(), &config).await.unwrap_err() });
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Local, Some(Phase::HostKey)));
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

#[test]
fn the_file_is_read_in_a_phase_in_which_the_peer_is_not_timed() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let config = config(lab.router("r").address());
    let (ctx, trace) = patient().traced();
    rig.run(async { rig.exec(&ctx, &config).await }).unwrap();
    let phases: Vec<_> = trace.spans().iter().map(|span| span.phase).collect();
    let expected = [
        Phase::Connect,
        Phase::HostKey,
        Phase::Banner,
        Phase::KeyExchange,
        Phase::HostKey,
        Phase::Authentication,
    ];
    assert_eq!(phases[..6], expected, "{phases:?}");
}

#[test]
fn a_pinned_key_is_accepted_and_any_other_refused_before_the_password() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let router = lab.router("r");
    let mut config = config(router.address());
    let pin = |text: &str| vec![Fingerprint::new(text).unwrap()];
    config.host_key_pins = pin(&router.host_key_fingerprint());
    rig.run(async {
        rig.exec(&patient(), &config).await.unwrap();
        let old = router.host_key_fingerprint();
        router.change_host_key();
        let error = rig.exec(&patient(), &config).await.unwrap_err();
        assert!(!error.is_transient());
        let Error::HostKey { problem: HostKeyProblem::NotPinned { expected, actual, .. }, .. } =
            error
        else {
            panic!("{error}")
        };
        assert_eq!((expected, actual), (vec![old], router.host_key_fingerprint()));
        config.host_key_pins.extend(pin(&router.host_key_fingerprint()));
        rig.exec(&patient(), &config).await.unwrap();
    });
    assert_eq!(router.logins_total(), 2);
    assert!(!rig.settings.known_hosts.exists(), "a pin needs no file");
    rig.assert_nothing_remains(router.address());
}
