//! Everything about one line: how it is checked and who said so, what the running daemon knows of
//! it, and a check of its own, looked at from all sides.

mod known;
mod parameters;

use anyhow::{Result, anyhow};
use scheduler::{Line, Router};
use serde::Serialize;

use self::known::Known;
use self::parameters::{Parameter, parameters};
use super::probe::{Findings, ProbeView, Trial, page};
use super::{Exit, Usage, daemon, prepare, zabbix_lines};
use crate::app::Parts;
use crate::cli::{DaemonArgs, DebugArgs, Format};
use crate::inventory::unresolved;
use crate::output::{Output, Paint, complain};
use crate::settings::{Environment, Origins, Settings, nearest};

/// Shows everything about a line.
pub(super) fn execute(args: &DebugArgs, parts: &Parts) -> Result<Exit> {
    let mut settings = prepare(&args.config, parts)?;
    // A line of the configuration can be looked at also while Zabbix is away.
    let away = zabbix_lines::add(&mut settings, parts).err();
    let (line, router) = find(&settings, &args.line, away)?;
    let config = &args.config;
    let origins = Origins::read(&config.config, &Environment::of_process(), &config.overrides)?;
    let parameters = parameters(line, router, &origins);
    let known = known(args);
    let reason = unresolved::reason_of(router).map(str::to_owned);
    let trial = (reason.is_none() && !args.no_check).then(|| Trial {
        protocol: router.protocol,
        config: router.connection.clone(),
        line: line.clone(),
    });
    let findings = trial.as_ref().map(|trial| trial.run(parts, &settings.ssh)).transpose()?;
    let about = About { args, parameters, known, reason, router, findings };
    let text = match args.output {
        Format::Json => serde_json::to_string(&about.view())? + "\n",
        Format::Table => about.text(Paint::of_stdout()),
    };
    Output::default().write(&text)?;
    let is_good = about.reason.is_none() && about.findings.is_none_or(|f| f.are_good());
    Ok(if is_good { Exit::Ok } else { Exit::Failed })
}

/// The line and its router. When Zabbix is away, it may be one of those that are there.
fn find<'s>(
    settings: &'s Settings,
    id: &str,
    away: Option<anyhow::Error>,
) -> Result<(&'s Line, &'s Router)> {
    let inventory = &settings.inventory;
    let line = inventory.lines.iter().find(|line| line.id.as_str() == id);
    let router = line.and_then(|line| inventory.routers.iter().find(|r| r.name == line.router));
    match (line.zip(router), away) {
        (Some(found), away) => {
            if let Some(error) = away {
                complain(&format!("monitord: lines from Zabbix are not looked at: {error:#}"));
            }
            Ok(found)
        }
        (None, Some(error)) => {
            Err(error.context(format!("no line {id:?} in the configuration, and not in Zabbix")))
        }
        (None, None) => {
            let ids = inventory.lines.iter().map(|line| line.id.as_str());
            let like =
                nearest(id, ids).map_or_else(String::new, |n| format!("; did you mean {n}?"));
            Err(Usage(format!("there is no line {id:?}: see `monitord lines`{like}")).into())
        }
    }
}

/// What the daemon knows, or why that cannot be told.
fn known(args: &DebugArgs) -> Result<Known> {
    let config = Some(args.config.config.clone());
    let socket = daemon::socket(&DaemonArgs { socket: args.socket.clone(), config })?;
    let status = daemon::status_at(&socket, vec![args.line.clone()], 0);
    let status = status.map_err(|error| {
        if daemon::is_absent(&error) {
            anyhow!(
                "no daemon listens at {}: it does not run, or control.socket is another",
                socket.display()
            )
        } else {
            error
        }
    })?;
    Ok(Known::of(status, &args.line))
}

/// All that was found.
struct About<'a> {
    args: &'a DebugArgs,
    parameters: Vec<Parameter>,
    known: Result<Known>,
    /// Why it cannot be checked, if it cannot.
    reason: Option<String>,
    router: &'a Router,
    findings: Option<Findings>,
}

#[derive(Debug, Serialize)]
struct View<'a> {
    line: &'a str,
    parameters: &'a [Parameter],
    daemon: Option<&'a Known>,
    daemon_error: Option<String>,
    unresolved: Option<&'a str>,
    check: Option<ProbeView<'a>>,
}

impl About<'_> {
    fn view(&self) -> View<'_> {
        let protocol = self.router.protocol;
        View {
            line: &self.args.line,
            parameters: &self.parameters,
            daemon: self.known.as_ref().ok(),
            daemon_error: self.known.as_ref().err().map(|error| format!("{error:#}")),
            unresolved: self.reason.as_deref(),
            check: self.findings.as_ref().map(|findings| ProbeView::new(findings, protocol, true)),
        }
    }

    fn text(&self, paint: Paint) -> String {
        let daemon = match &self.known {
            Ok(known) => known.text(),
            Err(error) => format!("{error:#}\n"),
        };
        let mut text = format!(
            "{}\n{}\n{}\n{daemon}",
            paint.bold(&format!("LINE {}", self.args.line)),
            parameters::text(&self.parameters),
            paint.bold("DAEMON"),
        );
        if let Some(reason) = &self.reason {
            text += &format!("\n{} cannot be checked: {reason}\n", paint.red("UNRESOLVED"));
        }
        if let Some(findings) = &self.findings {
            let page = page(findings, self.router.protocol, true, paint);
            text += &format!("\n{}\n{page}", paint.bold("CHECK"));
        }
        text
    }
}
