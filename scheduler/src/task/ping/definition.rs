use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::read::Reader;
use super::template::{Param, Template};

/// How one platform is pinged.
#[derive(Debug)]
pub(super) struct Definition {
    /// The platform's name; an alias has the definition of its platform.
    pub(super) name: String,
    /// What is typed for a name or an IPv4 address.
    pub(super) ipv4: Commands,
    /// What is typed for an IPv6 address.
    pub(super) ipv6: Commands,
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
    /// Whether it works only on a session that is a shell: the ping ends only when it is
    /// interrupted, or takes its options from commands before it.
    pub(super) fn needs_shell(&self) -> bool {
        let takes_before = |commands: &Commands| !commands.before.is_empty();
        self.ends == Ends::Interrupted || takes_before(&self.ipv4) || takes_before(&self.ipv6)
    }
}

/// What is typed to ping.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    /// Commands that set options for the ping, on platforms whose ping takes none.
    pub(super) before: Vec<Template>,
    /// The ping.
    pub(super) ping: Template,
}

impl Commands {
    /// Whether the parameter is anywhere in them.
    pub(super) fn take(&self, param: Param) -> bool {
        self.before.iter().chain([&self.ping]).any(|template| template.takes(param))
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
    pub(super) count: RangeInclusive<u64>,
    /// Seconds to wait for a reply.
    pub(super) timeout_s: RangeInclusive<u64>,
    /// Bytes, as the platform counts them.
    pub(super) size: RangeInclusive<u64>,
}
