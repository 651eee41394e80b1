use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// What a device counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// Packets sent, at least 1.
    pub sent: u32,
    /// Packets that were answered. It is above `sent` only where a device counts answers and got
    /// more than one to a packet, and each packet was answered then.
    pub received: u32,
    /// Round-trip times, when the device printed them.
    pub rtt: Option<RttMs>,
    /// What it said beyond that.
    pub details: Details,
}

/// Round-trip times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RttMs {
    /// The shortest.
    pub min: f64,
    /// The mean.
    pub avg: f64,
    /// The longest.
    pub max: f64,
}

/// What a device said of a ping beyond its counts and times. What it did not say, or what came
/// through incomplete, is absent: nothing here is worked out from something else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The deviation of the round-trip times in milliseconds, as the device computes it.
    pub rtt_mdev_ms: Option<f64>,
    /// Answers to packets that had been answered already.
    pub duplicates: Option<u32>,
    /// Errors that were counted in the statistics.
    pub errors: Option<u32>,
    /// What was said of packets that were not answered, by kind.
    pub unanswered: BTreeMap<Unanswered, u32>,
    /// The round-trip time of each answer, in milliseconds and in the order of printing; empty
    /// unless that of every answer was printed.
    pub reply_ms: Vec<f64>,
}

impl Measurement {
    /// Counts without anything else.
    pub fn new(sent: u32, received: u32, rtt: Option<RttMs>) -> Self {
        Self { sent, received, rtt, details: Details::default() }
    }

    /// `(sent - received) / sent`, in percent; 0 when there are more answers than packets.
    pub fn loss_pct(&self) -> f64 {
        let lost = self.sent.saturating_sub(self.received);
        f64::from(lost) * 100.0 / f64::from(self.sent.max(1))
    }
}

/// What a device says of a packet that was not answered.
///
/// The names follow the ICMP types and codes of RFC 792, RFC 1812 and RFC 4443.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unanswered {
    /// No answer came in time.
    TimedOut,
    /// Somebody said that the destination is unreachable; the device does not say why.
    Unreachable,
    /// The destination's network is unreachable.
    NetUnreachable,
    /// The destination itself is unreachable.
    HostUnreachable,
    /// It does not speak the protocol.
    ProtocolUnreachable,
    /// Nothing listens there; some filters say so too.
    PortUnreachable,
    /// A filter forbids it.
    Prohibited,
    /// The packet is too big for a link on the way and must not be fragmented.
    TooBig,
    /// Somebody asked to slow down.
    SourceQuench,
    /// The packet was passed on too often.
    TimeExceeded,
    /// The device has no route to the destination.
    NoRoute,
    /// The device could not send the packet.
    SendFailed,
    /// Something came back that is not an answer, and the device does not know it.
    Unknown,
}

impl Unanswered {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::TimedOut,
        Self::Unreachable,
        Self::NetUnreachable,
        Self::HostUnreachable,
        Self::ProtocolUnreachable,
        Self::PortUnreachable,
        Self::Prohibited,
        Self::TooBig,
        Self::SourceQuench,
        Self::TimeExceeded,
        Self::NoRoute,
        Self::SendFailed,
        Self::Unknown,
    ];

    /// The stable name, as it stands in JSON and in platform definitions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::NetUnreachable => "net_unreachable",
            Self::HostUnreachable => "host_unreachable",
            Self::ProtocolUnreachable => "protocol_unreachable",
            Self::PortUnreachable => "port_unreachable",
            Self::Prohibited => "prohibited",
            Self::TooBig => "too_big",
            Self::SourceQuench => "source_quench",
            Self::TimeExceeded => "time_exceeded",
            Self::NoRoute => "no_route",
            Self::SendFailed => "send_failed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_what_was_not_answered() {
        for (sent, received, loss_pct) in [(5, 5, 0.0), (5, 0, 100.0), (8, 7, 12.5), (1, 4, 0.0)] {
            assert_eq!(Measurement::new(sent, received, None).loss_pct(), loss_pct);
        }
    }

    #[test]
    fn a_kind_is_written_as_it_is_read() {
        for kind in Unanswered::ALL {
            let read: Unanswered = toml::Value::String(kind.to_string()).try_into().unwrap();
            assert_eq!(read, kind);
        }
    }
}
