//! A Zabbix trapper that takes everything, or nothing.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Takes every value.
pub(crate) struct Trapper {
    pub(crate) address: SocketAddr,
    values: Arc<Mutex<Vec<Value>>>,
    connections: Arc<AtomicUsize>,
}

impl Trapper {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let values = Arc::<Mutex<Vec<Value>>>::default();
        let taken = values.clone();
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, taken.clone()));
            }
        });
        Self { address, values, connections }
    }

    /// How often somebody has connected.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The values so far.
    pub(crate) fn values(&self) -> Vec<Value> {
        self.values.lock().clone()
    }
}

async fn serve(mut stream: TcpStream, taken: Arc<Mutex<Vec<Value>>>) {
    let mut head = [0; 13];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head[..4], b"ZBXD");
    let length = u32::from_le_bytes(head[5..9].try_into().unwrap()) as usize;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    if head[4] == 0x03 {
        let mut unpacked = Vec::new();
        flate2::read::ZlibDecoder::new(&body[..]).read_to_end(&mut unpacked).unwrap();
        body = unpacked;
    }
    let request: Value = serde_json::from_slice(&body).unwrap();
    let values = request["data"].as_array().unwrap();
    let count = values.len();
    taken.lock().extend(values.iter().cloned());
    let info = format!("processed: {count}; failed: 0; total: {count}; seconds spent: 0.000055");
    let reply = format!(r#"{{"response":"success","info":"{info}"}}"#).into_bytes();
    let length = u32::try_from(reply.len()).unwrap().to_le_bytes();
    stream.write_all(&[b"ZBXD\x01", &length[..], &[0; 4], &reply].concat()).await.unwrap();
}
