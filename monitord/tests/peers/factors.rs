//! The driver against OpenSSH: whom it logs in as, and by which methods.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use pool_core::{
    AgentSocket, AlgorithmProfile, Credentials, ErrorKind, PrivateKey, PrivateKeySource, Secret,
};

use crate::must;
use crate::openssh::{assert_alive, config, log_in_by, with_password};
use crate::sshd::{Sshd, SshdOptions};

fn with_key(sshd: &Sshd, file: PathBuf) -> Credentials {
    let key = PrivateKey { source: PrivateKeySource::File(file), passphrase: None };
    Credentials {
        username: sshd.user().to_owned(),
        private_key: Some(key),
        ..Credentials::default()
    }
}

fn requiring(methods: &str) -> Sshd {
    let methods = format!("AuthenticationMethods {methods}");
    Sshd::start(SshdOptions { lines: &[methods.as_str()], ..SshdOptions::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_methods_one_after_another_where_the_server_wants_them() {
    let chains = [
        "publickey,password",
        "publickey,keyboard-interactive",
        "password,publickey",
        "keyboard-interactive,publickey",
        "password,keyboard-interactive",
    ];
    for methods in chains {
        let sshd = requiring(methods);
        let mut credentials = with_key(&sshd, sshd.authorize_key("ed25519", ""));
        credentials.password = Some(Secret::new(sshd.password()));
        match log_in_by(&sshd, &config(&sshd, credentials)).await {
            Ok(mut session) => assert_alive(&mut session).await,
            Err(error) => panic!("{methods}: {error}\n{}", sshd.log()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_factor_alone_is_not_enough_and_the_error_says_what_is_missing() {
    let sshd = requiring("publickey,password");
    let credentials = with_key(&sshd, sshd.authorize_key("ed25519", ""));
    let error = log_in_by(&sshd, &config(&sshd, credentials.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    let expected = "tried publickey (accepted, but more is required); the device offers password";
    assert!(error.to_string().contains(expected), "{error}");

    let credentials = Credentials { password: Some(Secret::new("wrong")), ..credentials };
    let error = log_in_by(&sshd, &config(&sshd, credentials)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.to_string().contains("required), password; "), "{error}");
}

/// `ssh-agent`. Ends with the value.
struct Agent {
    socket: PathBuf,
    process: Child,
}

impl Agent {
    fn with(folder: &Path, keys: &[PathBuf]) -> Self {
        let socket = folder.join("agent");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a", socket.to_str().unwrap()])
            .stdout(Stdio::null())
            .spawn()
            .expect("openssh-client is installed");
        let agent = Self { socket, process };
        let is_there = (0..500).any(|_| {
            thread::park_timeout(Duration::from_millis(10));
            // Its socket is there a moment before it listens on it.
            std::os::unix::net::UnixStream::connect(&agent.socket).is_ok()
        });
        assert!(is_there, "ssh-agent does not listen");
        for key in keys {
            let add = Command::new("ssh-add")
                .args(["-q", key.to_str().unwrap()])
                .env("SSH_AUTH_SOCK", &agent.socket)
                .status();
            assert!(add.unwrap().success());
        }
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_each_type_that_an_agent_holds() {
    for methods in ["publickey", "publickey,password"] {
        for kind in ["ed25519", "ecdsa", "rsa"] {
            let sshd = requiring(methods);
            // One that the server does not know comes first.
            let stranger = sshd.folder().join("stranger");
            must("ssh-keygen", &["-q", "-N", "", "-f", stranger.to_str().unwrap()]);
            let key = sshd.authorize_key(kind, "");
            let agent = Agent::with(sshd.folder(), &[stranger, key]);
            let credentials = Credentials {
                agent: Some(AgentSocket::Path(agent.socket.clone())),
                ..with_password(&sshd)
            };
            match log_in_by(&sshd, &config(&sshd, credentials)).await {
                Ok(mut session) => assert_alive(&mut session).await,
                Err(error) => panic!("{kind} for {methods}: {error}"),
            }
            assert!(sshd.log().contains("Accepted publickey") || methods != "publickey");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_rsa_key_signs_with_sha1_under_the_legacy_profile_only() {
    let lines = ["PubkeyAcceptedAlgorithms ssh-rsa"];
    let sshd = Sshd::start(SshdOptions { lines: &lines, ..SshdOptions::default() });
    for (name, format) in [("openssh", "RFC4716"), ("pem", "PEM"), ("pkcs8", "PKCS8")] {
        let arguments = ["-t", "rsa", "-b", "2048", "-N", "", "-m", format];
        let key = sshd.authorize_key_made_by(name, &arguments);
        let mut config = config(&sshd, with_key(&sshd, key));
        let error = log_in_by(&sshd, &config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{name}: {error}");
        config.algorithms = AlgorithmProfile::Legacy;
        match log_in_by(&sshd, &config).await {
            Ok(mut session) => assert_alive(&mut session).await,
            Err(error) => panic!("{name}: {error}\n{}", sshd.log()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_s_rsa_key_signs_with_sha1_under_the_legacy_profile_only() {
    let lines = ["PubkeyAcceptedAlgorithms ssh-rsa"];
    let sshd = Sshd::start(SshdOptions { lines: &lines, ..SshdOptions::default() });
    let key = sshd.authorize_key("rsa", "");
    let agent = Agent::with(sshd.folder(), &[key]);
    let credentials = Credentials {
        username: sshd.user().to_owned(),
        agent: Some(AgentSocket::Path(agent.socket.clone())),
        ..Credentials::default()
    };
    let mut config = config(&sshd, credentials);
    let error = log_in_by(&sshd, &config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    config.algorithms = AlgorithmProfile::Legacy;
    match log_in_by(&sshd, &config).await {
        Ok(mut session) => assert_alive(&mut session).await,
        Err(error) => panic!("{error}\n{}", sshd.log()),
    }
}
