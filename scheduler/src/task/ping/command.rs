use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use pool_core::{ConfigProblem, Error, Request, Result, Step};

use super::definition::{Commands, Definition, Ends, Waits};
use super::template::{Param, Template};
use crate::{PingParams, Target};

/// What a ping may take beyond its packets: the echo of the command, the summary, and the prompt.
const OVERHEAD: Duration = Duration::from_secs(2);
/// What turning a name into an address may take on the device. IOS asks each of its name servers
/// several times, and an interface it falls back to broadcasting on adds to that.
const DNS_SLACK: Duration = Duration::from_secs(20);
/// A ping of 100 packets prints some 100 bytes a packet; more than this is not a ping's output.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// A ping without a count is interrupted a tenth of an interval before the packet after the last
/// would be sent, so that the last one has nine tenths of an interval to be answered and none is
/// sent that nobody waits for.
const INTERRUPT_EARLY: u32 = 10;

/// What a command that sets an option for a ping may take.
const BEFORE: Duration = Duration::from_secs(1);

/// The commands for `target`.
pub(super) fn request(
    definition: &Definition,
    target: &Target,
    params: &PingParams,
) -> Result<Request> {
    let commands = commands(definition, target);
    let problems = problems(definition, commands, params);
    if !problems.is_empty() {
        return Err(Error::InvalidConfig(problems));
    }
    let line =
        |template: &Template| template.render(|param| value(definition, target, params, param));
    let mut steps = Vec::new();
    // A command of which nothing is left has nothing to set.
    for line in commands.before.iter().map(line).filter(|line| !line.is_empty()) {
        steps.push(Step::command(line)?);
    }
    let mut ping =
        Step::command(line(&commands.ping))?.with_timeout(ping_budget(definition, target, params));
    if definition.ends == Ends::Interrupted {
        let early = definition.interval / INTERRUPT_EARLY;
        ping = ping.interrupted_after(definition.interval * params.count - early);
    }
    steps.push(ping);
    let mut steps = steps.into_iter();
    let first = steps.next().expect("the ping is a step");
    let request = steps.fold(Request::new(first), Request::then);
    Ok(request.with_output_bytes_max(OUTPUT_BYTES_MAX))
}

/// How long it all takes when no packet is answered.
pub(super) fn budget(definition: &Definition, target: &Target, params: &PingParams) -> Duration {
    let before = u32::try_from(commands(definition, target).before.len());
    BEFORE * before.unwrap_or(u32::MAX) + ping_budget(definition, target, params)
}

/// How long a ping in which no packet is answered takes, and what goes with it.
fn ping_budget(definition: &Definition, target: &Target, params: &PingParams) -> Duration {
    let packets = match definition.waits {
        Waits::Each => (params.timeout + definition.interval) * params.count,
        Waits::Last => definition.interval * params.count + params.timeout,
    };
    let is_name = target.as_str().parse::<IpAddr>().is_err();
    packets + OVERHEAD + if is_name { DNS_SLACK } else { Duration::ZERO }
}

fn commands<'a>(definition: &'a Definition, target: &Target) -> &'a Commands {
    let is_ipv6 = target.as_str().parse::<Ipv6Addr>().is_ok();
    if is_ipv6 { &definition.ipv6 } else { &definition.ipv4 }
}

/// The value of a parameter, if it has one. Every text here comes from a type that allows only
/// what is one word of a command line.
fn value(
    definition: &Definition,
    target: &Target,
    params: &PingParams,
    param: Param,
) -> Option<String> {
    let source = |wanted: Option<bool>| {
        let text = params.source.as_ref()?.as_str();
        let is_address = text.parse::<IpAddr>().is_ok();
        wanted.is_none_or(|wanted| wanted == is_address).then(|| text.to_owned())
    };
    match param {
        Param::Target => Some(target.as_str().to_owned()),
        Param::Count => Some(params.count.to_string()),
        Param::TimeoutS => Some(params.timeout.as_secs().to_string()),
        Param::TimeoutMs => Some(params.timeout.as_millis().to_string()),
        Param::IntervalMs => Some(definition.interval.as_millis().to_string()),
        Param::Size => params.size.map(|size| size.to_string()),
        Param::Source => source(None),
        Param::SourceAddress => source(Some(true)),
        Param::SourceInterface => source(Some(false)),
        Param::Vrf => params.vrf.as_ref().map(|vrf| vrf.as_str().to_owned()),
        Param::DontFragment => params.dont_fragment.then(String::new),
        Param::DontFragmentYesNo => {
            Some(if params.dont_fragment { "yes" } else { "no" }.to_owned())
        }
        Param::Dscp => params.dscp.map(|dscp| dscp.to_string()),
        // The code point is the upper six of the eight bits (RFC 2474, section 3).
        Param::Tos => params.dscp.map(|dscp| (u16::from(dscp) << 2).to_string()),
    }
}

/// Every parameter that is set and out of the platform's range, or not taken by it.
fn problems(
    definition: &Definition,
    commands: &Commands,
    params: &PingParams,
) -> Vec<ConfigProblem> {
    let name = &definition.name;
    let limits = &definition.limits;
    let mut problems = match params.validate() {
        Ok(()) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|(key, problem)| ConfigProblem::new(key, problem.value, problem.allowed))
            .collect(),
    };
    let mut require = |holds: bool, key: &str, value: &dyn ToString, allowed: String| {
        let known = problems.iter().any(|problem| problem.key == key);
        if !holds && !known {
            problems.push(ConfigProblem::new(key, value.to_string(), allowed));
        }
    };
    let (low, high) = (limits.count.start(), limits.count.end());
    let in_range = limits.count.contains(&params.count.into());
    require(in_range, "count", &params.count, format!("{low} to {high} on {name}"));
    let (low, high) = (limits.timeout_s.start(), limits.timeout_s.end());
    let timeout_s = params.timeout.as_secs();
    let in_range = limits.timeout_s.contains(&timeout_s);
    require(in_range, "timeout", &format!("{timeout_s}s"), format!("{low}s to {high}s on {name}"));
    let none = |what: &str| format!("nothing: the ping of {name} takes no {what}");
    if let Some(size) = params.size {
        let (low, high) = (limits.size.start(), limits.size.end());
        let allowed = format!("{low} to {high} bytes on {name}");
        require(limits.size.contains(&size.into()), "size", &size, allowed);
        require(commands.take(Param::Size), "size", &size, none("size"));
    }
    if let Some(vrf) = &params.vrf {
        require(commands.take(Param::Vrf), "vrf", &vrf.as_str(), none("VRF"));
    }
    if let Some(source) = &params.source {
        let source = source.as_str();
        let own = match source.parse::<IpAddr>() {
            Ok(_) => Param::SourceAddress,
            Err(_) => Param::SourceInterface,
        };
        let taken = commands.take(Param::Source) || commands.take(own);
        require(taken, "source", &source, source_allowed(name, commands));
    }
    if params.dont_fragment {
        let taken = commands.take(Param::DontFragment) || commands.take(Param::DontFragmentYesNo);
        require(taken, "dont_fragment", &true, none("don't-fragment option"));
    }
    if let Some(dscp) = params.dscp {
        let taken = commands.take(Param::Dscp) || commands.take(Param::Tos);
        require(taken, "dscp", &dscp, none("DSCP"));
    }
    problems
}

fn source_allowed(name: &str, commands: &Commands) -> String {
    if commands.take(Param::SourceAddress) {
        format!("an address on {name}")
    } else if commands.take(Param::SourceInterface) {
        format!("an interface on {name}")
    } else {
        format!("nothing: the ping of {name} takes no source")
    }
}

#[cfg(test)]
mod tests {
    use super::super::PingTask;
    use super::*;
    use crate::Word;

    fn step(platform: &str, target: &str, params: &PingParams) -> Step {
        let target = Target::new(target).unwrap();
        let request = PingTask::builtin().request(&platform.into(), &target, params).unwrap();
        request.steps()[0].clone()
    }

    fn all_set() -> PingParams {
        PingParams {
            count: 3,
            timeout: Duration::from_secs(4),
            size: Some(200),
            source: Some(Word::new("192.0.2.9").unwrap()),
            vrf: Some(Word::new("red").unwrap()),
            ..PingParams::default()
        }
    }

    #[test]
    fn each_platform_is_asked_in_its_own_words_and_units() {
        let (v4, v6) = ("198.51.100.1", "2001:db8::1");
        for (platform, target, plain, full) in [
            (
                "cisco_iosxe",
                v4,
                "ping 198.51.100.1 repeat 5 timeout 2",
                "ping vrf red 198.51.100.1 repeat 3 timeout 4 size 200 source 192.0.2.9",
            ),
            (
                "cisco_iosxr",
                v4,
                "ping 198.51.100.1 count 5 timeout 2",
                "ping vrf red 198.51.100.1 count 3 timeout 4 size 200 source 192.0.2.9",
            ),
            (
                "cisco_nxos",
                v6,
                "ping6 2001:db8::1 count 5 timeout 2",
                "ping6 2001:db8::1 count 3 timeout 4 packet-size 200 source 192.0.2.9 vrf red",
            ),
            (
                "huawei_vrp",
                v4,
                "ping -c 5 -t 2000 -m 500 198.51.100.1",
                "ping -c 3 -t 4000 -m 500 -s 200 -a 192.0.2.9 -vpn-instance red 198.51.100.1",
            ),
            (
                "huawei_vrp",
                v6,
                "ping ipv6 -c 5 -t 2000 -m 500 2001:db8::1",
                "ping ipv6 -c 3 -t 4000 -m 500 -s 200 -a 192.0.2.9 vpn-instance red 2001:db8::1",
            ),
            (
                "hp_comware",
                v4,
                "ping -c 5 -t 2000 -m 200 198.51.100.1",
                "ping -c 3 -t 4000 -m 200 -s 200 -a 192.0.2.9 -vpn-instance red 198.51.100.1",
            ),
            (
                "linux",
                v4,
                "LC_ALL=C ping -n -c 5 -W 2 198.51.100.1",
                "LC_ALL=C ip vrf exec red ping -n -c 3 -W 4 -s 200 -I 192.0.2.9 198.51.100.1",
            ),
        ] {
            assert_eq!(step(platform, target, &PingParams::default()).line(), plain);
            assert_eq!(step(platform, target, &all_set()).line(), full);
        }
    }

    #[test]
    fn fragments_and_service_classes_are_asked_for_in_each_platforms_words() {
        let params = PingParams { dont_fragment: true, dscp: Some(46), ..PingParams::default() };
        for (platform, expected) in [
            ("cisco_iosxe", "ping 192.0.2.1 repeat 5 timeout 2 df-bit tos 184"),
            ("huawei_vrp", "ping -c 5 -t 2000 -m 500 -f -tos 184 192.0.2.1"),
            ("juniper_junos", "ping 192.0.2.1 count 5 wait 2 do-not-fragment tos 184"),
            ("linux", "LC_ALL=C ping -n -c 5 -W 2 -M do -Q 184 192.0.2.1"),
            (
                "mikrotik_routeros",
                "/ping address=192.0.2.1 count=5 interval=2s do-not-fragment dscp=46",
            ),
        ] {
            assert_eq!(step(platform, "192.0.2.1", &params).line(), expected);
        }
    }

    #[test]
    fn options_that_hold_for_a_session_are_all_set_each_time() {
        let lines = |params: &PingParams| {
            let target = Target::new("192.0.2.1").unwrap();
            let task = PingTask::builtin();
            let request = task.request(&"fortinet_fortios".into(), &target, params).unwrap();
            request.steps().iter().map(|step| step.line().to_owned()).collect::<Vec<_>>()
        };
        let plain = lines(&PingParams::default());
        let own = PingParams { vrf: None, dont_fragment: true, ..all_set() };
        let own = lines(&own);
        assert_eq!(plain.len(), own.len());
        assert_eq!(
            plain[2..5],
            [
                "execute ping-options data-size 56",
                "execute ping-options source auto",
                "execute ping-options df-bit no",
            ]
        );
        assert_eq!(
            own[2..6],
            [
                "execute ping-options data-size 200",
                "execute ping-options source 192.0.2.9",
                "execute ping-options df-bit yes",
                "execute ping 192.0.2.1",
            ]
        );
    }

    #[test]
    fn the_time_allowed_is_that_of_a_ping_nobody_answers() {
        let params = PingParams::default();
        let seconds = |platform, target| step(platform, target, &params).timeout().unwrap();
        assert_eq!(seconds("cisco_iosxe", "192.0.2.1"), Duration::from_secs(12));
        assert_eq!(seconds("h3c_comware", "192.0.2.1"), Duration::from_secs(13));
        assert_eq!(seconds("linux", "192.0.2.1"), Duration::from_secs(9));
        assert_eq!(seconds("cisco_iosxe", "far.example"), Duration::from_secs(32));
    }

    #[test]
    fn a_ping_that_never_ends_is_interrupted_before_one_packet_too_many() {
        let step = step("frr_vtysh", "2001:db8::1", &PingParams::default());
        assert_eq!(step.line(), "ping ipv6 2001:db8::1");
        assert_eq!(step.interrupt_after(), Some(Duration::from_millis(4_900)));
    }

    #[test]
    fn what_a_platform_does_not_take_is_named() {
        let task = PingTask::builtin();
        let keys = |platform: &str, params: &PingParams| {
            let target = Target::new("192.0.2.1").unwrap();
            match task.request(&platform.into(), &target, params) {
                Err(Error::InvalidConfig(problems)) => {
                    problems.into_iter().map(|problem| problem.key).collect::<Vec<_>>()
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(keys("frr_vtysh", &all_set()), ["size", "vrf", "source"]);
        let marked = PingParams { dont_fragment: true, dscp: Some(46), ..PingParams::default() };
        assert_eq!(keys("frr_vtysh", &marked), ["dont_fragment", "dscp"]);
        let slow = PingParams { timeout: Duration::from_secs(60), ..PingParams::default() };
        assert_eq!(keys("cisco_iosxr", &slow), ["timeout"]);
        let none = PingParams { count: 0, ..PingParams::default() };
        assert_eq!(keys("linux", &none), ["count"]);
        let interface = Word::new("GigabitEthernet0/0/1").unwrap();
        let from = PingParams { source: Some(interface), ..PingParams::default() };
        assert_eq!(keys("huawei_vrp", &from), ["source"]);
    }
}
