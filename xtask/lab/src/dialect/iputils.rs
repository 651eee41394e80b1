//! What the `ping` of iputils prints; it is shared by Linux and FRR, which calls it.

use super::{PingRun, Refusal, Tally};

/// Bytes of an IPv4 and an ICMP header.
const HEADERS: u32 = 28;

/// Bytes of an ICMP header.
const ICMP_HEADER: u32 = 8;

pub(super) fn header(run: &PingRun) -> String {
    let (target, address, size) = (&run.command.target, &run.address, run.command.size);
    let source = run.command.source.as_ref();
    let source = source.map_or(String::new(), |source| format!(" from {source} :"));
    if run.is_v6() {
        return format!("PING {target}({address}){source} {size} data bytes\n");
    }
    format!("PING {target} ({address}){source} {size}({}) bytes of data.\n", size + HEADERS)
}

pub(super) fn reply(run: &PingRun, index: u32, rtt_ms: f64) -> String {
    let (bytes, sequence) = (run.command.size + ICMP_HEADER, index + 1);
    let rtt = three_digits(rtt_ms);
    format!("{bytes} bytes from {}: icmp_seq={sequence} ttl=64 time={rtt} ms\n", run.address)
}

pub(super) fn summary(run: &PingRun, tally: &Tally) -> String {
    let elapsed_ms = u128::from(tally.sent.saturating_sub(1)) * run.command.interval.as_millis();
    let rtt = if tally.received == 0 {
        "\n".to_owned()
    } else {
        format!(
            "rtt min/avg/max/mdev = {:.3}/{:.3}/{:.3}/{:.3} ms\n",
            tally.min_ms(),
            tally.avg_ms(),
            tally.max_ms(),
            tally.deviation_ms()
        )
    };
    format!(
        "\n--- {} ping statistics ---\n\
         {} packets transmitted, {} received, {}% packet loss, time {elapsed_ms}ms\n{rtt}",
        run.command.target,
        tally.sent,
        tally.received,
        percent(tally.loss_pct()),
    )
}

pub(super) fn unresolved(target: &str) -> Refusal {
    Refusal::with_status(format!("ping: {target}: Name or service not known\n"), 2)
}

/// Six significant digits at most and no zeros at the end, as C's `%g` prints.
fn percent(percent: f64) -> String {
    let text = if percent < 10.0 { format!("{percent:.5}") } else { format!("{percent:.4}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Three significant digits, as iputils prints the time of a reply.
fn three_digits(rtt_ms: f64) -> String {
    let decimals = match rtt_ms {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{rtt_ms:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_by_c() {
        assert_eq!([0.0, 20.0, 100.0].map(percent), ["0", "20", "100"]);
        assert_eq!([100.0 / 3.0, 100.0 / 15.0].map(percent), ["33.3333", "6.66667"]);
        assert_eq!([0.03, 1.0, 28.74, 156.2].map(three_digits), ["0.030", "1.00", "28.7", "156"]);
    }
}
