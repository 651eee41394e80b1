//! The processes of a bench. The routers have one of their own, so that what they cost is not
//! taken for the cost of their clients, and so has each contestant whose processor time, memory or
//! threads are measured.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand, ValueEnum};
use futures_util::future::try_join_all;
use lab::{Lab, Ping, RouterSpec, Sickness, Torrent, TorrentAt};
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use super::processors::{keep_awake, stay_on};
use super::{cli, fleet, ssh};

/// How long the ping of the benches takes. It is one packet, so that nothing moves meanwhile.
const PING_TIME: Duration = Duration::from_secs(5);

/// A process of a bench.
#[derive(Debug, Args)]
pub(crate) struct Part {
    /// The only processor to run on.
    #[arg(long)]
    processor: Option<usize>,
    #[command(subcommand)]
    role: Role,
}

/// What a process of a bench does.
#[derive(Debug, Subcommand)]
enum Role {
    /// Routers, until standard input ends. Prints their addresses in one line.
    Routers {
        /// Which.
        #[arg(value_enum)]
        kind: Routers,
    },
    /// The routers of `bench fleet`, until standard input ends. Prints who they are in one line.
    Fleet(fleet::Crowd),
    /// One contestant of `bench cli`. Prints its figures in one line.
    Cli {
        /// Who is measured.
        #[arg(value_enum)]
        subject: cli::Subject,
        /// The router.
        router: SocketAddr,
    },
    /// One contestant of `bench ssh`. Prints its figures in one line.
    Ssh {
        /// Who is measured.
        #[arg(value_enum)]
        subject: ssh::Subject,
        /// What is measured.
        #[arg(value_enum)]
        cell: ssh::Cell,
        /// The router.
        router: SocketAddr,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Routers {
    /// One, which is well.
    Healthy,
    /// One that prints as much as `bench cli` asks for.
    Talkative,
    /// One for each cell of the matrix of sicknesses, in its order.
    Sick,
    /// Servers that speak without a pause behind the login, one for each place.
    Torrents,
}

/// What listens, for as long as it lives.
enum Peers {
    Lab(Lab),
    Torrents(Vec<Torrent>),
}

impl Peers {
    async fn start(kind: Routers) -> Result<Self> {
        let spec = |name: String| RouterSpec::new(name, "linux");
        let specs = match kind {
            Routers::Healthy => {
                let ping = Ping::default().pace(Some(PING_TIME));
                vec![spec("healthy".to_owned()).ping(ping).show("show a", "a\n")]
            }
            Routers::Talkative => vec![cli::router()],
            Routers::Sick => {
                Sickness::all().map(|sickness| spec(sickness.to_string()).sick(sickness)).collect()
            }
            Routers::Torrents => {
                let starting = TorrentAt::ALL.map(Torrent::start);
                return Ok(Self::Torrents(try_join_all(starting).await?));
            }
        };
        Ok(Self::Lab(Lab::start(specs).await?))
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        match self {
            Self::Lab(lab) => lab.routers().iter().map(lab::LabRouter::address).collect(),
            Self::Torrents(torrents) => torrents.iter().map(Torrent::address).collect(),
        }
    }
}

pub(crate) fn run_part(part: &Part) -> Result<()> {
    part.processor.map(stay_on).transpose()?;
    let figures = match &part.role {
        Role::Routers { kind } => {
            if part.processor.is_some() {
                keep_awake()?;
            }
            return serve(*kind);
        }
        Role::Fleet(crowd) => return fleet::serve(crowd),
        Role::Cli { subject, router } => cli::measure(*subject, *router)?,
        Role::Ssh { subject, cell, router } => ssh::measure(*subject, *cell, *router)?,
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

fn serve(kind: Routers) -> Result<()> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let peers = runtime.block_on(Peers::start(kind))?;
    println!("{}", serde_json::to_string(&peers.addresses())?);
    serve_to_the_end(runtime)
}

/// Lets the runtime work until standard input ends.
pub(super) fn serve_to_the_end(runtime: Runtime) -> Result<()> {
    // Whoever started us closes it at the latest by ending.
    std::io::stdin().read_to_end(&mut Vec::new()).context("cannot wait for the end")?;
    runtime.shutdown_background();
    Ok(())
}

/// A lab in a process of its own, which ends with this.
#[derive(Debug)]
pub(super) struct LabProcess {
    process: Child,
    /// Open until the process is to end.
    stdin: Option<ChildStdin>,
}

impl LabProcess {
    /// Starts this program as the part that `arguments` name. Returns what it says of its routers
    /// in its first line.
    pub(super) fn start<T: DeserializeOwned>(arguments: &[&str]) -> Result<(Self, T)> {
        Self::start_on(None, arguments)
    }

    /// As [`start`](Self::start), on one `processor` alone.
    fn start_on<T: DeserializeOwned>(
        processor: Option<usize>,
        arguments: &[&str],
    ) -> Result<(Self, T)> {
        let mut process = part_on(processor)?
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the routers")?;
        let stdout = process.stdout.take().context("the routers have an output")?;
        let lab = Self { stdin: process.stdin.take(), process };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("the routers said nothing")?;
        Ok((lab, serde_json::from_str(&line).context("the routers did not start")?))
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for LabProcess {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It ends by itself; how does not matter any more.
        self.process.wait().ok();
    }
}

/// Routers in a process of their own, which ends with this.
#[derive(Debug)]
pub(super) struct RouterProcess {
    _lab: LabProcess,
    pub(super) addresses: Vec<SocketAddr>,
}

impl RouterProcess {
    pub(super) fn start(kind: Routers) -> Result<Self> {
        Self::start_on(None, kind)
    }

    /// Routers that share one `processor`.
    pub(super) fn start_on(processor: Option<usize>, kind: Routers) -> Result<Self> {
        let (lab, addresses) = LabProcess::start_on(processor, &["routers", &name_of(kind)?])?;
        Ok(Self { _lab: lab, addresses })
    }

    /// The first of them.
    pub(super) fn first(&self) -> Result<SocketAddr> {
        self.addresses.first().copied().context("at least one router was started")
    }
}

/// Measures the contestant that `arguments` name, in a process of its own on one `processor`.
pub(super) fn measure_apart(processor: Option<usize>, arguments: &[&str]) -> Result<Vec<f64>> {
    let output = part_on(processor)?
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start a contestant")?;
    ensure!(output.status.success(), "{} could not be measured", arguments.join(" "));
    serde_json::from_slice(&output.stdout).context("a contestant printed no figures")
}

/// What `value` is called on the command line.
pub(super) fn name_of(value: impl ValueEnum) -> Result<String> {
    let name = value.to_possible_value().map(|value| value.get_name().to_owned());
    name.context("every value has a name")
}

/// This program, as a part of a bench on one `processor`.
fn part_on(processor: Option<usize>) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program has a path")?);
    command.arg("bench-part");
    if let Some(processor) = processor {
        command.args(["--processor", &processor.to_string()]);
    }
    Ok(command)
}
