//! How SSH sessions come about, read when somebody asks.

use std::fmt;
use std::sync::Arc;

use driver_ssh::SshSettings;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};

use super::encode::{counter, counters, gauge};

/// Reads what all SSH sessions share.
#[derive(Debug)]
pub(super) struct SshCollector(pub(super) Arc<SshSettings>);

#[derive(Clone, Debug, EncodeLabelSet)]
struct FailureLabels {
    kind: &'static str,
    phase: &'static str,
}

impl Collector for SshCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let stats = self.0.stats();
        for (name, help, value) in [
            (
                "monitord_blocking_threads_in_use",
                "Threads that work on SSH sessions at this moment",
                stats.threads_in_use,
            ),
            (
                "monitord_blocking_threads_max",
                "Threads that may work on SSH sessions at once",
                stats.threads_max,
            ),
            (
                "monitord_blocking_threads_waiting",
                "Pieces of work on SSH sessions that wait for a thread",
                stats.threads_waiting,
            ),
        ] {
            gauge(encoder, name, help, value)?;
        }
        counter(
            encoder,
            "monitord_blocking_threads_cut",
            "Pieces of work on SSH sessions whose time was over before they had a thread",
            stats.threads_cut,
        )?;
        counter(
            encoder,
            "monitord_ssh_stretches_cut_off",
            "Pieces of work on SSH sessions that a peer made longer than a few milliseconds",
            stats.stretches_cut_off,
        )?;
        let failures = stats.failures.iter().map(|(&(kind, phase), &count)| {
            let phase = phase.map_or("", |phase| phase.as_str());
            (FailureLabels { kind: kind.as_str(), phase }, count)
        });
        counters(
            encoder,
            "monitord_ssh_login_failures",
            "SSH logins that failed, by the kind of error and the phase",
            failures,
        )
    }
}
