//! The binary against peers that nobody here wrote: OpenSSH, Linux's `ping`, and FRR's `vtysh`.
//!
//! Needs root and Debian's openssh-server, frr, iproute2, nftables, iputils-ping and prometheus; a
//! missing one is a failure, not a skip. Everything runs on loopback and in network namespaces made here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![expect(clippy::print_stderr, reason = "a test that fails shows what led to it")]

mod factors;
mod frr;
mod metrics;
mod openssh;
mod prompt;
mod sshd;
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "the other tests of the binary use more of it")]
mod support;
mod terms;
mod vanish;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::frr::FrrLine;
use crate::sshd::{Sshd, SshdOptions};

/// Runs a program of the fixture and returns what it printed, or panics with it.
pub(crate) fn must(program: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{program} {arguments:?} failed with {status}: {said}");
    String::from_utf8_lossy(&stdout).into_owned()
}

/// `monitord once` on one router and its lines: the outcomes by line, and the exit code.
fn once(folder: &Path, router: Value, lines: Value) -> (Vec<Value>, Option<i32>) {
    let config = folder.join("monitord.json");
    let settings = json!({
        "connection": { "connect_timeout": "20s", "known_hosts": folder.join("known_hosts") },
        "routers": [router],
        "lines": lines,
    });
    std::fs::write(&config, settings.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_monitord"))
        .args(["once", "-o", "json", "-c"])
        .arg(&config)
        .output()
        .unwrap();
    let mut outcomes: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    outcomes.sort_by_key(|outcome| outcome["line"].as_str().map(str::to_owned));
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    (outcomes, output.status.code())
}

fn linux(sshd: &Sshd, more: Value) -> Value {
    let mut router = json!({
        "name": "peer", "host": "127.0.0.1", "port": sshd.port(), "platform": "linux",
        "protocol": "ssh", "username": sshd.user(), "password": sshd.password(),
    });
    let keys = router.as_object_mut().unwrap();
    keys.extend(more.as_object().unwrap().clone());
    keys.retain(|_, value| !value.is_null());
    router
}

fn loopback_line() -> Value {
    json!([{ "id": "L1", "router": "peer", "target": "127.0.0.1", "ping": { "count": 3 } }])
}

#[track_caller]
fn assert_loopback_is_measured(outcomes: &[Value]) {
    let [outcome] = outcomes else { panic!("one line, one outcome: {outcomes:?}") };
    assert_eq!(outcome["status"], "measured", "{outcome}");
    assert_eq!((outcome["sent"].as_u64(), outcome["received"].as_u64()), (Some(3), Some(3)));
    assert_eq!(outcome["loss_pct"].as_f64(), Some(0.0));
    let rtt = outcome["rtt_avg_ms"].as_f64().expect("a round-trip time");
    assert!((0.0..50.0).contains(&rtt), "loopback answers at once, not in {rtt} ms");
}

#[test]
fn linux_over_an_exec_channel_with_a_password() {
    let sshd = Sshd::start(SshdOptions::default());
    let (outcomes, code) = once(sshd.folder(), linux(&sshd, json!({})), loopback_line());
    assert_loopback_is_measured(&outcomes);
    assert_eq!(code, Some(0));
}

#[test]
fn linux_at_the_prompt_of_an_interactive_shell() {
    let sshd = Sshd::start(SshdOptions::default());
    let router = linux(&sshd, json!({ "protocol": "scrapli" }));
    let (outcomes, _) = once(sshd.folder(), router, loopback_line());
    assert_loopback_is_measured(&outcomes);
}

#[test]
fn linux_with_each_kind_of_key_encrypted_ones_included() {
    let sshd = Sshd::start(SshdOptions::default());
    for (kind, passphrase) in [("ed25519", ""), ("rsa", ""), ("ecdsa", ""), ("ed25519", "s3same")] {
        let key = sshd.authorize_key(kind, passphrase);
        let key = json!({ "file": key, "passphrase": passphrase });
        let router = linux(&sshd, json!({ "password": null, "private_key": key }));
        let (outcomes, _) = once(sshd.folder(), router, loopback_line());
        eprintln!("{kind} key, passphrase {passphrase:?}");
        assert_loopback_is_measured(&outcomes);
    }
}

#[test]
fn linux_with_keyboard_interactive_only() {
    let options = SshdOptions { lines: &["PasswordAuthentication no"], ..SshdOptions::default() };
    let sshd = Sshd::start(options);
    let (outcomes, _) = once(sshd.folder(), linux(&sshd, json!({})), loopback_line());
    assert_loopback_is_measured(&outcomes);
}

#[test]
fn a_wrong_password_is_an_authentication_failure() {
    let sshd = Sshd::start(SshdOptions::default());
    let router = linux(&sshd, json!({ "password": "not-the-password" }));
    let (outcomes, code) = once(sshd.folder(), router, loopback_line());
    assert_eq!(outcomes[0]["error"]["kind"], "Authentication", "{}", outcomes[0]);
    assert_eq!(outcomes[0]["error"]["phase"], "authentication");
    assert_eq!(code, Some(1));
}

#[test]
fn a_changed_host_key_is_refused() {
    let mut sshd = Sshd::start(SshdOptions::default());
    let (outcomes, _) = once(sshd.folder(), linux(&sshd, json!({})), loopback_line());
    assert_loopback_is_measured(&outcomes);
    sshd.restart_with_new_host_key();
    let (outcomes, _) = once(sshd.folder(), linux(&sshd, json!({})), loopback_line());
    assert_eq!(outcomes[0]["error"]["kind"], "HostKey", "{}", outcomes[0]);
}

/// What a router of 2005 offers, three times over.
const OLD_SERVERS: [[&str; 4]; 3] = [
    [
        "KexAlgorithms diffie-hellman-group14-sha1",
        "HostKeyAlgorithms ssh-rsa",
        "Ciphers aes128-cbc",
        "MACs hmac-sha1",
    ],
    [
        "KexAlgorithms diffie-hellman-group1-sha1",
        "HostKeyAlgorithms ssh-rsa",
        "Ciphers 3des-cbc",
        "MACs hmac-sha1",
    ],
    [
        "KexAlgorithms diffie-hellman-group-exchange-sha1",
        "HostKeyAlgorithms ssh-rsa",
        "Ciphers aes256-cbc",
        "MACs hmac-md5",
    ],
];

#[test]
fn servers_with_old_algorithms_only_are_reached_with_the_legacy_profile() {
    for lines in &OLD_SERVERS {
        let sshd = Sshd::start(SshdOptions { host_key: "rsa", lines });
        let legacy = linux(&sshd, json!({ "algorithms": "legacy" }));
        let (outcomes, _) = once(sshd.folder(), legacy, loopback_line());
        eprintln!("{lines:?}");
        assert_loopback_is_measured(&outcomes);

        let (outcomes, _) = once(sshd.folder(), linux(&sshd, json!({})), loopback_line());
        assert_eq!(outcomes[0]["error"]["kind"], "Protocol", "modern: {}", outcomes[0]);
        assert_eq!(outcomes[0]["error"]["phase"], "key_exchange");
    }
}

#[test]
fn frr_vtysh_pings_a_real_line_with_real_loss() {
    let line = FrrLine::start();
    let forced = format!("ForceCommand {}", line.vtysh_command());
    let lines = [forced.as_str(), "PermitRootLogin prohibit-password"];
    let sshd = Sshd::start(SshdOptions { lines: &lines, ..SshdOptions::default() });
    let key = sshd.authorize_key("ed25519", "");
    let router = json!({
        "name": "peer", "host": "127.0.0.1", "port": sshd.port(), "platform": "frr_vtysh",
        "protocol": "scrapli", "username": "root", "private_key": { "file": key },
    });
    let lines = json!([
        { "id": "L1-good", "router": "peer", "target": line.far_end(), "ping": { "count": 4 } },
        { "id": "L2-dead", "router": "peer", "target": line.nobody(), "ping": { "count": 3 } },
    ]);
    let (outcomes, _) = once(sshd.folder(), router.clone(), lines);
    let [good, dead] = outcomes.as_slice() else { panic!("two outcomes: {outcomes:?}") };
    assert_eq!(loss(good), (0, good["sent"].as_u64().unwrap()), "{good}");
    let rtt = good["rtt_avg_ms"].as_f64().expect("a round-trip time");
    assert!((0.0..50.0).contains(&rtt), "a namespace away, not {rtt} ms");
    let sent = dead["sent"].as_u64().unwrap();
    assert_eq!(loss(dead), (sent, sent), "{dead}");

    line.lose_every_fourth_packet();
    let lossy = json!([
        { "id": "L1", "router": "peer", "target": line.far_end(), "ping": { "count": 8 } },
    ]);
    let (outcomes, _) = once(sshd.folder(), router, lossy);
    let (lost, sent) = loss(&outcomes[0]);
    assert!((sent / 4..=sent.div_ceil(4)).contains(&lost), "every fourth: {}", outcomes[0]);
    assert!(lost >= 1, "{}", outcomes[0]);
}

/// How many packets were lost and sent, after checking that the percentage says the same.
#[track_caller]
fn loss(outcome: &Value) -> (u64, u64) {
    assert_eq!(outcome["status"], "measured", "{outcome}");
    let [sent, received] = ["sent", "received"].map(|key| outcome[key].as_u64().unwrap());
    assert!(sent >= 3, "FRR sends a packet a second until it is interrupted: {outcome}");
    let lost = sent - received;
    let percent = outcome["loss_pct"].as_f64().unwrap();
    let counted =
        f64::from(u32::try_from(lost).unwrap()) * 100.0 / f64::from(u32::try_from(sent).unwrap());
    assert!((percent - counted).abs() < 0.01, "{outcome}");
    (lost, sent)
}
