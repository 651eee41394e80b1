use std::time::Duration;

use pool_core::Endpoint;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::frame;
use super::message::{Answer, request};
use super::value::ItemValue;

/// How long one exchange may take, from the resolution of the name to the end of the answer.
/// Zabbix itself gives up on a sender after 3 s by default, and after 30 s at most; a server that
/// answers later than this has more to do than to take our values.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Speaks to Zabbix servers and proxies.
///
/// A connection carries one request: Zabbix closes it after the answer, and an idle one would
/// occupy one of its few trapper processes.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {}

impl Client {
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
        match timeout(EXCHANGE_TIMEOUT, self.exchange(address, values)).await {
            Ok(Ok(payload)) => Answer::read(&payload),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {EXCHANGE_TIMEOUT:?}")),
        }
    }

    async fn exchange(&self, address: &Endpoint, values: &[ItemValue]) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((address.host(), address.port())).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&frame::encode(&request(values))).await?;
        frame::read(&mut stream).await
    }
}
