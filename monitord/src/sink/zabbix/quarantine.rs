//! Items whose values Zabbix refuses: which, since which record, why, and when to try again. No
//! input or output.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::value::ItemValue;
use crate::spool::Held;

/// The wait before a refused item is tried again. It doubles with each further refusal.
const RETRY_FIRST: Duration = Duration::from_secs(30);
/// The longest wait. A proxy with default settings learns of a new host within the hour.
const RETRY_MAX: Duration = Duration::from_secs(600);
/// How many hosts are remembered to have taken a value. More than any fleet has lines; beyond it
/// reasons only get less exact.
const KNOWN_HOSTS_MAX: usize = 100_000;

/// An item: the host's name, and the key.
pub(super) type Item = (String, String);

/// The refused items.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    items: BTreeMap<Item, Refused>,
    /// Hosts that have taken a value of any item.
    known_hosts: HashSet<String>,
    /// Whether any value was ever taken.
    any_taken: bool,
}

#[derive(Debug)]
struct Refused {
    from: u64,
    refusals: u32,
    retry_at: Instant,
    /// What is held is being delivered; new values need not wait.
    draining: bool,
}

impl Quarantine {
    /// What was held when the process ended last is tried again at once.
    pub(super) fn restore(&mut self, held: Vec<Held>, now: Instant) {
        for Held { line, item, from, .. } in held {
            let refused = Refused { from, refusals: 0, retry_at: now, draining: false };
            self.items.insert((line, item), refused);
        }
    }

    /// Whether `value` is to be kept back. When it is older than everything that is held of its
    /// item, what is to be held from now on comes with it.
    pub(super) fn keeps_back(&mut self, value: &ItemValue) -> (bool, Option<Held>) {
        let Some(refused) = self.items.get_mut(&item_of(value)) else { return (false, None) };
        if refused.draining {
            return (false, None);
        }
        let is_older = value.seq < refused.from;
        refused.from = Ord::min(refused.from, value.seq);
        (true, is_older.then(|| self.held(value)))
    }

    /// Whether values of `item` are kept back.
    pub(super) fn holds(&self, item: &Item) -> bool {
        self.items.get(item).is_some_and(|refused| !refused.draining)
    }

    /// Zabbix has refused `value`. Returns what is to be held, if that is news.
    pub(super) fn refuse(&mut self, value: &ItemValue, now: Instant) -> Option<Held> {
        let refused = self.items.entry(item_of(value)).or_insert(Refused {
            from: u64::MAX,
            refusals: 0,
            retry_at: now,
            draining: false,
        });
        let is_news = value.seq < refused.from || refused.draining;
        refused.from = Ord::min(refused.from, value.seq);
        refused.draining = false;
        if is_news || refused.retry_at <= now {
            refused.retry_at = now + retry_wait(refused.refusals);
            refused.refusals += 1;
        }
        is_news.then(|| self.held(value))
    }

    /// Zabbix has taken `values`.
    pub(super) fn taken<'v>(&mut self, values: impl Iterator<Item = &'v ItemValue>) {
        for value in values {
            self.any_taken = true;
            if self.known_hosts.len() < KNOWN_HOSTS_MAX && !self.known_hosts.contains(&value.host) {
                self.known_hosts.insert(value.host.clone());
            }
        }
    }

    /// Up to `max` items that are due to be tried again, each with its first record.
    pub(super) fn due(&self, now: Instant, max: usize) -> Vec<(Item, u64)> {
        let due = self.items.iter().filter(|(_, refused)| refused.retry_at <= now);
        due.take(max).map(|(item, refused)| (item.clone(), refused.from)).collect()
    }

    /// When the next item is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.items.values().map(|refused| refused.retry_at).min()
    }

    /// What is held of `item` is being delivered: new values of it need not wait any more.
    pub(super) fn drain(&mut self, item: &Item) {
        if let Some(refused) = self.items.get_mut(item) {
            refused.draining = true;
        }
    }

    /// It has come to nothing for now, and `item` is to be tried again soon, from `from` on.
    pub(super) fn postpone(&mut self, item: &Item, from: u64, now: Instant) {
        if let Some(refused) = self.items.get_mut(item) {
            refused.from = from;
            refused.draining = false;
            refused.retry_at = now + RETRY_FIRST;
        }
    }

    /// Nothing of `item` is held any more.
    pub(super) fn release(&mut self, item: &Item) {
        self.items.remove(item);
    }

    fn held(&self, value: &ItemValue) -> Held {
        let from = self.items.get(&item_of(value)).map_or(value.seq, |refused| refused.from);
        let reason = self.reason(value).to_owned();
        Held { line: value.host.clone(), item: value.key.clone(), from, reason }
    }

    /// Zabbix only says how many it refused. What it has taken before narrows it down.
    fn reason(&self, value: &ItemValue) -> &'static str {
        if self.known_hosts.contains(&value.host) {
            "no such trapper item, item disabled, or not allowed from this address"
        } else if self.any_taken {
            "host not known here yet, disabled, monitored by another proxy, with other encryption \
             settings, or without this trapper item"
        } else {
            "nothing is taken here yet: the proxy may not have its configuration, or another \
             proxy or encryption setting is meant"
        }
    }
}

/// The item of a value.
pub(super) fn item_of(value: &ItemValue) -> Item {
    (value.host.clone(), value.key.clone())
}

fn retry_wait(refusals: u32) -> Duration {
    Ord::min(RETRY_FIRST.saturating_mul(2u32.saturating_pow(refusals)), RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(seq: u64, host: &str, key: &str) -> ItemValue {
        let value = String::new();
        let (host, key) = (host.to_owned(), key.to_owned());
        ItemValue { seq, host, key, value, clock: 1, ns: 1, is_unsupported: false }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_item_waits_longer_each_time_and_its_neighbours_do_not() {
        let mut quarantine = Quarantine::default();
        let start = Instant::now();
        let held = quarantine.refuse(&value(5, "a", "ping"), start).unwrap();
        assert_eq!((held.line.as_str(), held.item.as_str(), held.from), ("a", "ping", 5));
        assert_eq!(quarantine.keeps_back(&value(6, "a", "ping")), (true, None));
        assert_eq!(quarantine.keeps_back(&value(6, "a", "detail")), (false, None));
        assert!(quarantine.due(start + secs(29), 9).is_empty());
        assert_eq!(quarantine.due(start + secs(30), 9).len(), 1);
        assert_eq!(quarantine.refuse(&value(5, "a", "ping"), start + secs(30)), None);
        assert_eq!(quarantine.next_due(), Some(start + secs(90)));
        assert_eq!(retry_wait(20), RETRY_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_value_from_the_backlog_is_held_too() {
        let mut quarantine = Quarantine::default();
        quarantine.refuse(&value(5, "a", "ping"), Instant::now());
        let (kept, held) = quarantine.keeps_back(&value(3, "a", "ping"));
        assert!(kept);
        assert_eq!(held.unwrap().from, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn while_it_is_drained_new_values_need_not_wait() {
        let mut quarantine = Quarantine::default();
        let item = item_of(&value(5, "a", "ping"));
        quarantine.refuse(&value(5, "a", "ping"), Instant::now());
        quarantine.drain(&item);
        assert_eq!(quarantine.keeps_back(&value(6, "a", "ping")), (false, None));
        assert!(quarantine.refuse(&value(6, "a", "ping"), Instant::now()).is_some());
        assert_eq!(quarantine.keeps_back(&value(7, "a", "ping")), (true, None));
        quarantine.release(&item);
        assert_eq!(quarantine.next_due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_taken_before_narrows_the_reason_down() {
        let mut quarantine = Quarantine::default();
        let now = Instant::now();
        let reason = |quarantine: &mut Quarantine, host: &str| {
            quarantine.refuse(&value(1, host, "ping"), now).unwrap().reason
        };
        assert!(reason(&mut quarantine, "a").contains("nothing is taken here yet"));
        quarantine.taken([&value(1, "b", "ping")].into_iter());
        assert!(reason(&mut quarantine, "c").contains("host not known here yet"));
        quarantine.taken([&value(1, "d", "detail")].into_iter());
        assert!(reason(&mut quarantine, "d").contains("no such trapper item"));
    }
}
