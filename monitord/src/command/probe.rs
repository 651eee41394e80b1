use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use driver_cli::SessionLog;
use pool_core::{
    AgentSocket, ConnectionConfig, Context, Credentials, Endpoint, JumpHost, PhaseSpan, Platform,
    PrivateKey, PrivateKeySource, Protocol, ProtocolFactory, Secret, Transcript,
};
use scheduler::{Failure, Inventory, Measurement, PingParams, Target};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Exit, Usage, start_logging};
use crate::app::{self, Parts};
use crate::cli::{Format, HostKeyChoice, ProbeArgs};
use crate::output::{Output, complain};
use crate::report::{MeasurementView, Table, measurement_text, round_ms};
use crate::settings::{ALGORITHMS, Environment, SshLimits, default_known_hosts};
use crate::shutdown;
use crate::telemetry::{LogFormat, LogLevel, LogSettings};

/// How long a command's output may take beyond what the ping itself says.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the logout may take. Its time is shown, its failure is not a failure of the probe.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs one check and shows how long each phase took.
pub(super) fn execute(args: &ProbeArgs, parts: &Parts) -> Result<Exit> {
    let environment = Environment::of_process();
    let probe = Probe::new(args, &environment, parts)?;
    start_logging(&args.log, LogSettings { level: LogLevel::Warn, format: LogFormat::Text })?;
    let known_hosts = args.known_hosts.clone();
    let limits = SshLimits {
        known_hosts: known_hosts.unwrap_or_else(|| default_known_hosts(&environment)),
        blocking_threads_max: None,
    };
    let log = args.verbose.then(SessionLog::new);
    let factories = parts.drivers_logging(&limits, log.clone()).factories;
    let factory = factories.into_iter().find(|factory| factory.protocol() == probe.protocol);
    let factory = factory.with_context(|| format!("no driver for protocol {}", probe.protocol))?;
    let runtime = app::runtime(&limits, &Inventory::default())?;
    let result = runtime.block_on(async {
        let shutdown = shutdown::on_signal().context("cannot install signal handlers")?;
        anyhow::Ok(probe.run(&factory, parts, &shutdown).await)
    });
    runtime.shutdown_background();
    if let Some(log) = log {
        complain(session_text(&log, probe.protocol).trim_end());
    }
    let (phases, measured) = result?;
    let exit = if measured.is_ok() { Exit::Ok } else { Exit::Failed };
    Output::default().write(&report(&phases, measured, args.output)?)?;
    Ok(exit)
}

/// What was said on the session, or why there is nothing to show.
fn session_text(log: &SessionLog, protocol: Protocol) -> String {
    let text = log.to_string();
    match (protocol, text.is_empty()) {
        (Protocol::Scrapli, true) => "# nothing was said: there was no session".to_owned(),
        (_, true) => format!("# protocol {protocol} has no session that could be shown"),
        (_, false) => text,
    }
}

/// One check of one router, outside of any inventory.
#[derive(Debug)]
struct Probe {
    protocol: Protocol,
    config: ConnectionConfig,
    target: Target,
    ping: PingParams,
}

impl Probe {
    fn new(args: &ProbeArgs, environment: &Environment, parts: &Parts) -> Result<Self> {
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
        Ok(Self { protocol, config, target, ping })
    }

    /// The time of each phase as far as it got, and the figures or why there are none.
    async fn run(
        &self,
        factory: &Arc<dyn ProtocolFactory>,
        parts: &Parts,
        shutdown: &CancellationToken,
    ) -> (Vec<PhaseSpan>, Result<Measurement, Failure>) {
        let whole = Context::new(shutdown, self.config.connect_timeout + COMMAND_TIMEOUT);
        let (ctx, trace) = whole.traced();
        let result = self.measure(&ctx, factory, parts).await;
        (trace.spans(), result)
    }

    async fn measure(
        &self,
        ctx: &Context,
        factory: &Arc<dyn ProtocolFactory>,
        parts: &Parts,
    ) -> Result<Measurement, Failure> {
        let transcript = self.talk(ctx, factory, parts).await.map_err(|e| Failure::from(&e))?;
        let Self { config, target, ping, .. } = self;
        let measured = parts.ping().read(&config.platform, target, ping, transcript.output());
        measured.map_err(|error| Failure::from(&error))
    }

    async fn talk(
        &self,
        ctx: &Context,
        factory: &Arc<dyn ProtocolFactory>,
        parts: &Parts,
    ) -> pool_core::Result<Transcript> {
        let request = parts.ping().request(&self.config.platform, &self.target, &self.ping)?;
        let login = ctx.capped(self.config.connect_timeout);
        let mut driver = factory.create_with_context(&login, &self.config).await?;
        let transcript = driver.execute(ctx, &request).await;
        // What the command printed counts, however the farewell goes.
        driver.close(&ctx.capped(LOGOUT_TIMEOUT)).await.ok();
        transcript
    }
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

#[derive(Debug, Serialize)]
struct ProbeView<'a> {
    phases: Vec<PhaseView>,
    measurement: Option<MeasurementView>,
    error: Option<FailureView<'a>>,
}

#[derive(Debug, Serialize)]
struct PhaseView {
    phase: &'static str,
    ms: f64,
}

#[derive(Debug, Serialize)]
struct FailureView<'a> {
    kind: &'static str,
    phase: Option<&'static str>,
    message: &'a str,
}

fn report(
    phases: &[PhaseSpan],
    measured: Result<Measurement, Failure>,
    output: Format,
) -> Result<String> {
    let ms = |span: &PhaseSpan| round_ms(span.elapsed.as_secs_f64() * 1000.0);
    if output == Format::Json {
        let phases = phases.iter().map(|s| PhaseView { phase: s.phase.as_str(), ms: ms(s) });
        let error = measured.as_ref().err().map(|failure| FailureView {
            kind: failure.kind.as_str(),
            phase: failure.phase.map(|phase| phase.as_str()),
            message: &failure.message,
        });
        let measurement = measured.as_ref().ok().map(MeasurementView::from);
        let view = ProbeView { phases: phases.collect(), measurement, error };
        return Ok(serde_json::to_string(&view)? + "\n");
    }
    let mut table = Table::new(["PHASE", "MS"]);
    for span in phases {
        table.row([span.phase.to_string(), format!("{:.1}", ms(span))]);
    }
    let end = match &measured {
        Ok(measurement) => measurement_text(measurement, false),
        Err(failure) => format!("{}: {}\n", failure.kind, failure.message),
    };
    Ok(format!("{table}\n{end}"))
}
