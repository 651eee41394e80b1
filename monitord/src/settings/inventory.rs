//! Routers and lines, from the configuration itself and from `inventory.file`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pool_core::{ConnectionConfig, Endpoint, Fingerprint, HostKeyPolicy, Platform, Protocol};
use scheduler::{
    CheckRules, Interval, Inventory, Line, LineId, PingParams, Router, RouterName, Subject, Target,
    Task, TaskKind, Word,
};

use super::allowed::{Allowed, Form};
use super::problem::Problem;
use super::section::{Section, nearest};
use super::value::{
    boolean, duration, duration_within, formed, integer, names, one_of, parsed, word,
};
use super::{Surroundings, checks, connection, credentials, source, ssh, terminal};

/// Reading a large inventory takes a moment; more often than this would be all that is done.
const REFRESH_MIN: Duration = Duration::from_secs(1);
/// The names of the tasks.
const TASKS: &[(&str, TaskKind)] = &[
    (TaskKind::Ping.as_str(), TaskKind::Ping),
    (TaskKind::Interface.as_str(), TaskKind::Interface),
];
/// What `host` and `target` may be.
const HOST: &str = "an IP address or a host name";

/// Reads `defaults`, `routers`, `lines` and `inventory`, and checks that they fit together. Where
/// there is no other source of lines (`has_other`), there must be one here.
pub(super) fn read<'a>(
    root: &mut Section<'a>,
    connection: &ConnectionConfig,
    around: &Surroundings<'a>,
    has_other: bool,
    warnings: &mut Vec<String>,
) -> Read {
    let mut defaults = LineDefaults::default();
    root.section("defaults", |section| defaults.read(section));
    let rules = CheckRules::default();
    let rules = root.section("checks", |section| checks::read(section, &rules)).unwrap_or(rules);
    let routers = RouterDefaults { connection, rules: &rules };
    let mut found = Found::default();
    found.read(root, &routers, &defaults, around);
    let file = root.section("inventory", |section| {
        let range = REFRESH_MIN..=Duration::from_secs(86_400);
        let refresh = section.get("refresh", duration_within(range));
        (section.require_unless(has_other, "file", word), refresh)
    });
    let (file, refresh) = file.unwrap_or_default();
    let mut file_read = None;
    if let Some(file) = file {
        let path = around.directory.join(file);
        let read = || source::text(&path, around.reader.files());
        let text = around.inventory_text.map_or_else(read, |text| Ok(text.to_owned()));
        let content = text.and_then(|text| Ok((source::single(&path, &text)?, text)));
        match content {
            Ok((tree, text)) => {
                Section::read(around.reader, &path.display().to_string(), "", tree, |s| {
                    found.read(s, &routers, &defaults, around);
                });
                file_read = Some(InventoryFile { path, text });
            }
            Err(problem) => around.reader.report(problem),
        }
    }
    if found.lines_declared == 0 && !has_other {
        root.complain(
            "lines",
            "has no line, and neither has inventory.file, nor is there zabbix.api: at least one \
             is needed",
        );
    }
    warnings.extend(found.check(around));
    warnings.extend(found.unchecked_host_keys());
    Read { inventory: found.inventory(), file: file_read, refresh, defaults, rules }
}

/// The file of `inventory.file`.
#[derive(Clone, Debug)]
pub(crate) struct InventoryFile {
    pub(crate) path: PathBuf,
    /// What stands in it.
    pub(crate) text: String,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) inventory: Inventory,
    pub(super) file: Option<InventoryFile>,
    /// How often it is to be read again.
    pub(super) refresh: Option<Duration>,
    pub(super) defaults: LineDefaults,
    /// How the lines of a router are checked that has no rules of its own.
    pub(super) rules: CheckRules,
}

/// What a router is when it does not say otherwise.
#[derive(Debug)]
struct RouterDefaults<'a> {
    connection: &'a ConnectionConfig,
    rules: &'a CheckRules,
}

/// What a line is when it does not say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineDefaults {
    /// How often it is checked.
    pub(crate) interval: Interval,
    /// How it is pinged.
    pub(crate) ping: Arc<PingParams>,
}

impl Default for LineDefaults {
    fn default() -> Self {
        Self { interval: Interval::DEFAULT, ping: Arc::default() }
    }
}

impl LineDefaults {
    fn read(&mut self, section: &mut Section<'_>) {
        if let Some(interval) = read_interval(section) {
            self.interval = interval;
        }
        if let Some(ping) = section.section("ping", |ping| read_ping(ping, &self.ping)) {
            self.ping = Arc::new(ping);
        }
    }
}

/// Something that was read, and where it stands.
#[derive(Debug)]
struct Placed<T> {
    value: T,
    place: Place,
}

#[derive(Debug)]
struct Place {
    source: String,
    path: String,
}

impl<T> Placed<T> {
    fn new(section: &Section<'_>, value: T) -> Self {
        let place = Place { source: section.source().to_owned(), path: section.path_of("") };
        Self { value, place }
    }
}

/// What the sources so far hold.
#[derive(Debug, Default)]
struct Found {
    routers: Vec<Placed<Router>>,
    lines: Vec<Placed<Line>>,
    /// The names of all routers, also of those with a problem, so that the lines of such a router
    /// are not called homeless.
    router_names: BTreeSet<RouterName>,
    lines_declared: usize,
}

impl Found {
    fn read<'a>(
        &mut self,
        section: &mut Section<'a>,
        routers: &RouterDefaults<'_>,
        defaults: &LineDefaults,
        around: &Surroundings<'a>,
    ) {
        let found = section.list("routers", |section| {
            let router = read_router(section, routers, &mut self.router_names, around)?;
            Some(Placed::new(section, router))
        });
        self.routers.extend(found);
        let lines = section.list("lines", |section| {
            self.lines_declared += 1;
            let line = read_line(section, defaults)?;
            Some(Placed::new(section, line))
        });
        self.lines.extend(lines);
    }

    /// Checks that everything fits together, and notes each problem where it stands. Returns what
    /// is allowed but hardly meant.
    fn check(&self, around: &Surroundings<'_>) -> Vec<String> {
        let inventory = self.inventory();
        let (tasks, capabilities) = (around.catalog.tasks(), around.catalog.capabilities());
        for fault in inventory.validate(tasks, capabilities).err().unwrap_or_default() {
            let of_router = matches!(fault.subject, Subject::Router(_));
            if of_router && !["name", "platform", "protocol"].contains(&fault.key.as_str()) {
                // A limit: noted already, where it was set.
                continue;
            }
            let hint = if fault.key == "router" { self.like(&fault.value) } else { String::new() };
            let text = format!("is {}: allowed is {}{hint}", fault.value, fault.allowed);
            around.reader.report(self.problem(&fault.subject, &fault.key, text));
        }
        let warning = |w: scheduler::Problem| {
            let text = format!("is {}: advised is {}", w.value, w.allowed);
            self.problem(&w.subject, &w.key, text).to_string()
        };
        inventory.warnings(tasks).into_iter().map(warning).collect()
    }

    /// A problem with what the scheduler calls `subject`. Of two by the same name the later one is
    /// to blame.
    fn problem(&self, subject: &Subject, key: &str, text: String) -> Problem {
        let place = match subject {
            Subject::Router(name) => {
                let mut routers = self.routers.iter().rev();
                routers.find(|r| r.value.name.as_str() == name).map(|r| &r.place)
            }
            Subject::Line(id) => {
                let mut lines = self.lines.iter().rev();
                lines.find(|l| l.value.id.as_str() == id).map(|l| &l.place)
            }
        };
        match place {
            Some(Place { source, path }) => Problem::new(source, &format!("{path}.{key}"), text),
            None => Problem::new(&subject.to_string(), key, text),
        }
    }

    fn like(&self, name: &str) -> String {
        let names = self.router_names.iter().map(RouterName::as_str);
        nearest(name, names).map_or_else(String::new, |known| format!("; did you mean {known}?"))
    }

    fn unchecked_host_keys(&self) -> Option<String> {
        let unchecked =
            |policy, pins: &[Fingerprint]| policy == HostKeyPolicy::Off && pins.is_empty();
        let off = |router: &&Placed<Router>| {
            let own = &router.value.connection;
            let jump = own.jump.as_ref();
            unchecked(own.host_key, &own.host_key_pins)
                || jump.is_some_and(|jump| unchecked(jump.host_key, &jump.host_key_pins))
        };
        let first = self.routers.iter().find(off)?.value.name.as_str();
        let count = self.routers.iter().filter(off).count();
        Some(format!(
            "host_key is off for {count} routers, the first of them {first:?}: whoever sits \
             between can read the passwords"
        ))
    }

    /// What could be read. A line whose router is declared but could not be read is left out: the
    /// router's problem is not the line's.
    fn inventory(&self) -> Inventory {
        let routers: Vec<_> = self.routers.iter().map(|placed| placed.value.clone()).collect();
        let read: BTreeSet<_> = routers.iter().map(|router| &router.name).collect();
        let lines = self.lines.iter().map(|placed| &placed.value).filter(|line| {
            read.contains(&line.router) || !self.router_names.contains(&line.router)
        });
        let lines = lines.cloned().collect();
        Inventory { lines, routers }
    }
}

fn read_router<'a>(
    section: &mut Section<'a>,
    RouterDefaults { connection: defaults, rules: default_rules }: &RouterDefaults<'_>,
    router_names: &mut BTreeSet<RouterName>,
    around: &Surroundings<'a>,
) -> Option<Router> {
    let name = section.require("name", parsed(RouterName::new, |e| e.allowed.to_owned()));
    router_names.extend(name.clone());
    let port = section.get("port", integer(1..=u16::MAX)).unwrap_or(22);
    let endpoint = section.require(
        "host",
        parsed(|host| Endpoint::new(host, port), |e| format!("{HOST} ({})", e.reason)),
    );
    let protocol =
        parsed(|name| name.parse::<Protocol>(), |_| "ssh, scrapli (alias cli)".to_owned());
    let protocol = section.get("protocol", formed(names(["scrapli", "cli", "ssh"]), protocol));
    let protocol = protocol.unwrap_or(Protocol::Scrapli);
    let known = || around.catalog.names().join(", ");
    let platform = section.require("platform", |value| {
        let platform = Platform::new(word(value).map_err(|_| known())?);
        if around.catalog.knows(&platform) { Ok(platform) } else { Err(known().into()) }
    });
    let credentials = credentials::read(section, &defaults.credentials, around);
    let enable_password = section.secret("enable_password");
    let rules = section.section("checks", |section| checks::read(section, default_rules));
    let rules = rules.unwrap_or_else(|| (*default_rules).clone());
    let mut config = (*defaults).clone();
    connection::read_limits(section, &mut config);
    ssh::read(section, &mut config, around);
    let terminal = terminal::read(section, name.as_ref().map(RouterName::as_str), protocol, around);
    (config.endpoint, config.platform, config.credentials) = (endpoint?, platform?, credentials?);
    config.credentials.enable_password = enable_password;
    config.terminal = terminal;
    connection::complain(section, &config);
    Some(Router { name: name?, protocol, connection: config, rules })
}

fn read_line(section: &mut Section<'_>, defaults: &LineDefaults) -> Option<Line> {
    let id = section.require("id", parsed(LineId::new, |e| e.allowed.to_owned()));
    let router = section.require("router", parsed(RouterName::new, |e| e.allowed.to_owned()));
    let target =
        section.require("target", parsed(Target::new, |e| format!("{HOST} ({})", e.reason)));
    let interval = read_interval(section).unwrap_or(defaults.interval);
    let task = read_task(section, defaults);
    Some(Line { id: id?, router: router?, target: target?, interval, task: task? })
}

/// A line with an interface is looked at there; all others are pinged.
fn read_task(section: &mut Section<'_>, defaults: &LineDefaults) -> Option<Task> {
    let kind = section.get("task", one_of(TASKS));
    let ping = section.section("ping", |ping| read_ping(ping, &defaults.ping));
    let one_word = || parsed(Word::new, |e: scheduler::InvalidText| e.allowed.to_owned());
    let interface = section.get("interface", one_word());
    match (kind, section.had("interface")) {
        (Some(TaskKind::Interface), false) => {
            // It is not there: that is said.
            section.require("interface", one_word()).map(Task::Interface)
        }
        (Some(TaskKind::Interface) | None, true) => {
            if ping.is_some() {
                section.complain("ping", "stands beside task interface: nothing is pinged then");
            }
            interface.map(Task::Interface)
        }
        (Some(kind), true) => {
            section.complain("interface", format!("stands beside task {kind}, which takes none"));
            None
        }
        // Lines that are pinged as all others share the memory for that.
        _ => Some(Task::Ping(ping.map_or_else(|| defaults.ping.clone(), Arc::new))),
    }
}

fn read_interval(section: &mut Section<'_>) -> Option<Interval> {
    section.get("interval", |value| {
        let form = Form::Duration { min: Interval::MIN, max: Interval::MAX };
        let interval = duration(value).map_err(|allowed| allowed.of(form.clone()))?;
        Interval::new(interval).map_err(|error| Allowed::new(form, error.allowed))
    })
}

/// Ranges are the scheduler's to know; a value it refuses is named where it stands.
fn read_ping(section: &mut Section<'_>, defaults: &PingParams) -> PingParams {
    let one_word = || parsed(Word::new, |e: scheduler::InvalidText| e.allowed.to_owned());
    let number = |range: RangeInclusive<u32>| {
        let form = Form::Integer { min: (*range.start()).into(), max: (*range.end()).into() };
        formed(form, integer(0..=u32::MAX))
    };
    let seconds = Duration::from_secs;
    let (min, max) = (PingParams::TIMEOUT_S.start(), PingParams::TIMEOUT_S.end());
    let timeout = Form::Duration { min: seconds(*min), max: seconds(*max) };
    let mut params = PingParams {
        count: section.get("count", number(PingParams::COUNT)).unwrap_or(defaults.count),
        timeout: section.get("timeout", formed(timeout, duration)).unwrap_or(defaults.timeout),
        size: section.get("size", number(PingParams::SIZE)).or(defaults.size),
        source: section.get("source", one_word()).or_else(|| defaults.source.clone()),
        vrf: section.get("vrf", one_word()).or_else(|| defaults.vrf.clone()),
        dont_fragment: section.get("dont_fragment", boolean).unwrap_or(defaults.dont_fragment),
        dscp: section.get("dscp", integer(0..=63)).or(defaults.dscp),
    };
    for (key, fault) in params.validate().err().unwrap_or_default() {
        if section.had(key) {
            section.complain(key, format!("is {}: allowed is {}", fault.value, fault.allowed));
        }
        // It is said once, where it stands, and not for each line that it is a default of.
        match key {
            "count" => params.count = defaults.count,
            "timeout" => params.timeout = defaults.timeout,
            _ => params.size = defaults.size,
        }
    }
    params
}
