use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// As zabbix_sender sends them, and monitord.
const VALUES_PER_REQUEST: usize = 250;
/// Magic, flags and two lengths.
const HEADER_BYTES: usize = 13;
const COMPRESSED: u8 = 0x03;

/// Takes every value, as fast as it can.
#[derive(Debug)]
pub(super) struct Trapper {
    address: SocketAddr,
    came: Arc<AtomicU64>,
}

impl Trapper {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, came) = (listener.local_addr()?, Arc::<AtomicU64>::default());
        let counted = came.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counted = counted.clone();
                tokio::spawn(async move { serve(stream, &counted).await.ok() });
            }
        });
        Ok(Self { address, came })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many values came.
    pub(super) fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }
}

async fn serve(mut stream: TcpStream, came: &AtomicU64) -> Result<()> {
    let request = read(&mut stream).await?;
    // Only values have a clock: counting them is cheaper than reading all.
    let count = request.windows(8).filter(|bytes| bytes == b"\"clock\":").count() as u64;
    came.fetch_add(count, Ordering::Relaxed);
    let info = format!("processed: {count}; failed: 0; total: {count}; seconds spent: 0.000055");
    let reply = json!({ "response": "success", "info": info }).to_string();
    stream.write_all(&frame(0x01, reply.as_bytes(), 0)?).await?;
    Ok(())
}

/// How many values a loop sends in a second that does nothing else: each request is ready, and the
/// next one goes when the last one is answered.
pub(super) async fn bare_values_per_second(
    address: &str,
    prefix: &str,
    time: Duration,
) -> Result<f64> {
    let clock = jiff::Timestamp::now().as_second() - 7200;
    let value = |number: usize| {
        json!({
            "host": format!("{prefix}-{}", number % 100), "key": "dedicatedLinePing", "value": "20",
            "clock": clock, "ns": number + 1,
        })
    };
    let values: Vec<_> = (0..VALUES_PER_REQUEST).map(value).collect();
    let request = json!({ "request": "sender data", "data": values }).to_string();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(request.as_bytes())?;
    let request = frame(COMPRESSED, &encoder.finish()?, request.len())?;
    let (began, mut sent) = (Instant::now(), 0);
    while began.elapsed() < time {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&request).await?;
        let reply = read(&mut stream).await?;
        let reply = String::from_utf8_lossy(&reply);
        ensure!(reply.contains("failed: 0"), "the bare loop is refused: {reply}");
        sent += VALUES_PER_REQUEST;
    }
    Ok(sent as f64 / began.elapsed().as_secs_f64())
}

fn frame(flags: u8, payload: &[u8], unpacked: usize) -> Result<Vec<u8>> {
    let length = u32::try_from(payload.len())?.to_le_bytes();
    let unpacked = u32::try_from(unpacked)?.to_le_bytes();
    Ok([b"ZBXD", [flags].as_slice(), &length, &unpacked, payload].concat())
}

async fn read(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut head = [0; HEADER_BYTES];
    stream.read_exact(&mut head).await?;
    ensure!(&head[..4] == b"ZBXD", "no frame");
    let length = u32::from_le_bytes(head[5..9].try_into().context("four bytes")?);
    let mut payload = vec![0; usize::try_from(length)?];
    stream.read_exact(&mut payload).await?;
    if head[4] != COMPRESSED {
        return Ok(payload);
    }
    let mut unpacked = Vec::new();
    ZlibDecoder::new(payload.as_slice()).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_bare_loop_sends_is_counted() {
        let trapper = Trapper::start().await.expect("a trapper");
        let address = trapper.address().to_string();
        let rate = bare_values_per_second(&address, "line", Duration::from_millis(1)).await;
        assert!(rate.expect("all are taken") > 0.0);
        let came = trapper.came();
        assert!(came > 0 && came.is_multiple_of(VALUES_PER_REQUEST as u64), "{came}");
    }
}
