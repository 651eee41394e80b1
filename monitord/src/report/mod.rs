//! How results look from outside: JSON for programs, tables for people.

mod interface;
mod measurement;
mod outcome;
mod table;
#[cfg(any(test, feature = "bench"))]
pub(crate) mod testing;

pub(crate) use interface::{InterfaceView, interface_text};
pub(crate) use measurement::{MeasurementView, measurement_text, round_ms};
pub(crate) use outcome::{cause, outcome_line, outcome_table};
pub(crate) use table::{Table, plain};
