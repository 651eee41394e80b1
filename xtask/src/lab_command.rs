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

/// Writes a configuration of two lines per router, and returns its path.
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
            "known_hosts": folder.join("known_hosts"),
        },
        "routers": routers,
        "lines": lines,
    });
    if let Some(http) = http {
        config["http"] = json!({ "listen": http.to_string() });
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
