//! A trial beside what another monitor has told Zabbix meanwhile.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};
use lab::{Fault, Lab, Ping, RouterSpec};
use serde_json::{Value, json};
use zabbix_lab::Version;

use crate::support::Site;
use crate::zabbix::{Zabbix, wait_for, zabbix};

/// How many rounds the trial has, a minute apart.
const ROUNDS: i64 = 6;
/// How long after ours the other one reports, in seconds.
const LATER_S: i64 = 7;

fn at(outcome: &Value) -> Timestamp {
    let text = outcome["started_at"].as_str().or(outcome["scheduled_at"].as_str()).unwrap();
    text.parse().unwrap()
}

/// The outcomes of a round, so many minutes earlier.
fn earlier(outcomes: &[Value], minutes: i64) -> Vec<Value> {
    let back = SignedDuration::from_mins(minutes);
    let mut outcomes = outcomes.to_vec();
    for outcome in &mut outcomes {
        for key in ["scheduled_at", "started_at"] {
            if let Some(text) = outcome[key].as_str() {
                let time: Timestamp = text.parse().unwrap();
                outcome[key] = json!(format!("{:.3}", time - back));
            }
        }
    }
    outcomes
}

/// What the other one reports of a line in a round, if anything.
fn theirs(line: &str, round: i64) -> Option<(&'static str, &'static str)> {
    const PING: &str = "dedicatedLinePing";
    const DETAIL: &str = "dedicatedLineErrorDetail";
    match (line.split_once('-')?.1, round) {
        ("good", 4..) => Some((DETAIL, "CheckTimeout")),
        ("good", _) => Some((PING, "0")),
        ("lossy", _) => Some((PING, "100")),
        // A failed login left a gap, but for the first and the last round.
        ("sick", 0 | 5) => Some((DETAIL, "ConnectionError")),
        _ => None,
    }
}

/// Has the other one report, as a sender does.
async fn report(zabbix: &Zabbix, site: &Site, trial: &[Vec<Value>]) {
    let mut text = String::new();
    for (round, outcomes) in (0..).zip(trial) {
        for outcome in outcomes {
            let line = outcome["line"].as_str().unwrap();
            if let Some((key, value)) = theirs(line, round) {
                let clock = at(outcome).as_second() + LATER_S;
                writeln!(text, "{line} {key} {clock} {value}").unwrap();
            }
        }
    }
    let file = site.path().with_file_name("values");
    std::fs::write(&file, &text).unwrap();
    let (ip, port) = zabbix.proxy().address.rsplit_once(':').unwrap();
    let mut sender = tokio::process::Command::new(&zabbix.access().sender);
    sender.args(["-z", ip, "-p", port, "-T", "-i"]).arg(&file);
    let said = String::from_utf8(sender.output().await.unwrap().stdout).unwrap();
    let sent = format!("processed: {}; failed: 0", text.lines().count());
    assert!(said.contains(&sent), "{said}");
}

async fn a_trial_is_compared(version: Version, name: &'static str) {
    let Some(zabbix) = zabbix(version) else { return };
    let host = |part: &str| format!("{name}-{part}");
    let lab = Lab::start(vec![
        RouterSpec::new(host("good"), "linux"),
        RouterSpec::new(host("lossy"), "cisco_iosxe").ping(Ping::lossy(50)),
        RouterSpec::new(host("sick"), "huawei_vrp").fault(Fault::Refuse),
        RouterSpec::new(host("bare"), "linux"),
    ])
    .await
    .unwrap();
    for part in ["good", "lossy", "sick"] {
        let id = zabbix.create_host(&host(part), json!({}));
        zabbix.create_items(&id);
    }
    zabbix.create_host(&host("bare"), json!({}));
    for part in ["good", "lossy", "sick"] {
        zabbix.known(&zabbix.proxy().address, &host(part)).await;
    }
    let mut site = Site::of(&lab);
    let file = site.path().with_file_name("outcomes.jsonl");
    site.config["file"] = json!({ "path": file });
    site.config["zabbix"] = json!({
        "api": { "url": zabbix.access().api_url, "token": zabbix.access().token },
        "proxy_name": zabbix.proxy().name,
        "report": false,
    });
    let none = site.run("compare", &[]).await;
    assert_eq!(none.code, Some(1), "{}", none.everything());
    assert!(none.stderr.contains("cannot read"), "{}", none.stderr);

    let once = site.run("once", &["-o", "json"]).await.json();
    assert_eq!(once.len(), 4, "{once:#?}");
    let trial: Vec<_> = (0..ROUNDS).map(|round| earlier(&once, ROUNDS - round)).collect();
    let text: String = trial.iter().flatten().map(|outcome| format!("{outcome}\n")).collect();
    // The first of it is in a file that was rotated away.
    let half = text.match_indices('\n').nth(9).unwrap().0 + 1;
    std::fs::write(file.with_extension("jsonl.1"), &text[..half]).unwrap();
    std::fs::write(&file, &text[half..]).unwrap();
    report(zabbix, &site, &trial).await;
    wait_for("the values to be stored", async || {
        let compared = site.run("compare", &["-o", "json"]).await.json();
        compared.last().is_some_and(|last| last["summary"]["checks_there"] == 14)
    })
    .await;

    let compared = site.run("compare", &["-o", "json", "--first", "1"]).await;
    assert_eq!(compared.code, Some(0), "{}", compared.everything());
    let lines = compared.json();
    let [good, lossy, sick, last] = &lines[..] else { panic!("{lines:#?}") };
    let counts = |line: &Value| {
        ["equal", "different", "only_here", "only_there", "unexplained"]
            .map(|key| line[key].as_u64().unwrap())
    };
    // The first of the two may be a change between the checks, and stands behind the second one.
    assert_eq!(counts(good), [4, 2, 0, 0, 1], "{good:#}");
    let is_good = |outcome: &&Value| outcome["line"] == host("good");
    let (first, last_round) = (&good["first"][0], trial[5].iter().find(is_good).unwrap());
    assert_eq!(first["at"], format!("{:.0}", at(last_round)));
    assert_eq!((&first["ours"], &first["theirs"]), (&json!(0), &json!("CheckTimeout")));
    assert_eq!(counts(lossy), [0, 6, 0, 0, 0], "{lossy:#}");
    assert_eq!(lossy["reasons"], json!({ "partial_loss": 6 }));
    assert_eq!(counts(sick), [2, 0, 4, 0, 0], "{sick:#}");
    assert_eq!(sick["reasons"], json!({ "gap": 4 }));
    assert_eq!(last["summary"]["without_items"], json!([host("bare")]));
    assert_eq!(counts(&last["summary"]), [6, 8, 4, 0, 1], "{last:#}");

    let failed = site.run("compare", &["--fail"]).await;
    assert_eq!(failed.code, Some(1), "{}", failed.everything());
    assert!(failed.stdout.contains("6 equal, 8 different, 4 only here"), "{}", failed.stdout);
    let known = site.run("compare", &["--fail", "--line", &host("lossy")]).await;
    assert_eq!(known.code, Some(0), "{}", known.everything());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_compared_with_what_zabbix_was_told() {
    a_trial_is_compared(Version::V6_0, "cmp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_compared_with_what_zabbix_7_was_told() {
    a_trial_is_compared(Version::V7_0, "cmp").await;
}
