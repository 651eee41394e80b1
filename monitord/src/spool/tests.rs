//! The store against disks that are full, files that are damaged, and processes that are killed.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::time::Instant;

use super::store::{Store, UNWRITTEN_MAX};
use super::*;
use crate::metrics::SpoolMetrics;

const NAMES: [&str; 2] = ["one", "two"];
const DAY: Duration = Duration::from_secs(86_400);

struct Site {
    folder: TempDir,
    settings: SpoolSettings,
    metrics: Arc<SpoolMetrics>,
}

impl Site {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let directory = Some(folder.path().to_owned());
        let settings = SpoolSettings { directory, age_max: DAY, bytes_max: 1 << 30 };
        Self { folder, settings, metrics: Arc::default() }
    }

    fn open(&self) -> Store {
        Store::open(&self.settings, &NAMES, self.metrics.clone()).unwrap()
    }

    fn file(&self) -> std::path::PathBuf {
        Directory::new(self.folder.path()).database()
    }

    fn damaged(&self) -> usize {
        let all = Directory::new(self.folder.path()).damaged().unwrap();
        all.iter().filter(|path| !path.to_string_lossy().ends_with("-wal")).count()
    }
}

fn record(number: u64) -> Record {
    Record {
        seq: 0,
        line: format!("line-{}", number % 3),
        clock: Timestamp::now().as_second(),
        ns: u32::try_from(number + 1).unwrap(),
        status: None,
        outcome: format!(r#"{{"number":{number}}}"#),
    }
}

fn append(store: &mut Store, numbers: std::ops::Range<u64>) {
    for number in numbers {
        store.append(record(number));
    }
    store.commit(Instant::now());
}

/// What a sink still gets, taken to the end.
fn drain(store: &mut Store, sink: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    for lane in [Lane::Fresh, Lane::Backlog] {
        loop {
            let records = store.read(sink, lane, 100);
            let Some(last) = records.last() else { break };
            numbers.extend(records.iter().map(|record| u64::from(record.ns) - 1));
            store.settle(sink, lane, last.seq);
        }
    }
    store.commit(Instant::now());
    numbers
}

/// As a killed process leaves it: nothing is closed in order.
fn copy_of(site: &Site) -> Site {
    let other = Site::new();
    for suffix in ["", "-wal"] {
        let name = format!("outcomes.sqlite{suffix}");
        let from = site.folder.path().join(&name);
        if from.exists() {
            fs::copy(from, other.folder.path().join(&name)).unwrap();
        }
    }
    other
}

#[test]
fn each_sink_gets_every_outcome_once_and_then_nobody_keeps_it() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..50);
    assert_eq!(drain(&mut store, 0), (0..50).collect::<Vec<_>>());
    assert!(drain(&mut store, 0).is_empty());
    assert_eq!((store.pending(0), store.pending(1)), (0, 50));
    assert_eq!(Database::open_to_read(&site.file()).unwrap().count(0, 1000).unwrap(), 50);
    assert_eq!(drain(&mut store, 1), (0..50).collect::<Vec<_>>());
    store.commit(Instant::now());
    assert_eq!(Database::open_to_read(&site.file()).unwrap().count(0, 1000).unwrap(), 0);
}

#[test]
fn what_is_committed_survives_a_kill_and_what_is_settled_does_not_come_again() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..300);
    let batch = store.read(0, Lane::Fresh, 100);
    store.settle(0, Lane::Fresh, batch.last().unwrap().seq);
    store.commit(Instant::now());
    let after = copy_of(&site);
    let mut store = after.open();
    assert_eq!(drain(&mut store, 0), (100..300).collect::<Vec<_>>());
    assert_eq!(drain(&mut store, 1), (0..300).collect::<Vec<_>>());
    append(&mut store, 300..301);
    assert_eq!(drain(&mut store, 0), [300]);
}

#[test]
fn numbers_go_on_after_everything_was_delivered() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..10);
    drain(&mut store, 0);
    drain(&mut store, 1);
    store.commit(Instant::now());
    drop(store);
    let mut store = site.open();
    append(&mut store, 10..11);
    assert_eq!(store.read(0, Lane::Fresh, 9)[0].seq, 11);
}

#[test]
fn a_log_that_ends_in_the_middle_of_a_record_is_cut_to_the_last_commit() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..20);
    let whole = fs::metadata(site.folder.path().join("outcomes.sqlite-wal")).unwrap().len();
    append(&mut store, 20..40);
    for torn_by in [1, 100, 4096, 5000] {
        let after = copy_of(&site);
        let wal = after.folder.path().join("outcomes.sqlite-wal");
        let file = fs::OpenOptions::new().write(true).open(&wal).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(Ord::max(length - torn_by, whole)).unwrap();
        let mut store = after.open();
        assert_eq!(drain(&mut store, 0), (0..20).collect::<Vec<_>>(), "{torn_by}");
        assert_eq!((after.damaged(), store.is_durable()), (0, true));
    }
}

#[test]
fn a_file_that_is_no_database_is_set_aside_and_does_not_prevent_a_start() {
    for content in [&b"garbage"[..], &[0; 4096], &[0xff; 100_000]] {
        let site = Site::new();
        fs::write(site.file(), content).unwrap();
        let mut store = site.open();
        append(&mut store, 0..5);
        assert_eq!(drain(&mut store, 0), (0..5).collect::<Vec<_>>());
        let is_new = content.iter().all(|byte| *byte == 0);
        assert!(is_new || site.damaged() == 1, "{content:.8?}");
        assert!(store.is_durable());
    }
}

#[test]
fn what_is_readable_of_a_damaged_file_is_taken_over() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..5000);
    drop(store);
    let file = fs::OpenOptions::new().write(true).open(site.file()).unwrap();
    // Two pages in the middle of the records.
    file.write_all_at(&[0xa5; 8192], 40 * 4096).unwrap();
    let mut store = site.open();
    let left = drain(&mut store, 0);
    assert!((4000..5000).contains(&left.len()), "{}", left.len());
    assert_eq!((site.damaged(), site.metrics.damaged_files.get()), (1, 1));
    assert!(left.contains(&0) && left.contains(&4999), "both sides of the damage are saved");
}

#[test]
fn a_figure_that_changed_on_the_disk_is_not_reported() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..3);
    drop(store);
    let database = Database::open(&site.file()).unwrap();
    let change = "UPDATE outcomes SET outcome = '{\"number\":7}' WHERE seq = 2";
    database.connection().execute(change, []).unwrap();
    drop(database);
    let mut store = site.open();
    assert_eq!(drain(&mut store, 0), [0, 2]);
    assert_eq!(site.metrics.lost("damaged").get(), 1);
}

#[test]
fn only_the_latest_few_damaged_files_are_kept() {
    let site = Site::new();
    for _ in 0..6 {
        fs::write(site.file(), b"garbage").unwrap();
        drop(site.open());
    }
    assert_eq!(site.damaged(), 3);
}

#[test]
fn a_second_process_gets_a_clear_error() {
    let site = Site::new();
    let directory = Directory::new(site.folder.path());
    let first = directory.lock().unwrap();
    let refusal = format!("{:#}", directory.lock().unwrap_err());
    let owner = format!("another monitord (process {}) uses the spool", std::process::id());
    assert!(refusal.starts_with(&owner), "{refusal}");
    drop(first);
    directory.lock().unwrap();
}

/// Makes the database refuse to grow, as a full disk does.
fn fill(store: &Store, is_full: bool) {
    let pages = if is_full { 1 } else { 1_000_000 };
    store.database().connection().pragma_update(None, "max_page_count", pages).unwrap();
}

#[test]
fn a_full_disk_is_counted_and_outcomes_are_delivered_from_memory_and_written_later() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..10);
    fill(&store, true);
    append(&mut store, 10..300);
    assert!(site.metrics.write_failures.get() > 0);
    assert_eq!(drain(&mut store, 0), (0..300).collect::<Vec<_>>());
    append(&mut store, 300..310);
    fill(&store, false);
    store.commit(Instant::now() + DAY);
    assert_eq!(store.unwritten(), 0);
    let mut store = copy_of(&site).open();
    assert_eq!(drain(&mut store, 0), (300..310).collect::<Vec<_>>());
    assert_eq!(drain(&mut store, 1), (0..310).collect::<Vec<_>>());
}

#[test]
fn memory_is_bounded_while_the_disk_is_full_and_what_it_does_not_hold_is_counted() {
    let site = Site::new();
    let mut store = site.open();
    fill(&store, true);
    let too_many = 25;
    append(&mut store, 0..UNWRITTEN_MAX as u64 + too_many);
    assert_eq!((store.unwritten(), site.metrics.lost("disk").get()), (UNWRITTEN_MAX, too_many));
    assert_eq!(drain(&mut store, 0).len(), UNWRITTEN_MAX);
}

#[test]
fn what_is_too_old_goes_and_is_counted_once() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..100);
    let later = Timestamp::now() + DAY + Duration::from_secs(10);
    drain(&mut store, 0);
    store.maintain(later);
    assert_eq!(site.metrics.lost("age").get(), 100);
    assert_eq!((drain(&mut store, 1), store.pending(1)), (vec![], 0));
    store.maintain(later);
    assert_eq!(site.metrics.lost("age").get(), 100);
}

#[test]
fn when_there_is_no_room_the_oldest_go_and_the_file_stays_within_its_bound() {
    let mut site = Site::new();
    site.settings.bytes_max = 1 << 20;
    let mut store = site.open();
    for chunk in 0..40 {
        append(&mut store, chunk * 500..(chunk + 1) * 500);
        store.maintain(Timestamp::now());
    }
    let left = drain(&mut store, 0);
    assert!(left.ends_with(&[19_998, 19_999]), "the newest stay");
    let lost = site.metrics.lost("size").get();
    // Both sinks lost the same.
    assert_eq!(lost, 2 * (20_000 - left.len() as u64));
    assert!(fs::metadata(site.file()).unwrap().len() < 3 << 20);
}

#[test]
fn a_held_item_keeps_its_outcomes_and_those_of_others_go() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..9);
    let (line, item, reason) = ("line-1".to_owned(), "ping".to_owned(), "no item".to_owned());
    store.hold(0, Held { line, item, from: 2, reason });
    drain(&mut store, 0);
    drain(&mut store, 1);
    store.commit(Instant::now());
    let mut store = copy_of(&site).open();
    assert_eq!((store.pending(0), store.held(0).len()), (0, 1));
    let held: Vec<_> = store.read_line("line-1", 2, 10).iter().map(|record| record.seq).collect();
    assert_eq!(held, [2, 5, 8]);
    assert_eq!(store.read_line("line-0", 0, 10), []);
    store.release(0, "line-1", "ping");
    store.commit(Instant::now());
    assert_eq!(store.read_line("line-1", 0, 10), []);
}

#[tokio::test]
async fn outcomes_walk_through_the_thread_and_it_ends() {
    let mut site = Site::new();
    site.settings.age_max = DAY * 366 * 100;
    let spool = Spool::start(&site.settings, vec!["one"], site.metrics.clone()).unwrap();
    let mut reader = spool.reader("one");
    assert_eq!(reader.read(Lane::Fresh, 9).await.unwrap(), []);
    let ctx = pool_core::Context::detached(Duration::from_secs(20));
    spool.append(&crate::report::testing::measured("L1"));
    reader.changed().await.unwrap();
    let records = reader.read(Lane::Fresh, 9).await.unwrap();
    assert_eq!((records.len(), records[0].line.as_str()), (1, "L1"));
    assert_eq!((records[0].clock, records[0].ns), (1_766_390_400, 250_000_000));
    reader.settle(Lane::Fresh, records[0].seq).await.unwrap();
    assert_eq!(reader.pending().await, Ok(0));
    spool.stop(&ctx).await;
    assert_eq!(reader.pending().await, Err(Closed));
    assert_eq!(site.metrics.written.get(), 1);
}

fn mutated(site: &Site, at: u64, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(site.file()).unwrap();
    let length = file.metadata().unwrap().len();
    file.write_all_at(bytes, at % length).unwrap();
}

fn checkpointed(path: &Path) {
    let database = Database::open(path).unwrap();
    database.connection().query_row("PRAGMA wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
}

/// Bytes of the header that make SQLite refuse the file in other words than that it is damaged:
/// versions of writer and reader, the format of the schema, the encoding, whose file it is.
#[test]
fn a_header_that_claims_another_format_is_damage_like_any_other() {
    let site = Site::new();
    let mut store = site.open();
    append(&mut store, 0..20);
    drop(store);
    checkpointed(&site.file());
    let good = fs::read(site.file()).unwrap();
    let (one, two) = ([0xee].as_slice(), [0xee; 2].as_slice());
    for (at, bytes) in [(18, one), (19, one), (18, two), (46, two), (58, two), (60, two), (68, two)]
    {
        let site = Site::new();
        fs::write(site.file(), &good).unwrap();
        mutated(&site, at, bytes);
        let mut store = site.open();
        assert!(store.is_durable(), "byte {at}");
        append(&mut store, 500..501);
        assert!(drain(&mut store, 0).contains(&500), "byte {at}");
        assert_eq!(site.damaged(), 1, "byte {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_happens_to_the_file_a_start_succeeds_and_nothing_false_is_read(
        at: u64, bytes in proptest::collection::vec(any::<u8>(), 1..600)
    ) {
        let site = Site::new();
        let mut store = site.open();
        append(&mut store, 0..200);
        drop(store);
        checkpointed(&site.file());
        mutated(&site, at, &bytes);
        let mut store = site.open();
        prop_assert!(store.is_durable());
        for _ in 0..3 {
            for record in store.read(0, Lane::Fresh, 1000) {
                let number = u64::from(record.ns) - 1;
                prop_assert_eq!(record.outcome, format!(r#"{{"number":{number}}}"#));
            }
        }
        append(&mut store, 500..501);
        prop_assert!(drain(&mut store, 1).contains(&500));
    }
}
