//! Every stage at which a device can let us down, and what is told of it.

use std::time::Duration;

use pool_core::{Context, Error, ErrorKind, Phase, Request};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::device::{Device, PROMPT, waited_for};

const SECOND: Duration = Duration::from_secs(1);

/// Logs in within a second, and returns the error and how long it took to come.
async fn login_error(device: Device) -> (Error, Duration) {
    let started = Instant::now();
    let error = device.within(SECOND).log_in().await.unwrap_err();
    (error, started.elapsed())
}

#[track_caller]
fn check(error: &Error, kind: ErrorKind, phase: Phase) {
    assert_eq!((error.kind(), error.phase()), (kind, Some(phase)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stall_at_any_stage_of_the_login_is_cut_off_with_its_phase() {
    let greeted = || Device::silent("cisco_iosxe").greets("", PROMPT);
    let stages = [
        (Device::silent("cisco_iosxe"), Phase::Prompt),
        (Device::silent("cisco_iosxe").says("\r\nWelcome"), Phase::Prompt),
        (Device::silent("cisco_iosxe").says("\r\nR1#"), Phase::Prompt),
        (greeted(), Phase::Setup),
        (greeted().hears("terminal width 512").says("terminal wi"), Phase::Setup),
        (greeted().echoes("terminal width 512"), Phase::Setup),
    ];
    for (device, phase) in stages {
        let name = format!("{device:?}");
        let (error, took) = login_error(device).await;
        check(&error, ErrorKind::DeadlineExceeded, phase);
        assert_eq!(took, SECOND, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_before_the_prompt_tells_what_came_instead() {
    let (error, _) = login_error(Device::silent("cisco_iosxe").says("\r\nSystem boots")).await;
    let (expected, received) = waited_for(&error);
    assert_eq!(expected, "a prompt of cisco_iosxe");
    assert_eq!(received, "System boots");
}

#[tokio::test(start_paused = true)]
async fn a_stall_at_any_stage_of_a_command_is_cut_off_with_its_phase() {
    let stages = [
        (Device::ready(), Phase::Write, 10, "the echo of `show clock`", ""),
        (
            Device::ready().hears("show clock").says("show"),
            Phase::Read,
            31,
            "the prompt \"R1#\"",
            "show",
        ),
        (Device::ready().echoes("show clock"), Phase::Read, 30, "the prompt \"R1#\"", ""),
        (
            Device::ready().echoes("show clock").says("12:00 hunter2\r\n"),
            Phase::Read,
            30,
            "the prompt \"R1#\"",
            "12:00 ***",
        ),
    ];
    for (device, phase, seconds, expected, received) in stages {
        let mut session = device.log_in().await.unwrap();
        let started = Instant::now();
        let error = session.run("show clock").await.unwrap_err();
        check(&error, ErrorKind::DeadlineExceeded, phase);
        assert_eq!(started.elapsed().as_secs(), seconds, "{expected} {received}");
        assert_eq!(waited_for(&error), (expected.to_owned(), received.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_comes_before_the_sessions_own() {
    let mut session = Device::ready().echoes("show clock").log_in().await.unwrap();
    let ctx = Context::detached(Duration::from_millis(100));
    let started = Instant::now();
    let request = Request::command("show clock").unwrap();
    let error = session.driver.execute(&ctx, &request).await.unwrap_err();
    check(&error, ErrorKind::DeadlineExceeded, Phase::Read);
    assert_eq!(started.elapsed(), Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn cancelling_is_told_from_a_deadline_at_login_and_in_a_command() {
    async fn cancelled<T>(parent: &CancellationToken, work: impl Future<Output = T>) -> T {
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            parent.cancel();
        };
        tokio::join!(work, cancel).0
    }
    let started = Instant::now();
    let parent = CancellationToken::new();
    let ctx = Context::new(&parent, SECOND);
    let device = Device::silent("cisco_iosxe").says("\r\nWelcome");
    let (result, ..) = cancelled(&parent, device.log_in_under(&ctx)).await;
    check(&result.unwrap_err(), ErrorKind::Cancelled, Phase::Prompt);
    assert_eq!(started.elapsed(), Duration::from_millis(50));

    let mut session = Device::ready().echoes("show clock").log_in().await.unwrap();
    let parent = CancellationToken::new();
    let ctx = Context::new(&parent, SECOND);
    let request = Request::command("show clock").unwrap();
    let result = cancelled(&parent, session.driver.execute(&ctx, &request)).await;
    check(&result.unwrap_err(), ErrorKind::Cancelled, Phase::Read);
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_command_was_cut_short_is_never_used_again() {
    let device = Device::ready().echoes("show clock").says("12:00\r\n");
    let mut session = device.log_in().await.unwrap();
    let cut = tokio::time::timeout(SECOND, session.run("show clock")).await;
    assert!(cut.is_err());
    let error = session.run("show version").await.unwrap_err();
    check(&error, ErrorKind::Desynchronised, Phase::Write);
    let typed = session.close().await;
    assert!(
        typed.ends_with("show clock\n\u{3}exit\n"),
        "the command is interrupted first: {typed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_device_without_a_free_session_is_busy() {
    let refusals = [
        ("cisco_nxos", "CLI session limit 32 reached"),
        ("cisco_iosxe", "% Login refused: no VTY line is free"),
        ("cisco_iosxr", "% No VTY line is available"),
        ("huawei_vrp", "Error: The number of VTY users has reached the limit."),
        ("h3c_comware", "The number of online users has reached the limit."),
        ("linux", "There were too many logins for 'monitor'."),
    ];
    for (platform, words) in refusals {
        let hanging = Device::silent(platform).says(format!("\r\n{words}\r\n"));
        let gone = Device::silent(platform).says(format!("\r\n{words}\r\n")).hangs_up();
        for device in [hanging, gone] {
            let (error, took) = login_error(device).await;
            check(&error, ErrorKind::Busy, Phase::Prompt);
            assert!(error.to_string().ends_with(words), "{error}");
            assert!(took < SECOND * 2, "{took:?}: it is told at once");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_hangs_up_is_quoted() {
    let at_login = Device::silent("cisco_iosxe").says("\r\n% Authorization failed.\r\n").hangs_up();
    let (error, _) = login_error(at_login).await;
    check(&error, ErrorKind::Disconnected, Phase::Prompt);
    assert!(error.to_string().contains("% Authorization failed."), "{error}");

    let in_command = Device::ready().echoes("show clock").says("Reload in progress\r\n").hangs_up();
    let error = in_command.log_in().await.unwrap().run("show clock").await.unwrap_err();
    check(&error, ErrorKind::Disconnected, Phase::Read);
    assert!(error.to_string().contains("Reload in progress"), "{error}");

    let mut idle = Device::ready().log_in().await.unwrap();
    idle.meanwhile_says("\r\nidle timeout\r\n");
    idle.meanwhile_hangs_up();
    let error = idle.run("show clock").await.unwrap_err();
    assert!(error.to_string().contains("idle timeout"), "{error}");
    check(&error, ErrorKind::Disconnected, Phase::Write);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_fails_is_ended_with_a_farewell_when_there_is_time() {
    let device = Device::silent("cisco_iosxe").greets("", "R1(tcl)#").hears("tclquit").hangs_up();
    let ctx = Context::detached(Duration::from_secs(30));
    let (result, _, closed) = device.log_in_under(&ctx).await;
    check(&result.unwrap_err(), ErrorKind::Disconnected, Phase::Setup);
    assert!(closed);

    let ctx = Context::detached(SECOND);
    let (result, _, closed) = Device::silent("cisco_iosxe").log_in_under(&ctx).await;
    check(&result.unwrap_err(), ErrorKind::DeadlineExceeded, Phase::Prompt);
    assert!(!closed, "and dropped when there is none");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_platform_is_unsupported_before_anything_is_connected() {
    let error = Device::silent("amiga_os").log_in().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_trace_names_the_phases_of_a_login_and_a_command() {
    let (ctx, trace) = Context::detached(Duration::from_secs(30)).traced();
    let device = Device::ready().answers("show clock", "12:00\r\n", PROMPT);
    let mut session = device.log_in_under(&ctx).await.0.unwrap();
    session.run_request(&ctx, &Request::command("show clock").unwrap()).await.unwrap();
    let phases: Vec<_> = trace.spans().iter().map(|span| span.phase).collect();
    assert_eq!(phases, [Phase::Prompt, Phase::Setup, Phase::Write, Phase::Read]);
}
