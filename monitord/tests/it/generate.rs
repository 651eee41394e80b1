//! What packagers and shells need.

use crate::support::run;

#[tokio::test]
async fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = run(&["gen", "completions", shell], &[]).await;
        assert_eq!(ended.code, Some(0), "{shell}: {}", ended.everything());
        for command in ["run", "once", "validate", "probe", "spool"] {
            assert!(ended.stdout.contains(command), "{command} is not known to {shell}");
        }
    }
    assert_eq!(run(&["gen", "completions", "toaster"], &[]).await.code, Some(2));
}

#[tokio::test]
async fn there_is_a_manual_page_for_every_command() {
    let page = run(&["gen", "man"], &[]).await;
    assert_eq!(page.code, Some(0), "{}", page.everything());
    assert!(page.stdout.contains(".TH monitord 1"), "{}", page.stdout);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(run(&["gen", "man", path], &[]).await.code, Some(0));
    for name in ["monitord.1", "monitord-run.1", "monitord-spool-repair.1"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
    let missing = folder.path().join("missing");
    let ended = run(&["gen", "man", missing.to_str().unwrap()], &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("missing: cannot write manual pages"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_configuration_is_described_for_programs_and_people() {
    let schema = run(&["gen", "schema"], &[]).await;
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(
        schema["properties"]["connection"]["properties"]["connect_timeout"]["default"],
        "30s"
    );
    let page = run(&["gen", "reference"], &[]).await;
    assert!(page.stdout.starts_with("# Configuration reference\n"), "{}", page.stdout);
}

#[tokio::test]
async fn the_unit_speaks_systemds_protocol() {
    let unit = run(&["gen", "systemd"], &[]).await.stdout;
    for line in ["Type=notify-reload", "WatchdogSec=60s", "NoNewPrivileges=yes"] {
        assert!(unit.lines().any(|known| known == line), "{line}: {unit}");
    }
}
