//! The section `checks`: how lines are checked, on all routers or on one.

use scheduler::CheckRules;

use super::section::Section;
use super::value::{boolean, integer};

/// Reads the keys that the section has at the top and at a router. What is absent is as in
/// `defaults`.
pub(super) fn read(section: &mut Section<'_>, defaults: &CheckRules) -> CheckRules {
    let per_minute_max = section.get("per_minute_max", integer(CheckRules::PER_MINUTE));
    let first_look = section.get("first_look", boolean);
    CheckRules {
        per_minute_max: per_minute_max.or(defaults.per_minute_max),
        first_look: first_look.unwrap_or(defaults.first_look),
    }
}
