//! `monitord migrate`, as an operator types it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::run;

const FLAT: &str = "zabbix:\n  username: Admin\n  password: hunter2\n  serverip: 192.0.2.9\n  \
                    serverport: 80\n  proxyname: zabbix-proxy-01\n  proxyip: 192.0.2.10\n  \
                    proxyport: 10051\n";

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_predecessors_file_is_written_anew_and_replaces_nothing_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (old, new, secrets) = (at("svr.yml"), at("monitord.yaml"), at("secrets"));
    std::fs::write(&old, FLAT).unwrap();
    // To look at it first.
    let shown = run(&["migrate", &old], &[]).await;
    assert_eq!(shown.code, Some(0), "{}", shown.everything());
    assert!(shown.stdout.contains("\n    url: \"http://192.0.2.9:80\"\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains("\n  # The proxy whose hosts are lines."), "{}", shown.stdout);
    let made = run(&["migrate", &old, "-o", &new, "--secrets-dir", &secrets], &[]).await;
    assert_eq!(made.code, Some(0), "{}", made.everything());
    assert!(made.stderr.contains("means the same as"), "{}", made.stderr);
    assert!(!made.everything().contains("hunter2"), "{}", made.everything());
    assert_eq!(mode(Path::new(&new)), 0o600);
    assert_eq!(mode(&Path::new(&secrets).join("zabbix-api-password")), 0o600);
    let text = std::fs::read_to_string(&new).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    let validated = run(&["validate", "--offline", "-c", &new], &[]).await;
    assert_eq!(validated.code, Some(0), "{}", validated.everything());
    // It is there now.
    let again = run(&["migrate", &old, "-o", &new], &[]).await;
    assert_eq!(again.code, Some(2), "{}", again.everything());
    assert!(again.stderr.contains("is there already: --force replaces it"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&new).unwrap(), text);
    let forced = run(&["migrate", &old, "-o", &new, "--force"], &[]).await;
    assert_eq!(forced.code, Some(0), "{}", forced.everything());
    assert!(std::fs::read_to_string(&new).unwrap().contains("hunter2"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[tokio::test]
async fn what_is_wrong_with_the_old_file_is_said_of_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("svr.yml");
    let new = folder.path().join("monitord.yaml");
    std::fs::write(&old, FLAT.replace("serverip", "serveripp")).unwrap();
    let (old, output) = (old.to_str().unwrap(), new.to_str().unwrap());
    let ended = run(&["migrate", old, "-o", output], &[]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.everything());
    let told = "svr.yml: zabbix.serveripp is not a known key: did you mean `serverip`?";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    assert!(!new.exists());
    assert_eq!(run(&["migrate", "nowhere.yml"], &[]).await.code, Some(78));
}

#[tokio::test]
async fn a_relative_path_that_would_lead_elsewhere_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("svr.yml");
    std::fs::write(&old, format!("{FLAT}spool: {{ directory: spool }}\n")).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let output = elsewhere.join("monitord.yaml");
    let old = old.to_str().unwrap();
    let ended = run(&["migrate", old, "-o", output.to_str().unwrap()], &[]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.everything());
    assert!(ended.stderr.contains("write it beside the old one"), "{}", ended.stderr);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}
