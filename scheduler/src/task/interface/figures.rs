use std::fmt;

use regex::Captures;

use crate::task::ping::figures::Doubt;

/// What a device says of an interface. Counters are the device's own, which only grow until
/// somebody clears them or the device starts anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceFigures {
    /// Its name, as the device writes it.
    pub name: String,
    /// Its state.
    pub state: InterfaceState,
    /// What came in and could not be used.
    pub in_errors: u64,
    /// What could not be sent.
    pub out_errors: u64,
    /// What came in and was dropped, where the platform prints it.
    pub in_drops: Option<u64>,
    /// What was to be sent and was dropped, where the platform prints it.
    pub out_drops: Option<u64>,
    /// Frames with a wrong checksum, where the platform prints them.
    pub crc_errors: Option<u64>,
}

/// The state of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterfaceState {
    /// It carries traffic.
    Up,
    /// It does not, although it should.
    Down,
    /// An operator has switched it off.
    Disabled,
}

impl InterfaceState {
    /// The stable name used in outcomes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for InterfaceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Figures as they are found, line by line.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) name: Option<String>,
    is_up: bool,
    is_down: bool,
    is_disabled: bool,
    counters: [Option<u64>; COUNTERS.len()],
}

/// The groups of counters.
pub(super) const COUNTERS: [&str; 5] = ["in_errors", "out_errors", "in_drops", "out_drops", "crc"];
/// How many of them every definition must have.
pub(super) const REQUIRED: usize = 2;

impl Found {
    /// Takes what a line says, of which `is_ended` says whether its end was seen. A figure at the
    /// end of a line without one may be a part of a larger one.
    pub(super) fn take(&mut self, line: &Captures<'_>, is_ended: bool) -> Result<(), Doubt> {
        let whole = line.get(0).map_or(0, |whole| whole.end());
        if let Some(name) = line.name("name") {
            match &self.name {
                Some(known) if known != name.as_str() => {
                    return contradiction(format!("{known} and {} are shown", name.as_str()));
                }
                _ => self.name = Some(name.as_str().to_owned()),
            }
        }
        self.is_up |= line.name("up").is_some();
        self.is_down |= line.name("down").is_some();
        self.is_disabled |= line.name("disabled").is_some();
        for (group, known) in COUNTERS.iter().zip(&mut self.counters) {
            let Some(found) = line.name(group) else { continue };
            if found.end() == whole && !is_ended {
                return Err(Doubt::Missing("the end of a counter"));
            }
            let Ok(value) = found.as_str().parse() else {
                return contradiction(format!("{} is no count", found.as_str()));
            };
            match *known {
                Some(other) if other != value => {
                    return contradiction(format!("two different figures for {group}"));
                }
                _ => *known = Some(value),
            }
        }
        Ok(())
    }

    /// The figures, if they are complete. What is switched off counts as that, and what is down
    /// in any way as down.
    pub(super) fn finish(self) -> Result<InterfaceFigures, Doubt> {
        let state = match (self.is_disabled, self.is_down, self.is_up) {
            (true, _, _) => InterfaceState::Disabled,
            (_, true, _) => InterfaceState::Down,
            (_, _, true) => InterfaceState::Up,
            _ => return Err(Doubt::Missing("the state")),
        };
        let [in_errors, out_errors, in_drops, out_drops, crc_errors] = self.counters;
        Ok(InterfaceFigures {
            name: self.name.ok_or(Doubt::Missing("the interface"))?,
            state,
            in_errors: in_errors.ok_or(Doubt::Missing("input errors"))?,
            out_errors: out_errors.ok_or(Doubt::Missing("output errors"))?,
            in_drops,
            out_drops,
            crc_errors,
        })
    }
}

fn contradiction<T>(text: String) -> Result<T, Doubt> {
    Err(Doubt::Contradiction(text))
}
