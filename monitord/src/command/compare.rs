//! A trial beside what the predecessor reported meanwhile.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use tokio::time::timeout;

use super::{Exit, Usage, prepare};
use crate::app::Parts;
use crate::cli::{CompareArgs, Format};
use crate::compare::{Comparison, Summary, Theirs, Trial, page, reported};
use crate::inventory::zabbix::History;
use crate::output::{Output, with_progress};
use crate::settings::{ItemKeys, Settings};

/// Compares, and writes nothing anywhere.
pub(super) fn execute(args: &CompareArgs, parts: &Parts) -> Result<Exit> {
    let settings = prepare(&args.config, parts)?;
    let mut trial = read(args, &settings)?;
    let mut theirs = ask(args, &settings, &trial)?;
    let Some((summary, lines)) = Summary::of(&mut trial, &mut theirs, args.first) else {
        bail!(
            "there is nothing to compare: Zabbix has no value of the time of these {} lines that \
             monitord has not reported itself",
            trial.lines.len()
        );
    };
    let text = match args.output {
        Format::Table => page(&summary, &lines),
        Format::Json => json(&summary, &lines)?,
    };
    Output::default().write(&text)?;
    Ok(if args.fail && summary.unexplained > 0 { Exit::Failed } else { Exit::Ok })
}

/// What the trial saw.
fn read(args: &CompareArgs, settings: &Settings) -> Result<Trial> {
    let files = files(args, settings)?;
    let only: BTreeSet<_> = args.lines.iter().map(String::as_str).collect();
    let mut trial = Trial::default();
    for path in &files {
        let source: Box<dyn BufRead> = match path.to_str() {
            Some("-") => Box::new(io::stdin().lock()),
            _ => Box::new(BufReader::new(opened(path)?)),
        };
        trial.read(source, &only).with_context(|| path.display().to_string())?;
    }
    trial.sort();
    if trial.lines.is_empty() {
        let named: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
        bail!("there is nothing to compare: no such outcome is in {}", named.join(", "));
    }
    Ok(trial)
}

fn opened(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The files that are named, or else the one that outcomes are written to, with those before it.
fn files(args: &CompareArgs, settings: &Settings) -> Result<Vec<PathBuf>> {
    if !args.files.is_empty() {
        return Ok(args.files.clone());
    }
    let Some(file) = &settings.file else {
        let text = "monitord: this configuration has no file.path: name the files with the outcomes \
                    of the trial, or - for standard input";
        return Err(Usage(text.to_owned()).into());
    };
    let rotated = (1..file.files_max).map(|number| {
        let mut name = file.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    });
    let mut files: Vec<_> = rotated.filter(|path| path.exists()).collect();
    files.push(file.path.clone());
    Ok(files)
}

/// What was reported meanwhile.
fn ask(args: &CompareArgs, settings: &Settings, trial: &Trial) -> Result<Theirs> {
    let Some(api) = &settings.api else {
        let text =
            "monitord: this configuration has no zabbix.api: needed is where values are read";
        return Err(Usage(text.to_owned()).into());
    };
    let keys =
        settings.zabbix.as_ref().map_or_else(ItemKeys::default, |zabbix| zabbix.items.clone());
    let mut history = History::new(api).context("the values in Zabbix")?;
    let (done, total) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let tell = |is: usize, of: usize| {
        done.store(is, Ordering::Relaxed);
        total.store(of, Ordering::Relaxed);
    };
    let at = || {
        let (done, total) = (done.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
        format!("Zabbix is asked for values: {done} of {total} times")
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime to ask Zabbix on")?;
    let asking = async { timeout(args.timeout, reported(&mut history, trial, &keys, tell)).await };
    let theirs = runtime.block_on(with_progress(asking, at));
    // The resolver may hang.
    runtime.shutdown_background();
    theirs.with_context(|| format!("Zabbix takes longer than {:?}: see --timeout", args.timeout))?
}

/// Each line, and then all together.
fn json(summary: &Summary, lines: &[Comparison]) -> Result<String> {
    /// Told apart from lines by its key.
    #[derive(Serialize)]
    struct Last<'a> {
        summary: &'a Summary,
    }
    let mut text = String::new();
    for line in lines {
        text += &serde_json::to_string(line).context("cannot write JSON")?;
        text.push('\n');
    }
    text += &serde_json::to_string(&Last { summary }).context("cannot write JSON")?;
    Ok(text + "\n")
}
