use std::time::Duration;

use pool_core::Endpoint;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::frame;
use super::message::{ItemValue, Reply, request};

/// How long one exchange may take, from the resolution of the name to the end of the answer.
/// Zabbix itself gives up on a sender after 3 s by default, and after 30 s at most; a server that
/// answers later than this has more to do than to take our values.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends values to one Zabbix server or proxy.
///
/// A connection carries one request: Zabbix closes it after the answer, and an idle one would
/// occupy one of its few trapper processes.
#[derive(Clone, Debug)]
pub(super) struct Client {
    address: Endpoint,
}

impl Client {
    pub(super) fn new(address: Endpoint) -> Self {
        Self { address }
    }

    /// Sends `values` and returns the account of them.
    ///
    /// # Errors
    ///
    /// Why nothing is known of what became of them, in one line.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the values may or may not have been taken. Sending them again is harmless.
    pub(super) async fn send(&self, values: &[ItemValue]) -> Result<Reply, String> {
        match timeout(EXCHANGE_TIMEOUT, self.exchange(values)).await {
            Ok(Ok(payload)) => Reply::read(&payload),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {EXCHANGE_TIMEOUT:?}")),
        }
    }

    async fn exchange(&self, values: &[ItemValue]) -> std::io::Result<Vec<u8>> {
        let frame = frame::encode(&request(values))?;
        let mut stream = TcpStream::connect((self.address.host(), self.address.port())).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&frame).await?;
        frame::read(&mut stream).await
    }
}
