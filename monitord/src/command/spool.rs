use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::{Exit, Usage, prepare};
use crate::app::Parts;
use crate::cli::{Format, SpoolArgs, SpoolCommand};
use crate::output::{self, Output};
use crate::report::Table;
use crate::spool::{Database, Directory, Record, rescue};

/// How many records are read at once. A reader that held the file for longer would keep the
/// daemon from clearing its log.
const PAGE_RECORDS: usize = 1000;
/// How long the look at the whole file may take when somebody asks for it.
const CHECK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);

/// Shows or repairs what waits for delivery.
pub(super) fn execute(args: &SpoolArgs, parts: &Parts) -> Result<Exit> {
    let settings = prepare(args.command.config(), parts)?;
    let Some(path) = settings.spool.directory else {
        let text = "monitord: this configuration has no spool.directory: outcomes wait in memory";
        return Err(Usage(text.to_owned()).into());
    };
    let directory = Directory::new(&path);
    match &args.command {
        SpoolCommand::Ls { limit, line, output, .. } => {
            list(&open(&directory)?, *limit, line.as_deref(), *output)
        }
        SpoolCommand::Stat { output, .. } => stat(&directory, *output),
        SpoolCommand::Export { line, .. } => export(&open(&directory)?, line.as_deref()),
        SpoolCommand::Repair { .. } => repair(&directory),
    }
}

fn open(directory: &Directory) -> Result<Database> {
    let path = directory.database();
    Database::open_to_read(&path)
        .with_context(|| format!("cannot open {} (see `monitord spool repair`)", path.display()))
}

/// Calls `each` with every record that is as it was written, oldest first, until it says stop.
/// Returns how many were not.
fn walk(
    database: &Database,
    line: Option<&str>,
    mut each: impl FnMut(Record) -> Result<bool>,
) -> Result<u64> {
    let (mut from, mut damaged) = (0, 0);
    loop {
        let rows = match line {
            Some(line) => database.read_line(line, from, i64::MAX as u64, PAGE_RECORDS),
            None => database.read(from, i64::MAX as u64, PAGE_RECORDS),
        };
        let rows = rows.context("the spool cannot be read (see `monitord spool repair`)")?;
        if rows.is_empty() {
            return Ok(damaged);
        }
        for row in rows {
            match row {
                Ok(record) => {
                    from = record.seq + 1;
                    if !each(record)? {
                        return Ok(damaged);
                    }
                }
                Err(seq) => (from, damaged) = (seq + 1, damaged + 1),
            }
        }
    }
}

fn list(database: &Database, limit: u64, line: Option<&str>, format: Format) -> Result<Exit> {
    let mut table = Table::new(["SEQ", "TIME", "LINE", "OUTCOME"]);
    let (mut left, mut out) = (limit, Output::default());
    walk(database, line, |record| {
        left = left.saturating_sub(1);
        match format {
            Format::Json => out.write(&format!("{}\n", record.outcome))?,
            Format::Table => {
                let said = record.status.clone().unwrap_or_else(|| "measured".to_owned());
                let time = shown(record.clock);
                table.row([record.seq.to_string(), time, record.line, said]);
            }
        }
        Ok(left > 0)
    })?;
    if format == Format::Table {
        out.write(&table.to_string())?;
    }
    Ok(Exit::Ok)
}

/// Figures of a spool. The names are a promise to programs.
#[derive(Debug, Serialize)]
struct Stat {
    directory: String,
    outcomes: u64,
    size_bytes: u64,
    oldest: Option<String>,
    newest: Option<String>,
    sinks: Vec<SinkStat>,
    damaged_files: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SinkStat {
    name: String,
    pending: u64,
    held: Vec<HeldStat>,
}

#[derive(Debug, Serialize)]
struct HeldStat {
    line: String,
    item: String,
    likely: String,
}

fn stat(directory: &Directory, format: Format) -> Result<Exit> {
    let database = open(directory)?;
    let bounds = database.bounds()?;
    let (first, last) = bounds.unwrap_or((1, 0));
    let mut sinks = Vec::new();
    for sink in database.sinks()? {
        let held = database.held(&sink.name)?.into_iter();
        let held = held.map(|h| HeldStat { line: h.line, item: h.item, likely: h.reason });
        let pending = sink.progress.pending(Ord::max(last + 1, sink.progress.end()));
        sinks.push(SinkStat { name: sink.name, pending, held: held.collect() });
    }
    let time = |seq| Ok::<_, anyhow::Error>(database.clock_at(seq)?.map(shown));
    let stat = Stat {
        directory: directory.path().display().to_string(),
        outcomes: database.count(first, last + 1)?,
        size_bytes: database.bytes()?,
        oldest: time(first)?,
        newest: time(last)?,
        sinks,
        damaged_files: directory.damaged()?.iter().map(|p| p.display().to_string()).collect(),
    };
    let mut out = Output::default();
    match format {
        Format::Json => out.write(&format!("{}\n", serde_json::to_string(&stat)?))?,
        Format::Table => out.write(&text(&stat))?,
    }
    Ok(Exit::Ok)
}

fn text(stat: &Stat) -> String {
    let none = || "-".to_owned();
    let mut text = format!(
        "directory  {}\noutcomes   {}, in {} KiB\noldest     {}\nnewest     {}\n",
        stat.directory,
        stat.outcomes,
        stat.size_bytes / 1024,
        stat.oldest.clone().unwrap_or_else(none),
        stat.newest.clone().unwrap_or_else(none),
    );
    for sink in &stat.sinks {
        text += &format!("sink       {}: {} pending\n", sink.name, sink.pending);
        for held in &sink.held {
            text += &format!("  held     {} {}: {}\n", held.line, held.item, held.likely);
        }
    }
    for file in &stat.damaged_files {
        text += &format!("damaged    {file}\n");
    }
    text
}

fn export(database: &Database, line: Option<&str>) -> Result<Exit> {
    let mut out = Output::default();
    let damaged = walk(database, line, |record| {
        out.write(&format!("{}\n", record.outcome))?;
        Ok(true)
    })?;
    if damaged > 0 {
        output::complain(&format!("monitord: {damaged} damaged outcomes were left out"));
        return Ok(Exit::Failed);
    }
    Ok(Exit::Ok)
}

/// Looks at everything, and replaces a file that is not whole by what is readable in it.
fn repair(directory: &Directory) -> Result<Exit> {
    let _lock = directory.lock()?;
    let began = Instant::now();
    let verdict = Database::open(&directory.database())
        .and_then(|mut database| database.check(CHECK_TIMEOUT).map(|()| database));
    let damaged = match verdict {
        Ok(database) => walk(&database, None, |_| Ok(true)).map(|damaged| {
            (damaged > 0).then(|| format!("{damaged} outcomes are not as they were written"))
        }),
        Err(error) => Ok(Some(error.to_string())),
    };
    let reason = match damaged {
        Ok(None) => {
            Output::default().write("the spool is whole\n")?;
            return Ok(Exit::Ok);
        }
        Ok(Some(reason)) => reason,
        Err(error) => format!("{error:#}"),
    };
    let (_, found) = rescue(directory, Timestamp::now())?;
    Output::default().write(&format!(
        "damaged: {reason}\nset aside: {}\nsaved: {} outcomes, in {:.1} s\nnot as they were \
         written: {}\n{}",
        found.aside.display(),
        found.saved,
        began.elapsed().as_secs_f64(),
        found.damaged,
        if found.cut_short { "there may have been more that cannot be read\n" } else { "" },
    ))?;
    Ok(Exit::Ok)
}

/// RFC 3339, to the second.
fn shown(clock: i64) -> String {
    Timestamp::from_second(clock).map_or_else(|_| clock.to_string(), |at| at.to_string())
}
