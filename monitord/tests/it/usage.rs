//! What the command line and the configuration may be, and the exit codes that say so.

use std::process::Stdio;

use lab::{Lab, RouterSpec};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{Ended, Site, binary, run};

/// A ping of five packets of which one is lost.
const PING: &str = "Type escape sequence to abort.\n\
    Sending 5, 100-byte ICMP Echos to 198.51.100.1, timeout is 2 seconds:\n\
    !!!!.\n\
    Success rate is 80 percent (4/5), round-trip min/avg/max = 1/2/4 ms\n";

/// A site with a router that nobody needs to reach.
fn site() -> Site {
    let mut site = Site::empty();
    site.config["routers"] = json!([{
        "name": "edge-1", "host": "192.0.2.1", "platform": "cisco_iosxe",
        "username": "monitor", "password": "x",
    }]);
    site.add_line("L1", "edge-1");
    site
}

async fn parse(text: &str, arguments: &[&str]) -> Ended {
    let mut child = binary().arg("parse").args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    child.wait_with_output().await.unwrap().into()
}

#[tokio::test]
async fn version_and_help_succeed_and_wrong_usage_does_not() {
    let version = run(&["--version"], &[]).await;
    assert_eq!((version.code, version.stdout.as_str()), (Some(0), "monitord 0.1.0\n"));
    assert_eq!(run(&["help"], &[]).await.code, Some(0));
    assert_eq!(run(&[], &[]).await.code, Some(2));
    assert_eq!(run(&["dance"], &[]).await.code, Some(2));
    assert_eq!(run(&["once"], &[]).await.code, Some(2));
}

#[tokio::test]
async fn an_unknown_line_or_router_is_wrong_usage() {
    for arguments in [["--line", "L9"], ["--router", "edge-9"]] {
        let ended = site().run("once", &arguments).await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains(&format!("{:?}", arguments[1])), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_wrong_configuration_ends_with_78_and_all_its_problems_for_every_command() {
    let mut site = site();
    site.config["routers"][0]["password"] = "${EDGE_PASSWORD}".into();
    site.config["routers"][0]["platform"] = "toaster".into();
    site.config["lines"][0]["interval"] = 0.into();
    site.config["lines"][0]["target"] = "198.51.100.8\nreload".into();
    site.config["colour"] = "red".into();
    for command in ["run", "once", "validate", "lines"] {
        let ended = site.run(command, &[]).await;
        assert_eq!(ended.code, Some(78), "{command}: {}", ended.everything());
        for part in [
            "monitord.json: routers[0].password comes from environment variable EDGE_PASSWORD",
            "monitord.json: routers[0].platform is \"toaster\": allowed is ",
            "monitord.json: lines[0].interval is 0: allowed is 10s to 24h",
            "monitord.json: lines[0].target is \"198.51.100.8\\nreload\": allowed is ",
            "monitord.json: colour is not a known key",
        ] {
            assert!(ended.stderr.contains(part), "{part} is not in {}", ended.stderr);
        }
    }
    let absent = run(&["validate", "-c", "/nonexistent/monitord.yaml"], &[]).await;
    assert_eq!(absent.code, Some(78));
    assert!(absent.stderr.contains("/nonexistent/monitord.yaml: cannot be read"));
}

#[tokio::test]
async fn validate_reaches_out_unless_it_is_told_not_to() {
    let lab = Lab::start(vec![RouterSpec::new("good", "linux")]).await.unwrap();
    let mut site = Site::of(&lab);
    let ended = site.run("validate", &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    assert!(ended.stdout.contains("valid, 1 routers, 1 lines"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\npool: idle_max 5m, "), "{}", ended.stdout);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    site.config["zabbix"] = json!({ "sender": { "address": closed.to_string() } });
    let ended = site.run("validate", &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stdout.contains(&format!("zabbix: cannot connect to {closed}")),
        "{}",
        ended.stdout
    );
    assert_eq!(site.run("validate", &["--offline"]).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_logs_in_when_it_is_asked_to_and_tells_all_problems_at_once() {
    let specs = vec![
        RouterSpec::new("good", "linux"),
        RouterSpec::new("locked", "linux").fault(lab::Fault::AuthRefused),
        RouterSpec::new("silent", "linux").fault(lab::Fault::StallInKex),
    ];
    let lab = Lab::start(specs).await.unwrap();
    let mut site = Site::of(&lab);
    let trapper = crate::trapper::Trapper::start().await;
    let address = trapper.address.to_string();
    site.config["zabbix"] = json!({ "sender": { "address": address } });
    site.config["spool"] = json!({ "directory": "spool" });
    let ended = site.run("validate", &["--login"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.everything());
    for part in [
        "\nlogins: 1 of 3 routers, in ",
        &format!("\nzabbix sender: {address} answers\n"),
        "/spool can be made\n",
        "\nrouter locked: cannot log in to 127.0.0.1:",
        ": Authentication in authentication: ",
        "\nrouter silent: cannot log in to 127.0.0.1:",
        ": DeadlineExceeded in key_exchange: ",
    ] {
        assert!(ended.stdout.contains(part), "{part:?} is not in {}", ended.stdout);
    }
    assert!(trapper.values().is_empty(), "no value was sent");
    assert_eq!(lab.router("good").logins_total(), 1);
    let one = site.run("validate", &["--login", "--router", "good"]).await;
    assert_eq!(one.code, Some(0), "{}", one.everything());
    assert!(one.stdout.contains("valid, 1 routers, 1 lines"), "{}", one.stdout);
    assert_eq!(site.run("validate", &["--router", "none"]).await.code, Some(2));
    // Whoever runs the binary for a test does not wait for so long.
    site.config["connection"]["connect_timeout"] = "1h".into();
    let hurried = site.run("validate", &["--login", "--router", "silent", "--timeout", "300ms"]);
    let hurried = hurried.await;
    assert_eq!(hurried.code, Some(1), "{}", hurried.everything());
    assert!(hurried.stdout.contains(": DeadlineExceeded in "), "{}", hurried.stdout);
}

#[tokio::test]
async fn a_saved_ping_is_read() {
    let ended = parse(PING, &["--platform", "cisco_iosxe", "-o", "json"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    let expected = json!({
        "loss_pct": 20.0, "sent": 5, "received": 4,
        "rtt_min_ms": 1.0, "rtt_avg_ms": 2.0, "rtt_max_ms": 4.0, "rtt_mdev_ms": null,
        "duplicates": null, "errors": null, "unanswered": { "timed_out": 1 }, "reply_ms": [],
    });
    assert_eq!(ended.json(), [expected]);
    let table = parse(PING, &["--platform", "cisco_iosxe", "-"]).await;
    assert!(table.stdout.contains("20.0%"), "{}", table.stdout);
}

#[tokio::test]
async fn a_text_without_figures_is_a_failure_and_an_unknown_platform_is_wrong_usage() {
    let nonsense = parse("hello\n", &["--platform", "cisco_iosxe"]).await;
    assert_eq!(nonsense.code, Some(1));
    assert!(nonsense.stdout.is_empty() && nonsense.stderr.contains("hello"), "{}", nonsense.stderr);
    let unknown = parse(PING, &["--platform", "toaster"]).await;
    assert_eq!(unknown.code, Some(2));
    let expected = "monitord: there is no platform \"toaster\": known are ";
    assert!(unknown.stderr.starts_with(expected), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("cisco_iosxe"), "{}", unknown.stderr);
}

#[tokio::test]
async fn a_saved_output_may_be_longer_than_what_a_check_reads() {
    // Blanks, because answers take long to read in a build without optimisation.
    let text = " ".repeat(pool_core::OUTPUT_BYTES_MAX_DEFAULT) + "\n" + PING;
    let ended = parse(&text, &["--platform", "cisco_iosxe"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("20.0%"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_probe_that_cannot_be_tried_is_wrong_usage() {
    let probe = ["probe", "--target", "198.51.100.1", "--platform"];
    for (more, expected) in [
        (["toaster", "--password-env", "PW", "192.0.2.1"], "there is no platform \"toaster\" over"),
        (["linux", "--password-env", "ABSENT", "192.0.2.1"], "variable ABSENT is not set"),
        (["linux", "--password-env", "PW", "192.0.2.1:0"], "\"192.0.2.1:0\" is no router"),
        (["linux", "--private-key", "/absent", "192.0.2.1"], "\"/absent\" cannot be read: No such"),
    ] {
        let ended = run(&[probe.as_slice(), &more].concat(), &[("PW", "x")]).await;
        assert_eq!(ended.code, Some(2), "{more:?}: {}", ended.everything());
        assert!(ended.stderr.contains(expected), "{more:?}: {}", ended.stderr);
    }
    let probe = ["probe", "--target=198.51.100.1", "--platform=linux", "--password-env=PW"];
    for (more, expected) in [
        ("--host-key=MD5:aa", "allowed is strict, accept-new, off, or SHA256:"),
        ("--jump=192.0.2.9:0", "\"192.0.2.9:0\" is no router"),
        ("--jump=192.0.2.1", "another host than the device itself"),
    ] {
        let ended = run(&[probe.as_slice(), &[more, "192.0.2.1"]].concat(), &[("PW", "x")]).await;
        assert_eq!(ended.code, Some(2), "{more}: {}", ended.everything());
        assert!(ended.stderr.contains(expected), "{more}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn platforms_are_listed_and_shown() {
    let list = run(&["platforms"], &[]).await;
    assert!(list.stdout.contains("huawei_vrp"), "{}", list.stdout);
    let json = run(&["platforms", "list", "-o", "json"], &[]).await.json();
    let frr = json.iter().find(|platform| platform["platform"] == "frr_vtysh").unwrap();
    assert_eq!(frr["protocols"], json!(["scrapli"]), "its ping must be interrupted");
    let shown = run(&["platforms", "show", "cisco_iosxe"], &[]).await.stdout;
    assert!(shown.contains("command  ping 198.51.100.1 "), "{shown}");
    assert_eq!(run(&["platforms", "show", "toaster"], &[]).await.code, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_early_is_no_error() {
    let specs = ["a", "b"].map(|name| RouterSpec::new(name, "linux"));
    let lab = Lab::start(specs.into()).await.unwrap();
    let site = Site::of(&lab);
    let path = site.write();
    for arguments in [["once", "-o", "json"], ["lines", "-o", "json"]] {
        let mut child = binary().args(arguments).arg("-c").arg(&path).spawn().unwrap();
        drop(child.stdout.take());
        let ended: Ended = child.wait_with_output().await.unwrap().into();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

const ADD_A_PLATFORM: &str = include_str!("../../../driver-cli/ADD-A-PLATFORM.md");

/// The first block of the document that begins with `beginning`.
fn block(beginning: &str) -> &'static str {
    let blocks = ADD_A_PLATFORM.split("```").skip(1).step_by(2);
    let texts = blocks.filter_map(|block| block.split_once('\n').map(|(_, text)| text));
    texts.into_iter().find(|text| text.starts_with(beginning)).expect("the document has it")
}

#[tokio::test]
async fn the_documents_platform_and_its_samples_check() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("acme_os.toml");
    let definition = [block("description"), block("[ping]")].join("\n");
    let samples = block("=== one lost");
    let path = file.to_str().unwrap();
    std::fs::write(&file, &definition).unwrap();
    std::fs::write(file.with_extension("txt"), samples).unwrap();

    let ended = run(&["platforms", "check", path], &[]).await;
    let expected = block("platforms/acme_os.toml: command").replace("platforms/acme_os.toml", path);
    assert_eq!((ended.code, ended.stdout), (Some(0), expected), "{}", ended.stderr);

    std::fs::write(file.with_extension("txt"), samples.replace("-> 3/2", "-> 3/3")).unwrap();
    let ended = run(&["platforms", "check", path], &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("2 of 3 samples ok"), "{}", ended.stdout);
    assert!(ended.stdout.contains("one lost: expected 3/3, read 3/2"), "{}", ended.stdout);

    std::fs::write(&file, definition.replace("{count}", "3")).unwrap();
    let ended = run(&["platforms", "check", path], &[]).await;
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("ping.command: {count} is missing"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_platform_checks_a_line_of_a_router_that_speaks_it() {
    let ping = lab::Ping::lossy(50);
    let lab = Lab::start(vec![RouterSpec::new("edge-1", "acme_os").ping(ping)]).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let definition = [block("description"), block("[ping]")].join("\n");
    std::fs::create_dir(directory.path().join("platforms")).unwrap();
    std::fs::write(directory.path().join("platforms/acme_os.toml"), definition).unwrap();
    let address = lab.router("edge-1").address();
    let reached = format!("host: {}\n    port: {}", address.ip(), address.port());
    let config = block("platforms:\n").replace("host: 192.0.2.1", &reached);
    let path = directory.path().join("monitord.yaml");
    std::fs::write(&path, config).unwrap();

    let known_hosts = format!("connection.known_hosts={}", directory.path().join("kh").display());
    let arguments = ["once", "-o", "json", "-c", path.to_str().unwrap(), "--set", &known_hosts];
    let environment = [("EDGE_PASSWORD", lab::DEFAULT_PASSWORD)];
    let ended = run(&arguments, &environment).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    let outcome = &ended.json()[0];
    assert_eq!((&outcome["sent"], &outcome["received"]), (&4.into(), &2.into()), "{outcome}");
    assert_eq!(outcome["loss_pct"], 50.0, "{outcome}");
}

#[tokio::test]
async fn an_operators_platform_is_parsed_and_listed() {
    let directory = tempfile::tempdir().unwrap();
    let definition = [block("description"), block("[ping]")].join("\n");
    std::fs::write(directory.path().join("acme_os.toml"), definition).unwrap();
    let definitions = ["--definitions", directory.path().to_str().unwrap()];
    let output = "asking 192.0.2.1\n4 sent, 1 came back\n";
    let arguments = [&definitions[..], &["--platform", "acme", "-o", "json"]].concat();
    let ended = parse(output, &arguments).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    assert_eq!(ended.json()[0]["loss_pct"], 75.0);
    let listed = run(&[&["platforms", "list"], &definitions[..]].concat(), &[]).await;
    assert!(listed.stdout.contains("acme_os"), "{}", listed.everything());
}
