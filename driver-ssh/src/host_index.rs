use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::known_hosts::{HostRecord, Line};

/// How many lines may have to be looked at on the spot for one host. A hashed line costs a
/// microsecond.
const QUICK_LINES_MAX: usize = 256;

/// A `known_hosts` file in which a host is found without reading all of it.
#[derive(Debug, Default)]
pub(crate) struct HostIndex {
    file: Vec<u8>,
    /// Lines by the names that are written out in them, in lower case.
    by_name: HashMap<String, Vec<Range<usize>>>,
    /// Lines that may speak of any host: patterns, hashes, revocations.
    of_any: Vec<Range<usize>>,
    /// Hosts of which keys were found: no more than the file has.
    found: Mutex<HashMap<String, Arc<HostRecord>>>,
}

impl HostIndex {
    pub(crate) fn new(file: Vec<u8>) -> Self {
        let mut index = Self::default();
        let mut start = 0;
        for bytes in file.split_inclusive(|&b| b == b'\n') {
            let line = start..start + bytes.len();
            start = line.end;
            let Some(read) = Line::read(bytes) else { continue };
            match read.plain_names() {
                Some(names) => {
                    for name in names {
                        let lines = index.by_name.entry(name.to_ascii_lowercase()).or_default();
                        if lines.last() != Some(&line) {
                            lines.push(line.clone());
                        }
                    }
                }
                None => index.of_any.push(line),
            }
        }
        Self { file, ..index }
    }

    /// What the file says about the host that is written there as `name`, as [`HostRecord::find`]
    /// has it.
    pub(crate) fn find(&self, name: &str) -> Arc<HostRecord> {
        if let Some(record) = self.found(name) {
            return record;
        }
        let record = Arc::new(self.look_up(name));
        if !record.keys.is_empty() {
            self.found.lock().insert(name.to_owned(), record.clone());
        }
        record
    }

    /// The host, if keys of it were found before.
    fn found(&self, name: &str) -> Option<Arc<HostRecord>> {
        self.found.lock().get(name).cloned()
    }

    fn look_up(&self, name: &str) -> HostRecord {
        let by_name = self.by_name.get(&name.to_ascii_lowercase());
        let mut lines: Vec<_> = by_name.into_iter().flatten().chain(&self.of_any).collect();
        lines.sort_by_key(|line| line.start);
        let mut record = HostRecord::default();
        for line in lines {
            record.note(&self.file[line.clone()], name);
        }
        record
    }

    /// Whether the host is found in a moment.
    pub(crate) fn is_quick(&self, name: &str) -> bool {
        self.of_any.len() <= QUICK_LINES_MAX || self.found(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linear;

    const KEYS: [&str; 3] = [
        "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "not a key",
    ];

    /// Files of lines that speak of few hosts in every way there is.
    fn file() -> impl Strategy<Value = String> {
        let names = "(\\[?(a|B|a\\.b|!a|\\*|\\?)(\\]:22)?,?){1,3}|#|\\|1\\|CEaR4YjW8YqJP8DBDSwzrLuqtEs=\
                     \\|O8whrsjq\\+uXefEEXwaXidaJEmjY=";
        let marker = prop::sample::select(vec!["", "", "", "@revoked ", "@cert-authority "]);
        let line = (marker, names, prop::sample::select(KEYS.to_vec()), "\r?\n|\n\n| ");
        let line =
            line.prop_map(|(marker, names, key, end)| format!("{marker}{names} t {key}{end}"));
        prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn it_finds_what_a_reader_of_the_whole_file_finds(
            file in file(),
            name in prop::sample::select(vec!["a", "b", "a.b", "[a]:22", "c", "router.example.net"]),
        ) {
            let expected = HostRecord::find(file.as_bytes(), name);
            let index = HostIndex::new(file.clone().into_bytes());
            prop_assert_eq!(&*index.find(name), &expected);
            prop_assert_eq!(&*index.find(name), &expected, "once more");
        }

        #[test]
        fn no_file_makes_it_panic(file: Vec<u8>, name: String) {
            let expected = HostRecord::find(&file, &name);
            prop_assert_eq!(&*HostIndex::new(file).find(&name), &expected);
        }
    }

    #[test]
    fn the_time_to_make_an_index_grows_with_the_file_only() {
        let key = KEYS[0];
        let make = |file: &[u8]| HostIndex::new(file.to_vec()).find("host");
        let many = |parts| (0..parts).map(|i| format!("host-{i} t {key}\n")).collect::<String>();
        linear::check(|parts| many(parts).into_bytes(), make);
        linear::check(|parts| format!("host t {key}\n").repeat(parts).into_bytes(), make);
        linear::check(|parts| format!("{} t {key}", "host,".repeat(parts)).into_bytes(), make);
        linear::check(|parts| format!("@revoked * t {key}\n").repeat(parts).into_bytes(), make);
    }

    #[test]
    fn a_file_of_hashes_is_not_quick() {
        let hashed = format!("|1|CEaR4YjW8YqJP8DBDSwzrLuqtEs=|x t {}\n", KEYS[0]);
        let file = hashed.repeat(QUICK_LINES_MAX + 1) + &format!("b t {}\n", KEYS[0]);
        let index = HostIndex::new(file.into_bytes());
        assert!(!index.is_quick("b") && index.find("b").keys.len() == 1);
        assert!(index.is_quick("b") && !index.is_quick("c"), "what was found is known");
        let plain: String = (0..1000).map(|i| format!("host-{i} t {}\n", KEYS[0])).collect();
        let index = HostIndex::new(plain.into_bytes());
        assert!(index.is_quick("HOST-999") && index.find("HOST-999").keys.len() == 1);
    }
}
