//! Login with keys that an SSH agent holds: OpenSSH's own, and some that misbehave.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lab::{Lab, RouterSpec};
use pool_core::{
    AgentSocket, AuthMethod, ConnectionConfig, Context, Credentials, Error, ErrorKind, Phase,
    Secret,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::rig::{Rig, config, lab_of, on_peers, patient};

const ED25519_PUBLIC: &str = include_str!("keys/ed25519.pub");
const RSA_PUBLIC: &str = include_str!("keys/rsa.pub");

/// `ssh-agent` of OpenSSH. Ends with the value.
struct OpenSshAgent {
    socket: PathBuf,
    process: Child,
}

impl OpenSshAgent {
    fn with_keys(folder: &Path, names: &[&str]) -> Self {
        let socket = folder.join("agent");
        let process = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .expect("OpenSSH's client is installed");
        let agent = Self { socket, process };
        for name in names {
            let text = fs::read(key_file(name)).unwrap();
            let key = folder.join(name);
            fs::write(&key, text).unwrap();
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
            agent.add(&key);
        }
        agent
    }

    fn add(&self, key: &Path) {
        let listening = (0..500).any(|_| {
            std::thread::park_timeout(Duration::from_millis(10));
            // Its socket is there a moment before it listens on it.
            std::os::unix::net::UnixStream::connect(&self.socket).is_ok()
        });
        assert!(listening, "ssh-agent does not listen");
        let mut add = Command::new("ssh-add");
        let status = add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for OpenSshAgent {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn key_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/keys").join(name)
}

/// A router that takes these keys, or the lab's password.
fn router_with(keys: &[&str]) -> Lab {
    lab_of(|spec| keys.iter().copied().fold(spec, RouterSpec::public_key))
}

/// A configuration with an agent, and with nothing else to log in with.
fn by_agent(lab: &Lab, socket: &Path) -> ConnectionConfig {
    let mut config = config(lab.router("r").address());
    config.credentials = Credentials {
        username: lab::DEFAULT_USER.to_owned(),
        agent: Some(AgentSocket::Path(socket.to_owned())),
        ..Credentials::default()
    };
    config
}

/// Runs `agent` for everybody who connects to the socket that is returned.
fn scripted<F>(rig: &Rig, agent: fn(UnixStream) -> F) -> PathBuf
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let socket = rig.dir().path().join("scripted");
    on_peers(async {
        let listener = UnixListener::bind(&socket).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(agent(stream));
            }
        });
    });
    socket
}

async fn next_message(stream: &mut UnixStream) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut message = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// Answers the question for keys with the one key that the router takes.
async fn list_one_key(stream: &mut UnixStream) -> std::io::Result<()> {
    use base64::Engine as _;
    next_message(stream).await?;
    let text = ED25519_PUBLIC.split(' ').nth(1).unwrap();
    let key = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let key_length = u32::try_from(key.len()).unwrap();
    stream.write_u32(key_length + 13).await?;
    stream.write_all(&[12, 0, 0, 0, 1]).await?;
    stream.write_u32(key_length).await?;
    stream.write_all(&key).await?;
    stream.write_u32(0).await
}

async fn silent(mut stream: UnixStream) -> std::io::Result<()> {
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}

async fn silent_when_it_has_to_sign(mut stream: UnixStream) -> std::io::Result<()> {
    list_one_key(&mut stream).await?;
    silent(stream).await
}

async fn hangs_up_when_it_has_to_sign(mut stream: UnixStream) -> std::io::Result<()> {
    list_one_key(&mut stream).await?;
    next_message(&mut stream).await.map(drop)
}

async fn refuses_to_sign(mut stream: UnixStream) -> std::io::Result<()> {
    list_one_key(&mut stream).await?;
    next_message(&mut stream).await?;
    stream.write_all(&[0, 0, 0, 1, 5]).await
}

async fn signs_badly(mut stream: UnixStream) -> std::io::Result<()> {
    list_one_key(&mut stream).await?;
    next_message(&mut stream).await?;
    let signature = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 64], &[7; 64]].concat();
    stream.write_all(&[0, 0, 0, 88, 14, 0, 0, 0, 83]).await?;
    stream.write_all(&signature).await?;
    silent(stream).await
}

async fn answers_nonsense(mut stream: UnixStream) -> std::io::Result<()> {
    next_message(&mut stream).await?;
    stream.write_all(b"\0\0\0\x09nonsense!").await
}

async fn announces_a_gigabyte(mut stream: UnixStream) -> std::io::Result<()> {
    next_message(&mut stream).await?;
    stream.write_all(b"\x40\0\0\0").await?;
    silent(stream).await
}

#[test]
fn keys_of_openssh_s_agent_log_in() {
    for (names, public) in [
        (&["ed25519"][..], ED25519_PUBLIC),
        (&["rsa"], RSA_PUBLIC),
        // The first one is refused.
        (&["ed25519", "rsa"], RSA_PUBLIC),
    ] {
        let rig = Rig::new();
        let agent = OpenSshAgent::with_keys(rig.dir().path(), names);
        let lab = router_with(&[public]);
        let config = by_agent(&lab, &agent.socket);
        rig.run(async { rig.exec(&patient(), &config).await.unwrap() });
        assert_eq!(lab.router("r").logins_total(), 1);
        rig.assert_nothing_remains(lab.router("r").address());
    }
}

#[test]
fn an_agent_whose_keys_are_all_refused() {
    let rig = Rig::new();
    let agent = OpenSshAgent::with_keys(rig.dir().path(), &["ed25519"]);
    let lab = router_with(&[RSA_PUBLIC]);
    let config = by_agent(&lab, &agent.socket);
    let error = rig.run(async { rig.exec(&patient(), &config).await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.to_string().contains("tried agent; the device offers "), "{error}");
}

#[test]
fn an_agent_that_cannot_be_used_is_named_and_is_no_fault_of_the_router() {
    let rig = Rig::new();
    let lab = router_with(&[ED25519_PUBLIC]);
    let check = |socket: &Path, expected: &str| {
        let config = by_agent(&lab, socket);
        let error = rig.run(async { rig.exec(&patient(), &config).await.unwrap_err() });
        assert_eq!(error.kind(), ErrorKind::Local, "{error}");
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains(socket.to_str().unwrap()), "{text}");
        rig.assert_nothing_remains(lab.router("r").address());
        fs::remove_file(socket).ok();
    };
    check(&rig.dir().path().join("absent"), "No such file");
    let empty = OpenSshAgent::with_keys(rig.dir().path(), &["rsa"]);
    assert!(
        Command::new("ssh-add").arg("-qD").env("SSH_AUTH_SOCK", &empty.socket).status().is_ok()
    );
    check(&empty.socket, "it holds no key");
    check(&scripted(&rig, answers_nonsense), "its list of keys cannot be read");
    check(&scripted(&rig, announces_a_gigabyte), "larger than 256 KiB");
    check(&scripted(&rig, refuses_to_sign), "it refuses to sign");
    check(&scripted(&rig, hangs_up_when_it_has_to_sign), "end of file");
}

#[test]
fn a_signature_that_is_wrong_is_refused_by_the_router() {
    let rig = Rig::new();
    let lab = router_with(&[ED25519_PUBLIC]);
    let config = by_agent(&lab, &scripted(&rig, signs_badly));
    let error = rig.run(async { rig.exec(&patient(), &config).await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    assert_eq!(lab.router("r").logins_total(), 0);
    rig.assert_nothing_remains(lab.router("r").address());
}

#[test]
fn a_silent_agent_holds_no_thread_and_leaves_time_for_the_password() {
    for agent in [scripted_silent as fn(&Rig) -> PathBuf, scripted_silent_signer] {
        let rig = Rig::with_threads(1);
        let lab = router_with(&[ED25519_PUBLIC]);
        let mut config = by_agent(&lab, &agent(&rig));
        let (ctx, trace) = Context::detached(Duration::from_secs(2)).traced();
        let error: Error = rig.run(async {
            let waiting = rig.exec(&ctx, &config);
            tokio::pin!(waiting);
            let on_no_thread = async {
                let is_asked = || trace.current() == Some(Phase::Authentication);
                while !is_asked() || rig.settings.blocking_threads_in_use() > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                result = &mut waiting => panic!("{result:?}"),
                () = on_no_thread => {}
            }
            waiting.await.unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::Local, "{error}");
        assert!(error.to_string().contains("it does not answer within"), "{error}");
        config.credentials.password = Some(Secret::new(lab::DEFAULT_PASSWORD));
        let ctx = Context::detached(Duration::from_secs(2));
        rig.run(async { rig.exec(&ctx, &config).await.unwrap() });
        rig.assert_nothing_remains(lab.router("r").address());
    }
}

fn scripted_silent(rig: &Rig) -> PathBuf {
    scripted(rig, silent)
}

fn scripted_silent_signer(rig: &Rig) -> PathBuf {
    scripted(rig, silent_when_it_has_to_sign)
}

#[test]
fn waiting_for_an_agent_can_be_cancelled() {
    let rig = Rig::new();
    let lab = router_with(&[ED25519_PUBLIC]);
    let config = by_agent(&lab, &scripted(&rig, silent_when_it_has_to_sign));
    let cancel = CancellationToken::new();
    let ctx = Context::new(&cancel, Duration::from_secs(20));
    let error = rig.run(async {
        let waiting = rig.exec(&ctx, &config);
        tokio::pin!(waiting);
        tokio::select! {
            result = &mut waiting => panic!("{result:?}"),
            () = tokio::time::sleep(Duration::from_millis(200)) => cancel.cancel(),
        }
        waiting.await.unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    rig.assert_nothing_remains(lab.router("r").address());
}

#[test]
fn methods_are_tried_in_the_order_of_the_credentials() {
    let rig = Rig::new();
    let agent = OpenSshAgent::with_keys(rig.dir().path(), &["ed25519"]);
    let lab = router_with(&[RSA_PUBLIC]);
    let mut config = by_agent(&lab, &agent.socket);
    config.credentials.password = Some(Secret::new("wrong"));
    let mut check = |order: &[AuthMethod], expected: &str| {
        config.credentials.auth_order = order.to_vec();
        let error = rig.run(async { rig.exec(&patient(), &config).await.unwrap_err() });
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(&[AuthMethod::Agent, AuthMethod::Password], "tried agent, password;");
    check(&[AuthMethod::Password, AuthMethod::Agent], "tried password, agent;");
    check(&[AuthMethod::Password], "tried password;");
    check(&[AuthMethod::KeyboardInteractive], "tried nothing;");
}
