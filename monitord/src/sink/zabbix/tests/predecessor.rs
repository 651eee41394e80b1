//! What the monitor that this one follows after lost on the way to Zabbix. Each as a test by that
//! name.

use std::time::Duration;

use super::{Act, Trapper, deliver, measured};
use crate::sink::zabbix::NAME;

#[tokio::test]
async fn lesson_22_a_batch_was_dropped_when_zabbix_was_away() {
    let (trapper, metrics) = deliver(&[Act::Close, Act::Take], &["a", "b", "c"]).await;
    assert_eq!(trapper.hosts(), [["a", "b", "c"], ["a", "b", "c"]]);
    assert_eq!((metrics.processed.get(), metrics.undelivered.get()), (3, 0));
}

#[tokio::test]
async fn lesson_22_how_many_values_were_processed_and_how_many_failed_was_never_read() {
    let trapper = Trapper::start(&[Act::RefuseX]).await;
    let site = trapper.sink();
    for line in ["a", "x1", "b"] {
        site.spool.append(&measured(line));
    }
    let reader = site.spool.reader(NAME);
    // What is refused is known by name, and is kept.
    let held = loop {
        let held = reader.held().await.unwrap();
        if !held.is_empty() {
            break held;
        }
        tokio::task::yield_now().await;
    };
    let named: Vec<_> = held.iter().map(|held| (held.line.as_str(), held.item.as_str())).collect();
    assert_eq!(named, [("x1", "dedicatedLinePing")]);
    let metrics = site.finish(Duration::from_secs(20)).await;
    assert_eq!((metrics.processed.get(), metrics.failed.get()), (2, 1));
}
