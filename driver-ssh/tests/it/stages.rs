//! Real servers that stall at a stage after the banner: whatever the stage, and however it is cut
//! short, the operation is back in time, in the phase of the stage, and nothing of it remains.

use bytes::BytesMut;
use lab::{Fault, LabRouter};
use pool_core::{ConnectionConfig, Context, Fingerprint, Phase, Request, Result};
use tokio::task::yield_now;

use crate::cut::Cut;
use crate::rig::{Rig, config, lab_of};

#[track_caller]
fn check<T>(
    fault: Fault,
    phase: Phase,
    operation: impl AsyncFn(&Rig, &Context, &ConnectionConfig) -> Result<T>,
) {
    check_at(fault, phase, async |rig, ctx, config, _| operation(rig, ctx, config).await);
}

#[track_caller]
fn check_at<T>(
    fault: Fault,
    phase: Phase,
    operation: impl AsyncFn(&Rig, &Context, &ConnectionConfig, &LabRouter) -> Result<T>,
) {
    for cut in Cut::ALL {
        let rig = Rig::new();
        let lab = lab_of(|spec| spec.fault(fault));
        let router = lab.router("r");
        let peer = router.address();
        let mut config = config(peer);
        // A key that has to be remembered waits for the disk, which others may keep busy for longer
        // than the stages take.
        config.host_key_pins = vec![Fingerprint::new(&router.host_key_fingerprint()).unwrap()];
        rig.run(cut.apply(phase, async |ctx| operation(&rig, &ctx, &config, router).await));
        rig.assert_nothing_remains(peer);
    }
}

async fn log_in(rig: &Rig, ctx: &Context, config: &ConnectionConfig) -> Result<()> {
    rig.exec(ctx, config).await.map(drop)
}

async fn ping(rig: &Rig, ctx: &Context, config: &ConnectionConfig) -> Result<()> {
    let mut session = rig.exec(ctx, config).await?;
    session.execute(ctx, &Request::command("ping -c 5 198.51.100.1")?).await.map(drop)
}

async fn read_shell(rig: &Rig, ctx: &Context, config: &ConnectionConfig) -> Result<()> {
    let mut shell = rig.shell(ctx, config).await?;
    let mut buffer = BytesMut::new();
    while shell.read(ctx, &mut buffer).await? > 0 {}
    Ok(())
}

#[test]
fn stall_after_banner() {
    check(Fault::StallAfterBanner, Phase::KeyExchange, log_in);
}

#[test]
fn stall_in_key_exchange() {
    check(Fault::StallInKex, Phase::KeyExchange, log_in);
}

#[test]
fn stall_in_authentication() {
    check(Fault::StallInAuth, Phase::Authentication, log_in);
}

#[test]
fn stall_at_channel_open() {
    check(Fault::StallAtChannelOpen, Phase::ChannelOpen, ping);
    check(Fault::StallAtChannelOpen, Phase::ChannelOpen, read_shell);
}

#[test]
fn stall_at_the_terminal() {
    check(Fault::StallAtPty, Phase::Pty, read_shell);
}

#[test]
fn stall_at_the_shell_and_at_the_exec_request() {
    check(Fault::StallAtShell, Phase::Shell, read_shell);
    check(Fault::StallAtShell, Phase::Write, ping);
}

#[test]
fn stall_before_anything_is_printed() {
    check(Fault::StallBeforePrompt, Phase::Read, read_shell);
    check(Fault::StallBeforePrompt, Phase::Read, ping);
}

#[test]
fn stall_in_mid_output() {
    check(Fault::StallMidOutput, Phase::Read, ping);
}

#[test]
fn output_that_drips() {
    check(Fault::DripOutput, Phase::Read, ping);
}

#[test]
fn stall_at_close() {
    check_at(Fault::StallMidOutput, Phase::Close, async |rig, ctx, config, router| {
        let mut shell = rig.shell(&crate::rig::patient(), config).await?;
        let line = b"ping -c 5 198.51.100.1\n";
        shell.write_all(&crate::rig::patient(), line).await?;
        // The router stalls once three of five packets are answered.
        let mut buffer = BytesMut::new();
        while String::from_utf8_lossy(&buffer).matches("icmp_seq=").count() < 3 {
            shell.read(&crate::rig::patient(), &mut buffer).await?;
        }
        // It says so before it stalls.
        while router.stalls_total() == 0 {
            yield_now().await;
        }
        shell.close(ctx).await
    });
}
