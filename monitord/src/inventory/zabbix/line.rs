//! What the macros of one host say: a line, and the router that it is checked from.

use std::str::FromStr;

use pool_core::{Credentials, Endpoint, Platform, Protocol, Secret};
use scheduler::{Interval, Line, LineId, Router, RouterName, Target};

use super::interval::seconds;
use super::login::{self, Wanted};
use super::macros::{MacroValue, Macros};
use super::resolver::Resolver;
use crate::inventory::unresolved::{Fault, FaultKind};

/// How much of a wrong value a reason repeats, in characters.
const SHOWN_CHARS_MAX: usize = 40;
const SSH_PORT: u16 = 22;

/// A line, and what its host says of its router.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) line: Line,
    pub(super) router: Wish,
}

/// The router that the macros of one host describe.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// It is declared elsewhere, which counts.
    Known(Box<Router>),
    /// It is as this says.
    Described(Box<Description>),
}

/// A router as the macros of a host describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) endpoint: Endpoint,
    pub(super) platform: Platform,
    pub(super) protocol: Protocol,
    pub(super) credentials: Credentials,
}

/// A host that is no line that can be checked.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) interval: Interval,
    pub(super) fault: Fault,
}

/// What a router is called that is declared nowhere else.
fn router_name(endpoint: &Endpoint) -> RouterName {
    let name = match endpoint.port() {
        SSH_PORT => endpoint.host().to_lowercase(),
        _ => endpoint.to_string().to_lowercase(),
    };
    // The longest host names are longer than names may be.
    RouterName::new(&name).unwrap_or_else(|_| {
        let tail = name.len().saturating_sub(120);
        RouterName::new(&name[tail..]).expect("host names have no control characters")
    })
}

/// Reads the host `name`. All that is wrong with it is told at once.
pub(super) fn read(id: &LineId, macros: &Macros, resolver: &Resolver) -> Result<Read, Box<Unread>> {
    let mut reading = Reading { macros, faults: Vec::new() };
    let interval = reading.interval(resolver.line_defaults.interval);
    let target = reading.target(id);
    let task = reading.task(&resolver.line_defaults.ping);
    let endpoint = reading.endpoint();
    let known = endpoint.as_ref().and_then(|endpoint| resolver.known_router(endpoint));
    let router = match known {
        Some(router) => Some(Wish::Known(Box::new(router.clone()))),
        None => reading.description(endpoint, resolver).map(|it| Wish::Described(Box::new(it))),
    };
    let platform = match &router {
        Some(Wish::Known(router)) => Some(&router.connection.platform),
        Some(Wish::Described(described)) => Some(&described.platform),
        None => None,
    };
    if let (Some(platform), Some(target), Some(task)) = (platform, &target, &task) {
        reading.check_task(platform, target, task, resolver.catalog.tasks());
    }
    let faults = reading.faults;
    match (target, task, router) {
        (Some(target), Some(task), Some(router)) if faults.is_empty() => {
            let name = match &router {
                Wish::Known(router) => router.name.clone(),
                Wish::Described(described) => router_name(&described.endpoint),
            };
            let line = Line { id: id.clone(), router: name, target, interval, task };
            Ok(Read { line, router })
        }
        _ => Err(unread(interval, faults)),
    }
}

fn unread(interval: Interval, faults: Vec<Fault>) -> Box<Unread> {
    // A login that is missing is told as such only where nothing else is wrong.
    let is_login = faults.iter().all(|fault| fault.kind == FaultKind::Login) && !faults.is_empty();
    let kind = if is_login { FaultKind::Login } else { FaultKind::Inventory };
    let reasons: Vec<_> = faults.into_iter().map(|fault| fault.reason).collect();
    Box::new(Unread { interval, fault: Fault { kind, reason: reasons.join("; ") } })
}

/// The macros of a host while they are read.
pub(super) struct Reading<'a> {
    macros: &'a Macros,
    pub(super) faults: Vec<Fault>,
}

impl Reading<'_> {
    /// The text of a macro, if it has one: the blanks around it are nobody's intention.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.macros.get(name)?;
        if let Some(unread) = value.unread() {
            self.complain(format!("{{$LINE_{name}}} is {unread}: allowed is a text"));
            return None;
        }
        value.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn complain(&mut self, reason: String) {
        self.faults.push(Fault { kind: FaultKind::Inventory, reason });
    }

    pub(super) fn refuse(&mut self, name: &str, text: &str, allowed: &str) {
        let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
        self.complain(format!("{{$LINE_{name}}} is {shown:?}: allowed is {allowed}"));
    }

    /// What `parse` makes of the text of a macro, if it has one; its error says what is allowed.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(parsed) => Some(parsed),
            Err(allowed) => {
                self.refuse(name, &text, &allowed);
                None
            }
        }
    }

    pub(super) fn number<T: FromStr>(&mut self, name: &str, allowed: &str) -> Option<T> {
        self.parsed(name, |text| text.parse().map_err(|_| allowed.to_owned()))
    }

    fn interval(&mut self, default: Interval) -> Interval {
        let parse = |text: &str| {
            let time = seconds(text)?;
            Interval::new(time).map_err(|error| error.allowed)
        };
        let parse = |text: &str| parse(text).map_err(str::to_owned);
        self.parsed("CHECK_INTERVAL", parse).unwrap_or(default)
    }

    /// The far end: the host's own name unless a macro says otherwise.
    fn target(&mut self, id: &LineId) -> Option<Target> {
        if self.macros.get("TARGET").is_some_and(|value| value.text() != Some("")) {
            let target = |text: &str| Target::new(text).map_err(|error| host_allowed(error.reason));
            return self.parsed("TARGET", target);
        }
        Target::new(id.as_str())
            .map_err(|error| {
                let reason = error.reason;
                self.complain(format!(
                    "{{$LINE_TARGET}} is missing, and the host's name is no address ({reason})"
                ));
            })
            .ok()
    }

    fn endpoint(&mut self) -> Option<Endpoint> {
        let port = self.parsed("ROUTER_PORT", |text| {
            let port = text.parse().ok().filter(|port| *port != 0);
            port.ok_or_else(|| "a port from 1 to 65535".to_owned())
        });
        let Some(host) = self.text("ROUTER_IP") else {
            if !self.faults.iter().any(|fault| fault.reason.starts_with("{$LINE_ROUTER_IP}")) {
                self.complain("{$LINE_ROUTER_IP} is missing".to_owned());
            }
            return None;
        };
        match Endpoint::new(host.clone(), port.unwrap_or(SSH_PORT)) {
            Ok(endpoint) => Some(endpoint),
            Err(error) => {
                self.refuse("ROUTER_IP", &host, &host_allowed(error.reason));
                None
            }
        }
    }

    fn description(
        &mut self,
        endpoint: Option<Endpoint>,
        resolver: &Resolver,
    ) -> Option<Description> {
        let catalog = &resolver.catalog;
        let protocol = self.parsed("ROUTER_PROTOCOL", |text| {
            text.to_lowercase().parse().map_err(|_| "ssh, scrapli (alias cli)".to_owned())
        });
        let protocol = protocol.unwrap_or(Protocol::Scrapli);
        let Some(platform) = self.text("ROUTER_PLATFORM") else {
            self.complain("{$LINE_ROUTER_PLATFORM} is missing".to_owned());
            return None;
        };
        let found = Platform::new(platform.to_lowercase());
        if !catalog.knows(&found) {
            self.refuse("ROUTER_PLATFORM", &platform, "one of `monitord platforms`");
        } else if !catalog.supports(protocol, &found) {
            let other = Protocol::ALL.into_iter().find(|other| catalog.supports(*other, &found));
            let allowed = format!("{} on {found}", other.map_or("none", Protocol::as_str));
            self.refuse("ROUTER_PROTOCOL", protocol.as_str(), &allowed);
        }
        let endpoint = endpoint?;
        let wanted = wanted(self.macros, &endpoint);
        let base = &resolver.connection.credentials;
        let credentials = login::credentials(&wanted, &resolver.logins, base);
        let credentials = credentials
            .map_err(|reason| self.faults.push(Fault { kind: FaultKind::Login, reason }))
            .ok()?;
        Some(Description { endpoint, platform: found, protocol, credentials })
    }
}

fn wanted<'a>(macros: &'a Macros, router: &'a Endpoint) -> Wanted<'a> {
    // One that is secret too comes from the credentials too.
    let username = macros.get("ROUTER_USERNAME").and_then(MacroValue::text);
    Wanted {
        router,
        username: username.map(str::trim).filter(|name| !name.is_empty()),
        password: macros.get("ROUTER_PASSWORD"),
        enable_password: macros.get("ROUTER_ENABLE_PASSWORD"),
    }
}

/// What the entries of `credentials` have in place of the passwords of a host with these macros: the
/// password, and that for privileges. Nothing where its router cannot be told.
pub(super) fn in_entries(
    macros: &Macros,
    resolver: &Resolver,
) -> Option<(Option<Secret>, Option<Secret>)> {
    let endpoint = Reading { macros, faults: Vec::new() }.endpoint()?;
    Some(wanted(macros, &endpoint).in_entries(&resolver.logins))
}

fn host_allowed(reason: &str) -> String {
    format!("an IP address or a host name ({reason})")
}

/// The router of `description`, with what all routers share.
pub(super) fn router(name: RouterName, description: &Description, resolver: &Resolver) -> Router {
    let Description { endpoint, platform, protocol, credentials } = description.clone();
    let mut connection = resolver.connection.clone();
    (connection.endpoint, connection.platform, connection.credentials) =
        (endpoint, platform, credentials);
    Router { name, protocol, connection, rules: resolver.rules.clone() }
}

/// What two descriptions of one router differ in, by the macros that say it.
pub(super) fn differences(one: &Description, other: &Description) -> Vec<&'static str> {
    let (a, b) = (&one.credentials, &other.credentials);
    let ways = |from: &Credentials| (from.private_key.clone(), from.agent.clone());
    let all = [
        (one.platform != other.platform, "{$LINE_ROUTER_PLATFORM}"),
        (one.protocol != other.protocol, "{$LINE_ROUTER_PROTOCOL}"),
        (a.username != b.username, "{$LINE_ROUTER_USERNAME}"),
        (a.password != b.password, "{$LINE_ROUTER_PASSWORD}"),
        (a.enable_password != b.enable_password, "{$LINE_ROUTER_ENABLE_PASSWORD}"),
        (ways(a) != ways(b) || a.auth_order != b.auth_order, "the entry of credentials"),
    ];
    all.into_iter().filter(|(differs, _)| *differs).map(|(_, name)| name).collect()
}
