use std::time::Duration;

use anyhow::{Result, bail};

use super::{Exit, daemon};
use crate::cli::ReloadArgs;
use crate::control::{Answer, Request};
use crate::output::{Output, complain};

/// How long a reload may take: secrets that come from commands, and sinks that end what they are at.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Has the running daemon read its configuration again, and says what has changed or why nothing has.
pub(super) fn execute(args: &ReloadArgs) -> Result<Exit> {
    let request = Request::Reload { timeout_s: TIMEOUT.as_secs() };
    match daemon::ask_at(&daemon::socket(&args.daemon)?, &request, TIMEOUT)? {
        Answer::Reloaded(changes) if changes.is_empty() => {
            Output::default().write("the configuration is what runs already\n")?;
            Ok(Exit::Ok)
        }
        Answer::Reloaded(changes) => {
            let lines: Vec<_> =
                changes.iter().map(|change| format!("changed: {change}\n")).collect();
            Output::default().write(&lines.concat())?;
            Ok(Exit::Ok)
        }
        Answer::NotReloaded(problem) => {
            complain(&format!("not taken over, what ran before goes on: {problem}"));
            Ok(Exit::Config)
        }
        other => bail!("the daemon's answer makes no sense: {other:?}"),
    }
}
