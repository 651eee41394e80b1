//! Other programs, run to their end.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Runs `command`, whose output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// What `command` printed.
///
/// # Errors
///
/// With what it said on standard error, when it fails.
pub(crate) fn printed(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}\n{}", output.status, complaint.trim_end());
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed no text"))
}
