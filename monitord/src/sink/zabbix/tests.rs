//! The sink against a trapper that answers as the test says.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use parking_lot::Mutex;
use pool_core::{Platform, Protocol};
use scheduler::{
    CheckResult, LineId, LineStatus, Measurement, RouterName, RouterStatus, Target, Trigger,
};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::*;

/// What the trapper does with one connection.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Takes all values but so many, which it refuses.
    Refuse(u64),
    /// Takes all values and says so in a compressed frame.
    Compress,
    /// Says that it looked at nothing.
    Forget,
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
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Trapper {
    async fn start(acts: &'static [Act]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
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
        Self { address, requests }
    }

    fn sink(&self, capacity: usize) -> (Box<ZabbixSink>, Arc<ZabbixMetrics>) {
        let settings = ZabbixSettings { address: self.address.clone(), items: ItemKeys::default() };
        let metrics = Arc::<ZabbixMetrics>::default();
        (Box::new(ZabbixSink::with_capacity(&settings, metrics.clone(), capacity)), metrics)
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
    let count = request["data"].as_array().unwrap().len() as u64;
    seen.lock().push(request);
    let reply = match act {
        Act::Refuse(refused) => frame::encode(&reply(count - refused, refused, count)).unwrap(),
        Act::Compress => compressed(&reply(count, 0, count)),
        Act::Forget => frame::encode(&reply(0, 0, 0)).unwrap(),
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

fn outcome(line: &str) -> Arc<Outcome> {
    let at = "2025-12-22T08:00:00.25Z".parse().unwrap();
    let measurement = Measurement::new(5, 4, None);
    Arc::new(Outcome {
        line: LineId::new(line).unwrap(),
        target: Target::new("198.51.100.1").unwrap(),
        router: RouterName::new("edge-1").unwrap(),
        platform: Platform::new("linux"),
        protocol: Protocol::Ssh,
        scheduled_at: at,
        started_at: Some(at),
        duration: Duration::ZERO,
        wait: Duration::ZERO,
        connect: None,
        reused: None,
        result: CheckResult::Measured(measurement),
        trigger: Trigger::Schedule,
        line_status: LineStatus::unknown(at),
        router_status: RouterStatus::unknown(at),
    })
}

/// Sends three outcomes to a trapper that plays `acts`, and returns what became of them.
async fn deliver(acts: &'static [Act]) -> (Trapper, Arc<ZabbixMetrics>) {
    let trapper = Trapper::start(acts).await;
    let (mut sink, metrics) = trapper.sink(100);
    for line in ["a", "b", "c"] {
        sink.accept(&outcome(line));
    }
    sink.finish(&Context::detached(Duration::from_secs(20))).await;
    (trapper, metrics)
}

#[tokio::test]
async fn values_are_delivered_in_order_with_the_moment_of_the_check() {
    let (trapper, metrics) = deliver(&[Act::Refuse(0)]).await;
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
    let (_, metrics) = deliver(&[Act::Compress]).await;
    assert_eq!((metrics.processed.get(), metrics.exchange_failures.get()), (3, 0));
}

#[tokio::test]
async fn refused_values_are_counted_and_not_sent_again() {
    let (trapper, metrics) = deliver(&[Act::Refuse(2)]).await;
    assert_eq!(trapper.hosts().len(), 1);
    assert_eq!((metrics.processed.get(), metrics.failed.get()), (1, 2));
}

#[tokio::test]
async fn values_that_the_answer_leaves_out_are_counted() {
    let (_, metrics) = deliver(&[Act::Forget]).await;
    assert_eq!((metrics.processed.get(), metrics.unaccounted.get()), (0, 3));
}

#[tokio::test]
async fn values_wait_while_zabbix_makes_no_sense_and_are_then_delivered_unchanged() {
    let (trapper, metrics) = deliver(&[Act::Close, Act::Babble, Act::Refuse(0)]).await;
    let requests = trapper.requests.lock();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0]["data"], requests[2]["data"]);
    assert_eq!((metrics.processed.get(), metrics.exchange_failures.get()), (3, 2));
    assert_eq!(metrics.undelivered.get(), 0);
}

#[tokio::test]
async fn a_trapper_that_hangs_does_not_hold_up_the_end_and_what_it_has_not_taken_is_counted() {
    let trapper = Trapper::start(&[Act::Hang]).await;
    let (mut sink, metrics) = trapper.sink(100);
    sink.accept(&outcome("a"));
    sink.accept(&outcome("b"));
    let began = Instant::now();
    sink.finish(&Context::detached(Duration::from_millis(300))).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((metrics.undelivered.get(), metrics.processed.get()), (2, 0));
}

#[tokio::test]
async fn a_full_queue_drops_the_oldest_and_counts_it() {
    let trapper = Trapper::start(&[Act::Refuse(0)]).await;
    let (mut sink, metrics) = trapper.sink(2);
    for line in ["a", "b", "c", "d"] {
        sink.accept(&outcome(line));
    }
    sink.finish(&Context::detached(Duration::from_secs(20))).await;
    assert_eq!(trapper.hosts(), [["c", "d"]]);
    assert_eq!((metrics.dropped.get(), metrics.processed.get()), (2, 2));
}

#[tokio::test]
async fn many_values_go_in_several_requests() {
    let trapper = Trapper::start(&[Act::Refuse(0)]).await;
    let (mut sink, metrics) = trapper.sink(1000);
    for number in 0..BATCH_VALUES_MAX + 1 {
        sink.accept(&outcome(&format!("line-{number}")));
    }
    sink.finish(&Context::detached(Duration::from_secs(20))).await;
    let sizes: Vec<_> = trapper.hosts().iter().map(Vec::len).collect();
    assert_eq!(sizes, [BATCH_VALUES_MAX, 1]);
    assert_eq!(metrics.processed.get(), 251);
}

#[test]
fn the_wait_between_attempts_doubles_up_to_a_minute() {
    let waits: Vec<_> = (0..8).map(|failures| backoff(failures).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
}
