use std::collections::BTreeMap;

use config::{Value, ValueKind};
use pool_core::Secret;

use super::allowed::{Allowed, Form};
use super::declared::Declared;
use super::problem::{Problem, shown};
use super::reader::Reader;

/// How like a known key an unknown one must be to be taken for a misspelling of it. `intervall`
/// and `hots` are; `colour` and `port` are not.
const LIKENESS_MIN: f64 = 0.7;

/// What stands at a key that may have either.
#[derive(Debug)]
pub(super) enum Given<T, U> {
    /// Keys of its own, as they were read.
    Section(T),
    /// A value.
    Value(U),
}

/// What became of a key that somebody asked for.
#[derive(Debug)]
enum Taken {
    /// It was not there.
    Absent,
    /// It was there, from another source than its section if one is named.
    From(Option<String>),
}

/// One section of the configuration, while it is read.
///
/// Whoever reads it takes the keys that he knows. A value that does not fit is noted as a problem
/// and reads as absent, so that reading goes on and all problems are found in one go. What is
/// left at the end is unknown, and a problem too.
#[derive(Debug)]
pub(super) struct Section<'a> {
    path: String,
    source: String,
    values: BTreeMap<String, Value>,
    known: BTreeMap<&'static str, Taken>,
    reader: &'a Reader<'a>,
}

impl<'a> Section<'a> {
    /// Reads the section `value`, which stands at `path` in `source`, with `read`, and complains
    /// about the keys that `read` left.
    pub(super) fn read<T>(
        reader: &'a Reader<'a>,
        source: &str,
        path: &str,
        value: Value,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let source = value.origin().unwrap_or(source).to_owned();
        let values = match value.kind {
            ValueKind::Table(values) => values.into_iter().collect(),
            ValueKind::Nil => BTreeMap::new(),
            other => {
                let text = format!("is {}: allowed is a section of keys", shown(&other));
                reader.report(Problem::new(&source, path, text));
                BTreeMap::new()
            }
        };
        let path = path.to_owned();
        let mut section = Self { path, source, values, known: BTreeMap::new(), reader };
        let result = read(&mut section);
        section.complain_about_unknown_keys();
        result
    }

    /// The value of `key` as `parse` reads it; absent when it is not there or does not fit.
    /// `parse` says on failure what is allowed.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&ValueKind) -> Result<T, Allowed>,
    ) -> Option<T> {
        if self.reader.is_declaring() {
            self.declare(key, parse(&ValueKind::Nil), false);
            return None;
        }
        let value = self.take(key)?;
        match parse(&value.kind) {
            Ok(read) => Some(read),
            Err(allowed) => {
                let text = format!("is {}: allowed is {allowed}", shown(&value.kind));
                self.complain(key, text);
                None
            }
        }
    }

    /// As [`get`](Self::get), for a key that must be there.
    pub(super) fn require<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&ValueKind) -> Result<T, Allowed>,
    ) -> Option<T> {
        if self.reader.is_declaring() {
            self.declare(key, parse(&ValueKind::Nil), true);
            return None;
        }
        if self.has(key) {
            return self.get(key, parse);
        }
        self.known.insert(key, Taken::Absent);
        let allowed = parse(&ValueKind::Nil).err();
        let hint = allowed.map_or_else(String::new, |allowed| format!(": allowed is {allowed}"));
        self.complain(key, format!("is missing{hint}"));
        None
    }

    /// As [`require`](Self::require), for a key that need not be there when `is_needless`.
    pub(super) fn require_unless<T>(
        &mut self,
        is_needless: bool,
        key: &'static str,
        parse: impl FnOnce(&ValueKind) -> Result<T, Allowed>,
    ) -> Option<T> {
        if is_needless || self.reader.is_declaring() {
            self.get(key, parse)
        } else {
            self.require(key, parse)
        }
    }

    /// The secret at `key`: a literal, or where to get it from.
    pub(super) fn secret(&mut self, key: &'static str) -> Option<Secret> {
        if self.reader.is_declaring() {
            self.declare_as(key, Form::Secret, false);
            return None;
        }
        let value = self.take(key)?;
        let resolved = match &value.kind {
            ValueKind::String(text) => {
                self.reader.secret(value.origin().unwrap_or(&self.source), text)
            }
            _ => Err("is not a text: put it in quotes".to_owned()),
        };
        match resolved {
            Ok(secret) => Some(secret),
            Err(text) => {
                self.complain(key, text);
                None
            }
        }
    }

    /// The section at `key`, read with `read`; absent when it is not there.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> Option<T> {
        let value = if self.reader.is_declaring() {
            self.declare_as(key, Form::Section, false);
            Value::new(None, ValueKind::Nil)
        } else {
            self.take(key)?
        };
        Some(Section::read(self.reader, &self.source, &self.path_of(key), value, read))
    }

    /// The section at `key`, read with `read`, or the value there as `parse` reads it.
    pub(super) fn section_or<T, U>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> T,
        parse: impl FnOnce(&ValueKind) -> Result<U, Allowed>,
    ) -> Option<Given<T, U>> {
        if self.reader.is_declaring() {
            self.section(key, read);
            self.get(key, parse);
            return None;
        }
        if self.values.get(key).is_some_and(|value| matches!(value.kind, ValueKind::Table(_))) {
            self.section(key, read).map(Given::Section)
        } else {
            self.get(key, parse).map(Given::Value)
        }
    }

    /// Each section of the list at `key`, read with `read`, with its place in the list.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> Option<T>,
    ) -> Vec<T> {
        if self.reader.is_declaring() {
            self.declare_as(key, Form::Sections, false);
            let path = format!("{}[]", self.path_of(key));
            let nothing = Value::new(None, ValueKind::Nil);
            Section::read(self.reader, &self.source, &path, nothing, read);
            return Vec::new();
        }
        let Some(value) = self.take(key) else { return Vec::new() };
        let source = value.origin().unwrap_or(&self.source).to_owned();
        let path = self.path_of(key);
        match value.kind {
            ValueKind::Array(items) => {
                let item = |(index, item)| {
                    let path = format!("{path}[{index}]");
                    Section::read(self.reader, &source, &path, item, &mut read)
                };
                items.into_iter().enumerate().filter_map(item).collect()
            }
            ValueKind::Nil => Vec::new(),
            other => {
                self.complain(key, format!("is {}: allowed is a list", shown(&other)));
                Vec::new()
            }
        }
    }

    /// Whether `key` is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|value| value.kind != ValueKind::Nil)
    }

    /// Whether `key` was there when it was asked for.
    pub(super) fn was_given(&self, key: &str) -> bool {
        matches!(self.known.get(key), Some(Taken::From(_)))
    }

    /// Notes a problem with `key`. The text goes on after the key.
    pub(super) fn complain(&self, key: &str, text: impl Into<String>) {
        let origin = match self.known.get(key) {
            Some(Taken::From(origin)) => origin.as_deref(),
            _ => None,
        };
        self.complain_at(origin, key, text);
    }

    /// Whether `key` was read here, and not left to a default.
    pub(super) fn had(&self, key: &str) -> bool {
        matches!(self.known.get(key), Some(Taken::From(_)))
    }

    /// The place of `key` in the whole: `lines[3].interval`.
    pub(super) fn path_of(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// Where the section was read from.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Notes that `key` may be there, in the form that reading nothing asked for.
    fn declare<T>(&self, key: &str, nothing: Result<T, Allowed>, is_required: bool) {
        let form = nothing.err().map_or(Form::Text, Allowed::into_form);
        self.declare_as(key, form, is_required);
    }

    fn declare_as(&self, key: &str, form: Form, is_required: bool) {
        self.reader.declare(Declared { path: self.path_of(key), form, is_required });
    }

    fn complain_at(&self, origin: Option<&str>, key: &str, text: impl Into<String>) {
        let source = origin.unwrap_or(&self.source);
        self.reader.report(Problem::new(source, &self.path_of(key), text));
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        // A key that is there with nothing after it is as good as absent.
        let value = self.values.remove(key).filter(|value| value.kind != ValueKind::Nil);
        let taken = match &value {
            Some(value) => Taken::From(value.origin().map(str::to_owned)),
            None => Taken::Absent,
        };
        self.known.insert(key, taken);
        value
    }

    fn complain_about_unknown_keys(&self) {
        for (key, value) in &self.values {
            let hint = match nearest(key, self.known.keys().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => {
                    let known: Vec<_> = self.known.keys().copied().collect();
                    format!("known here are {}", known.join(", "))
                }
            };
            self.complain_at(value.origin(), key, format!("is not a known key: {hint}"));
        }
    }
}

/// The one of `known` that `name` is most likely a misspelling of, if it is like any.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |known: &&str| strsim::jaro_winkler(known, name);
    known
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .filter(|known| likeness(known) >= LIKENESS_MIN)
}
