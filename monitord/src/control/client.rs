use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{Answer, Request};

/// How much longer than the request may take is waited for the answer.
const SLACK: Duration = Duration::from_secs(5);
/// The longest answer that is read: a thousand outcomes, each as JSON and as a row.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// Asks the daemon that listens at `socket`, and waits for its answer a little longer than it may
/// take.
///
/// # Errors
///
/// When nobody listens there, when it may not be opened, and when no answer comes.
pub(crate) async fn ask(socket: &Path, request: &Request, patience: Duration) -> Result<Answer> {
    let exchanged = timeout(patience + SLACK, exchange(socket, request)).await;
    exchanged.with_context(|| format!("{}: the daemon does not answer", socket.display()))?
}

async fn exchange(socket: &Path, request: &Request) -> Result<Answer> {
    let place = socket.display();
    let mut stream = UnixStream::connect(socket)
        .await
        .with_context(|| format!("{place}: cannot reach the daemon: does it run, and as whom?"))?;
    let mut text = serde_json::to_string(request).context("cannot write JSON")?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await.with_context(|| format!("{place}: it hung up"))?;
    let mut answer = String::new();
    BufReader::new(stream.take(ANSWER_BYTES_MAX))
        .read_line(&mut answer)
        .await
        .with_context(|| format!("{place}: it hung up"))?;
    serde_json::from_str(&answer).with_context(|| format!("{place}: the answer makes no sense"))
}
