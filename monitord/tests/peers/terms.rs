//! The driver against OpenSSH: algorithms, host keys, and the way through a second server.

use std::sync::Arc;

use pool_core::{
    AlgorithmLists, AlgorithmProfile, ErrorKind, Fingerprint, HostKeyPolicy, JumpHost, Phase,
    Secret,
};

use crate::must;
use crate::openssh::{assert_alive, config, log_in_by, with_password};
use crate::sshd::{Sshd, SshdOptions};

/// Servers of 2025 and later do not have this any more.
const SSH_DSS: &str = "HostKeyAlgorithms ssh-dss";

/// What only the legacy profile has, and OpenSSH still does.
const OLD: [&str; 12] = [
    "KexAlgorithms diffie-hellman-group1-sha1",
    "KexAlgorithms diffie-hellman-group14-sha1",
    "KexAlgorithms diffie-hellman-group-exchange-sha1",
    "HostKeyAlgorithms ssh-rsa",
    SSH_DSS,
    "Ciphers aes128-cbc",
    "Ciphers aes192-cbc",
    "Ciphers aes256-cbc",
    "Ciphers 3des-cbc",
    "MACs hmac-sha1",
    "MACs hmac-sha1-96",
    "MACs hmac-md5",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_old_algorithm_alone_is_enough_for_the_legacy_profile_and_none_for_the_modern() {
    let has_dss = must("ssh", &["-Q", "HostKeyAlgorithms"]).lines().any(|name| name == "ssh-dss");
    for line in OLD.into_iter().filter(|&line| line != SSH_DSS || has_dss) {
        // Ciphers that authenticate by themselves would make the list of MACs moot.
        let lines =
            if line.starts_with("MACs") { vec![line, "Ciphers aes128-ctr"] } else { vec![line] };
        let host_key = if line == SSH_DSS { "dsa" } else { "rsa" };
        let sshd = Sshd::start(SshdOptions { host_key, lines: &lines });
        let mut config = config(&sshd, with_password(&sshd));
        let error = log_in_by(&sshd, &config).await.unwrap_err();
        let what = (error.kind(), error.phase());
        assert_eq!(what, (ErrorKind::Protocol, Some(Phase::KeyExchange)), "{line}: {error}");
        assert!(error.to_string().contains("the legacy profile has one"), "{line}: {error}");
        config.algorithms = AlgorithmProfile::Legacy;
        match log_in_by(&sshd, &config).await {
            Ok(mut session) => assert_alive(&mut session).await,
            Err(error) => panic!("{line}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explicit_lists_are_what_is_negotiated() {
    let lines = ["LogLevel DEBUG1"];
    let sshd = Sshd::start(SshdOptions { lines: &lines, ..SshdOptions::default() });
    let mut config = config(&sshd, with_password(&sshd));
    config.algorithm_lists = AlgorithmLists {
        kex: vec!["ecdh-sha2-nistp384".into()],
        host_key: vec!["ssh-ed25519".into()],
        cipher: vec!["aes192-ctr".into()],
        mac: vec!["hmac-sha2-512".into()],
    };
    assert_alive(&mut log_in_by(&sshd, &config).await.unwrap()).await;
    let log = sshd.log();
    for negotiated in [
        "kex: algorithm: ecdh-sha2-nistp384",
        "kex: host key algorithm: ssh-ed25519",
        "cipher: aes192-ctr MAC: hmac-sha2-512",
    ] {
        assert!(log.contains(negotiated), "{negotiated} is not in {log}");
    }
    config.algorithm_lists.host_key = vec!["rsa-sha2-512".into()];
    let error = log_in_by(&sshd, &config).await.unwrap_err();
    assert!(error.to_string().contains("host key: we offer rsa-sha2-512"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_hosts_is_read_by_ssh_keygen_and_what_ssh_keygen_has_hashed_is_read_by_us() {
    for host_key in ["ed25519", "ecdsa", "rsa"] {
        let sshd = Sshd::start(SshdOptions { host_key, ..SshdOptions::default() });
        let mut config = config(&sshd, with_password(&sshd));
        log_in_by(&sshd, &config).await.unwrap();
        let file = sshd.folder().join("known_hosts");
        let file = file.to_str().unwrap();
        let name = format!("[127.0.0.1]:{}", sshd.port());
        let found = || must("ssh-keygen", &["-F", &name, "-l", "-f", file]);
        let fingerprint = fingerprint(&sshd);
        assert!(found().contains(&fingerprint), "{}", found());

        must("ssh-keygen", &["-q", "-H", "-f", file]);
        assert!(found().contains(&fingerprint), "{}", found());
        assert!(std::fs::read_to_string(file).unwrap().starts_with("|1|"));
        config.host_key = HostKeyPolicy::Strict;
        assert_alive(&mut log_in_by(&sshd, &config).await.unwrap()).await;
    }
}

/// What `ssh-keygen -l` prints of a server's host key.
fn fingerprint(sshd: &Sshd) -> String {
    let key = sshd.folder().join("host_key.pub");
    let line = must("ssh-keygen", &["-l", "-f", key.to_str().unwrap()]);
    line.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pin_is_what_ssh_keygen_prints() {
    let [sshd, other] = [(); 2].map(|()| Sshd::start(SshdOptions::default()));
    let mut config = config(&sshd, with_password(&sshd));
    config.host_key_pins = vec![Fingerprint::new(&fingerprint(&sshd)).unwrap()];
    assert_alive(&mut log_in_by(&sshd, &config).await.unwrap()).await;
    config.host_key_pins = vec![Fingerprint::new(&fingerprint(&other)).unwrap()];
    let error = log_in_by(&sshd, &config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HostKey, "{error}");
    assert!(error.to_string().contains(&fingerprint(&sshd)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_with_a_key_of_its_own_leads_to_the_first() {
    let device = Sshd::start(SshdOptions::default());
    let bastion = Sshd::start(SshdOptions { host_key: "ecdsa", ..SshdOptions::default() });
    let mut jump =
        JumpHost::new(config(&bastion, with_password(&bastion)).endpoint, with_password(&bastion));
    jump.host_key = HostKeyPolicy::AcceptNew;
    jump.host_key_pins = vec![Fingerprint::new(&fingerprint(&bastion)).unwrap()];
    let mut config = config(&device, with_password(&device));
    config.host_key_pins = vec![Fingerprint::new(&fingerprint(&device)).unwrap()];
    config.jump = Some(Arc::new(jump.clone()));
    let mut session = log_in_by(&device, &config).await.unwrap();
    assert_alive(&mut session).await;
    assert_alive(&mut session).await;
    assert!(
        bastion.log().contains("Accepted password") && device.log().contains("Accepted password")
    );

    let mut refused = jump.clone();
    refused.credentials.password = Some(Secret::new("wrong"));
    config.jump = Some(Arc::new(refused));
    let error = log_in_by(&device, &config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert_eq!(error.jump_host(), Some(jump.endpoint.to_string().as_str()), "{error}");

    let closed =
        Sshd::start(SshdOptions { lines: &["AllowTcpForwarding no"], ..SshdOptions::default() });
    jump.endpoint = self::config(&closed, with_password(&closed)).endpoint;
    jump.host_key_pins = Vec::new();
    config.jump = Some(Arc::new(jump));
    let error = log_in_by(&device, &config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}
