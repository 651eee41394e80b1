//! Text in, text out: what a device answers to one command.

use super::{Dialect, Level, Line};
use crate::command::{Answer, understand};
use crate::pinging::Pinging;
use crate::{Ping, RouterSpec};

/// A router that answers like this on every target.
pub(super) fn lossy(loss_pct: u8, rtt_ms: f64) -> Ping {
    Ping::lossy(loss_pct).rtt_ms(rtt_ms)
}

/// Asserts what the device of this dialect, named `r1`, prints.
#[track_caller]
pub(super) fn check(dialect: &'static Dialect, command: &str, ping: &Ping, expect: &str) {
    assert_eq!(answer(dialect, command, ping, None), expect, "{command}");
}

/// The same for a ping that is interrupted after so many packets.
#[track_caller]
pub(super) fn check_interrupted(
    dialect: &'static Dialect,
    command: &str,
    ping: &Ping,
    packets: usize,
    expect: &str,
) {
    assert_eq!(answer(dialect, command, ping, Some(packets)), expect, "{command}");
}

fn answer(
    dialect: &'static Dialect,
    command: &str,
    ping: &Ping,
    interrupted_after: Option<usize>,
) -> String {
    let spec = RouterSpec::new("r1", dialect.name).ping(ping.clone());
    let line = Line::new(command, dialect.prompt(Level::Enabled, "r1", "monitor").len());
    match understand(dialect, &spec, &line) {
        Answer::Ping(ping) => {
            let mut pinging = Pinging::new(dialect, ping);
            let mut text = pinging.header();
            let packets = interrupted_after.unwrap_or(usize::MAX);
            while let Some(packet) = pinging.next_packet() {
                text.push_str(&packet.text);
                if pinging.sent() >= packets {
                    break;
                }
            }
            text + &pinging.summary()
        }
        Answer::Refused(refusal) => refusal.text,
        other => panic!("not a ping: {other:?}"),
    }
}
