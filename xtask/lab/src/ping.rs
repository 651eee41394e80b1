use std::net::IpAddr;
use std::time::Duration;

/// The RTT of successive replies, relative to [`Ping::rtt_ms`]. The average of five replies, the
/// count that most devices send, is exactly the configured RTT.
const RTT_FACTORS: [f64; 5] = [1.0, 0.9, 1.1, 0.8, 1.2];

/// How a target answers the pings of a router. The same count always gives the same figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Ping {
    /// The share of packets that get no reply, in percent (0 to 100), rounded half up to whole
    /// packets and spread evenly.
    pub loss_pct: u8,
    /// Which packets get a reply: `!` does, `.` does not; repeated as long as needed. Where it is
    /// given it decides instead of [`Ping::loss_pct`].
    pub pattern: Option<String>,
    /// The round-trip time around which the replies vary by a fifth, in milliseconds.
    pub rtt_ms: f64,
    /// The time that each packet takes, answered or lost. `None` is the pace of a real device:
    /// a reply takes the RTT and the device's interval, a lost packet the command's timeout.
    pub pace: Option<Duration>,
}

impl Ping {
    /// The default pace: quick, so that tests are.
    pub const PACE: Duration = Duration::from_millis(1);

    /// A target that loses this share of packets, in percent.
    pub fn lossy(loss_pct: u8) -> Self {
        Self { loss_pct, ..Self::default() }
    }

    /// A target that never answers.
    pub fn dead() -> Self {
        Self::lossy(100)
    }

    /// A target that answers where the pattern has a `!`; see [`Ping::pattern`].
    pub fn pattern(pattern: impl Into<String>) -> Self {
        Self { pattern: Some(pattern.into()), ..Self::default() }
    }

    /// The same target with this round-trip time in milliseconds.
    #[must_use]
    pub fn rtt_ms(mut self, rtt_ms: f64) -> Self {
        self.rtt_ms = rtt_ms;
        self
    }

    /// The same target at this pace; see [`Ping::pace`].
    #[must_use]
    pub fn pace(mut self, pace: Option<Duration>) -> Self {
        self.pace = pace;
        self
    }

    /// Whether the packet of this index, from 0, gets a reply.
    pub fn answers(&self, index: u32) -> bool {
        match self.pattern.as_deref().map(str::as_bytes) {
            Some(pattern) if !pattern.is_empty() => {
                let at = usize::try_from(index).unwrap_or(usize::MAX) % pattern.len();
                pattern[at] == b'!'
            }
            _ => self.lost_by_share(index + 1) == self.lost_by_share(index),
        }
    }

    /// How many of the first `sent` packets get a reply.
    pub fn received(&self, sent: u32) -> u32 {
        let answered = (0..sent).filter(|index| self.answers(*index)).count();
        u32::try_from(answered).unwrap_or(sent)
    }

    /// The round-trip time of the packet of this index, in milliseconds.
    pub fn rtt_ms_of(&self, index: u32) -> f64 {
        let at = usize::try_from(index).unwrap_or(0) % RTT_FACTORS.len();
        self.rtt_ms * RTT_FACTORS[at]
    }

    fn lost_by_share(&self, sent: u32) -> u64 {
        (u64::from(sent) * u64::from(self.loss_pct.min(100)) + 50) / 100
    }
}

impl Default for Ping {
    /// All packets answered in about 2 ms, at [`Ping::PACE`].
    fn default() -> Self {
        Self { loss_pct: 0, pattern: None, rtt_ms: 2.0, pace: Some(Self::PACE) }
    }
}

/// Whether the address lies in a network that never answers, on any router: 203.0.113.0/24 and
/// 2001:db8:dead::/48.
pub(crate) fn is_dead_network(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[..3] == [203, 0, 113],
        IpAddr::V6(v6) => v6.segments()[..3] == [0x2001, 0xdb8, 0xdead],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_exact_and_spread() {
        for (loss_pct, sent, received) in
            [(0, 5, 5), (20, 5, 4), (40, 5, 3), (100, 5, 0), (1, 100, 99), (33, 10, 7), (50, 5, 2)]
        {
            let ping = Ping::lossy(loss_pct);
            assert_eq!(ping.received(sent), received, "{loss_pct} % of {sent}");
        }
        assert!(!Ping::lossy(50).answers(0) && Ping::lossy(50).answers(1));
    }

    #[test]
    fn a_pattern_repeats() {
        let ping = Ping::pattern("!!.");
        let seen: Vec<bool> = (0..6).map(|index| ping.answers(index)).collect();
        assert_eq!(seen, [true, true, false, true, true, false]);
    }

    #[test]
    fn five_replies_average_the_configured_rtt() {
        let ping = Ping::default().rtt_ms(10.0);
        let sum: f64 = (0..5).map(|index| ping.rtt_ms_of(index)).sum();
        assert!((sum / 5.0 - 10.0).abs() < 1e-9);
    }

    #[test]
    fn dead_networks_are_the_documented_ones() {
        for (address, dead) in [
            ("203.0.113.7", true),
            ("198.51.100.7", false),
            ("2001:db8:dead::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_dead_network(address.parse().expect("address")), dead, "{address}");
        }
    }
}
