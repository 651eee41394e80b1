//! What can be looked at without the daemon: the configuration, the spool, the socket.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use super::finding::{Finding, counted};
use crate::command::{Parts, explain, parts_in};
use crate::settings::{self, Environment, Settings};
use crate::spool::{Database, Directory};

/// Whether the configuration at `path` would be taken at a start.
pub(super) fn configuration(path: &Path, findings: &mut Vec<Finding>) -> Option<Settings> {
    let environment = Environment::of_process();
    let load = || {
        let directory = settings::definitions_directory(path, &environment, &[])?;
        let parts: Parts = parts_in(directory)?;
        Ok::<_, anyhow::Error>(settings::load(path, &environment, &[], &parts.catalog())?)
    };
    match load() {
        Ok(settings) => Some(settings),
        Err(error) => {
            let details: Vec<_> = explain(&error).lines().map(str::to_owned).collect();
            let what = format!(
                "the configuration {} is not valid: {} in it",
                path.display(),
                counted(details.len(), "problem")
            );
            let next = "correct it, and try `monitord validate --offline`; with it no start succeeds, and a \
                        running daemon goes on with what it had";
            findings.push(Finding::problem("configuration", what).with(details).next(next));
            None
        }
    }
}

/// What the spool says of itself: that it can be opened, and which items are refused.
pub(super) fn spool(settings: &Settings, findings: &mut Vec<Finding>) {
    let Some(path) = &settings.spool.directory else { return };
    let directory = Directory::new(path);
    let file = directory.database();
    // Before the first start there is none, which is no fault.
    if !file.exists() {
        return;
    }
    let held = Database::open_to_read(&file).and_then(|database| {
        let mut held = Vec::new();
        for sink in database.sinks()? {
            held.extend(database.held(&sink.name)?);
        }
        Ok(held)
    });
    match held {
        Err(error) => {
            let what = format!("the spool {} cannot be opened: {error}", file.display());
            let next = "who asks must be the user of the daemon; if it is damaged, stop the daemon and \
                        run `monitord spool repair`";
            findings.push(Finding::problem("spool", what).next(next));
        }
        Ok(held) if held.is_empty() => {}
        Ok(held) => {
            let detail =
                |held: &crate::spool::Held| format!("{} {}: {}", held.line, held.item, held.reason);
            let what = format!("Zabbix refuses {}: their values wait", counted(held.len(), "item"));
            let next = "import the template (`monitord zabbix template`), link it to the hosts, and see \
                        that the hosts are enabled and of this proxy; what waits is delivered then";
            let details = held.iter().map(detail).collect();
            let lines =
                held.iter().map(|held| &held.line).collect::<std::collections::BTreeSet<_>>();
            let finding = Finding::problem("zabbix", what).of_lines(lines.len());
            findings.push(finding.with(details).next(next));
        }
    }
}

/// Why the daemon was not reached at `socket`.
pub(super) fn absent(socket: &Path, is_set: bool, error: &anyhow::Error) -> Finding {
    let what = format!("the daemon cannot be asked: {error:#}");
    let mut details = Vec::new();
    match fs::symlink_metadata(socket) {
        Ok(found) if !found.file_type().is_socket() => {
            details.push(format!("{} is no socket", socket.display()));
        }
        Ok(found) => details.push(format!(
            "{} has mode {:04o} and belongs to user {}; only that user and root may ask",
            socket.display(),
            found.mode() & 0o7777,
            found.uid()
        )),
        Err(error) => details.push(format!("{}: {error}", socket.display())),
    }
    if !is_set {
        details.push("control.socket is not set in the configuration".to_owned());
    }
    let next = "start it (`systemctl start monitord`), ask as its user, or set control.socket; what can \
                be looked at without it follows";
    Finding::problem("daemon", what).with(details).next(next)
}
