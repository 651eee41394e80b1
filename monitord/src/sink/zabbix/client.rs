use std::future::Future;
use std::io;
use std::time::Duration;

use pool_core::Endpoint;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::frame;
use super::message::request;
use super::reply::Answer;
use super::value::ItemValue;
use crate::tls::TlsClient;

/// How long one exchange may take, from the resolution of the name to the end of the answer.
/// Zabbix itself gives up on a sender after 3 s by default, and after 30 s at most; a server that
/// answers later than this has more to do than to take our values.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Speaks to Zabbix servers and proxies.
///
/// A connection carries one request: Zabbix closes it after the answer, and an idle one would
/// occupy one of its few trapper processes.
#[derive(Clone, Debug)]
pub(super) struct Client {
    tls: Option<TlsClient>,
    timeout: Duration,
}

impl Client {
    /// A client that encrypts, or does not.
    pub(super) fn new(tls: Option<TlsClient>) -> Self {
        Self { tls, timeout: EXCHANGE_TIMEOUT }
    }

    /// With another time for an exchange.
    #[cfg(test)]
    pub(super) fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sends `values` to `address` and returns what it says.
    ///
    /// # Errors
    ///
    /// Why nothing is known of what became of them, in one line.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the values may or may not have been taken. Sending them again is harmless.
    pub(super) async fn send(
        &self,
        address: &Endpoint,
        values: &[ItemValue],
    ) -> Result<Answer, String> {
        let deadline = Deadline { at: Instant::now() + self.timeout, timeout: self.timeout };
        let connecting = async {
            let stream = TcpStream::connect((address.host(), address.port())).await?;
            stream.set_nodelay(true).map(|()| stream)
        };
        let stream = deadline.hold("connection", connecting).await?.map_err(said)?;
        let payload = match &self.tls {
            None => deadline.hold("answer", exchange(stream, values)).await?,
            Some(tls) => {
                let encrypting = tls.connect(stream, address.host());
                let stream = deadline.hold("TLS handshake", encrypting).await??;
                deadline.hold("answer", exchange(stream, values)).await?
            }
        };
        Answer::read(&payload.map_err(said)?)
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    values: &[ItemValue],
) -> io::Result<Vec<u8>> {
    stream.write_all(&frame::encode(&request(values))).await?;
    stream.flush().await?;
    let payload = frame::read(&mut stream).await?;
    // The answer is whole: a goodbye that does not arrive changes nothing.
    drop(stream.shutdown().await);
    Ok(payload)
}

fn said(error: io::Error) -> String {
    error.to_string()
}

/// One for all stages of an exchange.
struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    async fn hold<T>(&self, what: &str, stage: impl Future<Output = T>) -> Result<T, String> {
        let late = |_| format!("no {what} within {:?}", self.timeout);
        timeout_at(self.at, stage).await.map_err(late)
    }
}
