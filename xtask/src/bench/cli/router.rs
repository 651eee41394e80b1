use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};
use lab::{Lab, RouterSpec};

use super::{BIG, BIG_MEGABYTES, LINE, MEGABYTE, SHORT, SMALL};

/// Runs the router, until standard input ends. Prints its address in one line.
pub(crate) fn serve() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let small = LINE.repeat(MEGABYTE / LINE.len());
    let spec = RouterSpec::new("edge-1", "cisco_iosxe")
        .show(SHORT, LINE)
        .show(BIG, small.repeat(BIG_MEGABYTES))
        .show(SMALL, small);
    let lab = runtime.block_on(Lab::start(vec![spec]))?;
    println!("{}", lab.router("edge-1").address());
    // Whoever started us closes it at the latest by ending.
    std::io::stdin().read_to_end(&mut Vec::new()).context("cannot wait for the end")?;
    runtime.shutdown_background();
    Ok(())
}

/// The router in a process of its own, which ends with this.
#[derive(Debug)]
pub(super) struct RouterProcess {
    process: Child,
    /// Open until the process is to end.
    stdin: Option<ChildStdin>,
    pub(super) address: SocketAddr,
}

impl RouterProcess {
    pub(super) fn start() -> Result<Self> {
        let program = std::env::current_exe().context("this program has a path")?;
        let mut process = Command::new(program)
            .arg("bench-router")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the router")?;
        let mut line = String::new();
        let stdout = process.stdout.take().context("the router has an output")?;
        BufReader::new(stdout).read_line(&mut line).context("the router said nothing")?;
        let address = line.trim_end().parse().context("the router did not start")?;
        Ok(Self { stdin: process.stdin.take(), process, address })
    }
}

impl Drop for RouterProcess {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It ends by itself; how does not matter any more.
        self.process.wait().ok();
    }
}
