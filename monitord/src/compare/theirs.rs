//! What was reported to Zabbix.

use std::collections::{BTreeMap, HashMap};
use std::mem::take;

use anyhow::{Result, ensure};

use super::{Check, Said, Span, Trial};
use crate::inventory::zabbix::{ApiError, History};
use crate::settings::ItemKeys;

/// How many items the values of one call are of. Zabbix sorts what they have in the whole time for
/// each call.
const ITEMS_BATCH: usize = 100;
/// How many values are taken. A day of four thousand lines at the usual interval has two million.
const VALUES_MAX: usize = 10_000_000;
/// What of each end of the trial is looked at beyond it, in seconds: a partner may be there.
const BEYOND_S: i64 = 600;
/// Kinds of values: floats and whole numbers, short texts and long ones.
const NUMBERS: [u8; 2] = [0, 3];
const TEXTS: [u8; 2] = [1, 4];

/// Checks that were reported, by line and in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Theirs {
    /// Those of each line that has such items.
    pub(crate) checks: BTreeMap<String, Vec<Check>>,
}

/// Asks for what was reported about the lines of `trial` during its time. `tell` is told how many of
/// how many calls' worth of items are done.
///
/// # Errors
///
/// When the API is away or refuses, and when there is too much.
///
/// # Cancel safety
///
/// Cancel safe: it only reads.
pub(crate) async fn reported(
    history: &mut History,
    trial: &Trial,
    keys: &ItemKeys,
    tell: impl Fn(usize, usize),
) -> Result<Theirs> {
    let moments = trial.lines.values().flat_map(|line| &line.checks).map(|check| check.at_ms);
    let Some(Span { from_ms, till_ms }) = Span::of(moments) else { return Ok(Theirs::default()) };
    let time = (from_ms / 1000 - BEYOND_S, till_ms / 1000 + BEYOND_S);
    let hosts: Vec<&str> = trial.lines.keys().map(String::as_str).collect();
    let items = history.items(&hosts, &[&keys.ping, &keys.error_detail]).await;
    let items = items.map_err(about_rights)?;
    let mut theirs = Theirs::default();
    let mut of_kind: BTreeMap<(u8, bool), Vec<_>> = BTreeMap::new();
    let mut hosts = HashMap::new();
    for item in items {
        let is_ping = item.key == keys.ping;
        let fits = if is_ping { NUMBERS } else { TEXTS };
        if fits.contains(&item.kind) {
            theirs.checks.entry(item.host.clone()).or_default();
            of_kind.entry((item.kind, is_ping)).or_default().push(item.id);
            hosts.insert(item.id, item.host);
        }
    }
    let batches =
        of_kind.iter().flat_map(|(kind, ids)| ids.chunks(ITEMS_BATCH).map(move |ids| (kind, ids)));
    let batches: Vec<_> = batches.collect();
    let mut count = 0;
    for (done, ((kind, is_ping), ids)) in batches.iter().enumerate() {
        tell(done, batches.len());
        let values = history.values(*kind, ids, time).await.map_err(about_rights)?;
        count += values.len();
        ensure!(
            count <= VALUES_MAX,
            "Zabbix has more than {VALUES_MAX} values of that time: --line compares some lines only"
        );
        for value in values {
            let said = if *is_ping { loss(&value.value) } else { Some(Said::status(&value.value)) };
            let line = hosts.get(&value.item).and_then(|host| theirs.checks.get_mut(host));
            if let Some((said, line)) = said.zip(line) {
                line.push(Check { at_ms: value.at_ms, said, is_slow: false });
            }
        }
    }
    theirs.checks.values_mut().for_each(|checks| checks.sort_by_key(|check| check.at_ms));
    Ok(theirs)
}

/// The loss in whole percent that a value says.
fn loss(value: &str) -> Option<Said> {
    let whole = value.parse::<f64>().ok().filter(|loss| loss.is_finite())?;
    format!("{whole:.0}").parse().ok().map(Said::Loss)
}

fn about_rights(error: ApiError) -> anyhow::Error {
    let what = match error {
        ApiError::Refused { .. } => {
            "Zabbix shows no values: see `monitord zabbix role --history` for the rights it takes"
        }
        _ => "the values in Zabbix",
    };
    anyhow::Error::new(error).context(what)
}

impl Theirs {
    /// Takes out what monitord has reported itself, on both sides: the same, at the same moment.
    /// Returns how many there were.
    pub(super) fn without_those_of(&mut self, trial: &mut Trial) -> u64 {
        let mut own = 0;
        for (name, line) in &mut trial.lines {
            let Some(theirs) = self.checks.get_mut(name) else { continue };
            let (ours, there) = (take(&mut line.checks), take(theirs));
            let mut there = there.into_iter().peekable();
            for check in ours {
                while let Some(earlier) = there.next_if(|other| other.at_ms < check.at_ms - 1) {
                    theirs.push(earlier);
                }
                let is_same = |other: &Check| {
                    (other.at_ms - check.at_ms).abs() <= 1 && other.said == check.said
                };
                match there.next_if(is_same) {
                    Some(_) => own += 1,
                    None => line.checks.push(check),
                }
            }
            theirs.extend(there);
        }
        own
    }
}
