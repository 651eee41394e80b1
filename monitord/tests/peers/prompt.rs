//! The interactive command line against shells that nobody here wrote.

use std::sync::Arc;
use std::time::Duration;

use driver_cli::{CliFactory, CommandPolicy, Platforms};
use driver_ssh::{SshConnector, SshSettings};
use pool_core::{
    ConnectionConfig, Context, Credentials, Endpoint, Error, HostKeyPolicy, Platform, PrivateKey,
    PrivateKeySource, ProtocolDriver, ProtocolFactory, Request, Result, Step,
};

use crate::frr::FrrLine;
use crate::sshd::{Sshd, SshdOptions};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Switched on where the built-in definition switches it off.
const PAGED_VTYSH: &str = "inherits = 'frr_vtysh'\n[cli]\non_open = ['terminal paginate']\n";

fn ctx() -> Context {
    Context::detached(PATIENCE)
}

/// A session on `platform`, where any command may be run.
async fn log_in(sshd: &Sshd, platform: &str, credentials: Credentials) -> Session {
    let settings = SshSettings::new(sshd.folder().join("known_hosts"));
    let connector = SshConnector::new(Arc::new(settings));
    let platforms = Platforms::with_files([("paged_vtysh", PAGED_VTYSH)]).unwrap();
    let factory = CliFactory::new(Arc::new(connector), Arc::new(platforms));
    let endpoint = Endpoint::new("127.0.0.1", sshd.port()).unwrap();
    let mut config = ConnectionConfig::new(endpoint, Platform::new(platform), credentials);
    config.host_key = HostKeyPolicy::AcceptNew;
    config.read_timeout = PATIENCE;
    let factory = factory.with_policy(CommandPolicy::Any);
    Session(factory.create_with_context(&ctx(), &config).await.unwrap())
}

struct Session(Box<dyn ProtocolDriver>);

impl Session {
    async fn run(&mut self, command: &str) -> Result<String> {
        self.run_step(Step::command(command).unwrap()).await
    }

    async fn run_step(&mut self, step: Step) -> Result<String> {
        let transcript = self.0.execute(&ctx(), &Request::new(step)).await?;
        Ok(transcript.output().to_owned())
    }

    /// Asserts that the routes are shown, each once and whole.
    async fn shows(&mut self, routes: &[String]) {
        let output = self.run("show ipv6 route kernel").await.unwrap();
        let lines = output.lines().filter(|line| line.starts_with("K>*"));
        let mut shown: Vec<_> = lines.filter_map(|line| line.split(' ').nth(1)).collect();
        shown.sort_unstable();
        assert!(shown == routes, "{} of {}", shown.len(), routes.len());
        assert!(!output.contains("END") && !output.contains("ore-"), "no trace of a pager");
    }

    /// Runs a command that is refused, and returns the words.
    async fn is_refused(&mut self, command: &str) -> String {
        match self.run(command).await {
            Err(Error::Rejected { message, .. }) => message,
            other => panic!("{command} must be refused: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bash_prints_what_the_command_printed_and_nothing_else() {
    let sshd = Sshd::start(SshdOptions::default());
    let credentials = Credentials::password(sshd.user(), sshd.password().to_owned());
    let mut bash = log_in(&sshd, "linux", credentials).await;
    let numbers: String = (1..=20_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(bash.run("seq 20000").await.unwrap(), numbers);
    // Longer than the terminal is wide, so that the echo is wrapped.
    let long = "x".repeat(505);
    assert_eq!(bash.run(&format!("echo {long}")).await.unwrap(), format!("{long}\n"));
    assert_eq!(bash.run("printf 'no end'").await.unwrap(), "no end\n");
    assert_eq!(bash.run("for i in 1 2 3; do echo $i; sleep 0.1; done").await.unwrap(), "1\n2\n3\n");
    assert!(bash.is_refused("frobnicate").await.ends_with("frobnicate: command not found"));
    assert_eq!(bash.run("PS1='[\\u@other \\W]\\$ '").await.unwrap(), "");
    assert_eq!(bash.run("echo here").await.unwrap(), "here\n");
    let endless = Step::command("while sleep 0.1; do echo on; done").unwrap();
    let printed = bash.run_step(endless.interrupted_after(Duration::from_secs(1))).await.unwrap();
    assert!(printed.starts_with("on\non\n"), "{printed:?}");
    assert_eq!(bash.run("echo done").await.unwrap(), "done\n");
    bash.0.close(&ctx()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vtysh_is_read_whole_with_its_pager_on_or_off_and_refuses_in_its_own_words() {
    let line = FrrLine::start();
    let forced = format!("ForceCommand {}", line.vtysh_command());
    let lines = [forced.as_str(), "PermitRootLogin prohibit-password"];
    let sshd = Sshd::start(SshdOptions { lines: &lines, ..SshdOptions::default() });
    let path = sshd.authorize_key("ed25519", "");
    let credentials = || {
        let mut credentials = Credentials::password("root", String::new());
        let source = PrivateKeySource::File(path.clone());
        credentials.private_key = Some(PrivateKey { source, passphrase: None });
        credentials
    };
    let mut vtysh = log_in(&sshd, "frr_vtysh", credentials()).await;
    let refusal = vtysh.is_refused("frobnicate 192.0.2.1").await;
    assert!(refusal.starts_with("% Unknown command"), "{refusal}");
    // More than a page: a terminal of ours has a thousand lines.
    let mut routes = line.add_routes(2500);
    routes.sort_unstable();
    vtysh.shows(&routes).await;
    let mut paged = log_in(&sshd, "paged_vtysh", credentials()).await;
    paged.shows(&routes).await;
    assert!(!paged.run("show version").await.unwrap().is_empty());
}
