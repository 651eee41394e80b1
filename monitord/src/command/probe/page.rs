use std::fmt::Write;
use std::time::Duration;

use driver_ssh::{AgreedAlgorithms, HostKeyVerdict, PeerFacts, ShownHostKey};
use pool_core::{PhaseSpan, Protocol};
use scheduler::ReadLine;

use super::trial::Findings;
use crate::output::Paint;
use crate::report::{Table, interface_text, measurement_text, plain, round_ms};

/// The page about a trial: the time of each phase and the figures; when all of it is wanted, also
/// whom the session met, what was said on it, and how the figures were read.
pub(in crate::command) fn page(
    findings: &Findings,
    protocol: Protocol,
    all: bool,
    paint: Paint,
) -> String {
    let mut text = phases(&findings.phases, all);
    if all {
        for peer in &findings.peers {
            text += &section(paint, "PEER", &peer_text(peer));
        }
        text += &section(paint, "SESSION", &transcript(findings, protocol));
        if !findings.reading.is_empty() {
            text += &section(paint, "READING", &reading(&findings.reading));
        }
        text += &format!("\n{}", paint.bold("RESULT"));
    }
    text.push('\n');
    text + &result(findings, paint)
}

fn section(paint: Paint, title: &str, body: &str) -> String {
    format!("\n{}\n{body}", paint.bold(title))
}

/// The figures, or why there are none.
fn result(findings: &Findings, paint: Paint) -> String {
    let figures = match &findings.result {
        Ok(figures) => figures,
        Err(failure) => {
            let message = plain(&failure.message);
            return format!("{}: {message}\n", paint.red(failure.kind.as_str()));
        }
    };
    let ping = figures.ping().map(|measurement| measurement_text(measurement, false));
    ping.or_else(|| figures.interface().map(interface_text)).unwrap_or_default()
}

/// The phases, each with when it began and how long it took, in milliseconds.
pub(super) fn timed(spans: &[PhaseSpan]) -> impl Iterator<Item = (&'static str, f64, f64)> {
    let ms = |time: Duration| round_ms(time.as_secs_f64() * 1000.0);
    spans.iter().scan(Duration::ZERO, move |at, span| {
        let began = *at;
        *at += span.elapsed;
        Some((span.phase.as_str(), ms(began), ms(span.elapsed)))
    })
}

fn phases(spans: &[PhaseSpan], with_begin: bool) -> String {
    let shown = |ms: f64| format!("{ms:>9.1}");
    if !with_begin {
        let mut table = Table::new(["PHASE", "       MS"]);
        timed(spans).for_each(|(phase, _, ms)| table.row([phase.to_owned(), shown(ms)]));
        return table.to_string();
    }
    let mut table = Table::new(["PHASE", "    AT MS", "       MS"]);
    timed(spans).for_each(|(phase, at, ms)| table.row([phase.to_owned(), shown(at), shown(ms)]));
    table.to_string()
}

fn peer_text(peer: &PeerFacts) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| writeln!(text, "{name:<15} {value}").ok();
    row("address", &peer.endpoint.to_string());
    let identification = plain(&peer.server.identification);
    row("identification", if identification.is_empty() { "-" } else { &identification });
    if let Some(banner) = &peer.server.banner {
        for (place, line) in banner.lines().enumerate() {
            row(if place == 0 { "banner" } else { "" }, &plain(line));
        }
    }
    match &peer.host_key {
        Some(key) => row("host key", &host_key_text(key)),
        None => row("host key", "none was shown"),
    };
    match &peer.algorithms {
        Some(agreed) => {
            let AgreedAlgorithms { key_exchange, host_key, .. } = agreed;
            row("key exchange", key_exchange);
            row("signed as", host_key);
            row("cipher", &both_ways(&agreed.cipher_out, &agreed.cipher_in));
            row("MAC", &both_ways(&agreed.mac_out, &agreed.mac_in));
        }
        None => drop(row("algorithms", "none were agreed on")),
    }
    text
}

fn host_key_text(key: &ShownHostKey) -> String {
    let judged = match key.verdict {
        HostKeyVerdict::Known => "known: it is in known_hosts",
        HostKeyVerdict::New => "new: the host was not known, and is from now on",
        HostKeyVerdict::Pinned => "pinned: it is the one that the configuration allows",
        HostKeyVerdict::Unchecked => "unchecked: host keys are not looked at",
        HostKeyVerdict::Refused => "refused",
        _ => "not judged: the login ended before",
    };
    format!("{} {} ({judged})", key.key_type, key.fingerprint)
}

fn both_ways(out: &str, back: &str) -> String {
    if out == back { out.to_owned() } else { format!("{out} out, {back} in") }
}

/// What was said on the session, or why there is nothing to show.
pub(super) fn transcript(findings: &Findings, protocol: Protocol) -> String {
    let text = &findings.transcript;
    match (protocol, text.is_empty()) {
        (Protocol::Scrapli, true) => "# nothing was said: there was no session\n".to_owned(),
        (_, true) => format!("# protocol {protocol} has no session that could be shown\n"),
        (_, false) => text.clone(),
    }
}

fn reading(lines: &[ReadLine]) -> String {
    let mut table = Table::new(["RULE", "FOUND", "LINE"]);
    for line in lines {
        let found = line.found.iter().map(|(name, value)| format!("{name}={value}"));
        let found = found.collect::<Vec<_>>().join(" ");
        table.row([line.rule.to_string(), found, line.text.clone()]);
    }
    table.to_string()
}
