//! What is noted of the peers that sessions meet.

use std::sync::Arc;

use driver_ssh::{HostKeyVerdict, LoginLog};
use pool_core::{ErrorKind, Fingerprint, HostKeyPolicy};

use crate::rig::{Rig, config, lab_of, patient};

/// A rig that notes whom it meets.
fn noting() -> (Rig, LoginLog) {
    let (mut rig, log) = (Rig::new(), LoginLog::new());
    let mut settings = (*rig.settings).clone();
    settings.login_log = Some(log.clone());
    rig.settings = Arc::new(settings);
    (rig, log)
}

#[test]
fn algorithms_host_key_and_texts_are_noted_however_the_login_ends() {
    let (rig, log) = noting();
    let lab = lab_of(|spec| spec);
    let router = lab.router("r");
    let mut config = config(router.address());
    rig.run(async {
        config.host_key = HostKeyPolicy::AcceptNew;
        rig.exec(&patient(), &config).await.unwrap();
        rig.exec(&patient(), &config).await.unwrap();
        config.host_key_pins = vec![Fingerprint::new(&router.host_key_fingerprint()).unwrap()];
        rig.exec(&patient(), &config).await.unwrap();
        config.host_key_pins.clear();
        config.host_key = HostKeyPolicy::Off;
        rig.exec(&patient(), &config).await.unwrap();
        config.host_key = HostKeyPolicy::Strict;
        router.change_host_key();
        let error = rig.exec(&patient(), &config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostKey);
    });
    let peers = log.peers();
    let verdicts: Vec<_> =
        peers.iter().map(|peer| peer.host_key.as_ref().map(|key| key.verdict)).collect();
    let expected = [
        HostKeyVerdict::New,
        HostKeyVerdict::Known,
        HostKeyVerdict::Pinned,
        HostKeyVerdict::Unchecked,
        HostKeyVerdict::Refused,
    ];
    assert_eq!(verdicts, expected.map(Some));
    for peer in &peers {
        assert!(peer.server.identification.starts_with("SSH-2.0-"), "{peer:?}");
        let agreed = peer.algorithms.as_ref().expect("keys were exchanged");
        assert!(agreed.key_exchange.starts_with("curve25519"), "{agreed:?}");
        assert!(!agreed.cipher_out.is_empty() && !agreed.cipher_in.is_empty(), "{agreed:?}");
    }
    let last = peers[4].host_key.as_ref().expect("it was shown");
    assert_eq!(last.fingerprint, router.host_key_fingerprint());
    rig.assert_nothing_remains(router.address());
}

#[test]
fn a_wrong_password_does_not_hide_whom_it_was_sent_to() {
    let (rig, log) = noting();
    let lab = lab_of(|spec| spec.password(lab::DEFAULT_USER, "another"));
    let config = config(lab.router("r").address());
    rig.run(async { rig.exec(&patient(), &config).await.unwrap_err() });
    let [peer] = &log.peers()[..] else { panic!("one peer was met") };
    assert_eq!(peer.endpoint, config.endpoint);
    assert!(peer.algorithms.is_some() && peer.host_key.is_some(), "{peer:?}");
    assert!(!format!("{peer:?}").contains(lab::DEFAULT_PASSWORD));
}
