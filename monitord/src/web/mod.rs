//! The daemon's pages: `/metrics`, `/healthz`, `/readyz`, `/status`.

mod listener;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::listener::BoundedListener;
use crate::metrics::Metrics;
use crate::status::{Collector, Selection};

/// The type of Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the pages show.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    metrics: Arc<Metrics>,
    status: Arc<Collector>,
}

impl Pages {
    /// Pages about what `status` knows, and what else can be measured.
    pub(crate) fn new(metrics: Arc<Metrics>, status: Arc<Collector>) -> Self {
        Self { metrics, status }
    }
}

/// Serves `pages` to whoever connects to `listener`, until the task is aborted. Once `shutdown` is
/// cancelled the daemon still lives, and is not ready any more.
pub(crate) fn serve(
    listener: TcpListener,
    pages: Pages,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || ready(shutdown.clone())))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .with_state(pages);
    tokio::spawn(async move {
        // Never returns: the listener accepts for ever.
        axum::serve(BoundedListener::new(listener), router).await.ok();
    })
}

async fn ready(shutdown: CancellationToken) -> Response {
    if shutdown.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response()
    } else {
        "ready\n".into_response()
    }
}

async fn metrics(State(pages): State<Pages>) -> Response {
    match pages.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => broken(&error),
    }
}

async fn status(State(pages): State<Pages>) -> Response {
    match serde_json::to_string(&pages.status.collect(&Selection::All)) {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => broken(&error),
    }
}

fn broken(error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "a page cannot be written");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
