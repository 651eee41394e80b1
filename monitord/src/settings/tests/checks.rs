//! The section `checks`, at the top and at a router.

use super::{GOOD, check_changed, check_with, load_text};

#[test]
fn rules_of_all_routers_hold_for_those_that_have_none_of_their_own() {
    let rules = |text: &str| {
        let rules = &load_text(text).unwrap().inventory.routers[0].rules;
        (rules.per_minute_max, rules.first_look)
    };
    assert_eq!(rules(GOOD), (None, false));
    let limited = format!("{GOOD}checks: {{ per_minute_max: 600, first_look: true }}\n");
    assert_eq!(rules(&limited), (Some(600), true));
    let own = limited.replacen("username:", "checks: { per_minute_max: 30 }, username:", 1);
    assert_eq!(rules(&own), (Some(30), true));
    let own = limited.replacen("username:", "checks: { first_look: false }, username:", 1);
    assert_eq!(rules(&own), (Some(600), false));
}

#[test]
fn rules_that_are_none_are_refused() {
    check_with(
        "checks: { per_minute_max: 0 }",
        "m.yaml: checks.per_minute_max is 0: allowed is a whole number from 1 to 6000",
    );
    check_changed(
        "username:",
        "checks: { per_minute: 9 }, username:",
        "m.yaml: routers[0].checks.per_minute is not a known key: did you mean `per_minute_max`?",
    );
}
