//! The daemon's pages: `/metrics`, `/healthz`, `/readyz`, `/status`.

mod access;
mod listener;
mod serve;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::status::{Collector, Selection};

pub(crate) use self::access::{Access, TlsServer};

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

/// Serves `pages` to whoever connects to `listener` and has `access`, until the task is aborted. Once `shutdown` is
/// cancelled the daemon still lives, and is not ready any more.
pub(crate) fn serve(
    listener: TcpListener,
    access: Access,
    pages: Pages,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move |pages: State<Pages>| ready(pages, shutdown.clone())))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .with_state(pages);
    tokio::spawn(serve::serve(listener, access, router))
}

/// A daemon whose configuration cannot be taken over is as ready as it was before; what is to be
/// done about it stands below.
async fn ready(State(pages): State<Pages>, shutdown: CancellationToken) -> Response {
    if shutdown.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match pages.status.reloads().state().problem {
        None => "ready\n".into_response(),
        Some((problem, since)) => {
            format!("ready\nthe configuration is not followed since {since:.3}: {problem}\n")
                .into_response()
        }
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
