//! How late an operation is back that a sick router would hold: after its deadline, after its
//! cancellation, and how long its drop takes until no thread works for it any more.
//!
//! The routers are those of the lab's matrix, every stage in every manner, in a process of their
//! own; and there are a name server that does not answer, as a resolver sees it, a port that does not
//! accept, and servers that send packets without a meaning behind the login. Beside each operation a bare timer, or a bare wait for the token, meets the same end on
//! the same runtime: what that is late the machine is.
//!
//! And how long the commands of a healthy router take on a runtime on which others flood.

mod beside;
mod case;
mod cut;
mod operation;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use futures_util::stream;
use lab::Manner;

use self::beside::Beside;
use self::case::{Case, Cases};
use self::cut::{Cut, Late};
use super::Output;
use super::part::{RouterProcess, Routers};
use super::report::{Row, Target, json_lines};
use super::rounds::quantile;

/// How often each cell is measured.
const ROUNDS: usize = 12;
/// Quiet cells at a time. One that floods has the machine for itself.
const QUIET_CELLS: usize = 4;
/// By how many milliseconds 99 of 100 operations may be late.
const LATE_MS_MAX: f64 = 20.0;

/// What was measured of one cell, or of several together.
struct Distribution {
    name: String,
    late: Vec<Late>,
}

pub(super) fn run(output: Output) -> Result<String> {
    let routers = RouterProcess::start(Routers::Sick)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let cases = runtime.block_on(Cases::start(&routers))?;
    let measured = runtime.block_on(measure(&cases.all))?;
    let distributions = distributions(&measured);
    let beside = beside::measure(&routers)?;
    match output {
        Output::Table => Ok(table(&distributions) + &table_beside(&beside)),
        Output::Json => {
            let mut rows = rows(&distributions);
            rows.extend(rows_beside(&beside));
            json_lines(&rows)
        }
    }
}

type Measured = BTreeMap<(Case, Cut), Vec<Late>>;

async fn measure(cases: &[(Case, SocketAddr)]) -> Result<Measured> {
    let mut measured = Measured::new();
    for round in 1..=ROUNDS {
        eprint!("\rround {round} of {ROUNDS} ");
        for is_flooded in [false, true] {
            let cells = cases
                .iter()
                .filter(|(case, _)| case.is_flooded() == is_flooded)
                .flat_map(|&(case, router)| Cut::ALL.map(|cut| (case, cut, router)));
            let width = if is_flooded { 1 } else { QUIET_CELLS };
            let mut results = stream::iter(cells)
                .map(async |(case, cut, router)| {
                    let late = operation::measure(case, cut, router).await;
                    (case, cut, late)
                })
                .buffer_unordered(width);
            while let Some((case, cut, late)) = results.next().await {
                let late = late.with_context(|| format!("{case}/{cut}"))?;
                measured.entry((case, cut)).or_default().extend(late);
            }
        }
    }
    eprintln!();
    Ok(measured)
}

/// Each cell, and then all together by the way of being cut and by manner.
fn distributions(measured: &Measured) -> Vec<Distribution> {
    let gather = |name: String, wanted: &dyn Fn(Case, Cut) -> bool| Distribution {
        name,
        late: measured
            .iter()
            .filter(|((case, cut), _)| wanted(*case, *cut))
            .flat_map(|(_, late)| late.iter().copied())
            .collect(),
    };
    let mut all: Vec<_> = measured
        .iter()
        .map(|((case, cut), late)| Distribution {
            name: format!("{case}/{cut}"),
            late: late.clone(),
        })
        .collect();
    for manner in Manner::ALL.iter().map(|manner| manner.as_str()).chain(["torrent"]) {
        all.push(gather(format!("all/{manner}"), &|case, _| case.manner() == manner));
    }
    for cut in Cut::ALL {
        all.push(gather(format!("all/{cut}"), &|_, by| by == cut));
    }
    all.push(gather("all".to_owned(), &|_, _| true));
    // A sickness that is an end by itself leaves nothing to cut.
    all.retain(|distribution| !distribution.late.is_empty());
    all
}

impl Distribution {
    fn ours(&self, q: f64) -> f64 {
        quantile(self.late.iter().map(|late| late.ours_ms), q)
    }

    fn floor(&self, q: f64) -> f64 {
        quantile(self.late.iter().map(|late| late.floor_ms), q)
    }
}

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("max", 1.0)];

fn rows(distributions: &[Distribution]) -> Vec<Row> {
    let of_one = |distribution: &Distribution| {
        QUANTILES.map(|(name, q)| Row {
            bench: "hang",
            case: format!("{}, {name}", distribution.name).into(),
            unit: "ms",
            ours: distribution.ours(q),
            floor: distribution.floor(q),
            peers: BTreeMap::new(),
            target: None,
        })
    };
    distributions.iter().flat_map(of_one).collect()
}

/// Commands beside a flood, with those on a quiet runtime for the floor.
fn rows_beside(beside: &[Beside]) -> Vec<Row> {
    let of_one = |beside: &Beside| {
        QUANTILES.map(|(name, q)| Row {
            bench: "hang",
            case: format!("command beside floods on {}, {name}", beside.runtime).into(),
            unit: "ms",
            ours: quantile(beside.flooded_ms.iter().copied(), q),
            floor: quantile(beside.quiet_ms.iter().copied(), q),
            peers: BTreeMap::new(),
            target: (name == "p99").then_some(Target::Max(LATE_MS_MAX)),
        })
    };
    beside.iter().flat_map(of_one).collect()
}

fn table_beside(beside: &[Beside]) -> String {
    let mut text = String::new();
    for row in rows_beside(beside) {
        let verdict = row.target.map(|target| target.verdict(row.ours, row.floor));
        let verdict = verdict.map_or_else(String::new, |verdict| format!(", {verdict}"));
        let (case, ours, floor) = (&row.case, row.ours, row.floor);
        writeln!(text, "{case}: {ours:.2} ms, {floor:.2} without them{verdict}")
            .expect("writing to a string cannot fail");
    }
    text
}

fn table(distributions: &[Distribution]) -> String {
    let mut text = format!(
        "{:<32} {:>7}  {:>7} {:>7} {:>7}  {:>9} {:>9}\n",
        "ms late", "samples", "p50", "p99", "max", "floor p50", "floor p99"
    );
    for distribution in distributions {
        let [p50, p99, max] = QUANTILES.map(|(_, q)| distribution.ours(q));
        let (name, samples) = (&distribution.name, distribution.late.len());
        let (floor_50, floor_99) = (distribution.floor(0.5), distribution.floor(0.99));
        writeln!(
            text,
            "{name:<32} {samples:>7}  {p50:>7.2} {p99:>7.2} {max:>7.2}  {floor_50:>9.2} {floor_99:>9.2}"
        )
        .expect("writing to a string cannot fail");
    }
    if let Some(all) = distributions.last() {
        let p99 = all.ours(0.99);
        let verdict = Target::Max(LATE_MS_MAX).verdict(p99, 0.0);
        writeln!(text, "p99 of all: {p99:.2} ms, {verdict}")
            .expect("writing to a string cannot fail");
    }
    text
}
