//! Connections and requests, bounded in size, time and number.

use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use super::access::{Access, guard};
use super::listener::BoundedListener;

/// The largest head of a request. Those of browsers and scrapers have 1 KiB.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long a client may take to send one, the TLS handshake included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `pages` to whoever connects to `listener` and has `access`. Runs until it is dropped.
pub(super) async fn serve(listener: TcpListener, access: Access, pages: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    let mut listener = BoundedListener::new(listener, access.tls.clone());
    let pages = TowerToHyperService::new(pages.layer(from_fn_with_state(access, guard)));
    loop {
        let stream = listener.accept().await;
        let connection = http.serve_connection(TokioIo::new(stream), pages.clone());
        // Whatever ends it, is the client's affair.
        tokio::spawn(async move { connection.await.ok() });
    }
}
