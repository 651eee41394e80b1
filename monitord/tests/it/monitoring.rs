//! The alerts and the dashboard that come with monitord ask for nothing that it does not serve.

use std::collections::BTreeSet;
use std::path::Path;

use lab::{Lab, RouterSpec};
use serde_json::json;

use crate::pages::get;
use crate::support::Site;

/// What our metrics begin with.
const PREFIXES: [&str; 3] = ["monitord_", "connection_", "task_"];

/// The metrics that a file of `contrib` asks for.
fn asked_for(file: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)));
    ours.map(|word| word.strip_suffix("_bucket").unwrap_or(word).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_and_dashboard_ask_for_metrics_that_exist() {
    let lab = Lab::start(vec![RouterSpec::new("good", "linux")]).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    site.config["spool"] = json!({ "directory": site.write().with_file_name("spool") });
    site.config["file"] = json!({ "path": site.write().with_file_name("outcomes.jsonl") });
    let daemon = site.start().await;
    daemon.wait_for("an outcome", || !daemon.outcomes().is_empty()).await;
    let (_, metrics) = get(daemon.http(), "/metrics").await;
    let helps = metrics.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let served: BTreeSet<_> = helps.filter_map(|help| help.split(' ').next()).collect();
    for file in ["prometheus/monitord.rules.yml", "grafana/monitord.json"] {
        let asked_for = asked_for(file);
        assert!(asked_for.len() > 5, "{file}: {asked_for:?}");
        for name in asked_for {
            assert!(served.contains(name.as_str()), "{file} asks for {name}, which is not served");
        }
    }
}
