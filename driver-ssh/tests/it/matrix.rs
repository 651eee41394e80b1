//! The fault matrix: a router falls sick at each stage in each manner, and the operation is cut
//! short in each way, or left alone where the sickness is an end by itself. Whatever the cell, the
//! operation is back, says the right thing, and nothing of it remains on either side.
//!
//! Its rows that need no router are in `unheard`: a name server that does not answer, and a port that
//! does not accept. Those with packets that mean nothing behind the login are in `torrent`.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use driver_ssh::{SshConnector, SshFactory, SshSettings};
use lab::{Lab, LabRouter, Manner, RouterSpec, Sickness, Stage};
use pool_core::{
    ConnectionConfig, Connector, Context, ErrorKind, Phase, ProtocolFactory, Request, Result,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::cut::{Cut, TOLERANCE};
use crate::rig::{Rig, config, on_peers, patient};

/// Cells at a time. A quiet peer costs nothing, and a flood costs a core.
const QUIET_CELLS: usize = 32;
const FLOODED_CELLS: usize = 2;
/// Far more than all cells take, on a machine that does nothing else.
const ALL_CELLS_TIME_MAX: Duration = Duration::from_secs(180);
/// By how often a deadline may be doubled.
const DOUBLINGS_MAX: u32 = 4;
/// How long a router may take to see that its client has gone.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(5);

/// One cell of the matrix. Without a cut the operation is left alone.
#[derive(Clone, Copy, Debug)]
struct Cell {
    sickness: Sickness,
    cut: Option<Cut>,
}

impl Cell {
    /// All that make sense: an operation that would never come back cannot be left alone.
    fn all() -> impl Iterator<Item = Self> {
        Sickness::all().flat_map(|sickness| {
            let cuts = Cut::ALL.into_iter().map(Some);
            let alone = (!own_ends(sickness).is_empty()).then_some(None);
            cuts.chain(alone).map(move |cut| Self { sickness, cut })
        })
    }

    fn name(self) -> String {
        let cut = self.cut.map_or("alone".to_owned(), |cut| format!("{cut:?}").to_lowercase());
        format!("{}/{cut}", self.sickness)
    }

    fn is_flooded(self) -> bool {
        self.sickness.manner == Manner::Flood
    }

    /// Runs the cell against its router. Fails with what was wrong.
    async fn run(self, settings: Arc<SshSettings>, router: LabRouter) -> Result<(), String> {
        let Sickness { stage, .. } = self.sickness;
        let config = config(router.address());
        let checked = match self.cut {
            Some(cut) => {
                let mut limit = self.deadline();
                let mut ended;
                let mut doublings = 0;
                loop {
                    let operation = prepare(stage, &settings, &config).await?;
                    ended = cut.run(phase_of(stage), limit, operation).await;
                    // A busy machine may meet the deadline before it comes to the stage. That is
                    // no look at this cell; the next has twice the time.
                    let is_early = matches!(cut, Cut::Deadline) && ended.is_before(phase_of(stage));
                    if !is_early || doublings == DOUBLINGS_MAX {
                        break;
                    }
                    doublings += 1;
                    limit *= 2;
                }
                if ended.late > TOLERANCE {
                    return Err(format!("back only {:?} after the cut", ended.late));
                }
                if ended.phase != Some(phase_of(stage)) {
                    return Err(format!("the trace ends in {:?}", ended.phase));
                }
                match ended.result {
                    None => Ok(()),
                    Some(result) => self.check(result, ended.is_cut.then(|| cut.error_kind())),
                }
            }
            None => {
                let operation = prepare(stage, &settings, &config).await?;
                self.check(operation(patient()).await, None)
            }
        };
        checked?;
        let gone = async {
            while router.connections_open() > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SETTLE_TIME_MAX, gone).await.map_err(|_| "the router still has a client".to_owned())
    }

    /// Whether `result` is what a cut brings, or one of the ends that the sickness brings itself.
    fn check(self, result: Result<()>, cut: Option<ErrorKind>) -> Result<(), String> {
        let own = own_ends(self.sickness);
        match result {
            Ok(()) if own.contains(&End::Done) => Ok(()),
            Ok(()) => Err("it came to an end".to_owned()),
            Err(error) if error.phase() != Some(phase_of(self.sickness.stage)) => {
                Err(format!("the phase is {:?}: {error}", error.phase()))
            }
            Err(error) if cut == Some(error.kind()) => Ok(()),
            Err(error) if own.contains(&End::Failed(error.kind())) => Ok(()),
            Err(error) => Err(format!("{}: {error}", error.kind())),
        }
    }

    /// Long enough to come to the stage, also on a busy machine.
    fn deadline(self) -> Duration {
        match self.sickness {
            // An error of its own after a second, and the deadline must come first.
            Sickness { stage: Stage::Banner, manner: Manner::Flood } => Duration::from_millis(700),
            // The login, of which this operation is a part, is arithmetic.
            Sickness { stage, .. } if is_login(stage) => Duration::from_millis(2500),
            _ => Duration::from_millis(1200),
        }
    }
}

/// How an operation ends that nobody cuts short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    Failed(ErrorKind),
}

/// The ends that a sickness brings by itself, within seconds; none if it would hold the operation
/// for ever.
fn own_ends(sickness: Sickness) -> &'static [End] {
    const HUNG_UP: &[End] = &[End::Failed(ErrorKind::Disconnected)];
    const STRANGE: &[End] =
        &[End::Failed(ErrorKind::Protocol), End::Failed(ErrorKind::Disconnected)];
    match (sickness.stage, sickness.manner) {
        // A farewell waits for nobody. Whether it could be sent is a matter of luck.
        (Stage::Disconnect, _) => &[End::Done, End::Failed(ErrorKind::Disconnected)],
        // Output without end is more than the limit.
        (Stage::Reading, Manner::Flood) => &[End::Failed(ErrorKind::OutputLimit)],
        // Cut off after one second, and five. Behind the offer it is a violation at once, upon
        // which the router may hang up as well.
        (Stage::Banner | Stage::KeyExchange, Manner::Flood) => &[End::Failed(ErrorKind::Protocol)],
        (Stage::HostKey, Manner::Flood) => STRANGE,
        // A peer that talks beside the point answers all the same.
        (Stage::Close, Manner::Flood) => &[End::Done],
        (_, Manner::Silent | Manner::Drip | Manner::Flood) => &[],
        (_, Manner::Reset | Manner::HalfClose) => HUNG_UP,
        (_, Manner::Garbage) => STRANGE,
    }
}

/// The phase in which an operation waits at a stage.
fn phase_of(stage: Stage) -> Phase {
    match stage {
        Stage::Banner => Phase::Banner,
        // Nothing of the key exchange is seen before all of it is there.
        Stage::KeyExchange | Stage::HostKey => Phase::KeyExchange,
        Stage::Authentication => Phase::Authentication,
        Stage::ChannelOpen => Phase::ChannelOpen,
        Stage::Pty => Phase::Pty,
        Stage::Shell => Phase::Shell,
        Stage::Exec | Stage::Writing => Phase::Write,
        Stage::FirstByte | Stage::Reading => Phase::Read,
        Stage::Close | Stage::Disconnect => Phase::Close,
    }
}

fn is_login(stage: Stage) -> bool {
    stage <= Stage::Authentication || matches!(stage, Stage::Pty | Stage::Shell)
}

type Operation = Box<dyn FnOnce(Context) -> Pending + Send>;
type Pending = std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>;

fn operation<F: Future<Output = Result<()>> + Send + 'static>(
    run: impl FnOnce(Context) -> F + Send + 'static,
) -> Operation {
    Box::new(|ctx| Box::pin(run(ctx)))
}

/// The operation that comes to `stage`. What comes before it and can be apart from it is done.
async fn prepare(
    stage: Stage,
    settings: &Arc<SshSettings>,
    config: &ConnectionConfig,
) -> Result<Operation, String> {
    let sessions = SshFactory::new(settings.clone());
    let shells = SshConnector::new(settings.clone());
    let ready = patient();
    let failed = |error| format!("cannot prepare: {error}");
    let config = config.clone();
    Ok(match stage {
        Stage::Banner | Stage::KeyExchange | Stage::HostKey | Stage::Authentication => {
            operation(async move |ctx| sessions.create_with_context(&ctx, &config).await.map(drop))
        }
        Stage::Pty | Stage::Shell => {
            operation(async move |ctx| shells.connect(&ctx, &config).await.map(drop))
        }
        Stage::ChannelOpen | Stage::Exec | Stage::FirstByte | Stage::Reading => {
            let mut session =
                sessions.create_with_context(&ready, &config).await.map_err(failed)?;
            let request = Request::command("ping -c 5 198.51.100.1").map_err(failed)?;
            operation(async move |ctx| session.execute(&ctx, &request).await.map(drop))
        }
        Stage::Writing => {
            let mut shell = shells.connect(&ready, &config).await.map_err(failed)?;
            operation(async move |ctx| {
                loop {
                    shell.write_all(&ctx, &[b'x'; 256 * 1024]).await?;
                }
            })
        }
        Stage::Close => {
            let mut shell = shells.connect(&ready, &config).await.map_err(failed)?;
            // With output still to come libssh2 would not wait for the peer's close.
            let mut output = BytesMut::new();
            while !output.ends_with(b"$ ") {
                shell.read(&ready, &mut output).await.map_err(failed)?;
            }
            operation(async move |ctx| shell.close(&ctx).await)
        }
        Stage::Disconnect => {
            let session = sessions.create_with_context(&ready, &config).await.map_err(failed)?;
            operation(async move |ctx| session.close(&ctx).await)
        }
    })
}

#[test]
fn every_cell_is_back_in_time_with_the_right_error_and_leaves_nothing() {
    let specs = Cell::all().map(|cell| RouterSpec::new(cell.name(), "linux").sick(cell.sickness));
    let lab = on_peers(Lab::start(specs.collect())).unwrap();
    let rig = Rig::with_threads(16);
    let quiet = Arc::new(Semaphore::new(QUIET_CELLS));
    let flooded = Arc::new(Semaphore::new(FLOODED_CELLS));
    let wrong = rig.run_within(ALL_CELLS_TIME_MAX, async {
        let mut cells = JoinSet::new();
        for cell in Cell::all() {
            let turns = if cell.is_flooded() { flooded.clone() } else { quiet.clone() };
            let (settings, router) = (rig.settings.clone(), lab.router(&cell.name()).clone());
            cells.spawn(async move {
                let _turn = turns.acquire().await.unwrap();
                let result = cell.run(settings, router).await;
                result.err().map(|problem| format!("{}: {problem}", cell.name()))
            });
        }
        cells.join_all().await.into_iter().flatten().collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    for router in lab.routers() {
        rig.assert_nothing_remains(router.address());
    }
}
