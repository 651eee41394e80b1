//! Where a command ends.

use std::time::Duration;

use crate::device::{Device, PROMPT, Session};

const BRIEF: Duration = Duration::from_millis(30);

async fn h3c(device: impl FnOnce(Device) -> Device) -> Session {
    let ready = Device::silent("h3c_comware")
        .greets("", "<H3C>")
        .answers("screen-length disable", "", "<H3C>")
        .answers("undo terminal monitor", "", "<H3C>");
    device(ready).log_in().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_line_of_output_that_looks_like_the_prompt_does_not_end_the_command() {
    let device = Device::ready()
        .echoes("show tech")
        .says("R1#")
        .thinks(BRIEF)
        .says("show version\r\nuptime is 4 weeks\r\nR1#\r\nR1#")
        .thinks(BRIEF)
        .says("show clock\r\n12:00\r\nR1#");
    let output = device.log_in().await.unwrap().run("show tech").await.unwrap();
    assert_eq!(output, "R1#show version\nuptime is 4 weeks\nR1#\nR1#show clock\n12:00\n");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_drips_is_heard_out() {
    let mut device = Device::ready().echoes("show tech");
    for letter in "up\r\nR1#show version\r\n".chars() {
        device = device.thinks(Duration::from_millis(100)).says(letter.to_string());
    }
    let output = device.says("R1#").log_in().await.unwrap().run("show tech").await.unwrap();
    assert_eq!(output, "up\nR1#show version\n");
}

#[tokio::test(start_paused = true)]
async fn another_devices_prompt_in_the_output_does_not_end_the_command() {
    let device = Device::ready()
        .echoes("show log")
        .says("R2#")
        .thinks(Duration::from_millis(200))
        .says("\r\nend of log\r\nR1#");
    let output = device.log_in().await.unwrap().run("show log").await.unwrap();
    assert_eq!(output, "R2#\nend of log\n");
}

#[tokio::test(start_paused = true)]
async fn a_log_line_after_the_prompt_is_got_over_with_return_and_is_no_output() {
    let log = "%Nov 22 08:00:00:000 2026 H3C PING/6/PING_STATISTICS: -Context=1; done.\r\n";
    let mut session = h3c(|device| {
        device
            .echoes("ping 198.51.100.1")
            .says("5 packet(s) transmitted, 5 packet(s) received, 0.0% packet loss\r\n")
            .says(format!("<H3C>{log}"))
            .hears("\n")
            .says("\r\n<H3C>")
            .answers("display clock", "12:00\r\n", "<H3C>")
    })
    .await;
    let output = session.run("ping 198.51.100.1").await.unwrap();
    assert_eq!(output, "5 packet(s) transmitted, 5 packet(s) received, 0.0% packet loss\n");
    assert_eq!(session.run("display clock").await.unwrap(), "12:00\n");
}

#[tokio::test(start_paused = true)]
async fn a_log_line_that_comes_between_two_commands_is_no_output_of_the_second() {
    let mut session = h3c(|device| {
        device.answers("display clock", "12:00\r\n", "<H3C>").hears("\n").says("\r\n<H3C>").answers(
            "display clock",
            "12:01\r\n",
            "<H3C>",
        )
    })
    .await;
    assert_eq!(session.run("display clock").await.unwrap(), "12:00\n");
    session.meanwhile_says("%Nov 22 08:00:00:000 2026 H3C IFNET/3/PHY_UPDOWN: down.\r\n");
    assert_eq!(session.run("display clock").await.unwrap(), "12:01\n");
}

#[tokio::test(start_paused = true)]
async fn a_prompt_like_line_before_a_long_silence_costs_no_output() {
    let device = Device::ready()
        .echoes("show tech")
        .says("R1#show version\r\n")
        .hears("\n")
        .thinks(Duration::from_secs(3))
        .says("uptime is 4 weeks\r\nR1#\r\nR1#");
    let output = device.log_in().await.unwrap().run("show tech").await.unwrap();
    assert_eq!(output, "R1#show version\nuptime is 4 weeks\n");
}

#[tokio::test(start_paused = true)]
async fn a_changed_host_name_is_put_to_the_test_and_learnt() {
    let device = Device::ready()
        .answers("hostname edge-9", "", "edge-9#")
        .hears("\n")
        .says("\r\nedge-9#")
        .answers("show clock", "12:00\r\n", "edge-9#");
    let mut session = device.log_in().await.unwrap();
    assert_eq!(session.run("hostname edge-9").await.unwrap(), "");
    assert_eq!(session.run("show clock").await.unwrap(), "12:00\n");
    assert!(session.typed().ends_with("show clock\n"));
}

#[tokio::test(start_paused = true)]
async fn a_firewall_that_takes_over_from_its_twin_changes_its_prompt() {
    let mut session = h3c(|device| {
        device
            .answers("display clock", "12:00\r\n", "RBM_P<H3C>")
            .hears("\n")
            .says("\r\nRBM_P<H3C>")
    })
    .await;
    assert_eq!(session.run("display clock").await.unwrap(), "12:00\n");
}

#[tokio::test(start_paused = true)]
async fn output_without_a_line_end_before_the_prompt_is_kept() {
    let device = Device::silent("linux")
        .greets("", "probe$ ")
        .answers("export LC_ALL=C", "", "probe$ ")
        .answers("printf done", "one\r\ndone", "probe$ ")
        .hears("\n")
        .says("\r\nprobe$ ");
    let mut session = device.log_in().await.unwrap();
    assert_eq!(session.run("printf done").await.unwrap(), "one\ndone\n");
}

#[tokio::test(start_paused = true)]
async fn times_and_contexts_around_the_output_are_no_part_of_it() {
    let prompt = "RP/0/RP0/CPU0:core-1#";
    let device = Device::silent("cisco_iosxr")
        .greets("", prompt)
        .answers("terminal exec prompt no-timestamp", "", prompt)
        .answers("terminal width 512", "", prompt)
        .answers("terminal length 0", "", prompt)
        .answers("show clock", "\r\nSun Nov 22 08:21:43.123 UTC\r\n08:21:43\r\n", prompt);
    assert_eq!(device.log_in().await.unwrap().run("show clock").await.unwrap(), "08:21:43\n");

    let prompt = "{master:0}\r\nmonitor@mx-1> ";
    let device = Device::silent("juniper_junos")
        .greets("", prompt)
        .answers("set cli screen-width 511", "", prompt)
        .answers("set cli screen-length 0", "", prompt)
        .answers("set cli complete-on-space off", "", prompt)
        .answers("show cli", "complete off\r\n", prompt);
    assert_eq!(device.log_in().await.unwrap().run("show cli").await.unwrap(), "complete off\n");
}

#[tokio::test(start_paused = true)]
async fn line_ends_and_bells_of_nxos_are_resolved() {
    let device = Device::silent("cisco_nxos")
        .greets("", "leaf-1# ")
        .answers("terminal width 511", "", "leaf-1# ")
        .answers("terminal length 0", "", "leaf-1# ")
        .answers("show clock", "12:00\r\r\n\r\r\n", "\rleaf-1# \x07");
    assert_eq!(device.log_in().await.unwrap().run("show clock").await.unwrap(), "12:00\n\n");
}

#[tokio::test(start_paused = true)]
async fn megabytes_come_through_whole() {
    let lines = "0123456789 abcdefghijklmnopqrstuvwxyz\r\n".repeat(30_000);
    let device = Device::ready().answers("show tech", &lines, PROMPT).in_pieces_of(4096);
    let mut session = device.log_in().await.unwrap();
    let request = pool_core::Request::command("show tech").unwrap();
    let ctx = pool_core::Context::detached(Duration::from_secs(60));
    let output = session.run_request(&ctx, &request.with_output_bytes_max(4 << 20)).await.unwrap();
    assert_eq!(output, lines.replace("\r\n", "\n"));
}

/// Runs `show tech` on a device that answers it by `answer`, and returns how long it took.
async fn duration_of(answer: impl FnOnce(Device) -> Device) -> Duration {
    let mut session = answer(Device::ready().echoes("show tech")).log_in().await.unwrap();
    let started = tokio::time::Instant::now();
    session.run("show tech").await.unwrap();
    started.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_command_ends_at_once_where_its_end_is_certain_and_only_there() {
    let certain = duration_of(|device| device.says("up\r\nR1#")).await;
    assert!(certain < Duration::from_millis(10), "{certain:?}");
    let quiet = Duration::from_millis(50);
    let nothing = duration_of(|device| device.says("R1#")).await;
    assert!(nothing >= quiet, "output may begin with a line like that: {nothing:?}");
    let torn = duration_of(|device| device.says("up\r\nR").says("1#")).await;
    assert!(torn >= quiet, "the device may be speaking haltingly: {torn:?}");
    let alone = duration_of(|device| device.says("up\r\n").says("R1#")).await;
    assert!(alone < Duration::from_millis(10), "a shell prints the prompt by itself: {alone:?}");
    let second = duration_of(|device| device.says("R1#show version\r\nup\r\nR1#")).await;
    assert!(second >= quiet, "there are lines like that in the output: {second:?}");
}

#[tokio::test(start_paused = true)]
async fn a_line_that_looks_like_the_prompt_in_one_piece_with_output_costs_none_of_it() {
    let device = Device::ready()
        .echoes("show tech")
        .says("R1#show version\r\nup\r\nR1#")
        .thinks(BRIEF)
        .says("show clock\r\n12:00\r\nR1#");
    let output = device.log_in().await.unwrap().run("show tech").await.unwrap();
    assert_eq!(output, "R1#show version\nup\nR1#show clock\n12:00\n");
}
