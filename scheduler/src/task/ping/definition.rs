use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::read::Reader;
use super::template::Template;

/// How one platform is pinged.
#[derive(Debug)]
pub(super) struct Definition {
    /// The platform's name; an alias has the definition of its platform.
    pub(super) name: String,
    /// The command for a name or an IPv4 address.
    pub(super) command: Template,
    /// The command for an IPv6 address.
    pub(super) command_ipv6: Template,
    /// The pause between two packets.
    pub(super) interval: Duration,
    /// Which packets are waited for.
    pub(super) waits: Waits,
    /// How the command comes to its end.
    pub(super) ends: Ends,
    /// What the platform takes.
    pub(super) limits: Limits,
    /// How its output is read.
    pub(super) reader: Reader,
}

impl Definition {
    /// Whether the ping ends only when it is interrupted.
    pub(super) fn needs_interrupt(&self) -> bool {
        self.ends == Ends::Interrupted
    }
}

/// Which packets a device waits for before it sends the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Waits {
    /// Each one, up to the timeout; then it pauses for the interval.
    Each,
    /// The last only; the others are sent at the interval whether replies come or not.
    Last,
}

/// How a ping comes to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ends {
    /// By itself, after the last packet.
    #[default]
    Itself,
    /// It takes no count and goes on until it is interrupted.
    Interrupted,
}

/// The ranges that a platform takes.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Packets.
    pub(super) count: RangeInclusive<u32>,
    /// Seconds to wait for a reply.
    pub(super) timeout_s: RangeInclusive<u64>,
    /// Bytes, as the platform counts them.
    pub(super) size: RangeInclusive<u32>,
}
