use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{Exit, Usage};
use crate::cli::{CheckNowArgs, Format};
use crate::control::{Answer, Request, ask};
use crate::output::{Output, complain};
use crate::settings::{self, Environment};

/// Where the packaged service listens.
const SOCKET_DEFAULT: &str = "/run/monitord/control.sock";

/// Has the running daemon check lines at once, and shows their outcomes.
pub(super) fn execute(args: CheckNowArgs) -> Result<Exit> {
    let socket = socket(&args)?;
    let timeout_s = args.timeout.as_secs().max(1);
    let request =
        Request::CheckNow { lines: args.lines.clone(), router: args.router.clone(), timeout_s };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start")?;
    let checked = match runtime.block_on(ask(&socket, &request, args.timeout))? {
        Answer::Checked(checked) => checked,
        Answer::Refused(reason) => return Err(Usage(reason).into()),
    };
    Output::default().write(match args.output {
        Format::Json => &checked.json,
        Format::Table => &checked.table,
    })?;
    if !checked.unanswered.is_empty() {
        complain(&format!("no outcome in time: {}", checked.unanswered.join(", ")));
    }
    Ok(if checked.all_measured { Exit::Ok } else { Exit::Failed })
}

fn socket(args: &CheckNowArgs) -> Result<PathBuf> {
    if let Some(socket) = &args.socket {
        return Ok(socket.clone());
    }
    let Some(config) = &args.config else { return Ok(SOCKET_DEFAULT.into()) };
    let configured = settings::control_socket(config, &Environment::of_process(), &[])?;
    Ok(configured.unwrap_or_else(|| SOCKET_DEFAULT.into()))
}
