use std::time::Duration;

/// A ping as the device understood it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PingCommand {
    pub(crate) target: String,
    /// `None`: until it is interrupted.
    pub(crate) count: Option<u32>,
    /// Bytes, in the platform's own reckoning: whole packet or payload.
    pub(crate) size: u32,
    pub(crate) timeout: Duration,
    /// What a device waits between packets in addition to reply or timeout.
    pub(crate) interval: Duration,
    pub(crate) source: Option<String>,
    pub(crate) vrf: Option<String>,
    /// Only the summary is printed.
    pub(crate) quiet: bool,
}

/// A ping that runs.
#[derive(Clone, Debug)]
pub(crate) struct PingRun {
    pub(crate) command: PingCommand,
    /// The target's address, which is the target itself unless that is a name.
    pub(crate) address: String,
}

impl PingRun {
    pub(crate) fn is_v6(&self) -> bool {
        self.address.contains(':')
    }
}

/// The figures of a ping so far; times in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) sent: u32,
    pub(crate) received: u32,
    sum_ms: f64,
    squares: f64,
    min_ms: f64,
    max_ms: f64,
}

impl Tally {
    pub(crate) fn reply(&mut self, rtt_ms: f64) {
        self.min_ms = if self.received == 0 { rtt_ms } else { self.min_ms.min(rtt_ms) };
        self.max_ms = self.max_ms.max(rtt_ms);
        self.sum_ms += rtt_ms;
        self.squares += rtt_ms * rtt_ms;
        self.sent += 1;
        self.received += 1;
    }

    pub(crate) fn lost(&mut self) {
        self.sent += 1;
    }

    pub(crate) fn min_ms(&self) -> f64 {
        self.min_ms
    }

    pub(crate) fn max_ms(&self) -> f64 {
        self.max_ms
    }

    pub(crate) fn avg_ms(&self) -> f64 {
        self.sum_ms / f64::from(self.received.max(1))
    }

    /// The standard deviation.
    pub(crate) fn deviation_ms(&self) -> f64 {
        let mean = self.avg_ms();
        (self.squares / f64::from(self.received.max(1)) - mean * mean).max(0.0).sqrt()
    }

    /// The share of lost packets, in percent.
    pub(crate) fn loss_pct(&self) -> f64 {
        f64::from(self.sent - self.received) * 100.0 / f64::from(self.sent.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_the_packets() {
        let mut tally = Tally::default();
        tally.lost();
        for rtt_ms in [2.0, 4.0, 6.0] {
            tally.reply(rtt_ms);
        }
        assert_eq!((tally.sent, tally.received), (4, 3));
        assert_eq!((tally.min_ms(), tally.avg_ms(), tally.max_ms()), (2.0, 4.0, 6.0));
        assert_eq!(tally.loss_pct(), 25.0);
        assert!((tally.deviation_ms() - (8.0_f64 / 3.0).sqrt()).abs() < 1e-9);
    }
}
