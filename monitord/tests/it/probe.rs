//! `monitord probe`, as it is typed, and what it prints.

use lab::{Lab, RouterSpec};
use tempfile::TempDir;

use crate::snapshot::assert_same;
use crate::support::{Ended, run};

/// Probes the router `r` of `lab`, with `more` arguments.
async fn probe(lab: &Lab, folder: &TempDir, more: &[&str]) -> Ended {
    let router = lab.router("r");
    let address = format!("{}@{}", router.user(), router.address());
    let platform = format!("--platform={}", router.platform());
    let known_hosts = format!("--known-hosts={}", folder.path().join("known_hosts").display());
    let arguments = ["probe", &address, &platform, "--target=198.51.100.1"];
    let arguments = [&arguments[..], &["--password-env=PW", &known_hosts], more].concat();
    run(&arguments, &[("PW", lab::DEFAULT_PASSWORD)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_shows_all_there_is_when_it_is_asked_to() {
    let spec = RouterSpec::new("r", "cisco_iosxe").auth_banner("Authorised use only.\n");
    let lab = Lab::start(vec![spec]).await.unwrap();
    let folder = TempDir::new().unwrap();
    let ended = probe(&lab, &folder, &["-v"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    assert!(!ended.everything().contains(lab::DEFAULT_PASSWORD), "{}", ended.everything());
    // What is said on the session comes in pieces that differ from run to run.
    let (before, rest) = ended.stdout.split_once("SESSION\n").expect("it has a session");
    let (session, after) = rest.split_once("\nREADING\n").expect("it was read");
    assert!(session.contains(r#"> "ping 198.51.100.1 "#), "{session}");
    assert_same("probe_v", &format!("{before}...\n{after}"));
    let known = probe(&lab, &folder, &["-v"]).await;
    assert!(known.stdout.contains("(known: it is in known_hosts)"), "{}", known.stdout);
    let short = probe(&lab, &folder, &[]).await;
    for phase in ["connect", "prompt", "read"] {
        assert!(short.stdout.contains(&format!("\n{phase} ")), "{phase}: {}", short.stdout);
    }
    assert_same("probe", &short.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_is_refused_still_shows_whom_it_met() {
    let lab = Lab::start(vec![RouterSpec::new("r", "cisco_iosxe")]).await.unwrap();
    let folder = TempDir::new().unwrap();
    let wrong = format!("--host-key=SHA256:{}", "A".repeat(43));
    let ended = probe(&lab, &folder, &["-v", &wrong]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.everything());
    assert_same("probe_v_refused", &ended.stdout);
}
