//! What the daemon serves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use lab::{Fault, Lab, Ping, RouterSpec};
use serde_json::{Value, json};

use crate::support::Site;

/// Status and body of a page.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let url = format!("http://{address}{path}");
    tokio::task::block_in_place(|| {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(url).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    })
}

/// Checks what every reader of the format relies on: each family has a help and a type, before its
/// samples and once, counters are named so, and no series is there twice.
#[track_caller]
fn assert_well_formed(metrics: &str) {
    let (mut kinds, mut helped, mut seen) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for line in metrics.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap();
            assert!(helped.insert(name) && !text.is_empty(), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(helped.contains(name) && kinds.insert(name, kind).is_none(), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok() && seen.insert(series), "{line}");
            let name = series.split('{').next().unwrap();
            let parts = ["_bucket", "_sum", "_count"];
            let family = parts.iter().find_map(|part| name.strip_suffix(part));
            let known = |name: &str, kind: &str| kinds.get(name).is_some_and(|k| *k == kind);
            let of_histogram = family.is_some_and(|family| known(family, "histogram"));
            assert!(of_histogram || known(name, "counter") || known(name, "gauge"), "{line}");
        }
    }
    assert!(seen.len() > 50, "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_health_and_status_tell_what_happens() {
    let lab = Lab::start(vec![
        RouterSpec::new("good", "cisco_iosxe").ping(Ping::lossy(50).rtt_ms(20.0)),
        RouterSpec::new("bad", "huawei_vrp").fault(Fault::AuthRefused),
    ])
    .await
    .unwrap();
    let mut site = Site::of(&lab);
    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    site.config["fleet"] = json!({ "sessions_max": 7 });
    let daemon = site.start().await;
    let http = daemon.http();
    assert_eq!(get(http, "/healthz").await.0, 200);
    assert_eq!(get(http, "/readyz").await.0, 200);
    assert_eq!(get(http, "/nothing").await.0, 404);
    daemon.wait_for("both outcomes", || daemon.outcomes().len() >= 2).await;

    let (_, metrics) = get(http, "/metrics").await;
    for name in [
        "connection_get_duration_seconds_bucket{le=\"+Inf\"} ",
        "connection_get_success_total 1",
        "connection_get_timeout_total 0",
        "connection_get_canceled_total 0",
        "task_execution_duration_seconds_count ",
        "monitord_checks_total{result=\"measured\",reason=\"\"} 1",
        "monitord_checks_total{result=\"failed\",reason=\"Authentication\"} 1",
        "monitord_pool_sessions{router=\"good\",state=\"idle\"} 1",
        "monitord_pool_sessions{router=\"good\",state=\"degraded\"} 0",
        "monitord_pool_gates_shut{router=\"bad\"} 1",
        "monitord_pool_gates_shut{router=\"good\"} 0",
        "monitord_router_failed_logins{router=\"bad\",protocol=\"scrapli\",\
         kind=\"Authentication\",phase=\"authentication\"} 1",
        "monitord_router_next_login_seconds{router=\"bad\",protocol=\"scrapli\"} ",
        "monitord_sessions_created_total 1",
        "monitord_sessions_create_failed_total{kind=\"Authentication\",phase=\"authentication\"} 1",
        "monitord_sessions_discarded_total{reason=\"expired\"} 0",
        "monitord_health_checks_total{result=\"failed\"} 0",
        "monitord_rebuilds_total{reason=\"age\"} 0",
        "monitord_gate_shut_total 1",
        "monitord_leaks_suspected_total 0",
        "monitord_login_phase_duration_seconds_count{phase=\"authentication\"} 1",
        "monitord_login_phase_duration_seconds_bucket{le=\"+Inf\",phase=\"prompt\"} 1",
        "monitord_fleet_pools 2",
        "monitord_fleet_sessions 1",
        "monitord_fleet_sessions_max 7",
        "monitord_fleet_logins_in_flight 0",
        "monitord_fleet_logins_waiting 0",
        "monitord_lines{state=\"degraded\"} 1",
        "monitord_line_states{state=\"degraded\"} 1",
        "monitord_line_states{state=\"unknown\"} 1",
        "monitord_router_states{state=\"reachable\"} 1",
        "monitord_inventory_sources{state=\"followed\"} 1",
        "monitord_line_loss_ratio{line=\"good\",router=\"good\"} 0.5",
        "monitord_blocking_threads_max 64",
        "monitord_build_info{version=",
    ] {
        assert!(metrics.contains(&format!("\n{name}")), "{name} is not in {metrics}");
    }
    assert_well_formed(&metrics);
    assert!(!metrics.contains("_total_total") && !metrics.contains("# EOF"), "{metrics}");

    // One get for each check that was begun.
    let count = |name: &str| -> u64 {
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    };
    let ended = ["success", "timeout", "canceled", "failed"]
        .map(|end| count(&format!("connection_get_{end}_total")));
    assert_eq!(
        count("connection_get_duration_seconds_count"),
        ended.iter().sum::<u64>(),
        "{metrics}"
    );

    let (_, status) = get(http, "/status").await;
    let status: Value = serde_json::from_str(&status).unwrap();
    let line = |id: &str| {
        status["lines"].as_array().unwrap().iter().find(|line| line["line"] == id).unwrap().clone()
    };
    assert_eq!(line("good")["state"], "degraded");
    assert_eq!(line("good")["last_result"], "degraded");
    assert_eq!(line("good")["loss_pct"], 50.0);
    assert!(line("good")["rtt_avg_ms"].as_f64().is_some());
    assert_eq!(line("bad")["state"], "unknown");
    assert_eq!(line("bad")["last_result"], "failed");
    assert!(
        line("bad")["last_error"]
            .as_str()
            .unwrap()
            .starts_with("Authentication in authentication: ")
    );
    let router = |name: &str| {
        status["routers"].as_array().unwrap().iter().find(|r| r["router"] == name).unwrap().clone()
    };
    let good = router("good");
    assert_eq!((&good["idle"], &good["max"]), (&json!(1), &json!(2)));
    assert_eq!((&good["degraded"], &good["created_total"]), (&json!(0), &json!(1)));
    assert_eq!(good["gates"], json!([]));
    let gate = &router("bad")["gates"][0];
    assert_eq!((&gate["protocol"], &gate["attempts"]), (&json!("scrapli"), &json!(1)));
    assert!(gate["next_try_s"].as_f64().unwrap() > 0.0 && gate["shut_for_s"].is_number(), "{gate}");
    let error = gate["last_error"].as_str().unwrap();
    assert!(error.starts_with("Authentication in authentication: "), "{error}");
    let fleet = &status["fleet"];
    assert_eq!((&fleet["sessions"], &fleet["sessions_max"]), (&json!(1), &json!(7)));
    assert_eq!(fleet["logins_per_second_max"], Value::Null);
    assert!(!status.to_string().contains(lab::DEFAULT_PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_name_as_many_lines_and_routers_as_they_are_allowed_to() {
    let shown = "GigabitEthernet0/1 is up, line protocol is up\n\
                 \x20    3 input errors, 1 CRC, 0 frame, 0 overrun, 0 ignored\n\
                 \x20    6 output errors, 0 collisions, 2 interface resets\n";
    let two = RouterSpec::new("two", "cisco_iosxe").show("show interfaces Gi0/1", shown);
    let lab = Lab::start(vec![RouterSpec::new("one", "cisco_iosxe"), two]).await.unwrap();
    let mut site = Site::of(&lab);
    site.add_line("uplink", "two")["interface"] = json!("Gi0/1");
    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    let metrics = async |site: &Site| {
        let daemon = site.start().await;
        daemon.wait_for("all outcomes", || daemon.outcomes().len() >= 3).await;
        get(daemon.http(), "/metrics").await.1
    };
    let all = metrics(&site).await;
    assert_well_formed(&all);
    for name in [
        "monitord_line_interface_state{line=\"uplink\",router=\"two\",state=\"up\"} 1",
        "monitord_line_interface_state{line=\"uplink\",router=\"two\",state=\"down\"} 0",
        "monitord_line_interface_in_errors_total{line=\"uplink\",router=\"two\"} 3",
        "monitord_line_loss_ratio{line=\"one\",router=\"one\"} 0",
        "monitord_pool_sessions_max{router=\"two\"} 2",
    ] {
        assert!(all.contains(&format!("\n{name}")), "{name} is not in {all}");
    }
    site.config["metrics"] = json!({ "lines_max": 0, "routers_max": 1 });
    let few = metrics(&site).await;
    assert_well_formed(&few);
    assert!(!few.contains("line=") && !few.contains("router=\"two\""), "{few}");
    for name in ["{router=\"one\"} 2", "{router=\"_other\"} 2"] {
        assert!(few.contains(&format!("\nmonitord_pool_sessions_max{name}")), "{few}");
    }
    assert!(few.contains("monitord_lines{state=\"up\"} 3"), "{few}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_a_clear_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let lab = Lab::start(vec![RouterSpec::new("good", "linux")]).await.unwrap();
    let mut site = Site::of(&lab);
    let address = taken.local_addr().unwrap().to_string();
    site.config["http"] = json!({ "listen": address });
    let ended = site.run("run", &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&format!("cannot listen on {address}")), "{}", ended.stderr);
}
