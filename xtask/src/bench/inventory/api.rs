//! An API with as many hosts as are asked for, whose answers are made before anything is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// How many hosts one call asks for.
const BATCH: usize = 1000;
/// How many hosts are behind each router.
const HOSTS_PER_ROUTER: usize = 20;
const FIRST_ID: usize = 10_000;

/// It at work, until the process ends.
pub(super) struct Api {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    ids: String,
    /// Hosts in batches.
    batches: Vec<String>,
    calls: AtomicU64,
    bytes: AtomicU64,
}

impl Api {
    pub(super) fn start(hosts: usize) -> Result<Self> {
        let all: Vec<usize> = (0..hosts).collect();
        let ids: Value = all.iter().map(|n| json!({ "hostid": id(*n) })).collect();
        let batch = |batch: &[usize]| answer(&batch.iter().map(|number| host(*number)).collect());
        let shared = Arc::new(Shared {
            ids: answer(&ids),
            batches: all.chunks(BATCH).map(batch).collect(),
            calls: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
        let address = listener.local_addr()?;
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serving = serving.clone();
                // A client that goes away is no fault.
                std::thread::spawn(move || serving.serve(stream).ok());
            }
        });
        Ok(Self { address, shared })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/api_jsonrpc.php", self.address)
    }

    /// Calls and bytes of answers that `work` takes.
    pub(super) fn cost_of<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(u64, u64)> {
        let count = || {
            let Shared { calls, bytes, .. } = &*self.shared;
            (calls.load(Ordering::SeqCst), bytes.load(Ordering::SeqCst))
        };
        let before = count();
        work()?;
        let after = count();
        Ok((after.0 - before.0, after.1 - before.1))
    }

    /// The size of a host in an answer.
    pub(super) fn bytes_per_host(&self) -> f64 {
        let bytes: usize = self.shared.batches.iter().map(String::len).sum();
        let hosts = self.shared.ids.matches("hostid").count();
        bytes as f64 / hosts as f64
    }

    /// Calls that are answered with every host.
    pub(super) fn calls(&self) -> Vec<String> {
        let call = |place: usize| {
            json!({ "method": "host.get", "params": { "hostids": [id(place * BATCH)] } })
                .to_string()
        };
        (0..self.shared.batches.len()).map(call).collect()
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let line = line.trim().to_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse()?;
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let answer = self.answer(&serde_json::from_slice(&body)?);
            self.calls.fetch_add(1, Ordering::SeqCst);
            self.bytes.fetch_add(answer.len() as u64, Ordering::SeqCst);
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len())?;
            stream.write_all(answer.as_bytes())?;
        }
    }

    fn answer(&self, call: &Value) -> std::borrow::Cow<'_, str> {
        let params = &call["params"];
        match call["method"].as_str().unwrap_or_default() {
            "apiinfo.version" => answer(&json!("7.0.9")).into(),
            "proxy.get" => answer(&json!([{ "proxyid": "1" }])).into(),
            "host.get" => match params["hostids"][0].as_str().and_then(|id| id.parse().ok()) {
                None => (&self.ids).into(),
                Some(first) => {
                    let first: usize = first;
                    (&self.batches[(first - FIRST_ID) / BATCH]).into()
                }
            },
            "template.get" => answer(&json!([template()])).into(),
            _ => answer(&json!([])).into(),
        }
    }
}

fn answer(result: &Value) -> String {
    json!({ "jsonrpc": "2.0", "result": result, "id": 1 }).to_string()
}

fn id(number: usize) -> String {
    (FIRST_ID + number).to_string()
}

fn macro_of((name, value): (&str, &str)) -> Value {
    json!({ "macro": format!("{{$LINE_{name}}}"), "value": value, "type": "0" })
}

/// A host with macros of its own and a template, as lines have them.
fn host(number: usize) -> Value {
    let router = number / HOSTS_PER_ROUTER;
    let router = format!("198.18.{}.{}", router / 250, router % 250 + 1);
    let target = format!("198.19.{}.{}", number / 250 % 250, number % 250 + 1);
    let line = format!("L{number:05}");
    let macros = [
        ("ID", line.as_str()),
        ("ROUTER_IP", &router),
        ("TARGET", &target),
        ("CHECK_INTERVAL", "3m"),
        ("ROUTER_PLATFORM", "cisco_iosxe"),
    ];
    let macros: Vec<_> = macros.into_iter().map(macro_of).collect();
    json!({
        "hostid": id(number), "host": format!("line-{number:05}"), "assigned_proxyid": "0",
        "macros": macros, "parentTemplates": [{ "templateid": "7" }],
    })
}

fn template() -> Value {
    let macros = [("ROUTER_USERNAME", "monitor"), ("ROUTER_PASSWORD", "x"), ("PING_COUNT", "5")];
    let macros: Vec<_> = macros.into_iter().map(macro_of).collect();
    json!({ "templateid": "7", "macros": macros, "parentTemplates": [] })
}
