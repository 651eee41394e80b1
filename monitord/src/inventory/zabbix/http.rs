//! POST requests with an end: every answer is bounded, in size and by whoever drops the future.

use std::fmt;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use pool_core::Secret;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use crate::tls::TlsClient;

/// The largest answer that is read. A thousand hosts with ten macros each have less than 2 MB.
pub(super) const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Why there is no answer, without anything that must not be seen.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("{0}")]
    Failed(String),
    #[error("the answer is too large")]
    TooLarge,
}

fn failed(what: &str, error: impl fmt::Display) -> HttpError {
    HttpError::Failed(format!("{what}: {error}"))
}

/// A client of one server.
#[derive(Debug)]
pub(super) struct Http {
    uri: Uri,
    tls: Option<TlsClient>,
    bytes_max: usize,
    /// The connection of the last request, which the server may have closed since.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    sender: SendRequest<Full<Bytes>>,
    _driver: AbortOnDropHandle<()>,
}

impl Http {
    /// A client of the server of `uri`, which reads answers up to this size.
    pub(super) fn new(uri: Uri, tls: Option<TlsClient>, bytes_max: usize) -> Self {
        Self { uri, tls, bytes_max, open: None }
    }

    /// Where it is.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Forgets the connection.
    pub(super) fn hang_up(&mut self) {
        self.open = None;
    }

    /// Sends `body`, with `token` if there is one, and returns the whole answer.
    ///
    /// # Errors
    ///
    /// When there is none, or it is too large.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the connection is closed.
    pub(super) async fn post(
        &mut self,
        body: &str,
        token: Option<&Secret>,
    ) -> Result<(StatusCode, Bytes), HttpError> {
        // Kept while it is used: dropping the future drops it.
        let reused = self.open.take().filter(|open| !open.sender.is_closed());
        let was_open = reused.is_some();
        let mut open = match reused {
            Some(open) => open,
            None => self.connect().await?,
        };
        let request = self.request(body, token)?;
        let answer = match open.sender.send_request(request).await {
            // The server had closed it, and we had not heard of that yet.
            Err(error) if was_open && (error.is_canceled() || error.is_incomplete_message()) => {
                open = self.connect().await?;
                open.sender.send_request(self.request(body, token)?).await
            }
            answer => answer,
        };
        let answer = answer.map_err(|error| failed("no answer", error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), self.bytes_max).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => HttpError::TooLarge,
            false => failed("the answer breaks off", error),
        })?;
        self.open = Some(open);
        Ok((status, body.to_bytes()))
    }

    fn request(
        &self,
        body: &str,
        token: Option<&Secret>,
    ) -> Result<Request<Full<Bytes>>, HttpError> {
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json-rpc");
        if let Some(token) = token {
            let header = HeaderValue::try_from(format!("Bearer {}", token.expose()));
            let mut header =
                header.map_err(|_| HttpError::Failed("the token is no token".to_owned()))?;
            header.set_sensitive(true);
            request = request.header(AUTHORIZATION, header);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        request.body(body).map_err(|error| failed("no request can be made", error))
    }

    async fn connect(&self) -> Result<Open, HttpError> {
        let host = self.uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let default = if self.tls.is_some() { 443 } else { 80 };
        let port = self.uri.port_u16().unwrap_or(default);
        let stream = TcpStream::connect((host, port)).await;
        let stream = stream.map_err(|error| failed("cannot connect", error))?;
        stream.set_nodelay(true).ok();
        match &self.tls {
            Some(tls) => speak(tls.connect(stream, host).await.map_err(HttpError::Failed)?).await,
            None => speak(stream).await,
        }
    }
}

async fn speak<S>(stream: S) -> Result<Open, HttpError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let shaken = handshake(TokioIo::new(stream)).await;
    let (sender, driver) = shaken.map_err(|error| failed("it does not speak HTTP", error))?;
    // How it ends is seen by whoever waits for an answer.
    let driver = tokio::spawn(async move { drop(driver.await) });
    Ok(Open { sender, _driver: AbortOnDropHandle::new(driver) })
}
