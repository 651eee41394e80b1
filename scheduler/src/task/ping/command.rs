use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use pool_core::{ConfigProblem, Error, Request, Result, Step};

use super::definition::{Definition, Waits};
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

/// The command for `target`.
pub(super) fn request(
    definition: &Definition,
    target: &Target,
    params: &PingParams,
) -> Result<Request> {
    let template = template(definition, target);
    let problems = problems(definition, template, params);
    if !problems.is_empty() {
        return Err(Error::InvalidConfig(problems));
    }
    let line = template.render(|param| value(definition, target, params, param));
    let mut step = Step::command(line)?.with_timeout(budget(definition, target, params));
    if definition.needs_interrupt() {
        let early = definition.interval / INTERRUPT_EARLY;
        step = step.interrupted_after(definition.interval * params.count - early);
    }
    Ok(Request::new(step).with_output_bytes_max(OUTPUT_BYTES_MAX))
}

/// How long a ping in which no packet is answered takes, and what goes with it.
pub(super) fn budget(definition: &Definition, target: &Target, params: &PingParams) -> Duration {
    let packets = match definition.waits {
        Waits::Each => (params.timeout + definition.interval) * params.count,
        Waits::Last => definition.interval * params.count + params.timeout,
    };
    let is_name = target.as_str().parse::<IpAddr>().is_err();
    packets + OVERHEAD + if is_name { DNS_SLACK } else { Duration::ZERO }
}

fn template<'a>(definition: &'a Definition, target: &Target) -> &'a Template {
    let is_ipv6 = target.as_str().parse::<Ipv6Addr>().is_ok();
    if is_ipv6 { &definition.command_ipv6 } else { &definition.command }
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
    }
}

/// Every parameter that is set and out of the platform's range, or not taken by it.
fn problems(
    definition: &Definition,
    template: &Template,
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
    let in_range = limits.count.contains(&params.count);
    require(in_range, "count", &params.count, format!("{low} to {high} on {name}"));
    let (low, high) = (limits.timeout_s.start(), limits.timeout_s.end());
    let timeout_s = params.timeout.as_secs();
    let in_range = limits.timeout_s.contains(&timeout_s);
    require(in_range, "timeout", &format!("{timeout_s}s"), format!("{low}s to {high}s on {name}"));
    if let Some(size) = params.size {
        let (low, high) = (limits.size.start(), limits.size.end());
        let allowed = format!("{low} to {high} bytes on {name}");
        require(limits.size.contains(&size), "size", &size, allowed);
        let none = format!("nothing: the ping of {name} takes no size");
        require(template.takes(Param::Size), "size", &size, none);
    }
    if let Some(vrf) = &params.vrf {
        let none = format!("nothing: the ping of {name} takes no VRF");
        require(template.takes(Param::Vrf), "vrf", &vrf.as_str(), none);
    }
    if let Some(source) = &params.source {
        let source = source.as_str();
        let own = match source.parse::<IpAddr>() {
            Ok(_) => Param::SourceAddress,
            Err(_) => Param::SourceInterface,
        };
        let taken = template.takes(Param::Source) || template.takes(own);
        let allowed = source_allowed(name, template);
        require(taken, "source", &source, allowed);
    }
    problems
}

fn source_allowed(name: &str, template: &Template) -> String {
    if template.takes(Param::SourceAddress) {
        format!("an address on {name}")
    } else if template.takes(Param::SourceInterface) {
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
                "ping -c 5 -t 2000 198.51.100.1",
                "ping -c 3 -t 4000 -s 200 -a 192.0.2.9 -vpn-instance red 198.51.100.1",
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
        let slow = PingParams { timeout: Duration::from_secs(60), ..PingParams::default() };
        assert_eq!(keys("cisco_iosxr", &slow), ["timeout"]);
        let none = PingParams { count: 0, ..PingParams::default() };
        assert_eq!(keys("linux", &none), ["count"]);
        let interface = Word::new("GigabitEthernet0/0/1").unwrap();
        let from = PingParams { source: Some(interface), ..PingParams::default() };
        assert_eq!(keys("huawei_vrp", &from), ["source"]);
    }
}
