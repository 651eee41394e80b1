//! The figures of the two runs. The floor of each is that of the run without sick routers.

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::{Outcome, Status};
use super::run::Run;
use super::usage::Usage;
use super::{Sizes, line_name};
use crate::bench::report::{Row, Target};
use crate::bench::rounds::quantile;

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("max", 1.0)];
const STATUSES: [(&str, Status); 3] =
    [("measured", Status::Measured), ("failed", Status::Failed), ("skipped", Status::Skipped)];

pub(super) fn rows(sizes: &Sizes, well: &Run, sick: &Run) -> Vec<Row> {
    let sick_lines: BTreeSet<_> = (0..sizes.lines)
        .filter(|line| sizes.router_of(*line) < sizes.sick())
        .map(line_name)
        .collect();
    let [well_seen, sick_seen] = [well, sick].map(|run| Seen::of(run, &sick_lines));
    let mut rows = Vec::new();
    let mut row = |case: String, unit, of: &dyn Fn(&Run, &Seen<'_>) -> f64| {
        rows.push(Row {
            bench: "fleet",
            case: case.into(),
            unit,
            ours: of(sick, &sick_seen),
            floor: of(well, &well_seen),
            peers: BTreeMap::new(),
            target: None,
        });
    };
    for (name, q) in QUANTILES {
        row(format!("healthy-lateness-{name}"), "ms", &|_, seen| {
            quantile(seen.healthy.iter().filter_map(|o| Some(o.late_ms()? as f64)), q)
        });
    }
    for (name, q) in QUANTILES {
        row(format!("healthy-duration-{name}"), "ms", &|_, seen| {
            quantile(seen.healthy.iter().filter_map(|o| o.duration_ms), q)
        });
    }
    for (name, status) in STATUSES {
        row(format!("healthy-{name}"), "checks", &|_, seen| count(&seen.healthy, status));
    }
    for (name, status) in STATUSES {
        row(format!("sick-{name}"), "checks", &|_, seen| count(&seen.sick, status));
    }
    row("rechecks".to_owned(), "checks", &|run, _| {
        run.outcomes.iter().filter(|outcome| !outcome.is_scheduled).count() as f64
    });
    row("due".to_owned(), "checks", &|run, _| run.account.due as f64);
    row("checks-per-second".to_owned(), "1/s", &|run, _| {
        let begun = run.outcomes.iter().filter(|outcome| outcome.started_ms.is_some());
        begun.count() as f64 / run.window.as_secs_f64()
    });
    row("monitord-processor".to_owned(), "% of one", &|run, _| processor(run, run.monitord));
    row("lab-processor".to_owned(), "% of one", &|run, _| processor(run, run.lab));
    row("monitord-threads".to_owned(), "threads", &|run, _| run.monitord[0].threads);
    row("monitord-threads-growth".to_owned(), "threads", &|run, _| {
        run.monitord[1].threads - run.monitord[0].threads
    });
    row("monitord-memory".to_owned(), "MiB", &|run, _| run.monitord[0].memory_mib);
    row("monitord-memory-growth".to_owned(), "MiB", &|run, _| {
        run.monitord[1].memory_mib - run.monitord[0].memory_mib
    });
    row("unaccounted".to_owned(), "checks", &|run, _| {
        run.account.due.abs_diff(run.account.accounted).max(run.account.faults.len()) as f64
    });
    if let Some(last) = rows.last_mut() {
        last.target = Some(Target::Max(0.0));
    }
    rows
}

/// The outcomes of due times in the window, by what the router is in the second run.
struct Seen<'a> {
    healthy: Vec<&'a Outcome>,
    sick: Vec<&'a Outcome>,
}

impl<'a> Seen<'a> {
    fn of(run: &'a Run, sick_lines: &BTreeSet<String>) -> Self {
        let scheduled = run.outcomes.iter().filter(|outcome| outcome.is_scheduled);
        let (sick, healthy) = scheduled.partition(|o| sick_lines.contains(&o.line));
        Self { healthy, sick }
    }
}

fn count(outcomes: &[&Outcome], status: Status) -> f64 {
    outcomes.iter().filter(|outcome| outcome.status == status).count() as f64
}

fn processor(run: &Run, [before, after]: [Usage; 2]) -> f64 {
    let spent = after.processor.saturating_sub(before.processor);
    spent.as_secs_f64() / run.window.as_secs_f64() * 100.0
}
