//! The running daemon, asked by a command.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Usage;
use crate::cli::DaemonArgs;
use crate::control::{Answer, Request, ask};
use crate::settings::{self, Environment};
use crate::status::Status;

/// Where the packaged service listens.
const SOCKET_DEFAULT: &str = "/run/monitord/control.sock";
/// How long the daemon may take to say what it knows.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the daemon is asked: at the socket that is named, at that of the configuration, or where
/// the packaged service listens.
///
/// # Errors
///
/// When the configuration cannot be read.
pub(super) fn socket(args: &DaemonArgs) -> Result<PathBuf> {
    if let Some(socket) = &args.socket {
        return Ok(socket.clone());
    }
    let Some(config) = &args.config else { return Ok(SOCKET_DEFAULT.into()) };
    let configured = settings::control_socket(config, &Environment::of_process(), &[])?;
    Ok(configured.unwrap_or_else(|| SOCKET_DEFAULT.into()))
}

/// Asks the daemon, from a command that does nothing else meanwhile.
///
/// # Errors
///
/// When it cannot be reached or does not answer, and [`Usage`] when it refuses.
pub(super) fn ask_at(socket: &Path, request: &Request, patience: Duration) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let answer = runtime.context("cannot start")?.block_on(ask(socket, request, patience))?;
    match answer {
        Answer::Refused(reason) => Err(Usage(reason).into()),
        answer => Ok(answer),
    }
}

/// What it knows of itself: of the lines that are named, and of so many others, the worst first.
///
/// # Errors
///
/// As [`ask_at`].
pub(super) fn status_at(socket: &Path, named: Vec<String>, worst: usize) -> Result<Status> {
    match ask_at(socket, &Request::Status { named, worst }, STATUS_TIMEOUT)? {
        Answer::Status(status) => Ok(*status),
        _ => bail!("the daemon answers something else than it was asked"),
    }
}

/// Whether `error` says that nobody listens at the socket.
pub(super) fn is_absent(error: &anyhow::Error) -> bool {
    let gone = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().map(io::Error::kind)
    };
    error.chain().filter_map(kind).any(|kind| gone.contains(&kind))
}
