use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;

use pool_core::{Capability, ConfigProblem, Error};

use crate::check::MARGIN;
use crate::{InvalidValue, Inventory, Line, Router, RouterName, Task, TaskKind, Tasks};

/// One thing that is wrong with an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is about.
    pub subject: Subject,
    /// The key or field.
    pub key: String,
    /// Its value, as text. Never a secret.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

/// What a [`Problem`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A router, by name.
    Router(String),
    /// A line, by id.
    Line(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Router(name) => write!(f, "router {name}"),
            Self::Line(id) => write!(f, "line {id}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, key, value, allowed } = self;
        write!(f, "{subject}: {key} is {value}: allowed is {allowed}")
    }
}

impl Inventory {
    /// Checks that everything in the inventory can be run: that names are unique and known, and
    /// that the task of each line runs on its router's platform and protocol, with its parameters,
    /// on sessions of one of these `capabilities` (one per protocol there is a factory for).
    ///
    /// # Errors
    ///
    /// Everything that is wrong, routers first, in the order of the inventory.
    pub fn validate(&self, tasks: &Tasks, capabilities: &[Capability]) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        for router in repeated(&self.routers, |router| &router.name) {
            let allowed = "a name that no other router has";
            problems.push(router_problem(router, "name", &router.name, allowed));
        }
        for router in &self.routers {
            router_problems(router, tasks, capabilities, &mut problems);
        }
        for line in repeated(&self.lines, |line| &line.id) {
            problems.push(line_problem(line, "id", &line.id, "an id that no other line has"));
        }
        let routers = self.routers_by_name();
        for line in &self.lines {
            match routers.get(&line.router) {
                None => {
                    let allowed = "the name of a router in the inventory";
                    problems.push(line_problem(line, "router", &line.router, allowed));
                }
                Some(router) => problems.extend(task_problems(line, router, tasks, capabilities)),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// What is allowed but hardly meant: lines whose interval is too short for a ping that nobody
    /// answers, so that a dead line ends as a timeout instead of 100 % loss.
    pub fn warnings(&self, tasks: &Tasks) -> Vec<Problem> {
        let routers = self.routers_by_name();
        let warning = |line: &Line| {
            let platform = &routers.get(&line.router)?.connection.platform;
            let needed = tasks.budget(platform, line).ok()? + MARGIN;
            let interval = line.interval.as_duration();
            let Task::Ping(ping) = &line.task else { return None };
            let allowed = format!(
                "more than {needed:?} if {} packets are to be waited for; fewer packets or a \
                 shorter ping timeout do as well",
                ping.count
            );
            (interval < needed)
                .then(|| line_problem(line, "interval", &format!("{interval:?}"), &allowed))
        };
        self.lines.iter().filter_map(warning).collect()
    }

    fn routers_by_name(&self) -> HashMap<&RouterName, &Router> {
        self.routers.iter().map(|router| (&router.name, router)).collect()
    }
}

fn router_problems(
    router: &Router,
    tasks: &Tasks,
    capabilities: &[Capability],
    problems: &mut Vec<Problem>,
) {
    if let Err(error) = router.connection.validate() {
        problems.extend(
            config_problems(error).into_iter().map(|problem| {
                router_problem(router, &problem.key, &problem.value, &problem.allowed)
            }),
        );
    }
    if let Err((key, InvalidValue { value, allowed })) = router.rules.validate() {
        problems.push(router_problem(router, &format!("checks.{key}"), &value, allowed));
    }
    let platform = &router.connection.platform;
    if !tasks.knows(platform) {
        let known: Vec<_> = tasks.platforms().collect();
        problems.push(router_problem(router, "platform", platform, &known.join(", ")));
        return;
    }
    let protocol = router.protocol;
    let fits = |capability: &&Capability| {
        TaskKind::ALL.into_iter().any(|kind| tasks.supports(kind, platform, capability))
    };
    if !capabilities.iter().filter(fits).any(|capability| capability.protocol == protocol) {
        let others: Vec<_> =
            capabilities.iter().filter(fits).map(|fit| fit.protocol.as_str()).collect();
        let allowed = if others.is_empty() {
            format!("none: no task runs on platform {platform}")
        } else {
            format!("{} on platform {platform}", others.join(", "))
        };
        problems.push(router_problem(router, "protocol", &protocol, &allowed));
    }
}

/// A task that does not run on the router of its line, or with parameters that the router's
/// platform does not take.
fn task_problems(
    line: &Line,
    router: &Router,
    tasks: &Tasks,
    capabilities: &[Capability],
) -> Vec<Problem> {
    let platform = &router.connection.platform;
    let fits = |kind: &TaskKind| {
        let mut capabilities = capabilities.iter().filter(|c| c.protocol == router.protocol);
        capabilities.any(|capability| tasks.supports(*kind, platform, capability))
    };
    let kind = line.task.kind();
    if !fits(&kind) {
        let others: Vec<_> = TaskKind::ALL.into_iter().filter(fits).map(TaskKind::as_str).collect();
        let protocol = router.protocol;
        let allowed = format!("{} on platform {platform} over {protocol}", others.join(", "));
        // A router on which nothing runs is its own problem, not that of each of its lines.
        if !others.is_empty() {
            return vec![line_problem(line, "task", &kind, &allowed)];
        }
    }
    let problems = tasks.request(platform, line).err().map(config_problems).unwrap_or_default();
    let problem = |problem: ConfigProblem| {
        let key = format!("{kind}.{}", problem.key);
        line_problem(line, &key, &problem.value, &problem.allowed)
    };
    problems.into_iter().map(problem).collect()
}

fn config_problems(error: Error) -> Vec<ConfigProblem> {
    match error {
        Error::InvalidConfig(problems) => problems,
        _ => Vec::new(),
    }
}

/// The items whose key an earlier item has.
fn repeated<T, K: Eq + Hash>(items: &[T], key: impl Fn(&T) -> &K) -> Vec<&T> {
    let mut seen = HashSet::new();
    items.iter().filter(|item| !seen.insert(key(item))).collect()
}

fn router_problem(router: &Router, key: &str, value: &dyn ToString, allowed: &str) -> Problem {
    problem(Subject::Router(router.name.to_string()), key, value, allowed)
}

fn line_problem(line: &Line, key: &str, value: &dyn ToString, allowed: &str) -> Problem {
    problem(Subject::Line(line.id.to_string()), key, value, allowed)
}

fn problem(subject: Subject, key: &str, value: &dyn ToString, allowed: &str) -> Problem {
    let (key, value, allowed) = (key.to_owned(), value.to_string(), allowed.to_owned());
    Problem { subject, key, value, allowed }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pool_core::{PlatformSupport, Protocol};

    use super::*;
    use crate::testing::{line, router};
    use crate::{Interval, PingParams, Word};

    fn capabilities() -> [Capability; 2] {
        let of = |protocol, interrupt| Capability {
            protocol,
            platforms: PlatformSupport::Any,
            interrupt,
        };
        [of(Protocol::Ssh, false), of(Protocol::Scrapli, true)]
    }

    fn problems(inventory: &Inventory) -> Vec<String> {
        let result = inventory.validate(&Tasks::builtin(), &capabilities());
        result.err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_inventory_has_no_problems() {
        let inventory =
            Inventory { routers: vec![router("edge-1")], lines: vec![line("L0001", "edge-1")] };
        assert_eq!(problems(&inventory), Vec::<String>::new());
        assert!(inventory.warnings(&Tasks::builtin()).is_empty());
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let mut frr = router("frr-1");
        frr.connection.platform = "frr_vtysh".into();
        frr.protocol = Protocol::Ssh;
        let mut unknown = router("old-1");
        unknown.connection.platform = "acme_os".into();
        unknown.connection.max_connections = 0;
        let mut from_vrf = line("L0003", "frr-1");
        let vrf = Some(Word::new("red").unwrap());
        from_vrf.task = Task::ping(PingParams { vrf, ..PingParams::default() });
        let lines = vec![
            line("L0001", "edge-1"),
            line("L0001", "edge-1"),
            line("L0002", "nowhere"),
            from_vrf,
            line("L0004", "old-1"),
        ];
        let routers = vec![router("edge-1"), router("edge-1"), frr, unknown];
        let problems = problems(&Inventory { routers, lines });
        let expected = [
            "router edge-1: name is edge-1: allowed is a name that no other router has",
            "router frr-1: protocol is ssh: allowed is scrapli on platform frr_vtysh",
            "router old-1: max_connections is 0: allowed is 1 to 100",
            "router old-1: min_connections is 1: allowed is 0 to max_connections",
            "router old-1: platform is acme_os: allowed is arista_eos, cisco_aireos, ",
            "line L0001: id is L0001: allowed is an id that no other line has",
            "line L0002: router is nowhere: allowed is the name of a router in the inventory",
            "line L0003: ping.vrf is red: allowed is nothing: the ping of frr_vtysh takes no VRF",
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem}");
        }
    }

    #[test]
    fn an_interval_too_short_for_a_dead_line_is_warned_about() {
        let mut hasty = line("L0001", "edge-1");
        hasty.interval = Interval::new(Duration::from_secs(10)).unwrap();
        let inventory = Inventory { routers: vec![router("edge-1")], lines: vec![hasty] };
        assert_eq!(problems(&inventory), Vec::<String>::new());
        let warnings = inventory.warnings(&Tasks::builtin());
        assert!(
            warnings[0].to_string().starts_with("line L0001: interval is 10s: allowed is more")
        );
    }
}
