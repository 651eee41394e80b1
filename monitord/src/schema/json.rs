//! A JSON Schema, draft 2020-12.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::place;
use crate::settings::{Form, Key, Standard};

/// What durations look like, as [`humantime`] reads them; bare digits are seconds.
const DURATION: &str = "^([0-9]+|(\\s*[0-9]+\\s*(nanos(econds?)?|nsecs?|ns|micros(econds?)?|usecs?|us|\u{b5}s|millis(econds?)?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|w|months?|M|years?|yrs?|y)\\s*)+)$";
/// What sizes look like.
const SIZE: &str = "^[0-9]+\\s*(B|KiB|MiB|GiB|TiB)?$";
/// Numbers may stand as texts, because variables are always texts.
const DIGITS: &str = "^[0-9]+$";

/// The schema of a configuration that may have `keys`.
///
/// It takes everything that the loader takes. The loader also looks at what keys say together, and
/// at how long a duration is that is written with a unit.
pub(crate) fn schema(keys: &[Key]) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!("The configuration of monitord"));
    schema.extend(object(keys, ""));
    Value::Object(schema)
}

/// The keys of the section at `path`.
fn object(keys: &[Key], path: &str) -> Map<String, Value> {
    let own: Vec<_> = keys.iter().filter(|key| place(key).0 == path).collect();
    let properties = own.iter().map(|key| (place(key).1.to_owned(), property(keys, key)));
    let properties: Map<_, _> = properties.collect();
    let required: Vec<_> =
        own.iter().filter(|key| key.declared.is_required).map(|key| place(key).1).collect();
    let mut object = Map::new();
    object.insert("type".into(), json!("object"));
    object.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        object.insert("required".into(), json!(required));
    }
    object.insert("additionalProperties".into(), json!(false));
    object
}

fn property(keys: &[Key], key: &Key) -> Value {
    let mut schema = form(keys, &key.declared.path, &key.declared.form);
    if !key.declared.is_required {
        // A key that is there with nothing after it is as good as absent.
        allow_nothing(&mut schema);
    }
    schema.insert("description".into(), json!(description(key)));
    if let Some(default) = default_of(key) {
        schema.insert("default".into(), default);
    }
    Value::Object(schema)
}

fn description(key: &Key) -> String {
    match key.default {
        Standard::Section(section) => format!("{} As in `{section}` when absent.", key.about),
        Standard::Value(_) | Standard::Said => key.about.to_owned(),
    }
}

fn form(keys: &[Key], path: &str, form: &Form) -> Map<String, Value> {
    let schema = match form {
        Form::Text => json!({ "type": "string", "minLength": 1 }),
        Form::Secret => json!({ "type": "string" }),
        Form::Integer { min, max } => {
            json!({ "type": ["integer", "string"], "minimum": min, "maximum": max, "pattern": DIGITS })
        }
        Form::Ratio => json!({ "type": ["number", "string"], "minimum": 0, "maximum": 1 }),
        Form::Boolean => json!({ "enum": [true, false, "true", "false"] }),
        Form::Duration { min, max } => {
            let min = if *min > Duration::from_secs(min.as_secs()) { 1 } else { 0 } + min.as_secs();
            let max = max.as_secs();
            json!({ "type": ["string", "integer"], "minimum": min, "maximum": max, "pattern": DURATION })
        }
        Form::Size { min, max } => {
            json!({ "type": ["string", "integer"], "minimum": min, "maximum": max, "pattern": SIZE })
        }
        Form::Name(names) => {
            let mut names: Vec<_> = names.iter().map(|name| json!(name)).collect();
            if names.contains(&json!("off")) {
                // What some tools make of a bare `off`.
                names.push(json!(false));
            }
            json!({ "enum": names })
        }
        Form::List(item) => {
            let items = self::form(keys, path, item);
            json!({ "anyOf": [
                { "type": "array", "items": items, "minItems": 1, "uniqueItems": true },
                { "type": "string", "minLength": 1 },
            ] })
        }
        Form::Either(forms) => {
            let forms: Vec<_> = forms.iter().map(|one| self::form(keys, path, one)).collect();
            json!({ "anyOf": forms })
        }
        Form::Section => return object(keys, path),
        Form::Sections => {
            json!({ "type": "array", "items": object(keys, &format!("{path}[]")) })
        }
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn allow_nothing(schema: &mut Map<String, Value>) {
    for (keyword, nothing) in [("type", json!("null")), ("enum", Value::Null)] {
        match schema.get_mut(keyword) {
            Some(Value::Array(known)) => known.push(nothing),
            Some(known) => *known = json!([known.take(), nothing]),
            None => {}
        }
    }
    if let Some(Value::Array(known)) = schema.get_mut("anyOf") {
        known.push(json!({ "type": "null" }));
    }
}

/// What holds without the key, if that is a value.
pub(super) fn default_of(key: &Key) -> Option<Value> {
    match key.default {
        Standard::Value(default) => Some(value(default)),
        Standard::Section(_) | Standard::Said => None,
    }
}

/// A default as it would be read: a list, a number, true or false, or a text.
fn value(text: &str) -> Value {
    if let Some(items) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return items.split(", ").map(value).collect();
    }
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}
