//! The database: a PostgreSQL cluster of the lab's own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use crate::layout::Layout;
use crate::process::{Server, command, finish, give_away};
use crate::say;

pub(crate) const NAME: &str = "database";
const USER: &str = "zabbix";

pub(crate) fn server(layout: &Layout) -> Server<'_> {
    // A fast shutdown: it does not wait for clients to go.
    Server { layout, name: NAME, port: layout.database_port(), stop_signal: Signal::INT }
}

/// Starts it, with Zabbix's tables in it.
pub(crate) fn start(layout: &Layout) -> Result<()> {
    let programs = programs()?;
    let cluster = layout.folder.join("database");
    if !cluster.join("PG_VERSION").exists() {
        say("making a database");
        fs::create_dir_all(&cluster)?;
        give_away(&cluster)?;
        let mut initdb = command(layout, programs.join("initdb"));
        initdb.arg("-D").arg(&cluster).args(["-U", USER, "-A", "trust", "-E", "UTF8"]);
        finish(initdb.args(["--locale=C.UTF-8", "--no-sync"]), "make a database")?;
    }
    let mut postgres = command(layout, programs.join("postgres"));
    postgres.arg("-D").arg(&cluster).args(["-h", "127.0.0.1"]);
    postgres.args(["-p", &layout.database_port().to_string(), "-k", ""]);
    for setting in [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "shared_buffers=32MB",
        "max_connections=80",
    ] {
        postgres.args(["-c", setting]);
    }
    server(layout).start(postgres)?;
    fill(layout, &programs)
}

/// Makes Zabbix's tables, all of them or none.
fn fill(layout: &Layout, programs: &std::path::Path) -> Result<()> {
    let psql = |database: &str| {
        let mut psql = command(layout, programs.join("psql"));
        psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", USER]);
        psql.args(["-p", &layout.database_port().to_string(), "-d", database]);
        psql
    };
    let run = |sql: &str| finish(psql("postgres").args(["-c", sql]), "run SQL");
    // It listens before it takes connections.
    let mut found = run("select 1 from pg_database where datname = 'zabbix'");
    for _ in 0..100 {
        if found.is_ok() {
            break;
        }
        crate::process::pause(std::time::Duration::from_millis(100));
        found = run("select 1 from pg_database where datname = 'zabbix'");
    }
    if found?.trim() == "1" {
        return Ok(());
    }
    say("filling the database");
    run("drop database if exists unfinished")?;
    run("create database unfinished")?;
    // The order matters.
    let tables = layout.root().join("usr/share/zabbix-server-pgsql");
    let mut unzip = Command::new("gzip")
        .arg("-dc")
        .args(["schema.sql.gz", "images.sql.gz", "data.sql.gz"].map(|name| tables.join(name)))
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot unpack the tables")?;
    let unpacked = unzip.stdout.take().context("gzip prints nothing")?;
    finish(psql("unfinished").stdin(unpacked), "fill the database")?;
    ensure!(unzip.wait()?.success(), "cannot unpack the tables");
    run("alter database unfinished rename to zabbix")?;
    Ok(())
}

/// Where the newest PostgreSQL has its programs.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is not installed")?;
    let versions = versions.filter_map(|entry| {
        let path = entry.ok()?.path();
        let version: u32 = path.file_name()?.to_str()?.parse().ok()?;
        Some((version, path.join("bin")))
    });
    let (_, programs) = versions.max().context("PostgreSQL is not installed")?;
    Ok(programs)
}
