//! Text in, text out: what a device answers to one command.

use super::{Level, Line, by_name};
use crate::command::{Answer, understand};
use crate::pinging::Pinging;
use crate::{Ping, RouterSpec};

/// A router that answers like this on every target.
pub(super) fn lossy(loss_pct: u8, rtt_ms: f64) -> Ping {
    Ping::lossy(loss_pct).rtt_ms(rtt_ms)
}

/// Asserts what the device of this platform, named `r1`, prints.
#[track_caller]
pub(super) fn check(platform: &str, command: &str, ping: &Ping, expect: &str) {
    assert_eq!(answer(platform, &[command], ping, None), expect, "{command}");
}

/// The same for the last of several commands.
#[track_caller]
pub(super) fn check_last(platform: &str, commands: &[&str], ping: &Ping, expect: &str) {
    assert_eq!(answer(platform, commands, ping, None), expect, "{commands:?}");
}

/// The same for a ping that is interrupted after so many packets.
#[track_caller]
pub(super) fn check_interrupted(
    platform: &str,
    command: &str,
    ping: &Ping,
    packets: usize,
    expect: &str,
) {
    assert_eq!(answer(platform, &[command], ping, Some(packets)), expect, "{command}");
}

fn answer(
    platform: &str,
    commands: &[&str],
    ping: &Ping,
    interrupted_after: Option<usize>,
) -> String {
    let dialect = by_name(platform).expect("a platform");
    let spec = RouterSpec::new("r1", platform).ping(ping.clone());
    let width = dialect.prompt(Level::Enabled, "r1", "monitor").len();
    let mut presets = dialect.ping.defaults();
    let mut text = String::new();
    for command in commands {
        text = match understand(dialect, &spec, &Line::new(command, width), &presets) {
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
            Answer::Preset(said) => {
                presets = said;
                String::new()
            }
            Answer::Refused(refusal) => refusal.text,
            other => panic!("not a ping: {other:?}"),
        }
    }
    text
}
