//! Definition files: who inherits from whom, and what the files together define.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde::Deserialize;
use toml::{Table, Value};

use super::definition_error::{DefinitionError, DefinitionErrors, Fault};

/// How long a chain of `inherits` may be; a longer one goes in a circle.
const ANCESTORS_MAX: usize = 8;

/// How one platform does one task.
pub(super) trait Defined: Sized {
    /// The table of a definition file that says so.
    const TABLE: &'static str;

    /// The platform's name; an alias has the definition of its platform.
    fn name(&self) -> &str;

    /// What a whole table gives; nothing if it says that the platform does not do the task.
    fn build(name: &str, table: Table) -> Result<Option<Self>, Vec<Fault>>;
}

/// A definition file: what is true of the platform as a whole, and tables. That of a task is its
/// own; others are somebody else's.
#[derive(Debug, Deserialize)]
struct File {
    name: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    inherits: Option<String>,
    #[serde(flatten)]
    tables: Table,
}

/// A file that could be read, and what it is called.
#[derive(Debug)]
struct Source<'a> {
    file: &'a str,
    content: File,
}

/// The files that can be read, by the name of their platform.
type Sources<'a> = BTreeMap<String, Source<'a>>;

/// Definitions by the names and aliases of their platforms.
pub(super) type Definitions<D> = BTreeMap<String, Arc<D>>;

/// The `builtin` definitions, which the files of that name gave, and those of the files in `own`.
/// One of these with the name of a built-in platform replaces it, but not for the built-in ones
/// that inherit from that.
pub(super) fn definitions<D: Defined>(
    builtin: &Definitions<D>,
    builtin_files: &[(&str, &str)],
    own: &[(&str, &str)],
) -> Result<Definitions<D>, DefinitionErrors> {
    let mut errors = Vec::new();
    let builtin_files = sources(builtin_files, &mut errors);
    let own = sources(own, &mut errors);
    let kept = builtin.iter().filter(|(_, definition)| !own.contains_key(definition.name()));
    let mut by_name = kept.map(|(name, known)| (name.clone(), known.clone())).collect();
    for (name, source) in &own {
        define(&mut by_name, name, source, &[&own, &builtin_files], &mut errors);
    }
    if errors.is_empty() { Ok(by_name) } else { Err(DefinitionErrors(errors)) }
}

fn sources<'a>(files: &[(&'a str, &str)], errors: &mut Vec<DefinitionError>) -> Sources<'a> {
    let mut sources = BTreeMap::new();
    for &(file, text) in files {
        match read(file, text) {
            Ok((name, content)) => match sources.entry(name) {
                Entry::Vacant(place) => drop(place.insert(Source { file, content })),
                Entry::Occupied(taken) => {
                    let reason = format!("{} defines {:?} already", taken.get().file, taken.key());
                    errors.push(Fault::new("name", reason).of_file(file));
                }
            },
            Err(fault) => errors.push(fault.of_file(file)),
        }
    }
    sources
}

/// Adds the definition of one file, unless it has nothing for the task.
fn define<D: Defined>(
    by_name: &mut Definitions<D>,
    name: &str,
    source: &Source<'_>,
    layers: &[&Sources<'_>],
    errors: &mut Vec<DefinitionError>,
) {
    match inherited(D::TABLE, layers, name, &source.content) {
        Ok(table) if table.is_empty() => {}
        Ok(table) => match D::build(name, table) {
            Ok(None) => {}
            Ok(Some(definition)) => enter(by_name, name, definition, source, errors),
            Err(faults) => errors.extend(faults.into_iter().map(|f| f.of_file(source.file))),
        },
        Err(fault) => errors.push(fault.of_file(source.file)),
    }
}

fn enter<D: Defined>(
    by_name: &mut Definitions<D>,
    name: &str,
    definition: D,
    source: &Source<'_>,
    errors: &mut Vec<DefinitionError>,
) {
    let definition = Arc::new(definition);
    for alias in source.content.aliases.iter().map(String::as_str).chain([name]) {
        match by_name.entry(alias.to_owned()) {
            Entry::Vacant(place) => drop(place.insert(definition.clone())),
            Entry::Occupied(taken) => {
                let reason = format!("{alias:?} is also a name of {}", taken.get().name());
                errors.push(Fault::new("aliases", reason).of_file(source.file));
            }
        }
    }
}

/// The platform that a file defines, and what it says.
fn read(file: &str, text: &str) -> Result<(String, File), Fault> {
    let content: File = toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| line_at(text, span.start));
        Fault::new(place.unwrap_or_else(|| "toml".to_owned()), error.message())
    })?;
    for (key, value) in &content.tables {
        // What the platform is, in words, is for those who read the file.
        if !value.is_table() && key != "description" {
            let allowed = "allowed outside of tables are name, description, aliases, inherits";
            return Err(Fault::new(key, format!("is no key of a platform; {allowed}")));
        }
    }
    let base = file.rsplit_once('/').map_or(file, |(_, base)| base);
    let stem = base.strip_suffix(".toml").unwrap_or(base);
    if let Some(name) = content.name.as_deref().filter(|name| *name != stem) {
        let reason = format!("{name:?} does not fit the file; allowed is {stem:?}");
        return Err(Fault::new("name", reason));
    }
    Ok((stem.to_owned(), content))
}

fn line_at(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or_default();
    format!("line {}", before.matches('\n').count() + 1)
}

/// The table of a task of the platform `name` with that of its ancestors beneath. A file that
/// replaces a built-in platform may inherit that one, by its own name.
fn inherited(
    task: &str,
    layers: &[&Sources<'_>],
    name: &str,
    content: &File,
) -> Result<Table, Fault> {
    let (mut layers, mut heir) = (layers, name);
    let mut table = content.table(task);
    let mut next = content.inherits.as_deref();
    for _ in 0..ANCESTORS_MAX {
        let Some(name) = next else { return Ok(table) };
        let above = usize::from(name == heir);
        let mut found = layers.iter().enumerate().skip(above);
        let Some((layer, parent)) = found.find_map(|(i, layer)| Some((i, layer.get(name)?))) else {
            let reason =
                if name == heir { "goes in a circle" } else { "there is no such platform" };
            return Err(Fault::new("inherits", format!("{name:?}: {reason}")));
        };
        table = merged(parent.content.table(task), table);
        next = parent.content.inherits.as_deref();
        (layers, heir) = (&layers[layer..], name);
    }
    Err(Fault::new("inherits", format!("more than {ANCESTORS_MAX} ancestors, or a circle")))
}

impl File {
    fn table(&self, task: &str) -> Table {
        self.tables.get(task).and_then(Value::as_table).cloned().unwrap_or_default()
    }
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

#[cfg(test)]
mod tests {
    use crate::{PingParams, PingTask, Target};

    const GOOD: &str = r#"
description = "What Acme builds"
aliases = ["acme_os"]

[cli]
anything = "is somebody else's"

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

    fn errors(files: &[(&str, &str)]) -> Vec<String> {
        let errors = PingTask::load(files).unwrap_err();
        errors.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_builtin_definition_loads() {
        assert!(PingTask::builtin().names().count() >= 16);
    }

    #[test]
    fn a_definition_inherits_what_it_does_not_say() {
        let child = "inherits = 'acme'\n[ping]\ncommand = 'p {target} {count}'\n\
                     [ping.limits]\ncount = [1, 3]\n";
        let task = PingTask::load(&[("acme.toml", GOOD), ("child.toml", child)]).unwrap();
        let read = task.parse(&"child".into(), "pinging 192.0.2.1\n2 of 3 came back").unwrap();
        assert_eq!((read.sent, read.received), (3, 2));
        assert_eq!(task.names().collect::<Vec<_>>(), ["acme", "acme_os", "child"]);
    }

    #[test]
    fn an_operators_file_builds_on_the_builtin_ones_or_replaces_one() {
        let own = "inherits = 'cisco_iosxe'\n[ping]\nlimits = { count = [1, 3] }\n";
        let again = own.replace("iosxe", "iosxr");
        let files = [("acme.toml", own), ("linux.toml", GOOD), ("cisco_iosxr.toml", &again)];
        let task = PingTask::with_files(&files).unwrap();
        assert!(task.knows(&"acme".into()) && task.knows(&"cisco_iosxe".into()));
        let five = |platform: &str| {
            let target = Target::new("192.0.2.1").unwrap();
            task.request(&platform.into(), &target, &PingParams::default())
        };
        assert!(five("cisco_iosxe").is_ok() && five("cisco_iosxr").is_err());
        let text = "pinging 192.0.2.1\n2 of 3 came back";
        assert!(task.parse(&"linux".into(), text).is_ok());
        assert!(task.parse(&"frr_vtysh".into(), text).is_err());
    }

    #[test]
    fn a_file_without_anything_for_ping_is_somebody_elses() {
        let other = "[cli]\nprompt = '>'\n";
        assert_eq!(PingTask::load(&[("other.toml", other)]).unwrap().names().count(), 0);
    }

    #[test]
    fn what_is_wrong_is_named_with_file_key_and_reason() {
        for (from, to, expected) in [
            ("{target}", "{host}", "acme.toml: ping.command: unknown parameter {host}"),
            ("{target}", "x", "acme.toml: ping.command: {target} is missing"),
            (" {count}", "", "acme.toml: ping.command: {count} is missing"),
            (r"(?<sent>\d+)", r"\d+", "acme.toml: ping.read.summary: no line has the group sent"),
            (r"(?<sent>", r"(?<snet>", "acme.toml: ping.read.summary: unknown group snet"),
            (r"(?<target>\S+)", "(", "acme.toml: ping.read.begins: regex parse error"),
            (r"(?<target>\S+)", "", "acme.toml: ping.read: no line has the group target"),
            ("[36, 99]", "[99, 36]", "acme.toml: ping.limits.size: the first is above"),
            ("waits = \"each\"", "", "acme.toml: ping.waits: is missing"),
            ("\"each\"", "\"all\"", "acme.toml: ping.waits: \"all\": unknown variant `all`"),
            (
                "loss =",
                "none_answered = ['x']\nloss =",
                "acme.toml: ping.read.none_answered: says nothing",
            ),
            ("loss =", "losses =", "acme.toml: ping.read.losses: is no key of [ping.read]"),
            ("aliases =", "alias =", "acme.toml: alias: is no key of a platform"),
            ("[ping]", "[ping", "acme.toml: line 8: "),
        ] {
            let broken = GOOD.replacen(from, to, 1);
            let text = errors(&[("acme.toml", &broken)]).join("\n");
            assert!(text.contains(expected), "{from} -> {to}: {text}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let broken = GOOD.replace("\"each\"", "3").replace("\\d+", "(").replace("loss", "lose");
        let found = errors(&[("acme.toml", &broken), ("x.toml", "inherits = 'nobody'")]);
        let keys: Vec<_> = found.iter().map(|text| text.split(": ").nth(1).unwrap()).collect();
        assert_eq!(
            keys,
            ["ping.waits", "ping.read.summary", "ping.read.lose", "inherits"],
            "{found:?}"
        );
    }

    #[test]
    fn names_are_unique_and_ancestors_exist() {
        let clash = errors(&[("acme.toml", GOOD), ("other.toml", GOOD)]);
        assert!(clash[0].contains("\"acme_os\" is also a name of acme"), "{clash:?}");
        let orphan = errors(&[("x.toml", "inherits = 'nobody'\n")]);
        assert!(orphan[0].contains("\"nobody\": there is no such platform"));
        assert!(errors(&[("x.toml", "inherits = 'x'\n")])[0].contains("circle"));
        assert!(errors(&[("x.toml", "name = 'y'\n")])[0].contains("allowed is \"x\""));
    }
}
