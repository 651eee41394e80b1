//! `cargo xtask lab`: simulated routers to try monitord on by hand.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use lab::{Lab, LabRouter};
use serde_json::{Value, json};

/// Targets for each router: one that answers, and one of a range where everything is lost.
const TARGETS: [(&str, &str); 2] = [("up", "198.51.100.1"), ("lost", "203.0.113.1")];
/// Short, so that a demo of a few seconds shows how each kind of sick router ends.
const CONNECT_TIMEOUT: &str = "4s";
/// Beside the configuration, where relative paths start.
const KNOWN_HOSTS: &str = "lab_known_hosts";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Healthy routers of each platform.
    #[arg(long, default_value_t = 1)]
    per_platform: usize,
    /// Leave out the sick routers.
    #[arg(long)]
    healthy: bool,
    /// Where to write the configuration for monitord.
    #[arg(long, default_value = "target/lab")]
    folder: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let lab = Lab::start(lab::demo_fleet(options.per_platform, !options.healthy)).await?;
        std::fs::create_dir_all(&options.folder)
            .with_context(|| format!("cannot make {:?}", options.folder))?;
        let config = write_config(&lab, &options.folder, None)?;
        for router in lab.routers() {
            println!("{:<22} {:<14} {}", router.name(), router.platform(), router.address());
        }
        println!("\nconfiguration: {}", config.display());
        println!("try: cargo run -p monitord -- once --config {}", config.display());
        println!("Ctrl-C ends the lab.");
        tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
    })
}

/// Writes a configuration of two lines per router, and returns its path. The host keys of an
/// earlier lab are forgotten: its ports may be those of other routers now.
pub(crate) fn write_config(lab: &Lab, folder: &Path, http: Option<SocketAddr>) -> Result<PathBuf> {
    let routers: Vec<Value> = lab.routers().iter().map(router).collect();
    let lines: Vec<Value> = lab
        .routers()
        .iter()
        .flat_map(|router| TARGETS.iter().map(|(kind, target)| line(router.name(), kind, target)))
        .collect();
    let mut config = json!({
        "defaults": { "ping": { "count": 3, "timeout": "1s" } },
        "connection": {
            "connect_timeout": CONNECT_TIMEOUT,
            "known_hosts": KNOWN_HOSTS,
        },
        "routers": routers,
        "lines": lines,
    });
    if let Some(http) = http {
        config["http"] = json!({ "listen": http.to_string() });
    }
    let known_hosts = folder.join(KNOWN_HOSTS);
    if known_hosts.exists() {
        std::fs::remove_file(&known_hosts)
            .with_context(|| format!("cannot remove {known_hosts:?}"))?;
    }
    let path = folder.join("monitord.json");
    std::fs::write(&path, serde_json::to_string_pretty(&config)?)
        .with_context(|| format!("cannot write {path:?}"))?;
    Ok(path)
}

fn router(router: &LabRouter) -> Value {
    json!({
        "name": router.name(),
        "host": router.address().ip().to_string(),
        "port": router.address().port(),
        "platform": router.platform(),
        "protocol": "scrapli",
        "username": lab::DEFAULT_USER,
        "password": lab::DEFAULT_PASSWORD,
    })
}

fn line(router: &str, kind: &str, target: &str) -> Value {
    json!({ "id": format!("{router}-{kind}"), "router": router, "target": target, "interval": "10s" })
}

#[cfg(test)]
mod tests {
    use lab::RouterSpec;

    use super::*;

    #[tokio::test]
    async fn host_keys_are_kept_beside_the_configuration_and_not_from_lab_to_lab() {
        let lab = Lab::start(vec![RouterSpec::new("r", "linux")]).await.expect("a lab");
        let folder = tempfile::tempdir().expect("a folder");
        let known_hosts = folder.path().join(KNOWN_HOSTS);
        std::fs::write(&known_hosts, "of an earlier lab").expect("a file");
        let path = write_config(&lab, folder.path(), None).expect("a configuration");
        assert!(!known_hosts.exists());
        let text = std::fs::read_to_string(path).expect("a file");
        let config: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(config["connection"]["known_hosts"], KNOWN_HOSTS);
        assert_eq!(config["lines"].as_array().map(Vec::len), Some(TARGETS.len()));
    }
}
