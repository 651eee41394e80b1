//! For any figures, what a device would print is read as those figures; and no text at all makes
//! the reader panic or believe in figures that cannot be.

use std::sync::LazyLock;

use proptest::prelude::*;
use scheduler::{PingParams, PingTask, RttMs, Target};

const TARGET: &str = "198.51.100.1";

/// Compiled once, because there are hundreds of cases.
static TASK: LazyLock<PingTask> = LazyLock::new(PingTask::builtin);

/// Figures that a device can have counted, with times in whole microseconds.
fn figures() -> impl Strategy<Value = (u32, u32, [u32; 3])> {
    let counts = (1..=100_u32).prop_flat_map(|sent| (Just(sent), 0..=sent));
    let times = proptest::array::uniform3(0..10_000_000_u32).prop_map(|mut times| {
        times.sort_unstable();
        times
    });
    (counts, times).prop_map(|((sent, received), times)| (sent, received, times))
}

fn ms([min, avg, max]: [u32; 3]) -> [f64; 3] {
    [min, avg, max].map(|us| f64::from(us) / 1000.0)
}

fn loss(sent: u32, received: u32) -> f64 {
    f64::from(sent - received) * 100.0 / f64::from(sent)
}

fn ios(sent: u32, received: u32, times: [u32; 3]) -> String {
    let rate = received * 100 / sent;
    let [min, avg, max] = times.map(|us| us / 1000);
    let rtt = if received > 0 {
        format!(", round-trip min/avg/max = {min}/{avg}/{max} ms")
    } else {
        String::new()
    };
    format!(
        "Type escape sequence to abort.\nSending {sent}, 100-byte ICMP Echos to {TARGET}, timeout \
         is 2 seconds:\n!!!!!\nSuccess rate is {rate} percent ({received}/{sent}){rtt}\n"
    )
}

fn nxos(sent: u32, received: u32, times: [u32; 3]) -> String {
    let loss = loss(sent, received);
    let [min, avg, max] = ms(times);
    let rtt = if received > 0 {
        format!("round-trip min/avg/max = {min}/{avg}/{max} ms\n")
    } else {
        String::new()
    };
    format!(
        "PING {TARGET} ({TARGET}): 56 data bytes\n\n--- {TARGET} ping statistics ---\n{sent} \
         packets transmitted, {received} packets received, {loss:.2}% packet loss\n{rtt}"
    )
}

fn vrp(sent: u32, received: u32, times: [u32; 3]) -> String {
    let loss = loss(sent, received);
    let [min, avg, max] = times.map(|us| us / 1000);
    let rtt = if received > 0 {
        format!("    round-trip min/avg/max = {min}/{avg}/{max} ms\n")
    } else {
        String::new()
    };
    format!(
        "  PING {TARGET}: 56  data bytes, press CTRL_C to break\n    Request time out\n\n  --- \
         {TARGET} ping statistics ---\n    {sent} packet(s) transmitted\n    {received} packet(s) \
         received\n    {loss:.2}% packet loss\n{rtt}"
    )
}

fn comware(sent: u32, received: u32, times: [u32; 3]) -> String {
    let loss = loss(sent, received);
    let [min, avg, max] = ms(times);
    let rtt = if received > 0 {
        format!("round-trip min/avg/max/std-dev = {min:.3}/{avg:.3}/{max:.3}/0.100 ms\n")
    } else {
        String::new()
    };
    format!(
        "Ping {TARGET} ({TARGET}): 56 data bytes, press CTRL_C to break\n\n--- Ping statistics for \
         {TARGET} ---\n{sent} packet(s) transmitted, {received} packet(s) received, {loss:.1}% \
         packet loss\n{rtt}"
    )
}

fn linux(sent: u32, received: u32, times: [u32; 3]) -> String {
    // As C's %g prints it.
    let loss = format!("{:.4}", loss(sent, received));
    let loss = loss.trim_end_matches('0').trim_end_matches('.');
    let [min, avg, max] = ms(times);
    let rtt = if received > 0 {
        format!("rtt min/avg/max/mdev = {min:.3}/{avg:.3}/{max:.3}/0.100 ms\n")
    } else {
        String::new()
    };
    format!(
        "PING {TARGET} ({TARGET}) 56(84) bytes of data.\n\n--- {TARGET} ping statistics ---\n{sent} \
         packets transmitted, {received} received, {loss}% packet loss, time 4005ms\n{rtt}"
    )
}

fn sros(sent: u32, received: u32, times: [u32; 3]) -> String {
    let loss = loss(sent, received);
    let [min, avg, max] = ms(times);
    let rtt = if received > 0 {
        format!("round-trip min = {min}ms, avg = {avg}ms, max = {max}ms, stddev = 0.079ms\n")
    } else {
        String::new()
    };
    format!(
        "PING {TARGET} 56 data bytes\n\n---- {TARGET} PING Statistics ----\n{sent} packets \
         transmitted, {received} packets received, {loss:.2}% packet loss\n{rtt}"
    )
}

/// As RouterOS 7 prints a time: without the units that are zero, and without leading zeros.
fn with_units(us: u32) -> String {
    let parts = [(us / 1_000_000, "s"), (us / 1000 % 1000, "ms"), (us % 1000, "us")];
    let printed = parts.iter().filter(|(count, _)| *count > 0);
    let text: String = printed.map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0ms".to_owned() } else { text }
}

fn routeros(sent: u32, received: u32, times: [u32; 3]) -> String {
    let loss = (sent - received) * 100 / sent;
    let [min, avg, max] = times.map(with_units);
    let rtt = if received > 0 {
        format!(" min-rtt={min} avg-rtt={avg} max-rtt={max}")
    } else {
        String::new()
    };
    let row = if received > 0 { format!("56  64 {min}") } else { "timeout".to_owned() };
    format!(
        "  SEQ HOST   SIZE TTL TIME  STATUS\n    0 {TARGET}   {row}\n    sent={sent} \
         received={received} packet-loss={loss}%{rtt}\n"
    )
}

/// As RouterOS 7 wraps them where there is no room for the longest time.
fn routeros_wrapped(sent: u32, received: u32, times: [u32; 3]) -> String {
    routeros(sent, received, times).replace(" max-rtt=", "\n  max-rtt=")
}

/// As RouterOS 6 prints them: the table and its statistics come again after every twenty rows.
fn routeros_6(sent: u32, received: u32, times: [u32; 3]) -> String {
    let [min, avg, max] = times.map(|us| us / 1000);
    let mut text = String::new();
    let mut answered = 0;
    for row in 0..sent {
        if row % 20 == 0 {
            text += "  SEQ HOST                 SIZE TTL TIME  STATUS\n";
        }
        if row < received {
            answered += 1;
            text += &format!("{row:>5} {TARGET:20}   56  64 {max}ms\n");
        } else {
            text += &format!("{row:>5} {TARGET:20}               timeout\n");
        }
        let rows = row + 1;
        if rows % 20 == 0 || rows == sent {
            let loss = (rows - answered) * 100 / rows;
            let rtt = if answered > 0 {
                format!(" min-rtt={min}ms avg-rtt={avg}ms max-rtt={max}ms")
            } else {
                String::new()
            };
            text += &format!("    sent={rows} received={answered} packet-loss={loss}%{rtt}\n");
        }
    }
    text
}

fn routeros_old(sent: u32, received: u32, times: [u32; 3]) -> String {
    let loss = (sent - received) * 100 / sent;
    let [min, avg, max] = times.map(|us| us / 1000);
    let rtt = if received > 0 {
        format!("round-trip min/avg/max = {min}/{avg}/{max} ms\n")
    } else {
        String::new()
    };
    format!(
        "{TARGET} 64 byte ping: ttl=64 time<1 ms\n{sent} packets transmitted, {received} packets \
         received, {loss}% packet loss\n{rtt}"
    )
}

fn icx(sent: u32, received: u32, times: [u32; 3]) -> String {
    let rate = received * 100 / sent;
    let [min, avg, max] = times.map(|us| us / 1000);
    let rtt = if received > 0 {
        format!(", round-trip min/avg/max={min}/{avg}/{max} ms.")
    } else {
        String::new()
    };
    format!(
        "Sending {sent}, 16-byte ICMP Echo to {TARGET}, timeout 5000 msec, TTL 64\nType Control-c \
         to abort\nSuccess rate is {rate} percent ({received}/{sent}){rtt}\n"
    )
}

/// Rounds to the nearest, where IOS cuts off.
fn bsd(sent: u32, received: u32, times: [u32; 3]) -> String {
    let loss = loss(sent, received);
    let [min, avg, max] = ms(times);
    let rtt = if received > 0 {
        format!("round-trip min/avg/max/stddev = {min:.3}/{avg:.3}/{max:.3}/0.100 ms\n")
    } else {
        String::new()
    };
    format!(
        "PING {TARGET} ({TARGET}): 56 data bytes\n!!.!\n--- {TARGET} ping statistics ---\n{sent} \
         packets transmitted, {received} packets received, {loss:.0}% packet loss\n{rtt}"
    )
}

fn eos(sent: u32, received: u32, times: [u32; 3]) -> String {
    linux(sent, received, times).replace("0.100 ms\n", "0.100 ms, pipe 2, ipg/ewma 1.75/1.3 ms\n")
}

/// How a platform prints figures, and whether it cuts times to whole milliseconds.
type Render = (&'static str, fn(u32, u32, [u32; 3]) -> String, bool);

const RENDERED: &[Render] = &[
    ("cisco_iosxe", ios, true),
    ("cisco_iosxr", ios, true),
    ("cisco_nxos", nxos, false),
    ("huawei_vrp", vrp, true),
    ("h3c_comware", comware, false),
    ("h3c_comware", vrp, true),
    ("cisco_asa", ios, true),
    ("juniper_junos", nxos, false),
    ("juniper_junos", bsd, false),
    ("juniper_junos", linux, false),
    ("fortinet_fortios", nxos, false),
    ("fortinet_fortios", bsd, false),
    ("nokia_sros", sros, false),
    ("nokia_sros_classic", sros, false),
    ("mikrotik_routeros", routeros, false),
    ("mikrotik_routeros", routeros_wrapped, false),
    ("mikrotik_routeros", routeros_6, true),
    ("mikrotik_routeros", routeros_old, true),
    ("ruckus_icx", icx, true),
    ("linux", linux, false),
    ("frr_vtysh", linux, false),
    ("arista_eos", linux, false),
    ("arista_eos", eos, false),
];

proptest! {
    #[test]
    fn what_is_printed_is_what_is_read((sent, received, times) in figures()) {
        let target = Target::new(TARGET).unwrap();
        for (platform, render, whole_ms) in RENDERED {
            let printed = if *whole_ms { times.map(|us| us / 1000 * 1000) } else { times };
            let [min, avg, max] = ms(printed);
            let rtt = (received > 0).then_some(RttMs { min, avg, max });
            let text = render(sent, received, times);
            let params = PingParams { count: sent, ..PingParams::default() };
            let read = TASK.read(&(*platform).into(), &target, &params, &text);
            let counts = read.as_ref().map(|read| (read.sent, read.received));
            prop_assert_eq!(counts, Ok((sent, received)), "{}", text);
            let found = read.as_ref().ok().and_then(|read| read.rtt);
            let same = found == rtt;
            prop_assert!(same, "{:?} is not {:?}: {}", found, rtt, text);
            let loss_pct = read.unwrap().loss_pct();
            prop_assert!((loss_pct - loss(sent, received)).abs() < 1e-9);
        }
    }

    #[test]
    fn each_row_of_a_long_table_is_counted_once((sent, received, times) in figures()) {
        let text = routeros_6(sent, received, times);
        let details = TASK.parse(&"mikrotik_routeros".into(), &text).unwrap().details;
        let unanswered: u32 = details.unanswered.values().sum();
        prop_assert_eq!((details.reply_ms.len(), unanswered), (received as usize, sent - received));
        let leftover = routeros_6(3, 1, [0; 3]) + &text;
        let details = TASK.parse(&"mikrotik_routeros".into(), &leftover).unwrap().details;
        prop_assert!(details.reply_ms.is_empty() && details.unanswered.is_empty());
    }

    #[test]
    fn no_text_panics_or_gives_figures_that_cannot_be(
        pieces in proptest::collection::vec(
            prop_oneof![
                any::<String>(),
                "[0-9]{1,12} packets? transmitted, [0-9]{1,12} (packets )?received, [0-9.]{1,9}% packet loss\n",
                "Success rate is [0-9.]{1,6} percent \\([0-9]{1,11}/[0-9]{1,11}\\)\n",
                "round-trip min/avg/max = [0-9.]{1,20}/[0-9.]{1,20}/[0-9.]{1,20} ms\n",
                "[0-9]{1,3} packet\\(s\\) (transmitted|received)\n",
                "(PING|Ping|---) 198.51.100.[12] .*\n",
            ],
            0..12,
        ),
    ) {
        let text = pieces.concat();
        for platform in TASK.names() {
            if let Ok(read) = TASK.parse(&platform.into(), &text) {
                let answers = platform == "mikrotik_routeros";
                prop_assert!(read.sent > 0 && (read.received <= read.sent || answers));
                prop_assert!((0.0..=100.0).contains(&read.loss_pct()));
            }
        }
    }
}
