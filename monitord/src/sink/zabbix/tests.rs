//! The sink against a trapper that answers as the test says.

mod predecessor;
mod tls;

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pool_core::Endpoint;
use scheduler::{CheckResult, Outcome};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::delivery::{BATCH_VALUES_MAX, backoff};
use super::*;
use crate::metrics::SpoolMetrics;
use crate::report::testing::measured;
use crate::settings::{Heartbeat, ItemKeys};
use crate::spool::{Spool, SpoolSettings};

/// What the trapper does with one connection.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Takes everything.
    Take,
    /// Takes all values but those of hosts whose name begins with `x`.
    RefuseX,
    /// As above, and does not even count those of hosts whose name begins with `?`.
    Overlook,
    /// Sends on to the second trapper of a group what does not begin with a host it looks after,
    /// which are those whose name begins with `a`.
    Redirect(u16),
    /// Takes all values and says so in a compressed frame.
    Compress,
    /// Sends something that is no frame.
    Babble,
    /// Closes without a word.
    Close,
    /// Reads, and never answers.
    Hang,
}

/// A trapper that plays its acts, one a connection, and repeats the last one.
struct Trapper {
    address: Endpoint,
    /// What the sink knows of proxies from the beginning.
    assigned: watch::Receiver<Assigned>,
    tells_unsupported: bool,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Trapper {
    async fn start(acts: &'static [Act]) -> Self {
        Self::start_at(0, acts).await
    }

    async fn start_at(port: u16, acts: &'static [Act]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let address = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port()).unwrap();
        let requests = Arc::<Mutex<Vec<Value>>>::default();
        let seen = requests.clone();
        tokio::spawn(async move {
            let mut acts = acts.iter().chain(std::iter::repeat(acts.last().unwrap()));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(play(*acts.next().unwrap(), stream, seen.clone()));
            }
        });
        let assigned = crate::inventory::zabbix::assigned_channel().1;
        Self { address, assigned, tells_unsupported: false, requests }
    }

    /// A spool and a sink that delivers from it.
    fn sink(&self) -> Site {
        self.sink_with(None)
    }

    fn sink_with(&self, heartbeat: Option<Heartbeat>) -> Site {
        let address = self.address.clone();
        let items = ItemKeys::default();
        let (reports, not_supported) = (true, self.tells_unsupported);
        let settings =
            ZabbixSettings { address, tls: None, items, heartbeat, reports, not_supported };
        let metrics = Arc::<ZabbixMetrics>::default();
        let age_max = Duration::from_secs(100 * 366 * 86_400);
        let spool = SpoolSettings { directory: None, age_max, bytes_max: 1 << 30 };
        let spool = Spool::start(&spool, vec![NAME], Arc::<SpoolMetrics>::default()).unwrap();
        let sink = ZabbixSink::start(
            &settings,
            None,
            self.assigned.clone(),
            spool.reader(NAME),
            metrics.clone(),
        );
        Site { spool, sink: Box::new(sink), metrics }
    }

    /// The hosts of the values of each request.
    fn hosts(&self) -> Vec<Vec<String>> {
        let host = |value: &Value| value["host"].as_str().unwrap().to_owned();
        let hosts =
            |request: &Value| request["data"].as_array().unwrap().iter().map(host).collect();
        self.requests.lock().iter().map(hosts).collect()
    }
}

async fn play(act: Act, mut stream: TcpStream, seen: Arc<Mutex<Vec<Value>>>) {
    let request: Value = serde_json::from_slice(&frame::read(&mut stream).await.unwrap()).unwrap();
    let data = request["data"].as_array().unwrap().clone();
    let begins = |value: &&Value, with: char| value["host"].as_str().unwrap().starts_with(with);
    let of = |with: char| data.iter().filter(|value| begins(value, with)).count() as u64;
    let count = data.len() as u64;
    let (refused, overlooked, others) = (of('x'), of('?'), count - of('a'));
    let is_ours = data.first().is_some_and(|value| begins(&value, 'a'));
    seen.lock().push(request);
    let reply = match act {
        Act::Take => frame::encode(&reply(count, 0, count)),
        Act::RefuseX => frame::encode(&reply(count - refused, refused, count)),
        Act::Overlook if overlooked > 0 => frame::encode(&reply(0, 0, 0)),
        Act::Overlook => frame::encode(&reply(count - refused, refused, count)),
        Act::Redirect(_) if is_ours => frame::encode(&reply(count - others, others, count)),
        Act::Redirect(port) => frame::encode(
            format!(
                r#"{{"response":"failed","redirect":{{"revision":1,"address":"127.0.0.1:{port}"}}}}"#
            )
            .as_bytes(),
        ),
        Act::Compress => compressed(&reply(count, 0, count)),
        Act::Babble => b"ZBXE and something else".to_vec(),
        Act::Close => return,
        Act::Hang => std::future::pending().await,
    };
    stream.write_all(&reply).await.unwrap();
}

fn reply(processed: u64, failed: u64, total: u64) -> Vec<u8> {
    let info = format!(
        "processed: {processed}; failed: {failed}; total: {total}; seconds spent: 0.000055"
    );
    format!(r#"{{"response":"success","info":"{info}"}}"#).into_bytes()
}

fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(payload).unwrap();
    let packed = encoder.finish().unwrap();
    let lengths = [packed.len(), payload.len()].map(|n| u32::try_from(n).unwrap().to_le_bytes());
    [b"ZBXD\x03", lengths.as_flattened(), &packed].concat()
}

/// What is needed to deliver.
struct Site {
    spool: Spool,
    sink: Box<ZabbixSink>,
    metrics: Arc<ZabbixMetrics>,
}

impl Site {
    async fn finish(self, within: Duration) -> Arc<ZabbixMetrics> {
        let ctx = Context::detached(within);
        self.spool.flush(&ctx).await;
        self.sink.finish(&ctx, self.spool.is_durable()).await;
        self.spool.stop(&Context::detached(Duration::from_secs(20))).await;
        self.metrics
    }
}

/// Sends an outcome of each line to a trapper that plays `acts`, and returns what became of them.
async fn deliver(acts: &'static [Act], lines: &[&str]) -> (Trapper, Arc<ZabbixMetrics>) {
    let trapper = Trapper::start(acts).await;
    let site = trapper.sink();
    for line in lines {
        site.spool.append(&measured(line));
    }
    let metrics = site.finish(Duration::from_secs(20)).await;
    (trapper, metrics)
}

#[tokio::test]
async fn values_are_delivered_in_order_with_the_moment_of_the_check() {
    let (trapper, metrics) = deliver(&[Act::Take], &["a", "b", "c"]).await;
    assert_eq!(trapper.hosts(), [["a", "b", "c"]]);
    let requests = trapper.requests.lock();
    let expected = serde_json::json!({
        "host": "a", "key": "dedicatedLinePing", "value": "20",
        "clock": 1_766_390_400, "ns": 250_000_000,
    });
    assert_eq!(requests[0]["data"][0], expected);
    assert_eq!((metrics.processed.get(), metrics.failed.get()), (3, 0));
}

#[tokio::test]
async fn a_compressed_answer_counts() {
    let (_, metrics) = deliver(&[Act::Compress], &["a", "b", "c"]).await;
    assert_eq!((metrics.processed.get(), metrics.exchange_failures.get()), (3, 0));
}

#[tokio::test]
async fn refused_values_are_found_and_the_others_taken() {
    let lines = ["a", "b", "x1", "c", "d", "e", "x2", "f"];
    let (trapper, metrics) = deliver(&[Act::RefuseX], &lines).await;
    assert_eq!((metrics.processed.get(), metrics.failed.get()), (6, 2));
    let requests = trapper.hosts();
    assert!(requests.contains(&vec!["x1".to_owned()]) && requests.contains(&vec!["x2".to_owned()]));
    assert!(requests.len() < 16, "halves, not one by one: {requests:?}");
}

#[tokio::test]
async fn a_value_that_is_not_even_counted_is_found_and_the_others_taken() {
    let (_, metrics) = deliver(&[Act::Overlook], &["a", "?", "b", "c"]).await;
    assert_eq!((metrics.processed.get(), metrics.unaccounted.get()), (3, 1));
}

#[tokio::test]
async fn a_redirect_of_a_proxy_group_is_followed_and_remembered() {
    let second = Trapper::start(&[Act::Take]).await;
    let act = Act::Redirect(second.address.port());
    let first = Trapper::start(Box::leak(Box::new([act]))).await;
    let site = first.sink();
    for line in ["a1", "b1", "a2", "b2"] {
        site.spool.append(&measured(line));
    }
    let metrics = site.finish(Duration::from_secs(20)).await;
    assert_eq!((metrics.processed.get(), metrics.failed.get()), (4, 0));
    let there: Vec<_> = second.hosts().into_iter().flatten().collect();
    assert!(there.contains(&"b1".to_owned()) && there.contains(&"b2".to_owned()), "{there:?}");
}

#[tokio::test]
async fn the_first_request_goes_where_the_inventory_says_that_a_host_is_looked_after() {
    let second = Trapper::start(&[Act::Take]).await;
    let mut first = Trapper::start(&[Act::Take]).await;
    let (sender, assigned) = crate::inventory::zabbix::assigned_channel();
    sender.send(Arc::new([("b".to_owned(), second.address.clone())].into())).unwrap();
    first.assigned = assigned;
    let site = first.sink();
    for line in ["a", "b", "c", "b"] {
        site.spool.append(&measured(line));
    }
    let metrics = site.finish(Duration::from_secs(20)).await;
    assert_eq!((metrics.processed.get(), metrics.failed.get()), (4, 0));
    assert_eq!(first.hosts(), [["a", "c"]]);
    assert_eq!(second.hosts(), [["b", "b"]]);
}

/// Neither do they wait for it, nor is it asked again before it is known to be back: its hosts are
/// asked for at the address that is configured.
#[tokio::test]
async fn a_proxy_of_a_group_that_is_away_keeps_no_other_values() {
    let mut first = Trapper::start(&[Act::Take]).await;
    let (sender, assigned) = crate::inventory::zabbix::assigned_channel();
    let nowhere = Endpoint::new("127.0.0.1", 1).unwrap();
    sender.send(Arc::new([("b".to_owned(), nowhere)].into())).unwrap();
    first.assigned = assigned;
    let site = first.sink();
    for line in ["b", "a"] {
        site.spool.append(&measured(line));
    }
    let metrics = site.finish(Duration::from_secs(20)).await;
    assert_eq!(first.hosts(), [vec!["a"], vec!["b", "a"]]);
    assert_eq!((metrics.exchange_failures.get(), metrics.undelivered.get()), (1, 0));
}

#[tokio::test]
async fn an_item_without_figures_is_told_why_only_when_that_is_asked_for() {
    let failed = || {
        let failure = scheduler::Failure {
            kind: scheduler::FailureKind::ParseResultFailed,
            phase: None,
            message: "no statistics".to_owned(),
            io: None,
        };
        Outcome { result: CheckResult::Failed(failure), ..measured("a") }
    };
    for (is_asked_for, expected) in [(false, 1), (true, 2)] {
        let mut trapper = Trapper::start(&[Act::Take]).await;
        trapper.tells_unsupported = is_asked_for;
        let site = trapper.sink();
        site.spool.append(&failed());
        site.finish(Duration::from_secs(20)).await;
        let requests = trapper.requests.lock();
        let data = requests[0]["data"].as_array().unwrap();
        assert_eq!(data.len(), expected, "{data:?}");
        assert_eq!(data[0]["key"], "dedicatedLineErrorDetail");
        if let Some(told) = data.get(1) {
            assert_eq!((&told["key"], &told["state"]), (&"dedicatedLinePing".into(), &1.into()));
            let reason = "ParseResultFailed: ParseResultFailed: no statistics";
            assert_eq!(told["value"], reason);
        }
    }
}

#[tokio::test]
async fn what_is_said_of_a_state_is_not_kept_when_it_is_refused() {
    let mut trapper = Trapper::start(&[Act::RefuseX]).await;
    trapper.tells_unsupported = true;
    let site = trapper.sink();
    let skipped = CheckResult::Skipped(scheduler::SkipReason::Overrun);
    site.spool.append(&Outcome { result: skipped, ..measured("x") });
    let reader = site.spool.reader(NAME);
    while reader.held().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let held = reader.held().await.unwrap();
    let items: Vec<_> = held.iter().map(|held| held.item.as_str()).collect();
    assert_eq!(items, ["dedicatedLineErrorDetail"]);
    site.finish(Duration::from_secs(20)).await;
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let act = Act::Redirect(port);
    let trapper = Trapper::start_at(port, Box::leak(Box::new([act]))).await;
    let site = trapper.sink();
    site.spool.append(&measured("b"));
    let metrics = site.finish(Duration::from_secs(1)).await;
    assert!(metrics.exchange_failures.get() > 0);
    assert_eq!((metrics.processed.get(), metrics.undelivered.get()), (0, 1));
}

#[tokio::test]
async fn values_wait_while_zabbix_makes_no_sense_and_are_then_delivered_unchanged() {
    let (trapper, metrics) = deliver(&[Act::Close, Act::Babble, Act::Take], &["a", "b"]).await;
    let requests = trapper.requests.lock();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0]["data"], requests[2]["data"]);
    assert_eq!((metrics.processed.get(), metrics.exchange_failures.get()), (2, 2));
    assert_eq!(metrics.undelivered.get(), 0);
}

#[tokio::test]
async fn a_trapper_that_hangs_does_not_hold_up_the_end_and_what_it_has_not_taken_is_counted() {
    let trapper = Trapper::start(&[Act::Hang]).await;
    let site = trapper.sink();
    site.spool.append(&measured("a"));
    site.spool.append(&measured("b"));
    let began = Instant::now();
    let metrics = site.finish(Duration::from_millis(300)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((metrics.undelivered.get(), metrics.processed.get()), (2, 0));
}

#[tokio::test]
async fn many_values_go_in_several_requests() {
    let lines: Vec<_> = (0..=BATCH_VALUES_MAX).map(|number| format!("line-{number}")).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let (trapper, metrics) = deliver(&[Act::Take], &lines).await;
    let sizes: Vec<_> = trapper.hosts().iter().map(Vec::len).collect();
    assert_eq!(sizes, [BATCH_VALUES_MAX, 1]);
    assert_eq!(metrics.processed.get(), 251);
}

#[tokio::test]
async fn a_heartbeat_beats_without_any_outcome_and_is_not_kept() {
    let trapper = Trapper::start(&[Act::Take]).await;
    let (host, key) = ("monitord".to_owned(), "monitord.uptime".to_owned());
    let site = trapper.sink_with(Some(Heartbeat { host, key, interval: Duration::from_secs(60) }));
    while trapper.requests.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    let metrics = site.finish(Duration::from_secs(20)).await;
    assert_eq!(trapper.hosts(), [["monitord"]]);
    assert_eq!(metrics.undelivered.get(), 0);
}

#[test]
fn the_wait_between_attempts_doubles_up_to_a_minute() {
    let waits: Vec<_> = (0..8).map(|failures| backoff(failures).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(backoff(u32::MAX), Duration::from_secs(60));
}
