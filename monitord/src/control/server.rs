use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use pool_core::Context;
use scheduler::{Answers, CheckResult, Checker, LineId, RouterName, Wanted};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use super::{Answer, Checked, LogChange, LogException, LogLevels, Request};
use crate::inventory::Reload;
use crate::report::{outcome_line, outcome_table};
use crate::status::{Collector, Selection};
use crate::telemetry::{Exception, LogControl};

/// Requests at the same time; others wait to be accepted. One operator has one.
const CONNECTIONS_MAX: usize = 8;
/// The longest request: a thousand names of lines.
const REQUEST_BYTES_MAX: u64 = 256 << 10;
/// How long a client may take to say what it wants, or to read what it is told.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest time that a client may wait for what it wants.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// How many lines are told of at once, beside those that are named.
const LINES_TOLD_MAX: usize = 2000;
/// The longest time for which something is logged otherwise than is configured.
const LOG_TIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often a client is looked at that says no more.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The socket at which the daemon is asked, open as long as this lives.
#[derive(Debug)]
pub(crate) struct Control {
    path: PathBuf,
    _serving: AbortOnDropHandle<()>,
}

impl Control {
    /// Opens the socket at `path`, for this user only.
    ///
    /// # Errors
    ///
    /// When another daemon listens there, or something else stands there, and when the directory
    /// cannot be written to.
    pub(crate) async fn open(path: &Path, server: Arc<Server>) -> Result<Self> {
        let listener = listen(path).await?;
        let serving = AbortOnDropHandle::new(tokio::spawn(server.serve(listener)));
        Ok(Self { path: path.to_owned(), _serving: serving })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            debug!(path = %self.path.display(), %error, "the control socket cannot be removed");
        }
    }
}

/// Opened under another name first, so that nobody else can open it before it is this user's only.
async fn listen(path: &Path) -> Result<UnixListener> {
    let place = path.display();
    make_room(path).await?;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let listener =
        UnixListener::bind(&draft).with_context(|| format!("{place}: cannot be opened"))?;
    let opened = fs::set_permissions(&draft, fs::Permissions::from_mode(0o600))
        .and_then(|()| fs::rename(&draft, path));
    if let Err(error) = opened {
        fs::remove_file(&draft).ok();
        return Err(error).with_context(|| format!("{place}: cannot be opened"));
    }
    Ok(listener)
}

/// Only what a daemon that was killed has left may be replaced.
async fn make_room(path: &Path) -> Result<()> {
    let place = path.display();
    let kind = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("{place}: cannot be looked at")),
    };
    if !kind.is_socket() {
        bail!("{place}: is there already, and no socket");
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        // When nothing is refused but that nobody accepts, somebody listens all the same.
        Ok(_) | Err(_) => bail!("{place}: another daemon listens there"),
    }
}

/// Answers what is asked at the socket.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) checker: Checker,
    pub(crate) status: Arc<Collector>,
    pub(crate) reloads: mpsc::Sender<Reload>,
    pub(crate) log: LogControl,
    pub(crate) shutdown: CancellationToken,
}

impl Server {
    async fn serve(self: Arc<Self>, listener: UnixListener) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let permit = permits.clone().acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _)) => {
                    let server = self.clone();
                    tokio::spawn(async move {
                        server.exchange(stream).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    warn!(%error, "the control socket does not accept");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Reads a request, does what it says and answers; whoever is too slow is let go.
    async fn exchange(&self, mut stream: UnixStream) {
        let mut line = String::new();
        let reading = async {
            let (reader, _) = stream.split();
            BufReader::new(reader.take(REQUEST_BYTES_MAX)).read_line(&mut line).await
        };
        if !matches!(timeout(EXCHANGE_TIMEOUT, reading).await, Ok(Ok(1..))) {
            return;
        }
        let answer = match serde_json::from_str(&line) {
            Ok(request) => tokio::select! {
                answer = self.answer(request) => answer,
                // Nobody is there any more to be told, and somebody else may want the place.
                () = hung_up(&mut stream) => return,
            },
            Err(error) => Answer::Refused(format!("this is no request: {error}")),
        };
        let Ok(mut text) = serde_json::to_string(&answer) else { return };
        text.push('\n');
        if timeout(EXCHANGE_TIMEOUT, stream.write_all(text.as_bytes())).await.is_err() {
            debug!("nobody reads the answer on the control socket");
        }
    }

    async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::CheckNow { lines, router, timeout_s } => {
                self.check_now(lines, router, Duration::from_secs(timeout_s)).await
            }
            Request::Status { named, worst } => {
                let worst = worst.min(LINES_TOLD_MAX);
                Answer::Status(Box::new(self.status.collect(&Selection::Some { named, worst })))
            }
            Request::Reload { timeout_s } => self.reload(timeout_s).await,
            Request::LogLevel(change) => self.log_level(change),
        }
    }

    /// Has the configuration read again. What is not done in time goes on without whoever asked.
    async fn reload(&self, timeout_s: u64) -> Answer {
        let time = Duration::from_secs(timeout_s).min(TIMEOUT_MAX);
        let asking = async {
            let (answer, answered) = oneshot::channel();
            self.reloads.send(Reload { answer }).await.ok()?;
            answered.await.ok()
        };
        match timeout(time, asking).await {
            Ok(Some(Ok(changes))) => Answer::Reloaded(changes),
            Ok(Some(Err(problem))) => Answer::NotReloaded(problem),
            Ok(None) => Answer::Refused("the daemon is ending".to_owned()),
            Err(_) => Answer::Refused(format!(
                "the configuration was not read within {time:?}: see the log for how it ends"
            )),
        }
    }

    fn log_level(&self, change: LogChange) -> Answer {
        match change {
            LogChange::None => {}
            LogChange::Reset(scope) => {
                self.log.end(scope.as_ref());
                let scope = scope.map(|scope| scope.to_string());
                info!(scope, "an operator ends what is logged otherwise");
            }
            LogChange::Set { scope, level, for_s } => {
                let time = Duration::from_secs(for_s);
                info!(%scope, level = level.as_str(), ?time, "an operator has it logged otherwise");
                if !self.log.except(scope, level, time.min(LOG_TIME_MAX)) {
                    return Answer::Refused(
                        "too much is logged otherwise already: reset some of it".to_owned(),
                    );
                }
            }
        }
        let (configured, exceptions) = self.log.levels();
        let now = Instant::now();
        let exceptions = exceptions.into_iter().map(|Exception { scope, level, until }| {
            let left_s = until.saturating_duration_since(now).as_secs();
            LogException { scope, level, left_s }
        });
        Answer::LogLevels(LogLevels { configured, exceptions: exceptions.collect() })
    }

    async fn check_now(
        &self,
        lines: Vec<String>,
        router: Option<String>,
        time: Duration,
    ) -> Answer {
        info!(lines = lines.len(), router, "an operator asks for checks");
        let wanted = match wanted(lines, router) {
            Ok(wanted) => wanted,
            Err(reason) => return Answer::Refused(reason),
        };
        let ctx = Context::new(&self.shutdown, time.min(TIMEOUT_MAX));
        match self.checker.check_now(&ctx, wanted).await {
            Ok(answers) => Answer::Checked(checked(answers)),
            Err(refused) => Answer::Refused(refused.to_string()),
        }
    }
}

/// Waits until the client has gone. Whatever else it says is not listened to.
async fn hung_up(stream: &mut UnixStream) {
    let mut more = [0; 64];
    while let Ok(1..) = stream.read(&mut more).await {}
    // It says no more, but may still listen.
    while stream.ready(Interest::WRITABLE).await.is_ok_and(|ready| !ready.is_write_closed()) {
        sleep(LOOK_EVERY).await;
    }
}

fn wanted(lines: Vec<String>, router: Option<String>) -> Result<Wanted, String> {
    match router {
        Some(_) if !lines.is_empty() => Err("allowed is either lines or a router".to_owned()),
        Some(name) => {
            let known = RouterName::new(&name).map_err(|error| format!("{name:?}: {error}"))?;
            Ok(Wanted::Router(known))
        }
        None if lines.is_empty() => Err("neither a line nor a router is named".to_owned()),
        None => {
            let known = |id: String| LineId::new(&id).map_err(|error| format!("{id:?}: {error}"));
            Ok(Wanted::Lines(lines.into_iter().map(known).collect::<Result<_, _>>()?))
        }
    }
}

fn checked(answers: Answers) -> Checked {
    let Answers { outcomes, unanswered } = answers;
    let measured = outcomes.iter().all(|o| matches!(o.result, CheckResult::Measured(_)));
    Checked {
        json: outcomes.iter().map(outcome_line).collect(),
        table: outcome_table(&outcomes).to_string(),
        all_measured: measured && unanswered.is_empty(),
        unanswered: unanswered.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_socket_of_a_daemon_that_is_gone_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let first = listen(&path).await.unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = format!("{:#}", listen(&path).await.unwrap_err());
        assert!(error.ends_with("control.sock: another daemon listens there"), "{error}");
        drop(first);
        drop(listen(&path).await.unwrap());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        let error = format!("{:#}", listen(&path).await.unwrap_err());
        assert!(error.ends_with("is there already, and no socket"), "{error}");
        let nowhere = folder.path().join("missing/control.sock");
        assert!(listen(&nowhere).await.is_err());
    }

    #[test]
    fn a_request_names_lines_or_a_router() {
        let line = || vec!["L1".to_owned()];
        assert!(matches!(wanted(line(), None), Ok(Wanted::Lines(lines)) if lines.len() == 1));
        assert!(matches!(wanted(vec![], Some("edge-1".to_owned())), Ok(Wanted::Router(_))));
        for (lines, router) in [
            (line(), Some("edge-1".to_owned())),
            (vec![], None),
            (vec![String::new()], None),
            (vec![], Some(String::new())),
        ] {
            assert!(wanted(lines, router).is_err());
        }
    }
}
