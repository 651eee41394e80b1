//! The driver against OpenSSH: what a long session and a server with limits do to it.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use driver_ssh::{SshFactory, SshSettings};
use pool_core::{
    ConnectionConfig, Context, Credentials, Endpoint, ErrorKind, HostKeyPolicy, Phase, PrivateKey,
    PrivateKeySource, ProtocolDriver, ProtocolFactory, Request, Result, Secret,
};

use crate::sshd::{Sshd, SshdOptions};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

const MIB: usize = 1 << 20;

fn ctx() -> Context {
    Context::detached(PATIENCE)
}

pub(crate) fn with_password(sshd: &Sshd) -> Credentials {
    Credentials::password(sshd.user(), sshd.password().to_owned())
}

pub(crate) fn config(sshd: &Sshd, credentials: Credentials) -> ConnectionConfig {
    let endpoint = Endpoint::new("127.0.0.1", sshd.port()).unwrap();
    let mut config = ConnectionConfig::new(endpoint, "linux".into(), credentials);
    config.host_key = HostKeyPolicy::AcceptNew;
    config.read_timeout = PATIENCE;
    config
}

/// Logs in with the known hosts of `sshd`'s folder.
pub(crate) async fn log_in_by(
    sshd: &Sshd,
    config: &ConnectionConfig,
) -> Result<Box<dyn ProtocolDriver>> {
    let settings = SshSettings::new(sshd.folder().join("known_hosts"));
    SshFactory::new(Arc::new(settings)).create_with_context(&ctx(), config).await
}

async fn log_in(sshd: &Sshd, credentials: Credentials) -> Result<Box<dyn ProtocolDriver>> {
    log_in_by(sshd, &config(sshd, credentials)).await
}

/// Prints so many bytes.
fn printing(bytes: usize) -> Request {
    Request::command(format!("head -c {bytes} /dev/zero | tr '\\0' x")).unwrap()
}

pub(crate) async fn assert_alive(session: &mut Box<dyn ProtocolDriver>) {
    let transcript = session.execute(&ctx(), &Request::command("echo alive").unwrap()).await;
    assert_eq!(transcript.unwrap().output(), "alive\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_host_key_and_of_user_key() {
    const USER_KEYS: [(&str, &[&str], &str); 9] = [
        ("ed25519", &["-t", "ed25519", "-N", ""], ""),
        ("ed25519-locked", &["-t", "ed25519", "-N", "s3same"], "s3same"),
        ("rsa-2048", &["-t", "rsa", "-b", "2048", "-N", ""], ""),
        ("rsa-locked", &["-t", "rsa", "-b", "3072", "-N", "s3same"], "s3same"),
        ("rsa-pem", &["-t", "rsa", "-m", "PEM", "-N", ""], ""),
        ("ecdsa-256", &["-t", "ecdsa", "-b", "256", "-N", ""], ""),
        ("ecdsa-384", &["-t", "ecdsa", "-b", "384", "-N", ""], ""),
        ("ecdsa-521-locked", &["-t", "ecdsa", "-b", "521", "-N", "s3same"], "s3same"),
        ("ecdsa-pem", &["-t", "ecdsa", "-m", "PEM", "-N", ""], ""),
    ];
    for host_key in ["ed25519", "ecdsa", "rsa"] {
        let sshd = Sshd::start(SshdOptions { host_key, ..SshdOptions::default() });
        for (name, arguments, passphrase) in USER_KEYS {
            let file = sshd.authorize_key_made_by(name, arguments);
            let key = PrivateKey {
                source: PrivateKeySource::File(file),
                passphrase: (!passphrase.is_empty()).then(|| Secret::new(passphrase)),
            };
            let username = sshd.user().to_owned();
            let credentials =
                Credentials { username, private_key: Some(key), ..Credentials::default() };
            match log_in(&sshd, credentials).await {
                Ok(mut session) => assert_alive(&mut session).await,
                Err(error) => panic!("{name} at a server with {host_key}: {error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_are_read_whole_or_up_to_the_limit() {
    let sshd = Sshd::start(SshdOptions::default());
    let mut session = log_in(&sshd, with_password(&sshd)).await.unwrap();
    let request = printing(100 * MIB).with_output_bytes_max(100 * MIB);
    let transcript = session.execute(&ctx(), &request).await.unwrap();
    assert_eq!(transcript.output().len(), 100 * MIB);
    assert!(transcript.output().bytes().all(|byte| byte == b'x'));
    assert_eq!(transcript.steps[0].exit_status, Some(0));

    let request = printing(100 * MIB).with_output_bytes_max(MIB);
    let error = session.execute(&ctx(), &request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutputLimit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_told_apart_and_so_is_what_a_signal_has_ended() {
    let sshd = Sshd::start(SshdOptions::default());
    let mut session = log_in(&sshd, with_password(&sshd)).await.unwrap();
    let request = Request::command("echo out; echo err >&2; exec sh -c 'kill -KILL $$'").unwrap();
    let transcript = session.execute(&ctx(), &request).await.unwrap();
    let step = &transcript.steps[0];
    assert_eq!((step.stdout(), step.stderr()), ("out\n", "err\n"));
    assert_eq!((step.exit_status, step.exit_signal.as_deref()), (None, Some("KILL")));
    assert_alive(&mut session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_exchanged_again_and_again_in_a_long_session() {
    let lines = ["RekeyLimit 1M 1s", "LogLevel DEBUG1"];
    let sshd = Sshd::start(SshdOptions { lines: &lines, ..SshdOptions::default() });
    let mut session = log_in(&sshd, with_password(&sshd)).await.unwrap();
    // In the middle of much output, ...
    let request = printing(20 * MIB).with_output_bytes_max(20 * MIB);
    let transcript = session.execute(&ctx(), &request).await.unwrap();
    assert_eq!(transcript.output().len(), 20 * MIB);
    let exchanges = || sshd.log().matches("SSH2_MSG_NEWKEYS received").count();
    let by_bytes = exchanges();
    assert!(by_bytes >= 10, "keys were exchanged {by_bytes} times");
    // ... and after a while without a word.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_alive(&mut session).await;
    }
    let by_time = exchanges() - by_bytes;
    assert!(by_time >= 2, "keys were exchanged {by_time} times for their age");
    session.close(&ctx()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_end_with_the_server_and_the_next_login_works() {
    let mut sshd = Sshd::start(SshdOptions::default());
    let mut idle = log_in(&sshd, with_password(&sshd)).await.unwrap();
    let mut busy = log_in(&sshd, with_password(&sshd)).await.unwrap();
    let request = Request::command("echo begun; sleep 100").unwrap();
    let running = tokio::spawn(async move { busy.execute(&ctx(), &request).await });
    assert_alive(&mut idle).await;
    sshd.restart();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
    let error = idle.health_check(&ctx()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
    assert_alive(&mut log_in(&sshd, with_password(&sshd)).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_sessions_left_is_busy() {
    let sshd = Sshd::start(SshdOptions { lines: &["MaxSessions 0"], ..SshdOptions::default() });
    let mut session = log_in(&sshd, with_password(&sshd)).await.unwrap();
    let error = session.execute(&ctx(), &Request::command("true").unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Busy, Some(Phase::ChannelOpen)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_one_after_another_need_two_sessions_of_a_server_at_most() {
    // With one, OpenSSH refuses a command that comes in the same breath as the end of the last.
    let sshd = Sshd::start(SshdOptions { lines: &["MaxSessions 2"], ..SshdOptions::default() });
    let mut session = log_in(&sshd, with_password(&sshd)).await.unwrap();
    for _ in 0..20 {
        assert_alive(&mut session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_too_many_logins_under_way_is_busy() {
    let sshd = Sshd::start(SshdOptions { lines: &["MaxStartups 1"], ..SshdOptions::default() });
    // Somebody who connects and does not log in. That it is heard shows that it is counted.
    let mut loiterer = loop {
        let mut client = TcpStream::connect(("127.0.0.1", sshd.port())).unwrap();
        let mut start = [0; 4];
        client.read_exact(&mut start).unwrap();
        if start == *b"SSH-" {
            break client;
        }
    };
    let error = log_in(&sshd, with_password(&sshd)).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Busy, Some(Phase::Banner)), "{error}");
    loiterer.shutdown(std::net::Shutdown::Both).unwrap();
    loiterer.read_to_end(&mut Vec::new()).unwrap();
    // The server needs a moment to see that the place is free.
    let mut session = loop {
        match log_in(&sshd, with_password(&sshd)).await {
            Err(error) if error.kind() == ErrorKind::Busy => {}
            result => break result.unwrap(),
        }
    };
    assert_alive(&mut session).await;
}
