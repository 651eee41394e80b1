//! Made-up trials beside made-up histories.

use std::collections::BTreeSet;

use super::pairing::{Pair, pairs, rhythm};
use super::reason::Reason;
use super::*;

/// When everything begins, in milliseconds since 1970.
const BEGIN_MS: i64 = 1_766_390_400_000;
const MINUTE_MS: i64 = 60_000;

/// A word for each check, a minute apart: a loss in percent, a status, or `-` for none.
fn checks(words: &str, first_ms: i64) -> Vec<Check> {
    let at = |place: usize| BEGIN_MS + first_ms + i64::try_from(place).unwrap() * MINUTE_MS;
    let words = words.split_whitespace().enumerate().filter(|(_, word)| *word != "-");
    let check = |(place, word): (usize, &str)| Check {
        at_ms: at(place),
        said: word.parse().map_or_else(|_| Said::status(word), Said::Loss),
        is_slow: true,
    };
    words.map(check).collect()
}

/// Compares them, theirs so many milliseconds later than ours.
fn compared(platform: &str, here: &str, there: &str, later_ms: i64) -> (Summary, Comparison) {
    let line = trial::TrialLine { platform: platform.to_owned(), checks: checks(here, 0) };
    let mut trial = Trial::default();
    trial.lines.insert("L1".to_owned(), line);
    let mut theirs = Theirs::default();
    theirs.checks.insert("L1".to_owned(), checks(there, later_ms));
    let (summary, mut lines) = Summary::of(&mut trial, &mut theirs, 3).unwrap();
    (summary, lines.remove(0))
}

#[track_caller]
fn counts(found: &Comparison, expected: [u64; 4]) {
    let Comparison { equal, different, only_here, only_there, .. } = *found;
    assert_eq!([equal, different, only_here, only_there], expected, "{found:#?}");
}

#[track_caller]
fn reason(platform: &str, here: &str, there: &str, expected: Option<Reason>) {
    let (_, found) = compared(platform, here, there, 20_000);
    let reasons: Vec<_> = found.reasons.into_iter().collect();
    assert_eq!(reasons, expected.map(|reason| (reason, 1)).into_iter().collect::<Vec<_>>());
    assert_eq!(found.unexplained, u64::from(expected.is_none()));
}

#[test]
fn what_both_saw_is_equal_whatever_the_time_between_their_checks() {
    for later_ms in [-30_000, -29_000, -20, 10, 7_000, 30_000, 31_000] {
        let words = "0 0 100 100 RequestTimeout 0 0 0";
        let (_, found) = compared("cisco_iosxe", words, words, later_ms);
        assert_eq!((found.equal, found.different), (8, 0), "{later_ms}: {found:#?}");
        assert_eq!((found.only_here, found.only_there), (0, 0), "{later_ms}");
    }
}

#[test]
fn rhythms_that_are_half_an_interval_apart_and_unsteady_keep_their_partners() {
    let here: Vec<i64> = (0..100).map(|round| round * MINUTE_MS).collect();
    let unsteady = |round: i64| round * MINUTE_MS + 30_000 + (round * 7919 % 9 - 4) * 1000;
    let there: Vec<i64> = (0..100).map(unsteady).collect();
    let expected: Vec<_> = (0..100).map(|place| Pair::Both(place, place)).collect();
    assert_eq!(pairs(&here, &there, MINUTE_MS), expected);
    assert_eq!(rhythm(&here), Some(MINUTE_MS));
    assert_eq!(rhythm(&here[..1]), None);
}

#[test]
fn gaps_are_found_where_they_are() {
    let (_, found) = compared("cisco_iosxe", "0 0 0 RequestTimeout 0 0", "0 0 0 - 0 0", 10_000);
    counts(&found, [5, 0, 1, 0]);
    assert_eq!(found.first[0].at, BEGIN_MS + 3 * MINUTE_MS);
    assert_eq!(found.first[0].reason, Some(Reason::Gap));
    assert_eq!((found.checks_here, found.checks_there), (6, 5));
    let (_, found) = compared("cisco_iosxe", "0 0 - 0 0 0", "0 0 0 0 0 0", 10_000);
    counts(&found, [5, 0, 0, 1]);
    assert_eq!((found.first[0].at, found.unexplained), (BEGIN_MS + 2 * MINUTE_MS + 10_000, 1));
    let failing = "RequestTimeout ".repeat(6);
    let (_, found) = compared("cisco_iosxe", &failing, "0 - - - - 0", 10_000);
    counts(&found, [0, 2, 4, 0]);
    // A measurement that they have nothing of is no gap that is known.
    reason("cisco_iosxe", "0 0 0 0 0 0", "0 0 0 - 0 0", None);
}

#[test]
fn only_the_time_that_both_have_counts() {
    let (summary, found) = compared("cisco_iosxe", "- - - 0 0 0 0", "0 0 0 0 0 - -", 10_000);
    counts(&found, [2, 0, 0, 0]);
    assert_eq!(summary.from, "2025-12-22T08:03:00Z");
    assert_eq!(summary.till, "2025-12-22T08:04:10Z");
}

#[test]
fn reasons_that_the_documents_name_are_told() {
    reason("cisco_iosxe", "0 0 20 0 0", "0 0 0 0 0", Some(Reason::PartialLoss));
    reason("cisco_iosxe", "0 0 20 0 0", "0 0 100 0 0", Some(Reason::PartialLoss));
    reason("cisco_nxos", "0 0 100 0 0", "0 0 0 0 0", Some(Reason::DeadOnNxos));
    reason("huawei_vrp", "0 0 0 0 0", "0 0 100 0 0", Some(Reason::Milliseconds));
    let (refused, unread) = ("0 0 ExecutionError 0", "0 0 ParseResultFailed 0");
    reason("cisco_iosxe", refused, unread, Some(Reason::RefusedCommand));
    // Theirs is 20 s later, and what ours saw is what they saw a round before.
    reason("cisco_iosxe", "0 0 0 100 100", "0 0 100 100 100", Some(Reason::Changed));
    let (timeout, refused) = ("0 0 CheckTimeout 0", "0 0 ConnectionError 0");
    reason("cisco_iosxe", timeout, refused, None);
}

#[test]
fn a_difference_that_lasts_is_not_taken_for_a_change() {
    let (_, found) = compared("cisco_iosxe", "100 100 100 100", "0 0 0 0", 20_000);
    counts(&found, [0, 4, 0, 0]);
    assert_eq!(found.unexplained, 4, "{found:#?}");
    assert_eq!(found.first.len(), 3);
}

#[test]
fn the_first_differences_are_those_without_a_reason() {
    let (_, found) = compared("cisco_iosxe", "20 20 20 20 100 100", "0 0 0 0 7 7", 20_000);
    let first: Vec<_> = found.first.iter().map(|one| one.reason).collect();
    assert_eq!(first, [None, None, Some(Reason::PartialLoss)]);
    let json = serde_json::to_string(&found.first[0]).unwrap();
    let expected =
        r#"{"at":"2025-12-22T08:04:00Z","ours":100,"theirs":7,"later_ms":20000,"reason":null}"#;
    assert_eq!(json, expected);
}

#[test]
fn what_monitord_reported_itself_is_compared_with_nothing() {
    let (summary, found) = compared("cisco_iosxe", "0 0 0 50 0 0 0", "0 0 0 50 0 7 7", 1);
    assert_eq!(summary.reported_here, 5);
    counts(&found, [0, 2, 0, 0]);
}

fn read(text: &str, only: &[&str]) -> Result<Trial, String> {
    let mut trial = Trial::default();
    let only: BTreeSet<_> = only.iter().copied().collect();
    let read = trial.read(text.as_bytes(), &only);
    trial.sort();
    read.map(|()| trial).map_err(|error| format!("{error:#}"))
}

fn outcome(line: &str, more: &str) -> String {
    format!(
        r#"{{"line":"{line}","platform":"cisco_iosxe","sent":8,"received":7,"rtt_max_ms":1.5,"scheduled_at":"2025-12-22T08:00:00.000Z","started_at":"2025-12-22T08:00:00.250Z","trigger":"schedule","task":"ping","zabbix_status":null{more}}}"#
    ) + "\n"
}

#[test]
fn outcomes_are_read_as_zabbix_would_have_got_them() {
    let good = outcome("L1", r#","loss_pct":12.5,"error":null"#);
    let failed = good.replace("\"sent\":8,\"received\":7", "\"sent\":null,\"received\":null");
    let failed = failed.replace("zabbix_status\":null", "zabbix_status\":\"CheckTimeout\"");
    let failed = failed.replace("08:00:00.250Z", "08:01:00.250Z");
    // Written twice in a crash, and the last one is not whole yet.
    let text = format!("{failed}{good}{good}\n{}", &good[..30]);
    let trial = read(&text, &[]).unwrap();
    let checks = &trial.lines["L1"].checks;
    assert_eq!(checks.len(), 2, "{checks:?}");
    assert_eq!((checks[0].at_ms, &checks[0].said), (BEGIN_MS + 250, &Said::Loss(12)));
    assert_eq!(checks[1].said, Said::Status("CheckTimeout".into()));
    assert_eq!(trial.left_out, 0);
}

#[test]
fn outcomes_of_which_the_predecessor_has_no_like_are_left_out_and_counted() {
    let good = outcome("L1", "");
    let look = good.replace("\"schedule\"", "\"recheck\"");
    let stopped = good.replace("\"sent\":8,\"received\":7", "\"sent\":null,\"received\":null");
    let trial = read(&format!("{good}{look}{stopped}"), &[]).unwrap();
    assert_eq!((trial.lines["L1"].checks.len(), trial.left_out), (1, 2));
    let both = format!("{good}{}", outcome("L2", ""));
    assert_eq!(read(&both, &["L2"]).unwrap().lines.keys().collect::<Vec<_>>(), ["L2"]);
}

#[test]
fn what_is_no_outcome_is_named_by_its_line() {
    let good = outcome("L1", "");
    let error = read(&format!("{good}{{\"line\":\"L1\"}}\n"), &[]).unwrap_err();
    assert!(error.starts_with("line 2 is no outcome: missing field"), "{error}");
    let error = read(&good.replace("2025-12-22T08:00:00.250Z", "today"), &[]).unwrap_err();
    assert!(error.starts_with("line 1: \"today\" is no time"), "{error}");
    let error = read(&"x".repeat(100_000), &[]).unwrap_err();
    assert_eq!(error, "line 1 is longer than any outcome");
}

#[test]
fn the_page_has_lines_differences_and_everything_together() {
    let (mut summary, found) =
        compared("cisco_iosxe", "0 20 0 RequestTimeout 0 100 100", "0 0 0 - 0 0 0", 20_000);
    summary.left_out = 2;
    summary.without_items = vec!["L2".to_owned()];
    let expected = "\
LINE  HERE  THERE  EQUAL  DIFFERENT  ONLY HERE  ONLY THERE
L1    7     6      3      3          1          0

LINE  TIME                  HERE  THERE  LATER  REASON
L1    2025-12-22T08:05:00Z  100   0      20 s   not known
L1    2025-12-22T08:06:00Z  100   0      20 s   not known
L1    2025-12-22T08:01:00Z  20    0      20 s   partial loss, reported as 0 or 100

2025-12-22T08:00:20Z to 2025-12-22T08:06:00Z: 1 lines, 7 checks here and 6 there
3 equal, 3 different, 1 only here, 0 only there
  1 partial loss, reported as 0 or 100
  1 nothing reported, where monitord has a status
  2 for no known reason: look at these
left out: 2 outcomes of second looks, requests, interfaces and stops
left out: 1 lines without such items in Zabbix: L2
";
    assert_eq!(page(&summary, &[found]), expected);
}
