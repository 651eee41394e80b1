use anyhow::{Result, bail};

use super::{Exit, daemon};
use crate::cli::{CheckNowArgs, Format};
use crate::control::{Answer, Request};
use crate::output::{Output, complain};

/// Has the running daemon check lines at once, and shows their outcomes.
pub(super) fn execute(args: CheckNowArgs) -> Result<Exit> {
    let socket = daemon::socket(&args.daemon)?;
    let timeout_s = args.timeout.as_secs().max(1);
    let request =
        Request::CheckNow { lines: args.lines.clone(), router: args.router.clone(), timeout_s };
    let Answer::Checked(checked) = daemon::ask_at(&socket, &request, args.timeout)? else {
        bail!("the daemon answers something else than it was asked");
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
