//! The page `docs/configuration.md`.

use std::fmt::Write;
use std::time::Duration;

use super::place;
use crate::settings::{Form, Key, Standard, shown_size};

/// What stands before the tables.
const HEAD: &str = "\
# Configuration reference

<!-- Written by `monitord gen reference`; changes belong to monitord/src/settings/described. -->

Every key that monitord knows, as it reads them. `monitord gen schema` writes the same as a JSON Schema,
for editors that complete and check while you write; the
[annotated sample](../monitord/monitord.example.yaml) shows the keys at work, and
`monitord validate -c FILE` says everything that is wrong with a file.

The file is YAML, or TOML or JSON by its extension. Over it count environment variables
(`MONITORD__SECTION__KEY`, for example `MONITORD__CONNECTION__CONNECT_TIMEOUT=5s`), and over these flags
(`--set connection.connect_timeout=5s`). Items of lists (`routers[]`, `lines[]`, `credentials[]`) can only
be set in a file. A key that nobody knows is an error.

- A **duration** is a text such as `30s`, `5m` or `1h 30m`, or a whole number of seconds.
- A **size** is a text such as `512MiB` or `2GiB`, or a whole number of bytes.
- A **secret** is the text itself, or where to get it: see [secrets](security.md#where-secrets-come-from).
- A **list** may also be one text with commas between its items.
- Relative paths start at the directory of the configuration.
- A key that is **needed** is needed where its section is there.
";

/// The page about `keys`.
pub(crate) fn reference(keys: &[Key]) -> String {
    let mut page = HEAD.to_owned();
    let top: Vec<_> = keys.iter().filter(|key| place(key).0.is_empty()).collect();
    let is_section = |key: &&&Key| has_keys(&key.declared.form);
    table(&mut page, "", top.iter().filter(|key| !is_section(key)).copied());
    for section in top.iter().filter(is_section) {
        let path = &section.declared.path;
        let name = match section.declared.form {
            Form::Sections => format!("{path}[]"),
            _ => path.clone(),
        };
        write!(page, "\n## `{name}`\n\n{}\n", section.about).expect("a string takes it");
        let prefix = format!("{name}.");
        let below = keys.iter().filter(|key| key.declared.path.starts_with(&prefix));
        table(&mut page, &prefix, below);
    }
    page
}

fn table<'k>(page: &mut String, prefix: &str, keys: impl Iterator<Item = &'k Key>) {
    page.push_str("\n| key | value | without it | |\n|---|---|---|---|\n");
    for key in keys {
        let path = &key.declared.path;
        let name = path.strip_prefix(prefix).unwrap_or(path);
        let value = form(&key.declared.form);
        let (default, about) = (default(key), key.about);
        writeln!(page, "| `{name}` | {value} | {default} | {about} |").expect("a string takes it");
    }
}

fn has_keys(form: &Form) -> bool {
    matches!(form, Form::Section | Form::Sections)
}

fn default(key: &Key) -> String {
    match key.default {
        _ if key.declared.is_required => "needed".to_owned(),
        Standard::Value(value) => format!("`{value}`"),
        Standard::Section(section) => format!("as in `{section}`"),
        Standard::Said => String::new(),
    }
}

fn form(form: &Form) -> String {
    let time = |time: &Duration| humantime::format_duration(*time).to_string();
    match form {
        Form::Text => "text".to_owned(),
        Form::Secret => "secret".to_owned(),
        Form::Integer { min, max } => format!("{min} to {max}"),
        Form::Ratio => "0 to 1".to_owned(),
        Form::Boolean => "`true`, `false`".to_owned(),
        Form::Duration { min, max } => format!("duration, {} to {}", time(min), time(max)),
        Form::Size { min, max } => format!("size, {} to {}", shown_size(*min), shown_size(*max)),
        Form::Name(names) => {
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        }
        Form::List(item) => format!("list of {}", self::form(item)),
        Form::Either(forms) => forms.iter().map(self::form).collect::<Vec<_>>().join("; or "),
        Form::Section => "section".to_owned(),
        Form::Sections => "list of sections".to_owned(),
    }
}
