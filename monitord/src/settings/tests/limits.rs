//! Limits of a router, a line and all of them.

use super::*;

#[test]
fn a_wrong_default_is_blamed_once_and_not_for_each_line() {
    check_with(
        "defaults: { ping: { count: 500 } }",
        "m.yaml: defaults.ping.count is 500: allowed is 1 to 100",
    );
}

#[test]
fn a_router_overrides_the_limits_and_a_line_the_defaults() {
    let settings = load_text(
        r#"
connection: { connect_timeout: 5s, max_connections: 4 }
defaults: { interval: 60s, ping: { count: 3, vrf: mgmt } }
routers:
  - { name: a, host: h, platform: cisco_iosxe, username: u, password: p, connect_timeout: 9s,
      max_connections: 1, algorithms: legacy, host_key: off }
lines:
  - { id: L1, router: a, target: 192.0.2.1 }
  - { id: L2, router: a, target: 192.0.2.2, interval: 30s, ping: { count: 7 } }
"#,
    )
    .unwrap();
    let connection = &settings.inventory.routers[0].connection;
    assert_eq!(connection.connect_timeout, Duration::from_secs(9));
    assert_eq!((connection.max_connections, connection.min_connections), (1, 1));
    assert_eq!(connection.algorithms, pool_core::AlgorithmProfile::Legacy);
    assert_eq!(connection.host_key, pool_core::HostKeyPolicy::Off);
    let [first, second] = settings.inventory.lines.as_slice() else { panic!("two lines") };
    let [pinged, slowly] = [first, second].map(|line| line.task.as_ping().unwrap());
    assert_eq!((pinged.count, first.interval.as_duration().as_secs()), (3, 60));
    assert_eq!((slowly.count, second.interval.as_duration().as_secs()), (7, 30));
    assert_eq!(slowly.vrf, pinged.vrf);
}

#[test]
fn limits_that_contradict_each_other_are_blamed_where_they_stand() {
    check_with(
        "connection: { min_connections: 3 }",
        "m.yaml: connection.min_connections is 3: allowed is 0 to max_connections",
    );
    check_changed(
        "username:",
        "min_connections: 5, username:",
        "m.yaml: routers[0].min_connections is 5: allowed is 0 to max_connections",
    );
}

#[test]
fn limits_over_all_routers_come_from_the_file_and_the_environment_and_are_off_by_default() {
    assert_eq!(load_text(GOOD).unwrap().fleet, FleetLimits::default());
    let folder = folder("m.yaml", &format!("{GOOD}fleet: {{ sessions_max: 500 }}\n"));
    let environment = Environment::from([
        ("MONITORD__FLEET__LOGINS_IN_FLIGHT_MAX", "50"),
        ("MONITORD__FLEET__LOGINS_PER_SECOND", "20"),
    ]);
    let fleet = load_in(&folder, "m.yaml", &environment).unwrap().fleet;
    assert_eq!(fleet.sessions_max.map(Into::into), Some(500_usize));
    assert_eq!(fleet.logins_in_flight_max.map(Into::into), Some(50_usize));
    assert_eq!(fleet.logins_per_second.map(Into::into), Some(20_u32));
}

#[test]
fn limits_over_all_routers_that_are_none_are_refused() {
    check(
        &format!(
            "{GOOD}fleet: {{ sessions_max: 0, logins_in_flight_max: many, logins_per_second: 1001, \
             login_per_second: 1 }}\n"
        ),
        &[
            "m.yaml: fleet.sessions_max is 0: allowed is a whole number from 1 to 65536",
            "m.yaml: fleet.logins_in_flight_max is \"many\": allowed is a whole number from 1 to \
             10000",
            "m.yaml: fleet.logins_per_second is 1001: allowed is a whole number from 1 to 1000",
            "m.yaml: fleet.login_per_second is not a known key: did you mean `logins_per_second`?",
        ],
    );
}

#[test]
fn an_interval_too_short_for_a_dead_line_is_a_warning() {
    let text = GOOD.replace("target:", "interval: 10s, ping: { count: 20 }, target:");
    let warnings = load_text(&text).unwrap().warnings;
    assert!(warnings[0].contains("m.yaml: lines[0].interval is 10s: advised is"), "{warnings:?}");
}
