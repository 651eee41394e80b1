//! One check outside of the daemon, shown from all sides.

mod page;
mod trial;
mod view;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use pool_core::{
    AgentSocket, ConnectionConfig, Credentials, Endpoint, JumpHost, Platform, PrivateKey,
    PrivateKeySource, Protocol, Secret,
};
use scheduler::{Interval, Line, LineId, PingParams, RouterName, Target, Task};

pub(super) use self::page::page;
pub(super) use self::trial::{Findings, Trial};
pub(super) use self::view::ProbeView;
use super::{Exit, Usage, start_logging};
use crate::app::Parts;
use crate::cli::{Format, HostKeyChoice, ProbeArgs};
use crate::output::{Output, Paint};
use crate::settings::{ALGORITHMS, Environment, SshLimits, default_known_hosts};
use crate::telemetry::{LogFormat, LogLevel, LogSettings};

/// What line and router are called, which have no names.
const NAME: &str = "probe";
/// How often it is checked, which is once.
const INTERVAL: Duration = Duration::from_secs(60);

/// Runs one check and shows how long each phase took.
pub(super) fn execute(args: &ProbeArgs, parts: &Parts) -> Result<Exit> {
    let environment = Environment::of_process();
    let trial = trial_of(args, &environment, parts)?;
    start_logging(&args.log, LogSettings { level: LogLevel::Warn, format: LogFormat::Text })?;
    let known_hosts = args.known_hosts.clone();
    let limits = SshLimits {
        known_hosts: known_hosts.unwrap_or_else(|| default_known_hosts(&environment)),
        blocking_threads_max: None,
    };
    let findings = trial.run(parts, &limits)?;
    let text = match args.output {
        Format::Table => page(&findings, trial.protocol, args.verbose, Paint::of_stdout()),
        Format::Json => {
            serde_json::to_string(&ProbeView::new(&findings, trial.protocol, args.verbose))? + "\n"
        }
    };
    Output::default().write(&text)?;
    Ok(if findings.are_good() { Exit::Ok } else { Exit::Failed })
}

/// One check of one router, outside of any inventory, as the arguments say.
fn trial_of(args: &ProbeArgs, environment: &Environment, parts: &Parts) -> Result<Trial> {
    let usage = |error: &dyn std::fmt::Display| Usage(error.to_string());
    let protocol: Protocol = args.protocol.parse().map_err(|e| usage(&e))?;
    let platform = Platform::new(&args.platform);
    let catalog = parts.catalog();
    if !catalog.supports(protocol, &platform) {
        let known = catalog.platforms(protocol).join(", ");
        let name = &args.platform;
        let text = format!("there is no platform {name:?} over {protocol}: known are {known}");
        bail!(Usage(text));
    }
    let (username, endpoint) = router(&args.router, environment)?;
    let credentials = credentials(args, username, environment)?;
    let mut config = ConnectionConfig::new(endpoint, platform, credentials);
    config.connect_timeout = args.connect_timeout;
    match &args.host_key {
        HostKeyChoice::Policy(policy) => config.host_key = *policy,
        HostKeyChoice::Pin(pin) => config.host_key_pins = vec![pin.clone()],
    }
    if let Some(jump) = &args.jump {
        let (username, endpoint) = router(jump, environment)?;
        let credentials = Credentials { username, ..config.credentials.clone() };
        let mut jump = JumpHost::new(endpoint, credentials);
        jump.host_key = config.host_key;
        config.jump = Some(Arc::new(jump));
    }
    config.algorithms = named(ALGORITHMS, &args.algorithms);
    config.validate().map_err(|e| usage(&e))?;
    let target = Target::new(&args.target).map_err(|e| usage(&e))?;
    let ping = PingParams { count: args.count, ..PingParams::default() };
    if let Some((key, fault)) = ping.validate().err().unwrap_or_default().first() {
        bail!(Usage(format!("{key}: {fault}")));
    }
    let line = Line {
        id: LineId::new(NAME).expect("it is a name"),
        router: RouterName::new(NAME).expect("it is a name"),
        target,
        interval: Interval::new(INTERVAL).expect("it is in range"),
        task: Task::ping(ping),
    };
    Ok(Trial { protocol, config, line })
}

/// `[USER@]HOST[:PORT]`, with the user of this process and port 22 when they are not given.
fn router(text: &str, environment: &Environment) -> Result<(String, Endpoint)> {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (user.to_owned(), rest),
        None => (environment.get("USER").unwrap_or("root").to_owned(), text),
    };
    let allowed = || Usage(format!("{text:?} is no router: allowed is [USER@]HOST[:PORT]"));
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(allowed)?)
        }
        _ => (rest, 22),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let endpoint = Endpoint::new(bare, port).map_err(|e| Usage(e.to_string()))?;
    Ok((user, endpoint))
}

fn credentials(
    args: &ProbeArgs,
    username: String,
    environment: &Environment,
) -> Result<Credentials> {
    let password = match &args.password_env {
        Some(name) => Some(Secret::new(
            environment
                .get(name)
                .ok_or_else(|| Usage(format!("environment variable {name} is not set")))?,
        )),
        None => None,
    };
    if let Some(file) = &args.private_key
        && let Err(error) = std::fs::File::open(file)
    {
        bail!(Usage(format!("the private key {file:?} cannot be read: {error}")));
    }
    let private_key = args
        .private_key
        .clone()
        .map(|file| PrivateKey { source: PrivateKeySource::File(file), passphrase: None });
    let agent = args.agent.then_some(AgentSocket::Environment);
    if password.is_none() && private_key.is_none() && agent.is_none() {
        bail!(Usage(
            "nothing to log in with: give --password-env, --private-key or --agent".to_owned()
        ));
    }
    Ok(Credentials { username, password, private_key, agent, ..Credentials::default() })
}

/// What clap has checked to be one of the names.
fn named<T: Copy + Default>(table: &[(&str, T)], name: &str) -> T {
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|(_, meaning)| *meaning).unwrap_or_default()
}
