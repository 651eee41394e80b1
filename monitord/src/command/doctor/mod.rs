//! What is wrong now, most likely first, and what to do next.

mod delivery;
mod finding;
mod lines;
mod local;
mod routers;

use std::cmp::Reverse;

use anyhow::Result;
use serde::Serialize;

use self::finding::{Finding, Severity, counted};
use super::{Exit, daemon};
use crate::cli::{DoctorArgs, Format};
use crate::output::{Output, Paint};
use crate::settings::{self, Environment};
use crate::status::{ProcessView, Status};

/// How many lines the daemon is asked for, beside the totals.
const LINES_ASKED: usize = 2000;

/// Looks at everything, and says what is wrong.
pub(super) fn execute(args: &DoctorArgs) -> Result<Exit> {
    let mut findings = Vec::new();
    let config = args.daemon.config.as_deref();
    let settings = config.and_then(|path| local::configuration(path, &mut findings));
    // A configuration of which nothing can be read does not say where the daemon is.
    let status = match daemon::socket(&args.daemon) {
        Ok(socket) => match daemon::status_at(&socket, Vec::new(), LINES_ASKED) {
            Ok(status) => Some(status),
            Err(error) => {
                let is_set = args.daemon.socket.is_some() || config.is_none_or(has_socket);
                findings.push(local::absent(&socket, is_set, &error));
                None
            }
        },
        Err(_) => None,
    };
    if let Some(status) = &status {
        examine(status, &mut findings);
    }
    if let Some(settings) = &settings {
        local::spool(settings, &mut findings);
    }
    // Stable: among equals the order in which they were looked for.
    findings.sort_by_key(|finding| (finding.severity, Reverse(finding.lines)));
    let text = match args.output {
        Format::Json => {
            let daemon = status.as_ref().map(|status| &status.process);
            serde_json::to_string(&Report { daemon, findings: &findings })? + "\n"
        }
        Format::Table => report(&findings, status.as_ref(), Paint::of_stdout()),
    };
    Output::default().write(&text)?;
    Ok(if findings.is_empty() { Exit::Ok } else { Exit::Failed })
}

fn has_socket(config: &std::path::Path) -> bool {
    settings::control_socket(config, &Environment::of_process(), &[]).is_ok_and(|at| at.is_some())
}

fn examine(status: &Status, findings: &mut Vec<Finding>) {
    routers::failing(status, findings);
    routers::short(status, findings);
    delivery::judge(status, findings);
    lines::judge(status, findings);
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    /// Absent when it cannot be asked.
    daemon: Option<&'a ProcessView>,
    findings: &'a [Finding],
}

fn report(findings: &[Finding], status: Option<&Status>, paint: Paint) -> String {
    let mut text = String::new();
    for finding in findings {
        text += &finding.text(paint);
        text.push('\n');
    }
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let verdict = match (count(Severity::Problem), count(Severity::Warning)) {
        (0, 0) => paint.green("nothing is wrong"),
        (problems, warnings) => {
            format!("{}, {}", counted(problems, "problem"), counted(warnings, "warning"))
        }
    };
    match status {
        Some(Status { process, totals, .. }) => format!(
            "{text}{verdict}; monitord {}, pid {}, since {}: {} on {}\n",
            process.version,
            process.pid,
            process.started_at,
            counted(totals.lines, "line"),
            counted(totals.routers, "router")
        ),
        None => format!("{text}{verdict}; the daemon was not asked\n"),
    }
}

#[cfg(test)]
mod tests;
