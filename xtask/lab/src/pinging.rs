use std::net::IpAddr;
use std::time::Duration;

use crate::dialect::{Dialect, PingCommand, PingRun, Refusal, Tally};
use crate::ping::is_dead_network;
use crate::{Ping, RouterSpec};

/// Packets after which even an endless ping ends.
const PACKETS_MAX: u32 = 100_000;

/// The quickest pace of a ping without a count, so that one that runs for seconds stays short.
const ENDLESS_PACE_MIN: Duration = Duration::from_millis(100);

/// The address of names that have one: of configured targets.
const NAMED_ADDRESS: &str = "198.51.100.10";

/// A target that nobody asks for.
const OTHER_TARGET: &str = "192.0.2.99";

/// A ping that was understood, and how its target will answer.
#[derive(Debug)]
pub(crate) struct PlannedPing {
    run: PingRun,
    target: Ping,
}

impl PlannedPing {
    /// Looks VRF and target up as the device would.
    ///
    /// # Errors
    /// What the device prints when one of them does not exist.
    pub(crate) fn new(
        dialect: &Dialect,
        spec: &RouterSpec,
        command: PingCommand,
    ) -> Result<Self, Refusal> {
        if let Some(vrf) = command.vrf.as_ref().filter(|vrf| !spec.vrfs.contains(vrf)) {
            return Err(dialect.ping.unknown_vrf(vrf));
        }
        let address = command.target.parse::<IpAddr>().ok();
        let target = match (spec.targets.get(&command.target), address) {
            (Some(target), _) => target.clone(),
            (None, Some(address)) if is_dead_network(address) => Ping::dead().pace(spec.ping.pace),
            (None, Some(_)) => spec.ping.clone(),
            (None, None) => return Err(dialect.ping.unresolved(&command.target)),
        };
        let address = address.map_or(NAMED_ADDRESS.to_owned(), |address| address.to_string());
        Ok(Self { run: PingRun { command, address }, target })
    }

    /// The same ping, as if somebody had asked for another target.
    pub(crate) fn of_another_target(mut self) -> Self {
        OTHER_TARGET.clone_into(&mut self.run.address);
        OTHER_TARGET.clone_into(&mut self.run.command.target);
        self
    }
}

/// A ping under way: prints one packet after the other. It knows no time; its caller waits.
#[derive(Debug)]
pub(crate) struct Pinging {
    dialect: &'static Dialect,
    plan: PlannedPing,
    tally: Tally,
}

/// One packet: what it prints, after how long.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) text: String,
    pub(crate) takes: Duration,
}

impl Pinging {
    pub(crate) fn new(dialect: &'static Dialect, plan: PlannedPing) -> Self {
        Self { dialect, plan, tally: Tally::default() }
    }

    pub(crate) fn header(&self) -> String {
        self.dialect.ping.header(&self.plan.run)
    }

    /// Sends the next packet; `None` when all are sent.
    pub(crate) fn next_packet(&mut self) -> Option<Packet> {
        let index = self.tally.sent;
        if index >= self.packets() {
            return None;
        }
        let Self { dialect, plan: PlannedPing { run, target }, tally } = self;
        let rtt_ms = target.answers(index).then(|| target.rtt_ms_of(index));
        let real = match rtt_ms {
            Some(rtt_ms) => {
                tally.reply(rtt_ms);
                Duration::try_from_secs_f64(rtt_ms / 1000.0).unwrap_or_default()
            }
            None => {
                tally.lost();
                run.command.timeout
            }
        };
        let mut text = dialect.ping.packet(run, tally, rtt_ms);
        if run.command.quiet {
            text.clear();
        }
        let pace = match run.command.count {
            Some(_) => target.pace,
            None => target.pace.map(|pace| pace.max(ENDLESS_PACE_MIN)),
        };
        Some(Packet { text, takes: pace.unwrap_or(real + run.command.interval) })
    }

    /// Whether half of the packets have been sent; of an endless ping, two of them.
    pub(crate) fn is_half_way(&self) -> bool {
        self.tally.sent >= self.plan.run.command.count.map_or(2, |count| count.div_ceil(2))
    }

    #[cfg(test)]
    pub(crate) fn sent(&self) -> usize {
        usize::try_from(self.tally.sent).expect("a small number")
    }

    pub(crate) fn summary(&self) -> String {
        self.dialect.ping.summary(&self.plan.run, &self.tally)
    }

    /// What the device logs about it.
    pub(crate) fn log_line(&self, host: &str) -> String {
        self.dialect.ping.log_line(host, &self.plan.run, &self.tally)
    }

    /// What an executed command ends with.
    pub(crate) fn exit_status(&self) -> u32 {
        u32::from(self.dialect.unix && self.tally.received == 0)
    }

    fn packets(&self) -> u32 {
        self.plan.run.command.count.unwrap_or(PACKETS_MAX).min(PACKETS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Asked, Line, by_name};

    fn read(dialect: &Dialect, command: &str) -> PingCommand {
        match dialect.ping.read(&Line::new(command, 0), &dialect.ping.defaults()) {
            Some(Asked::Ping(command)) => command,
            other => panic!("{command}: {other:?}"),
        }
    }

    fn durations(spec: &RouterSpec, command: &str) -> Vec<Duration> {
        let dialect = by_name(spec.platform()).expect("a platform");
        let plan = PlannedPing::new(dialect, spec, read(dialect, command)).expect("understood");
        let mut pinging = Pinging::new(dialect, plan);
        std::iter::from_fn(|| pinging.next_packet()).map(|packet| packet.takes).take(3).collect()
    }

    #[test]
    fn at_a_real_pace_replies_take_the_rtt_and_losses_the_timeout() {
        let ping = Ping::pattern("!.").rtt_ms(10.0).pace(None);
        let spec = RouterSpec::new("r1", "h3c_comware").ping(ping);
        let millis = Duration::from_millis;
        // Comware waits 200 ms after each packet.
        assert_eq!(durations(&spec, "ping -c 2 -t 500 192.0.2.1"), [millis(210), millis(700)]);
    }

    #[test]
    fn a_configured_pace_holds_unless_the_ping_is_endless() {
        let spec = RouterSpec::new("r1", "frr_vtysh");
        assert_eq!(durations(&spec, "ping 192.0.2.1"), [ENDLESS_PACE_MIN; 3]);
        let spec = RouterSpec::new("r1", "linux");
        assert_eq!(durations(&spec, "ping -c 2 203.0.113.1"), [Ping::PACE; 2]);
    }

    #[test]
    fn configured_targets_win_over_networks() {
        let spec = RouterSpec::new("r1", "linux")
            .target("203.0.113.9", Ping::default())
            .target("far.example", Ping::lossy(50));
        let dialect = by_name("linux").expect("a platform");
        for (target, received) in [("203.0.113.9", 4), ("203.0.113.8", 0), ("far.example", 2)] {
            let command = format!("ping -c 4 {target}");
            let plan = PlannedPing::new(dialect, &spec, read(dialect, &command)).expect("known");
            let mut pinging = Pinging::new(dialect, plan);
            while pinging.next_packet().is_some() {}
            assert_eq!(pinging.tally.received, received, "{target}");
        }
    }
}
