use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use toml::{Table, Value};

use super::definition::{Definition, Ends, Limits, Waits};
use super::figures::Printed;
use super::read::Reader;
use super::template::{Param, Template};

/// How long a chain of `inherits` may be; a longer one goes in a circle.
const ANCESTORS_MAX: usize = 8;
/// The compiled size of one pattern. The built-in ones take a few kilobytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// The longest pause between two packets that makes sense.
const INTERVAL_MS_MAX: u64 = 60_000;
/// What a line that begins a ping may say.
const BEGIN_GROUPS: &[&str] = &["target", "address", "untimed"];
/// What a line with figures may say.
const SUMMARY_GROUPS: &[&str] =
    &["sent", "received", "loss_pct", "success_pct", "rtt_min", "rtt_avg", "rtt_max", "unit"];

/// What is wrong with a platform's definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {key}: {reason}")]
pub struct DefinitionError {
    /// The file.
    pub file: String,
    /// The key.
    pub key: String,
    /// The reason.
    pub reason: String,
}

/// What a file has at its top.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    inherits: Option<String>,
    #[serde(default)]
    ping: Table,
    /// The interactive driver's part.
    #[serde(default, rename = "cli")]
    _cli: Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPing {
    command: String,
    command_ipv6: Option<String>,
    interval_ms: u64,
    waits: Waits,
    #[serde(default)]
    ends: Ends,
    limits: RawLimits,
    read: RawRead,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    count: [u32; 2],
    timeout_s: [u64; 2],
    size: [u32; 2],
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRead {
    begins: Vec<String>,
    summary: Vec<String>,
    refusals: Vec<String>,
    #[serde(default)]
    loss: Printed,
    #[serde(default)]
    rtt: Printed,
}

/// Why a key is wrong: the key, and the reason.
type Fault = (String, String);

/// The definitions of all files, by name and alias.
pub(super) fn definitions(
    files: &[(&str, &str)],
) -> Result<BTreeMap<String, Arc<Definition>>, DefinitionError> {
    let mut parsed = BTreeMap::new();
    for &(file, text) in files {
        let content: File = toml::from_str(text).map_err(|error| at(file, toml_fault(&error)))?;
        if let Some((other, _)) = parsed.insert(content.name.clone(), (file, content)) {
            return Err(at(file, fault("name", format!("{other} has the same name"))));
        }
    }
    let mut definitions = BTreeMap::new();
    for (file, content) in parsed.values() {
        let table = inherited(&parsed, content).map_err(|fault| at(file, fault))?;
        let definition =
            Arc::new(definition(&content.name, table).map_err(|fault| at(file, fault))?);
        for name in content.aliases.iter().chain([&content.name]) {
            if definitions.insert(name.clone(), definition.clone()).is_some() {
                return Err(at(file, fault("aliases", format!("{name:?} is taken already"))));
            }
        }
    }
    Ok(definitions)
}

fn at(file: &str, (key, reason): Fault) -> DefinitionError {
    DefinitionError { file: file.to_owned(), key, reason }
}

fn fault(key: &str, reason: impl Into<String>) -> Fault {
    (key.to_owned(), reason.into())
}

fn toml_fault(error: &toml::de::Error) -> Fault {
    ("toml".to_owned(), error.to_string().trim_end().to_owned())
}

/// The `[ping]` table with that of its ancestors beneath.
fn inherited(files: &BTreeMap<String, (&str, File)>, content: &File) -> Result<Table, Fault> {
    let mut table = content.ping.clone();
    let mut next = content.inherits.as_ref();
    for _ in 0..ANCESTORS_MAX {
        let Some(name) = next else { return Ok(table) };
        let Some((_, parent)) = files.get(name) else {
            return Err(fault("inherits", format!("there is no platform {name:?}")));
        };
        table = merged(parent.ping.clone(), table);
        next = parent.inherits.as_ref();
    }
    Err(fault("inherits", format!("more than {ANCESTORS_MAX} ancestors, or a circle")))
}

/// `base` with the values of `own` in place of its own; tables are merged, everything else is
/// replaced.
fn merged(mut base: Table, own: Table) -> Table {
    for (key, value) in own {
        let value = match (base.remove(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => Value::Table(merged(below, above)),
            (_, value) => value,
        };
        base.insert(key, value);
    }
    base
}

fn definition(name: &str, table: Table) -> Result<Definition, Fault> {
    let raw: RawPing = Value::Table(table).try_into().map_err(|error| toml_fault(&error))?;
    let command = template("ping.command", &raw.command, raw.ends)?;
    let command_ipv6 = match &raw.command_ipv6 {
        Some(text) => template("ping.command_ipv6", text, raw.ends)?,
        None => command.clone(),
    };
    if raw.interval_ms > INTERVAL_MS_MAX {
        return Err(fault("ping.interval_ms", format!("allowed is 0 to {INTERVAL_MS_MAX}")));
    }
    if raw.ends == Ends::Interrupted && raw.interval_ms == 0 {
        return Err(fault("ping.interval_ms", "a ping that is interrupted needs its pace here"));
    }
    let [count, timeout_s] = [raw.limits.count.map(u64::from), raw.limits.timeout_s];
    for (key, [low, high]) in
        [("count", count), ("timeout_s", timeout_s), ("size", raw.limits.size.map(u64::from))]
    {
        if low > high {
            return Err(fault(&format!("ping.limits.{key}"), "the first is above the second"));
        }
    }
    Ok(Definition {
        name: name.to_owned(),
        command,
        command_ipv6,
        interval: Duration::from_millis(raw.interval_ms),
        waits: raw.waits,
        ends: raw.ends,
        limits: Limits {
            count: raw.limits.count[0]..=raw.limits.count[1],
            timeout_s: timeout_s[0]..=timeout_s[1],
            size: raw.limits.size[0]..=raw.limits.size[1],
        },
        reader: reader(raw.read)?,
    })
}

fn template(key: &str, text: &str, ends: Ends) -> Result<Template, Fault> {
    let template = Template::parse(text).map_err(|reason| fault(key, reason))?;
    match (ends, template.takes(Param::Count)) {
        (Ends::Itself, false) => Err(fault(key, "{count} is missing")),
        (Ends::Interrupted, true) => Err(fault(key, "a ping with {count} ends by itself")),
        _ => Ok(template),
    }
}

fn reader(raw: RawRead) -> Result<Reader, Fault> {
    let reader = Reader {
        begins: patterns("ping.read.begins", &raw.begins, BEGIN_GROUPS)?,
        summary: patterns("ping.read.summary", &raw.summary, SUMMARY_GROUPS)?,
        refusals: patterns("ping.read.refusals", &raw.refusals, &[])?,
        loss: raw.loss,
        rtt: raw.rtt,
    };
    let groups: Vec<_> =
        reader.summary.iter().flat_map(|line| line.capture_names().flatten()).collect();
    for group in ["sent", "received"] {
        if !groups.contains(&group) {
            return Err(fault("ping.read.summary", format!("no line has the group {group}")));
        }
    }
    for line in &reader.summary {
        let has = |group| line.capture_names().flatten().any(|name| name == group);
        let times = ["rtt_min", "rtt_avg", "rtt_max"].map(has);
        if times.contains(&true) && times.contains(&false) {
            let reason = "rtt_min, rtt_avg and rtt_max belong in one line";
            return Err(fault("ping.read.summary", reason));
        }
    }
    Ok(reader)
}

/// Compiles patterns so that each matches a whole line.
fn patterns(key: &str, texts: &[String], groups: &[&str]) -> Result<Vec<Regex>, Fault> {
    texts.iter().map(|text| pattern(text, groups).map_err(|reason| fault(key, reason))).collect()
}

fn pattern(text: &str, groups: &[&str]) -> Result<Regex, String> {
    let whole_line = format!("^(?:{text})$");
    let pattern = RegexBuilder::new(&whole_line)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| error.to_string())?;
    if let Some(group) = pattern.capture_names().flatten().find(|name| !groups.contains(name)) {
        let known = if groups.is_empty() { "none".to_owned() } else { groups.join(", ") };
        return Err(format!("unknown group {group} in {text:?}: known are {known}"));
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::super::PingTask;

    const GOOD: &str = r#"
name = "acme"
aliases = ["acme_os"]

[ping]
command = "ping {target} {count}"
interval_ms = 0
waits = "each"
limits = { count = [1, 9], timeout_s = [1, 9], size = [36, 99] }

[ping.read]
begins = ['pinging (?<target>\S+)']
summary = ['(?<received>\d+) of (?<sent>\d+) came back']
refusals = ['no\b.*']
loss = "sometimes"
rtt = "sometimes"
"#;

    fn error(files: &[(&str, &str)]) -> String {
        PingTask::load(files).unwrap_err().to_string()
    }

    #[test]
    fn every_builtin_definition_loads() {
        assert!(PingTask::builtin().names().count() >= 12);
    }

    #[test]
    fn a_definition_inherits_what_it_does_not_say() {
        let child = "name = 'child'\ninherits = 'acme'\n[ping]\ncommand = 'p {target} {count}'\n\
                     [ping.limits]\ncount = [1, 3]\n";
        let task = PingTask::load(&[("acme.toml", GOOD), ("child.toml", child)]).unwrap();
        let read = task.parse(&"child".into(), "pinging 192.0.2.1\n2 of 3 came back").unwrap();
        assert_eq!((read.sent, read.received), (3, 2));
        assert_eq!(task.names().collect::<Vec<_>>(), ["acme", "acme_os", "child"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_file_key_and_reason() {
        for (from, to, expected) in [
            ("{target}", "{host}", "acme.toml: ping.command: unknown parameter {host}"),
            (" {count}", "", "acme.toml: ping.command: {count} is missing"),
            (r"(?<sent>\d+)", r"\d+", "acme.toml: ping.read.summary: no line has the group sent"),
            (r"(?<sent>", r"(?<snet>", "acme.toml: ping.read.summary: unknown group snet"),
            (r"(?<target>\S+)", "(", "acme.toml: ping.read.begins: regex parse error"),
            ("[36, 99]", "[99, 36]", "acme.toml: ping.limits.size: the first is above"),
            ("waits = \"each\"", "", "missing field `waits`"),
            ("loss =", "losses =", "unknown field `losses`"),
            ("name =", "nmae =", "unknown field `nmae`"),
        ] {
            let broken = GOOD.replacen(from, to, 1);
            let text = error(&[("acme.toml", &broken)]);
            assert!(text.contains(expected), "{from} -> {to}: {text}");
        }
    }

    #[test]
    fn names_are_unique_and_ancestors_exist() {
        assert!(error(&[("a.toml", GOOD), ("b.toml", GOOD)]).contains("same name"));
        let other = GOOD.replacen("\"acme\"", "\"acme2\"", 1);
        assert!(error(&[("a.toml", GOOD), ("b.toml", &other)]).contains("taken already"));
        let orphan = "name = 'x'\ninherits = 'nobody'\n";
        assert!(error(&[("x.toml", orphan)]).contains("no platform \"nobody\""));
        let circle = "name = 'x'\ninherits = 'x'\n";
        assert!(error(&[("x.toml", circle)]).contains("circle"));
    }
}
