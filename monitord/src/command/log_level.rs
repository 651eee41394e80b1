use std::time::Duration;

use anyhow::{Result, bail};

use super::{Exit, Usage, daemon};
use crate::cli::{Format, LogLevelArgs};
use crate::control::{Answer, LogChange, LogException, LogLevels, Request};
use crate::output::Output;
use crate::telemetry::Scope;

/// How long the daemon may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Has the running daemon log otherwise for a time, and shows how it logs.
pub(super) fn execute(args: &LogLevelArgs) -> Result<Exit> {
    let request = Request::LogLevel(change(args)?);
    let levels = match daemon::ask_at(&daemon::socket(&args.daemon)?, &request, TIMEOUT)? {
        Answer::LogLevels(levels) => levels,
        other => bail!("the daemon's answer makes no sense: {other:?}"),
    };
    Output::default().write(&match args.output {
        Format::Json => serde_json::to_string(&levels)? + "\n",
        Format::Table => table(&levels),
    })?;
    Ok(Exit::Ok)
}

fn change(args: &LogLevelArgs) -> Result<LogChange> {
    let scope = match (&args.router, &args.line) {
        (Some(router), _) => Some(Scope::Router(router.clone())),
        (None, Some(line)) => Some(Scope::Line(line.clone())),
        (None, None) => None,
    };
    match args.level {
        _ if args.reset => Ok(LogChange::Reset(scope)),
        Some(level) => {
            let (scope, for_s) = (scope.unwrap_or(Scope::All), args.time.as_secs().max(1));
            Ok(LogChange::Set { scope, level, for_s })
        }
        None if scope.is_none() => Ok(LogChange::None),
        None => Err(Usage("a level is missing, or --reset".to_owned()).into()),
    }
}

fn table(levels: &LogLevels) -> String {
    let mut text = format!("{}  as configured\n", levels.configured.as_str());
    for LogException { scope, level, left_s } in &levels.exceptions {
        let left = humantime::format_duration(Duration::from_secs(*left_s));
        text.push_str(&format!("{}  {scope}, for {left}\n", level.as_str()));
    }
    text
}
