//! YAML with comments.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};

use crate::settings::Key;

/// How wide comments are.
const WIDTH: usize = 100;

/// What a configuration of the predecessor lacks, commented out.
const ADVICE: &[(&str, &str)] = &[
    (
        "http",
        "# /metrics, /healthz, /readyz and /status, for this machine alone:\n\
         # http:\n#   listen: \"127.0.0.1:9180\"\n",
    ),
    (
        "spool",
        "# Where values wait while Zabbix is away. A service of systemd has a place for it anyway:\n\
         # spool:\n#   directory: /var/lib/monitord/spool\n",
    ),
    (
        "credentials",
        "# Passwords of routers that stand in secret macros, which cannot be read through the API:\n\
         # credentials:\n#   - routers: [\"192.0.2.*\"]\n#     password: \"file:/etc/monitord/secrets/edge\"\n",
    ),
];

/// `tree` as a file.
pub(super) fn text(tree: &Value, keys: &[Key], source: &Path) -> String {
    let mut writer = Writer { keys, text: String::new(), explained: Vec::new() };
    let source = source.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let source: String = source.chars().filter(|c| !c.is_control()).collect();
    writer.comment(
        0,
        &format!(
            "Written by `monitord migrate` from {source}, and means the same. Every key there is: \
             `monitord gen reference`."
        ),
    );
    if let Value::Object(root) = tree {
        writer.section(0, "", root, "");
        for (_, advice) in ADVICE.iter().filter(|(key, _)| !root.contains_key(*key)) {
            writer.text.push('\n');
            writer.text.push_str(advice);
        }
    }
    writer.text
}

struct Writer<'k> {
    keys: &'k [Key],
    text: String,
    /// The keys whose comment stands already: items of lists have the same ones.
    explained: Vec<&'k str>,
}

impl Writer<'_> {
    /// The keys of the section at `path`. `first` stands in place of the indentation before the
    /// first of them.
    fn section(&mut self, indent: usize, path: &str, section: &Map<String, Value>, first: &str) {
        let mut first = first;
        for key in self.keys {
            let own = key.declared.path.as_str();
            let (above, name) = own.rsplit_once('.').unwrap_or(("", own));
            let Some(value) = section.get(name).filter(|_| above == path) else { continue };
            if indent == 0 {
                self.text.push('\n');
            }
            if first.is_empty() && !key.about.is_empty() && !self.explained.contains(&own) {
                self.explained.push(own);
                self.comment(indent, key.about);
            }
            let margin = if first.is_empty() { " ".repeat(indent) } else { first.to_owned() };
            write!(self.text, "{margin}{name}:").expect("a string takes it");
            self.value(indent, own, value);
            first = "";
        }
    }

    fn value(&mut self, indent: usize, path: &str, value: &Value) {
        match value {
            Value::Object(section) => {
                self.text.push('\n');
                self.section(indent + 2, path, section, "");
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                self.text.push('\n');
                let dash = format!("{}  - ", " ".repeat(indent));
                for item in items.iter().filter_map(Value::as_object) {
                    self.section(indent + 4, &format!("{path}[]"), item, &dash);
                }
            }
            // JSON is YAML.
            other => writeln!(self.text, " {other}").expect("a string takes it"),
        }
    }

    fn comment(&mut self, indent: usize, about: &str) {
        let margin = format!("{}#", " ".repeat(indent));
        let mut line = margin.clone();
        for word in about.split(' ') {
            if line.len() + 1 + word.len() > WIDTH && line.len() > margin.len() {
                writeln!(self.text, "{line}").expect("a string takes it");
                line.clone_from(&margin);
            }
            line.push(' ');
            line.push_str(word);
        }
        writeln!(self.text, "{line}").expect("a string takes it");
    }
}
