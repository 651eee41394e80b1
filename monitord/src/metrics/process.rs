//! The daemon itself: its configuration, and its own mistakes.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::ResultLabel;
use super::encode::{counter, counters, gauge};
use crate::reload::{ReloadState, Reloads};
use crate::telemetry::panics_total;

/// What is known of the configuration, and how many panics there were.
#[derive(Debug)]
pub(super) struct ProcessCollector(pub(super) Arc<Reloads>);

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let ReloadState { digest, good_at, problem, applied, unchanged, refused, .. } =
            self.0.state();
        gauge(
            &mut encoder,
            "monitord_config_last_reload_successful",
            "1 when what runs is what is configured, 0 when another configuration is not taken over",
            usize::from(problem.is_none()),
        )?;
        gauge(
            &mut encoder,
            "monitord_config_last_reload_success_timestamp_seconds",
            "When what runs was last found to be what is configured, or taken over",
            usize::try_from(good_at.as_second()).unwrap_or_default(),
        )?;
        gauge(
            &mut encoder,
            "monitord_config_hash",
            "Tells the configuration that runs from others",
            usize::try_from(digest.as_number()).unwrap_or_default(),
        )?;
        let results = [("applied", applied), ("unchanged", unchanged), ("refused", refused)];
        counters(
            &mut encoder,
            "monitord_config_reloads",
            "Reloads of the configuration, by how they ended",
            results.map(|(result, count)| (ResultLabel { result }, count)),
        )?;
        counter(
            &mut encoder,
            "monitord_panics",
            "Mistakes of monitord itself that ended a part of it, which began again",
            panics_total(),
        )
    }
}
