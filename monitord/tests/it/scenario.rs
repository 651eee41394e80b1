//! Sick routers beside healthy ones: each line has its outcome, and nobody waits for another.

use lab::{Fault, Lab, Ping, RouterSpec};
use serde_json::{Value, json};

use crate::support::Site;

/// A fault at each stage at which a router can fall silent, and the phase in which that shows.
const STALLS: [(Fault, &str); 9] = [
    (Fault::AcceptSilent, "banner"),
    (Fault::StallAfterBanner, "key_exchange"),
    (Fault::StallInKex, "key_exchange"),
    (Fault::StallInAuth, "authentication"),
    (Fault::StallAtChannelOpen, "channel_open"),
    (Fault::StallAtPty, "pty"),
    (Fault::StallAtShell, "shell"),
    (Fault::StallBeforePrompt, "prompt"),
    (Fault::StallMidOutput, "read"),
];

fn outcome<'a>(outcomes: &'a [Value], line: &str) -> &'a Value {
    let mut of_line = outcomes.iter().filter(|outcome| outcome["line"] == line);
    let first = of_line.next().unwrap_or_else(|| panic!("no outcome of {line}"));
    assert_eq!(of_line.next(), None, "two outcomes of {line}");
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_routers_fail_within_their_deadline_and_healthy_ones_do_not_notice() {
    let sick = STALLS.map(|(fault, _)| RouterSpec::new(fault.as_str(), "cisco_iosxe").fault(fault));
    let platforms =
        ["cisco_iosxe", "cisco_iosxr", "cisco_nxos", "huawei_vrp", "h3c_comware", "linux"];
    let healthy = platforms
        .map(|platform| RouterSpec::new(platform, platform).ping(Ping::lossy(50).rtt_ms(12.0)));
    let lab = Lab::start(sick.into_iter().chain(healthy).collect()).await.unwrap();
    let mut site = Site::of(&lab);
    // Long enough for a busy machine to get to where a router falls silent, and beyond it.
    for router in site.config["routers"].as_array_mut().unwrap() {
        let is_healthy = platforms.iter().any(|name| router["name"] == *name);
        router["connect_timeout"] = if is_healthy { "20s" } else { "3s" }.into();
    }
    let ended = site.run("once", &["-o", "json"]).await;
    let outcomes = ended.json();
    assert_eq!(ended.code, Some(1));
    assert_eq!(outcomes.len(), STALLS.len() + platforms.len());
    for (fault, phase) in STALLS {
        let outcome = outcome(&outcomes, fault.as_str());
        assert_eq!(outcome["status"], "failed", "{outcome}");
        assert_eq!(outcome["router"], fault.as_str());
        assert_eq!(outcome["error"]["kind"], "DeadlineExceeded", "{outcome}");
        let message = outcome["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("in phase {phase} ")), "{fault}: {message}");
        let took = outcome["duration_ms"].as_f64().unwrap();
        assert!(took < 10_000.0, "{fault} took {took} ms");
    }
    for platform in platforms {
        let outcome = outcome(&outcomes, platform);
        assert_eq!(outcome["status"], "measured", "{outcome}");
        assert_eq!((&outcome["sent"], &outcome["received"]), (&2.into(), &1.into()), "{outcome}");
        assert_eq!(outcome["loss_pct"], 50.0, "{outcome}");
        let took = outcome["duration_ms"].as_f64().unwrap();
        assert!(took < 5_000.0, "{platform} took {took} ms");
    }
}

/// Checks a line of each of `platforms` over `protocol` that loses every second packet, and one that
/// loses all.
async fn measure(platforms: &[&str], protocol: &str) {
    let healthy = |name: &&str| RouterSpec::new(*name, name).ping(Ping::lossy(50).rtt_ms(12.0));
    let lab = Lab::start(platforms.iter().map(healthy).collect()).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["connection"]["connect_timeout"] = "20s".into();
    for router in site.config["routers"].as_array_mut().unwrap() {
        router["protocol"] = protocol.into();
    }
    // Where nothing comes back, ICX prints no statistics, and so there is nothing to read.
    let says_nothing = |platform: &str| platform == "ruckus_icx";
    for platform in platforms.iter().filter(|platform| !says_nothing(platform)) {
        site.add_line(&format!("{platform}-lost"), platform)["target"] = "203.0.113.1".into();
    }
    let ended = site.run("once", &["-o", "json"]).await;
    let outcomes = ended.json();
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    for platform in platforms {
        let half = outcome(&outcomes, platform);
        assert_eq!(half["protocol"], protocol);
        // FRR's ping has no count: how many packets it sends is a matter of time.
        if *platform != "frr_vtysh" {
            assert_eq!((&half["sent"], &half["received"]), (&2.into(), &1.into()), "{half}");
        }
        // AireOS tells no times.
        if *platform != "cisco_aireos" {
            assert!(half["rtt_avg_ms"].as_f64().unwrap() > 1.0, "{half}");
        }
        if !says_nothing(platform) {
            let lost = outcome(&outcomes, &format!("{platform}-lost"));
            assert_eq!(
                (&lost["received"], &lost["loss_pct"]),
                (&0.into(), &100.0.into()),
                "{lost}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interface_of_a_line_is_looked_at_over_both_protocols() {
    let shown = "GigabitEthernet0/0/1 is up, line protocol is down \n  Hardware is X\n\
                 \x20    45 input errors, 44 CRC, 0 frame, 1 overrun, 0 ignored\n\
                 \x20    6 output errors, 0 collisions, 2 interface resets\n";
    let spec = RouterSpec::new("edge-1", "cisco_iosxe");
    let lab = Lab::start(vec![spec.show("show interfaces Gi0/0/1", shown)]).await.unwrap();
    for protocol in ["ssh", "scrapli"] {
        let mut site = Site::of(&lab);
        site.config["routers"][0]["protocol"] = protocol.into();
        site.add_line("wan", "edge-1")["interface"] = "Gi0/0/1".into();
        let ended = site.run("once", &["-o", "json"]).await;
        let outcomes = ended.json();
        let seen = outcome(&outcomes, "wan");
        assert_eq!(seen["status"], "measured", "{protocol}: {}", ended.everything());
        assert_eq!((&seen["task"], &seen["sent"]), (&"interface".into(), &Value::Null), "{seen}");
        let interface = &seen["interface"];
        assert_eq!(interface["name"], "GigabitEthernet0/0/1", "{seen}");
        assert_eq!(interface["state"], "down", "{seen}");
        let errors = ["in_errors", "out_errors", "crc_errors"].map(|key| interface[key].as_u64());
        assert_eq!(errors, [Some(45), Some(6), Some(44)], "{seen}");
        assert_eq!(outcome(&outcomes, "edge-1")["task"], "ping");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_platform_of_the_lab_is_measured_at_its_prompt() {
    measure(&lab::platforms(), "scrapli").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_platform_of_the_lab_is_measured_over_exec_channels() {
    // These two need the same shell for several commands, or Ctrl-C.
    let has_shell_only = ["fortinet_fortios", "frr_vtysh"];
    let mut platforms = lab::platforms();
    platforms.retain(|platform| !has_shell_only.contains(platform));
    measure(&platforms, "ssh").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_of_another_target_is_no_measurement_and_ends_the_session() {
    let platforms = ["cisco_iosxe", "huawei_vrp", "mikrotik_routeros"];
    let sick = |name| RouterSpec::new(name, name).fault(Fault::OtherTarget);
    let lab = Lab::start(platforms.map(sick).into()).await.unwrap();
    let mut site = Site::of(&lab);
    for platform in platforms {
        site.add_line(&format!("{platform}-2"), platform);
    }
    site.config["connection"]["connect_timeout"] = "20s".into();
    site.config["connection"]["max_connections"] = 1.into();
    let outcomes = site.run("once", &["-o", "json"]).await.json();
    for platform in platforms {
        for line in [platform.to_owned(), format!("{platform}-2")] {
            let outcome = outcome(&outcomes, &line);
            assert_eq!(outcome["error"]["kind"], "Desynchronised", "{outcome}");
            let message = outcome["error"]["message"].as_str().unwrap();
            assert!(message.contains("192.0.2.99"), "{message}");
            assert!(message.contains("198.51.100.1"), "{message}");
        }
        // The second line's ping ran on a session of its own.
        assert_eq!(lab.router(platform).logins_total(), 2, "{platform}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_or_vrf_that_no_router_knows_is_refused_and_the_session_goes_on() {
    // These take no VRF.
    let has_no_vrf = ["cisco_asa", "cisco_aireos", "fortinet_fortios", "frr_vtysh"];
    let platforms = lab::platforms();
    let specs = platforms.iter().map(|name| RouterSpec::new(*name, name));
    let lab = Lab::start(specs.collect()).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["connection"]["connect_timeout"] = "20s".into();
    site.config["connection"]["max_connections"] = 1.into();
    for platform in &platforms {
        let line = site.add_line(&format!("{platform}-name"), platform);
        line["target"] = "nosuch.invalid".into();
        if !has_no_vrf.contains(platform) {
            site.add_line(&format!("{platform}-vrf"), platform)["ping"] = json!({ "vrf": "NOPE" });
        }
    }
    let ended = site.run("once", &["-o", "json"]).await;
    let outcomes = ended.json();
    for platform in &platforms {
        assert_eq!(outcome(&outcomes, platform)["status"], "measured", "{}", ended.everything());
        let mut refused = vec![format!("{platform}-name")];
        if !has_no_vrf.contains(platform) {
            refused.push(format!("{platform}-vrf"));
        }
        for line in refused {
            let outcome = outcome(&outcomes, &line);
            assert_eq!(outcome["error"]["kind"], "Rejected", "{outcome}");
        }
        assert_eq!(lab.router(platform).logins_total(), 1, "{platform}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_own_kind() {
    let faults = [
        (Fault::Refuse, "Connect"),
        (Fault::AuthRefused, "Authentication"),
        (Fault::VtyLimit, "Busy"),
        (Fault::CloseAfterAuth, "Disconnected"),
        (Fault::CloseMidOutput, "Disconnected"),
    ];
    let specs =
        faults.map(|(fault, _)| RouterSpec::new(fault.as_str(), "cisco_iosxe").fault(fault));
    let lab = Lab::start(specs.into()).await.unwrap();
    let outcomes = Site::of(&lab).run("once", &["-o", "json"]).await.json();
    assert_eq!(outcomes.len(), faults.len());
    for (fault, kind) in faults {
        let outcome = outcome(&outcomes, fault.as_str());
        assert_eq!(outcome["error"]["kind"], kind, "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_lines_that_were_asked_for_are_checked() {
    let specs = ["a", "b", "c"].map(|name| RouterSpec::new(name, "linux"));
    let lab = Lab::start(specs.into()).await.unwrap();
    let site = Site::of(&lab);
    let ended = site.run("once", &["--line", "a", "--line", "b", "--router", "b"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    assert!(ended.stdout.contains("up"), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 2, "a header and one line: {}", ended.stdout);
    assert_eq!((lab.router("a").logins_total(), lab.router("b").logins_total()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_goes_through_a_jump_host_and_compares_the_host_key_with_a_pin() {
    let specs = vec![
        RouterSpec::new("bastion", "linux").forwards(true),
        RouterSpec::new("edge", "huawei_vrp"),
    ];
    let lab = Lab::start(specs).await.unwrap();
    let [bastion, edge] = ["bastion", "edge"].map(|name| lab.router(name));
    let folder = tempfile::TempDir::new().unwrap();
    let known_hosts = format!("--known-hosts={}", folder.path().join("known_hosts").display());
    let jump = format!("--jump={}@{}", bastion.user(), bastion.address());
    let address = format!("{}@{}", edge.user(), edge.address());
    let probe = async |pin: String| {
        let pin = format!("--host-key={pin}");
        let arguments = ["probe", &address, "--platform=huawei_vrp", "--target=198.51.100.1"];
        let more = ["--password-env=PW", "-o=json", &known_hosts, &jump, &pin];
        let arguments = [&arguments[..], &more].concat();
        crate::support::run(&arguments, &[("PW", lab::DEFAULT_PASSWORD)]).await
    };
    let ended = probe(edge.host_key_fingerprint()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    assert_eq!(ended.json()[0]["measurement"]["loss_pct"], 0.0);
    assert_eq!((bastion.logins_total(), edge.logins_total()), (1, 1));
    let ended = probe(bastion.host_key_fingerprint()).await;
    assert_eq!(ended.code, Some(1), "{}", ended.everything());
    assert_eq!(ended.json()[0]["error"]["kind"], "HostKey", "{}", ended.everything());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_shows_the_time_of_each_phase() {
    let lab = Lab::start(vec![RouterSpec::new("edge", "huawei_vrp")]).await.unwrap();
    let router = lab.router("edge");
    let address = format!("{}@{}", router.user(), router.address());
    let folder = tempfile::TempDir::new().unwrap();
    let known_hosts = folder.path().join("known_hosts");
    let arguments = [
        "probe",
        &address,
        "--platform",
        "huawei_vrp",
        "--target",
        "198.51.100.1",
        "--password-env",
        "PW",
        "-o",
        "json",
        "--known-hosts",
        known_hosts.to_str().unwrap(),
    ];
    let environment = [("PW", lab::DEFAULT_PASSWORD)];
    let ended = crate::support::run(&arguments, &environment).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    let probe = &ended.json()[0];
    assert_eq!(probe["measurement"]["loss_pct"], 0.0, "{probe}");
    let phases: Vec<_> = probe["phases"].as_array().unwrap().iter().map(|p| &p["phase"]).collect();
    for phase in ["connect", "key_exchange", "authentication", "prompt", "read"] {
        assert!(phases.iter().any(|known| *known == phase), "{phase} is not in {phases:?}");
    }
    let verbose = [&arguments[..], &["-v"]].concat();
    let ended = crate::support::run(&verbose, &environment).await;
    let probe = &ended.json()[0];
    assert_eq!(probe["measurement"]["loss_pct"], 0.0, "{}", ended.everything());
    let said = probe["transcript"].to_string();
    for part in
        ["# huawei_vrp at 127.0.0.1:", " > \\\"ping -c 5 ", "--- 198.51.100.1 ping statistics"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let peer = &probe["peers"][0];
    assert_eq!(peer["host_key"]["fingerprint"], router.host_key_fingerprint(), "{peer}");
    assert_eq!(peer["host_key"]["verdict"], "known", "{peer}");
    assert!(peer["identification"].as_str().unwrap().starts_with("SSH-2.0-"), "{peer}");
    let rules = probe["reading"].as_array().unwrap().iter().map(|line| &line["rule"]);
    assert!(rules.clone().any(|rule| rule == "summary"), "{:?}", rules.collect::<Vec<_>>());
    assert!(!ended.everything().contains(lab::DEFAULT_PASSWORD), "{}", ended.everything());
    router.set_fault(Some(Fault::StallInKex));
    let stalled = [&arguments[..], &["--connect-timeout", "500ms"]].concat();
    let ended = crate::support::run(&stalled, &environment).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.json()[0]["error"]["phase"], "key_exchange", "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_the_platform_does_not_list_reaches_no_router_over_any_protocol() {
    let lab = Lab::start(vec![RouterSpec::new("edge-1", "linux").ping(Ping::default())]);
    let lab = lab.await.unwrap();
    let mut site = Site::empty();
    for protocol in ["ssh", "scrapli"] {
        let router = site.add_router(lab.router("edge-1"), lab::DEFAULT_PASSWORD);
        router["name"] = protocol.into();
        router["protocol"] = protocol.into();
        site.add_line(protocol, protocol);
    }
    let definitions = tempfile::tempdir().unwrap();
    let reboots = "inherits = 'linux'\n[ping]\ncommand = 'reboot {target} {count}'\n";
    std::fs::write(definitions.path().join("linux.toml"), reboots).unwrap();
    site.config["platforms"] = serde_json::json!({ "directory": definitions.path() });
    let ended = site.run("once", &["-o", "json"]).await;
    let outcomes = ended.json();
    for protocol in ["ssh", "scrapli"] {
        let error = &outcome(&outcomes, protocol)["error"];
        assert_eq!(error["kind"], "InvalidConfig", "{}", ended.everything());
        assert!(error["message"].as_str().unwrap().contains("reboot"), "{error}");
    }
}
