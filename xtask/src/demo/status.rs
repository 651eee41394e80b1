//! What the daemon's `/status` page says.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

/// The page is on this machine; an answer that takes longer will not come.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) lines: Vec<Line>,
    pub(super) routers: Vec<Router>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) line: String,
    pub(super) router: String,
    pub(super) platform: String,
    pub(super) target: String,
    #[serde(rename = "last_result")]
    pub(super) state: String,
    pub(super) loss_pct: Option<f64>,
    pub(super) rtt_avg_ms: Option<f64>,
    pub(super) last_error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Router {
    pub(super) router: String,
    pub(super) in_use: usize,
    pub(super) idle: usize,
    pub(super) creating: usize,
    pub(super) closing: usize,
    pub(super) waiting: usize,
    pub(super) max: usize,
}

pub(super) async fn fetch(http: SocketAddr) -> Result<Status> {
    // The lab runs on the same runtime: a blocking client here would stall its routers.
    let fetched = tokio::task::block_in_place(move || {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(FETCH_TIMEOUT)).build().into();
        let mut answer = agent.get(format!("http://{http}/status")).call()?;
        answer.body_mut().read_to_string()
    });
    Ok(serde_json::from_str(&fetched?)?)
}
