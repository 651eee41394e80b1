use std::time::Duration;

use pool_core::ErrorKind;

use crate::device::{Device, PROMPT, Session};

/// Logs in and proves that the session is in step by running a command.
async fn works(device: Device, prompt: &str) -> Session {
    let mut session = device.answers("show clock", "12:00\r\n", prompt).log_in().await.unwrap();
    assert_eq!(session.run("show clock").await.unwrap(), "12:00\n");
    session
}

#[tokio::test(start_paused = true)]
async fn a_session_learns_its_prompt_and_prepares_the_terminal() {
    let session = works(Device::ready(), PROMPT).await;
    assert_eq!(session.typed(), "\nterminal width 512\nterminal length 0\nshow clock\n");
}

#[tokio::test(start_paused = true)]
async fn one_byte_at_a_time_makes_no_difference() {
    works(Device::ready().in_pieces_of(1), PROMPT).await;
}

#[tokio::test(start_paused = true)]
async fn lines_of_a_banner_that_look_like_prompts_are_not_learnt() {
    let late = Duration::from_millis(700);
    let device = Device::silent("cisco_iosxe")
        .says("\r\n#########\r\nfor-members-only>\r\n#")
        .thinks(late)
        .says("########\r\nstaff#")
        .thinks(late)
        .says("\r\nLast login: today\r\nR1#")
        // RETURN was pressed at `staff#`, and is taken only now.
        .hears("\n")
        .says("\r\nR1#")
        .hears("\n")
        .says("\r\nR1#")
        .takes_setup(PROMPT);
    works(device, PROMPT).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_return_does_not_bring_again_is_not_learnt() {
    let device = Device::silent("cisco_iosxe")
        .says("\r\nstaff#")
        .hears("\n")
        .says("\x07")
        .thinks(Duration::from_secs(1))
        .says("\r\nR1#")
        .hears("\n")
        .says("\r\nR1#")
        .takes_setup(PROMPT);
    works(device, PROMPT).await;
}

#[tokio::test(start_paused = true)]
async fn a_banner_of_100_kilobytes_is_read_over() {
    let banner = "# Authorised staff only #\r\n".repeat(4000);
    let device = Device::silent("cisco_iosxe").greets(&banner, PROMPT).takes_setup(PROMPT);
    works(device.in_pieces_of(1000), PROMPT).await;
}

#[tokio::test(start_paused = true)]
async fn a_greeting_without_end_is_given_up() {
    let device = Device::silent("cisco_iosxe").says("x".repeat(1 << 20)).says("yy");
    let error = device.log_in().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test(start_paused = true)]
async fn a_question_before_the_prompt_is_answered() {
    let device = Device::silent("huawei_vrp")
        .says("\r\nInfo: The max number of VTY users is 5, and the number\r\n")
        .says("      of current VTY users on line is 1.\r\n")
        .says("Warning: The initial password poses security risks.\r\n")
        .says("The password needs to be changed. Change now? [Y/N]: ")
        .hears("N\n")
        .says("N\r\n<NE40>")
        .hears("\n")
        .says("\r\n<NE40>")
        .answers("screen-length 0 temporary", "", "<NE40>")
        .answers("undo terminal monitor", "", "<NE40>");
    works(device, "<NE40>").await;

    let device = Device::silent("h3c_comware")
        .says("Press Y or ENTER to continue, N to exit.\r\n")
        .hears("Y\n")
        .says("\r\n<H3C>")
        .hears("\n")
        .says("\r\n<H3C>")
        .answers("screen-length disable", "", "<H3C>")
        .answers("undo terminal monitor", "", "<H3C>");
    works(device, "<H3C>").await;
}

#[tokio::test(start_paused = true)]
async fn a_log_line_after_the_first_prompt_is_got_over_with_return() {
    let device = Device::silent("h3c_comware")
        .says("<H3C>%Nov 22 08:00:00:000 2026 H3C SHELL/5/SHELL_LOGIN: monitor logged in.\r\n")
        .hears("\n")
        .says("\r\n<H3C>")
        .hears("\n")
        .says("\r\n<H3C>")
        .answers("screen-length disable", "", "<H3C>")
        .answers("undo terminal monitor", "", "<H3C>");
    works(device, "<H3C>").await;
}

#[tokio::test(start_paused = true)]
async fn return_is_not_pressed_on_a_question_that_is_not_known() {
    let device = Device::silent("cisco_iosxe")
        .says("Erase everything? [confirm]")
        .within(Duration::from_secs(20));
    let ctx = pool_core::Context::detached(Duration::from_secs(20));
    let (result, typed, _) = device.log_in_under(&ctx).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(typed, "");
}

#[tokio::test(start_paused = true)]
async fn a_prompt_with_a_clock_in_it_is_told_by_its_pattern() {
    let mut device = Device::silent("linux").says("12:00:00 probe$ ");
    for second in 1..=4 {
        device = device.hears("\n").says(format!("\r\n12:00:0{second} probe$ "));
    }
    let device = device.answers("export LC_ALL=C", "", "12:00:05 probe$ ");
    works(device, "12:00:06 probe$ ").await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_in_another_script_or_behind_a_prefix_is_a_prompt() {
    for prompt in ["маршрутизатор-7#", "R1-stby#", "edge(lab)#", "edge.example.net#", "a#"]
    {
        let device = Device::silent("cisco_iosxe").greets("", prompt).takes_setup(prompt);
        works(device, prompt).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_setup_command_that_is_refused_does_not_matter() {
    let refusal = "         ^\r\n% Invalid input detected at '^' marker.\r\n\r\n";
    let device = Device::silent("cisco_iosxe")
        .greets("", "R1>")
        .answers("terminal width 512", refusal, "R1>")
        .answers("terminal length 0", "", "R1>");
    works(device, "R1>").await;
}

#[tokio::test(start_paused = true)]
async fn closing_says_farewell() {
    let session = Device::ready().hears("exit\n").hangs_up().log_in().await.unwrap();
    assert!(session.close().await.ends_with("exit\n"));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_answers_return_is_healthy() {
    let device = Device::ready().hears("\n").says("\r\nR1#");
    let mut session = device.log_in().await.unwrap();
    let ctx = pool_core::Context::detached(Duration::from_secs(60));
    session.driver.health_check(&ctx).await.unwrap();
    let error = session.driver.health_check(&ctx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(error.phase(), Some(pool_core::Phase::HealthCheck));
    assert!(ctx.elapsed() < Duration::from_secs(6), "health_check_timeout bounds it");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_writes_gb18030_is_read_and_typed_to_in_it() {
    let prompt = b"<\xba\xcb\xd0\xc4-1>";
    let echoed = |device: Device, command: &[u8], output: &[u8]| {
        let printed = [b"\r\n".as_slice(), output, prompt].concat();
        device.hears(command).says(command).hears("\n").says(printed)
    };
    let mut device = Device::silent("huawei_gb").says(prompt).hears("\n");
    device = device.says([b"\r\n".as_slice(), prompt].concat());
    device = echoed(device, b"screen-length 0 temporary", b"");
    device = echoed(device, b"undo terminal monitor", b"");
    device = echoed(device, b"display \xbd\xd3\xbf\xda", b"\xbd\xd3\xbf\xda up\r\n");
    let mut session = device.in_pieces_of(1).log_in().await.unwrap();
    assert_eq!(session.run("display 接口").await.unwrap(), "接口 up\n");
}

#[tokio::test(start_paused = true)]
async fn a_prompt_of_one_to_64_characters_is_a_prompt() {
    for name in ["a".to_owned(), "x".repeat(63), "маршрутизатор".repeat(4)] {
        let prompt = format!("{name}#");
        let device = Device::silent("cisco_iosxe").greets("", &prompt).takes_setup(&prompt);
        works(device, &prompt).await;
    }
}

#[tokio::test(start_paused = true)]
async fn notices_of_a_last_login_and_an_expiring_password_are_read_over() {
    let notices = "Last login: Sun Nov 22 08:00:00 2026 from 192.0.2.9\r\n\
                   Your password will expire in 3 days#\r\n> Please change it. <\r\n";
    let device = Device::silent("cisco_iosxe").greets(notices, PROMPT).takes_setup(PROMPT);
    works(device, PROMPT).await;
}

#[tokio::test(start_paused = true)]
async fn a_time_in_front_of_a_prompt_of_iosxr_is_no_part_of_it() {
    let prompt = "RP/0/RP0/CPU0:core-1#";
    let timed = |time: &str| format!("\r\nSun Nov 22 08:21:{time} UTC\r\n{prompt}");
    let device = Device::silent("cisco_iosxr")
        .says(timed("01.000"))
        .hears("\n")
        .says(timed("02.000"))
        .answers("terminal exec prompt no-timestamp", "", &timed("03.000"))
        .answers("terminal width 512", "", prompt)
        .answers("terminal length 0", "", prompt);
    works(device, prompt).await;
}

#[tokio::test(start_paused = true)]
async fn routeros_is_told_about_the_terminal_and_nothing_is_left_of_its_repaints() {
    let prompt = "[monitor@edge 1] > ";
    let repainted = format!("\r\r\r\r{prompt}\x1b[K\r{prompt}");
    let mut session = Device::silent("mikrotik_routeros")
        .says(&repainted)
        .hears("\r\n")
        .says(format!("\r\n{repainted}"))
        .hears("/ping address=198.51.100.1 count=1")
        .says("/ping address=198.51.100.1 count=1")
        .hears("\r\n")
        .says(format!("\r\nsent=1 received=1\r\n\r\n{repainted}"))
        .log_in()
        .await
        .unwrap();
    assert_eq!(session.username(), "monitor+ct511w4098h");
    let output = session.run("/ping address=198.51.100.1 count=1").await.unwrap();
    assert_eq!(output, "sent=1 received=1\n\n");
}

fn asked_for_a_login() -> Device {
    Device::silent("cisco_aireos")
        .says("\r\n\r\n(Cisco Controller) \r\nUser: ")
        .hears("monitor\n")
        .says("monitor\r\nPassword:")
        .hears("hunter2\n")
        .says("*******\r\n")
}

#[tokio::test(start_paused = true)]
async fn user_and_password_are_typed_where_the_terminal_asks_for_them_again() {
    let prompt = "(Cisco Controller) >";
    let device = asked_for_a_login().says(prompt).hears("\n").says(format!("\r\n{prompt}"));
    let log = driver_cli::SessionLog::new();
    works(device.logging_to(log.clone()), prompt).await;
    assert!(!log.to_string().contains("hunter2"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_password_that_the_terminal_does_not_take_is_not_typed_again() {
    let again = asked_for_a_login().says("User: ").hears("monitor\n").says("monitor\r\nPassword:");
    let ctx = pool_core::Context::detached(Duration::from_secs(20));
    let (result, typed, _) = again.log_in_under(&ctx).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    assert_eq!(typed.matches("hunter2").count(), 1, "{typed:?}");
}
