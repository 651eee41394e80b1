use std::sync::LazyLock;

use pool_core::{ConnectionConfig, Credentials, Endpoint};
use scheduler::{CheckRules, Router, RouterName, Task, Word};

use super::super::answer::{Host, Macro};
use super::super::fetch::Snapshot;
use super::super::macros::{Inherited, MacroValue};
use super::super::{Login, Resolved, Resolver};
use crate::app::Parts;
use crate::catalog::Catalog;
use crate::settings::LineDefaults;

/// Loading the definitions takes a while, and they do not change.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Parts::builtin().catalog());

fn connection(host: &str) -> ConnectionConfig {
    let endpoint = Endpoint::new(host, 22).unwrap();
    let nobody = Credentials { username: "-".to_owned(), ..Credentials::default() };
    ConnectionConfig::new(endpoint, "cisco_iosxe".into(), nobody)
}

fn resolver_with(routers: &[Router]) -> Resolver {
    resolver_of(routers, Vec::new())
}

pub(super) fn resolver_of(routers: &[Router], logins: Vec<Login>) -> Resolver {
    let defaults = LineDefaults::default();
    let connection = connection("localhost");
    Resolver::new(CATALOG.clone(), defaults, connection, CheckRules::default(), logins, routers)
}

pub(super) fn resolver() -> Resolver {
    resolver_with(&[])
}

/// A host with these macros over those that a line needs.
fn host(name: &str, more: &[(&str, &str)]) -> Host {
    let mut pairs = vec![
        ("ROUTER_IP", "192.0.2.1"),
        ("ROUTER_USERNAME", "m"),
        ("ROUTER_PASSWORD", "hunter2"),
        ("ROUTER_PLATFORM", "cisco_iosxe"),
    ];
    pairs.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    pairs.extend(more);
    let one = |(name, value): (&str, &str)| Macro {
        name: format!("{{$LINE_{name}}}"),
        value: MacroValue::Text(value.to_owned()),
    };
    let macros = pairs.into_iter().map(one).collect();
    Host { name: name.to_owned(), macros, parents: Vec::new(), assigned_proxy: None }
}

fn resolve(resolver: &Resolver, hosts: Vec<Host>) -> Resolved {
    let inherited = Inherited::default();
    let (unreadable, members) = (Vec::new(), Vec::new());
    resolver.resolve(&Snapshot { hosts, unreadable, nameless: 0, inherited, members })
}

/// The reason why a host with these macros is no line.
#[track_caller]
fn check(more: &[(&str, &str)], expected: &str) {
    let resolved = resolve(&resolver(), vec![host("line-1", more)]);
    let fault = resolved.faults.values().next().expect("it is no line");
    assert!(fault.reason.starts_with(expected), "{}", fault.reason);
    assert_eq!(resolved.inventory.lines.len(), 1, "it is declared all the same");
}

#[test]
fn lesson_19_a_wrong_macro_is_named_with_its_value_and_what_is_allowed() {
    check(&[("CHECK_INTERVAL", "0")], "{$LINE_CHECK_INTERVAL} is \"0\": allowed is 10s to 24h");
    check(
        &[("CHECK_INTERVAL", "3 min")],
        "{$LINE_CHECK_INTERVAL} is \"3 min\": allowed is a whole",
    );
    check(&[("CHECK_INTERVAL", "2w")], "{$LINE_CHECK_INTERVAL} is \"2w\": allowed is 10s to 24h");
    check(&[("ROUTER_PORT", "0")], "{$LINE_ROUTER_PORT} is \"0\": allowed is a port");
    check(&[("ROUTER_PLATFORM", "ios")], "{$LINE_ROUTER_PLATFORM} is \"ios\": allowed is one of");
    check(
        &[("ROUTER_PROTOCOL", "telnet")],
        "{$LINE_ROUTER_PROTOCOL} is \"telnet\": allowed is ssh",
    );
    let exec = [("ROUTER_PLATFORM", "frr_vtysh"), ("ROUTER_PROTOCOL", "ssh")];
    check(&exec, "{$LINE_ROUTER_PROTOCOL} is \"ssh\": allowed is scrapli on frr_vtysh");
    check(&[("TARGET", "a; b")], "{$LINE_TARGET} is \"a; b\": allowed is an IP address");
    check(&[("PING_COUNT", "0")], "{$LINE_PING_COUNT} is \"0\": allowed is 1 to 100");
    check(&[("PING_COUNT", "-1")], "{$LINE_PING_COUNT} is \"-1\": allowed is a whole number");
    check(&[("PING_TIMEOUT", "2h")], "{$LINE_PING_TIMEOUT} is \"7200s\": allowed is 1s to 60s");
    check(&[("PING_VRF", "a b")], "{$LINE_PING_VRF} is \"a b\": allowed is one word");
    let vrf = [("ROUTER_PLATFORM", "frr_vtysh"), ("PING_VRF", "red")];
    check(&vrf, "{$LINE_PING_VRF} is \"red\": allowed is nothing");
    check(&[("ROUTER_IP", " ")], "{$LINE_ROUTER_IP} is missing");
    check(&[("ROUTER_PASSWORD", "")], "{$LINE_ROUTER_PASSWORD} is missing, and no entry");
}

#[test]
fn a_line_with_an_interface_is_looked_at_there_and_not_pinged() {
    let task = |more: &[(&str, &str)]| {
        let resolved = resolve(&resolver(), vec![host("line-1", more)]);
        assert!(resolved.faults.is_empty(), "{:?}", resolved.faults);
        resolved.inventory.lines[0].task.clone()
    };
    // What a template says of the ping of all lines is of no use here, and no fault.
    let interface = [("INTERFACE", " Gi0/0/1 "), ("PING_COUNT", "7"), ("PING_VRF", "red")];
    assert_eq!(task(&interface), Task::Interface(Word::new("Gi0/0/1").unwrap()));
    // A host takes an interface of its template back by an empty macro.
    assert_eq!(task(&[("INTERFACE", "")]), Task::default());
    check(
        &[("INTERFACE", "Gi0/1 ; reload")],
        "{$LINE_INTERFACE} is \"Gi0/1 ; reload\": allowed is",
    );
    let elsewhere = [("INTERFACE", "ether1"), ("ROUTER_PLATFORM", "mikrotik_routeros")];
    check(
        &elsewhere,
        "{$LINE_INTERFACE} is \"ether1\": allowed is nothing: interfaces are not looked at on \
         mikrotik_routeros",
    );
}

#[test]
fn platforms_and_protocols_are_known_by_other_names_and_in_capitals() {
    let more = [("ROUTER_PLATFORM", "HP_Comware"), ("ROUTER_PROTOCOL", "CLI ")];
    let resolved = resolve(&resolver(), vec![host("line-1", &more)]);
    assert!(resolved.faults.is_empty(), "{:?}", resolved.faults);
}

#[test]
fn one_router_stands_for_all_lines_that_are_behind_it() {
    let hosts = vec![
        host("a", &[]),
        host("b", &[("ROUTER_PORT", "22")]),
        host("c", &[("ROUTER_PORT", "2222")]),
        host("d", &[("ROUTER_IP", "Edge-1.example")]),
        host("e", &[("ROUTER_IP", "edge-1.example")]),
    ];
    let resolved = resolve(&resolver(), hosts);
    let names: Vec<_> = resolved.inventory.routers.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["192.0.2.1", "192.0.2.1:2222", "edge-1.example"]);
}

#[test]
fn of_hosts_that_describe_one_router_differently_the_most_count_and_the_others_are_named() {
    let hosts = vec![
        host("a", &[("ROUTER_PASSWORD", "hunter3")]),
        host("b", &[]),
        host("c", &[]),
        host("d", &[("ROUTER_PLATFORM", "huawei_vrp"), ("ROUTER_USERNAME", "x")]),
    ];
    let resolved = resolve(&resolver(), hosts);
    let router = &resolved.inventory.routers[0].connection;
    assert_eq!(router.credentials.password.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(resolved.notes.len(), 2);
    assert!(
        resolved.notes[0].starts_with("line a: router 192.0.2.1: {$LINE_ROUTER_PASSWORD} differ")
    );
    assert!(resolved.notes[1].contains("{$LINE_ROUTER_PLATFORM}, {$LINE_ROUTER_USERNAME} differ"));
    assert!(!format!("{:?}", resolved.notes).contains("hunter"));
    // Where as many say one thing as another, the first one counts, every time.
    let hosts = vec![host("a", &[("ROUTER_USERNAME", "x")]), host("b", &[])];
    let resolved = resolve(&resolver(), hosts);
    assert_eq!(resolved.inventory.routers[0].connection.credentials.username, "x");
}

#[test]
fn a_router_of_the_configuration_counts_whatever_hosts_say_of_it() {
    let router = Router {
        name: RouterName::new("edge-1").unwrap(),
        protocol: pool_core::Protocol::Ssh,
        connection: connection("192.0.2.1"),
        rules: CheckRules::default(),
    };
    let hosts = vec![host("a", &[("ROUTER_PLATFORM", "nonsense")]), host("b", &[])];
    let resolved = resolve(&resolver_with(std::slice::from_ref(&router)), hosts);
    assert!(resolved.faults.is_empty() && resolved.notes.is_empty(), "{resolved:?}");
    assert_eq!(resolved.inventory.routers, [router]);
}
