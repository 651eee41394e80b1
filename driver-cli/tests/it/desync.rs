//! Output of an earlier command, wherever it turns up: it is held against the session.

use std::time::Duration;

use pool_core::{Context, Error, ErrorKind, Phase};

use crate::device::{Device, PROMPT, Session};

const PING: &str = "ping 198.51.100.1 repeat 5";
const REPLY: &str = "!!!!!\r\nSuccess rate is 100 percent (5/5)\r\n";
const PRINTED: &str = "!!!!!\nSuccess rate is 100 percent (5/5)\n";
const LATE: &str = "Success rate is 0 percent (0/5)\r\n";
const LOG: &str =
    "\r\n*Nov 22 08:00:00.123: %SYS-5-CONFIG_I: Configured from console by hunter2\r\n";

/// A device that has answered one command.
fn used() -> Device {
    Device::ready().answers("show clock", "12:00\r\n", PROMPT)
}

async fn use_once(device: Device) -> Session {
    let mut session = device.log_in().await.unwrap();
    assert_eq!(session.run("show clock").await.unwrap(), "12:00\n");
    session
}

/// Runs a ping on a session that must refuse it and everything after it.
async fn poisoned(session: &mut Session) -> (String, String) {
    let error = session.run(PING).await.unwrap_err();
    assert!(error.breaks_connection());
    let Error::Desynchronised { phase: Phase::Write, expected, received } = error else {
        panic!("{error:?}")
    };
    let typed = session.typed();
    let next = session.run("show version").await.unwrap_err();
    assert_eq!(next.kind(), ErrorKind::Desynchronised, "{next:?}");
    let health = Context::detached(Duration::from_secs(5));
    let health = session.driver.health_check(&health).await.unwrap_err();
    assert_eq!(health.kind(), ErrorKind::Desynchronised, "{health:?}");
    assert_eq!(session.typed(), typed, "nothing more is typed");
    (expected, received)
}

#[tokio::test(start_paused = true)]
async fn output_that_comes_while_nothing_runs_poisons_the_session_before_anything_is_typed() {
    for late in [LATE.to_owned(), format!("{LATE}R1#"), format!("{LOG}R1#{LATE}R1#")] {
        let mut session = use_once(used()).await;
        session.meanwhile_says(&late);
        let typed = session.typed();
        let (expected, received) = poisoned(&mut session).await;
        assert_eq!(expected, "nothing but messages at the prompt \"R1#\"");
        assert!(received.ends_with("Success rate is 0 percent (0/5)"), "{received}");
        assert!(!received.contains("hunter2"), "{received}");
        assert_eq!(session.typed(), typed);
    }
}

#[tokio::test(start_paused = true)]
async fn the_unfinished_line_of_an_output_is_heard_to_its_end() {
    let mut session = use_once(used().hears("\n").says(" 0 percent (0/5)\r\nR1#\r\nR1#")).await;
    session.meanwhile_says("Success rate is");
    let (_, received) = poisoned(&mut session).await;
    assert!(received.starts_with("Success rate is 0 percent (0/5)"), "{received}");
}

#[tokio::test(start_paused = true)]
async fn a_second_prompt_poisons_the_session() {
    let mut session = use_once(used().hears("\n").says("\r\nR1#")).await;
    session.meanwhile_says("\r\nR1#");
    let (_, received) = poisoned(&mut session).await;
    assert_eq!(received, "R1#");

    let device = used().hears(format!("{PING}\n")).says(format!("\r\nR1#{PING}\r\n{REPLY}R1#"));
    poisoned(&mut use_once(device).await).await;
}

#[tokio::test(start_paused = true)]
async fn output_that_comes_before_the_echo_poisons_the_session() {
    for (late, pause) in
        [(format!("{LATE}R1#"), 0), (format!("\r\n{LATE}R1#"), 200), (LATE.into(), 900)]
    {
        let device =
            used().hears(format!("{PING}\n")).says(&late).thinks(Duration::from_millis(pause));
        let device = device.says(format!("{PING}\r\n{REPLY}{PROMPT}"));
        let (expected, received) = poisoned(&mut use_once(device).await).await;
        assert_eq!(expected, format!("the echo of `{PING}`"), "{late:?}");
        assert!(received.contains("Success rate is 0 percent (0/5)"), "{late:?}: {received}");
    }
}

#[tokio::test(start_paused = true)]
async fn output_is_not_taken_for_an_echo_of_an_unknown_kind() {
    // The echo comes so late that it could be none.
    let device = used().hears(format!("{PING}\n")).says(format!("{LATE}R1#"));
    let device = device.thinks(Duration::from_secs(3)).says(format!("{PING}\r\n{REPLY}{PROMPT}"));
    poisoned(&mut use_once(device).await).await;
    // Nor is a message, which proves nothing either way.
    let device = used().hears(format!("{PING}\n")).says(format!("{LOG}R1#"));
    let device = device.thinks(Duration::from_secs(3)).says(format!("{PING}\r\n{REPLY}{PROMPT}"));
    assert_eq!(use_once(device).await.run(PING).await.unwrap(), PRINTED);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_echoes_into_the_output_of_an_earlier_command_is_found_out() {
    let device = used().hears(format!("{PING}\n")).says(format!("{PING}\r\n{LATE}"));
    let device = device.thinks(Duration::from_millis(20)).says(format!("R1#{PING}\r\n{REPLY}R1#"));
    let error = use_once(device).await.run(PING).await.unwrap_err();
    assert!(matches!(&error, Error::Desynchronised { phase: Phase::Read, .. }), "{error:?}");
    assert!(error.to_string().contains("and not its echo once more"), "{error}");
    assert!(error.to_string().contains("0 percent (0/5)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn messages_before_a_command_are_nothing_to_worry_about() {
    let unasked = [
        "\0\0\x07".to_owned(),
        "\r\x1b[KR1#".to_owned(),
        LOG.to_owned(),
        format!("{LOG}R1#"),
        format!("{LOG}R1#{LOG}{LOG}R1#"),
        LOG.trim_start().to_owned(),
        "\r\n*** Message from tty2 to all terminals:\r\n".to_owned(),
    ];
    for text in unasked {
        let device = used().hears("\n").says("\r\nR1#").answers(PING, REPLY, PROMPT);
        let mut session = use_once(device).await;
        session.meanwhile_says(&text);
        assert_eq!(session.run(PING).await.unwrap(), PRINTED, "{text:?}");

        let device = used().hears(format!("{PING}\n")).says(&text);
        let device = device.says(format!("{PING}\r\n{REPLY}{PROMPT}"));
        assert_eq!(use_once(device).await.run(PING).await.unwrap(), PRINTED, "{text:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_which_half_has_come_is_heard_to_its_end() {
    let device = used().hears("\n").says(":00.123: %SYS-5-CONFIG_I: done\r\nR1#");
    let mut session = use_once(device.answers(PING, REPLY, PROMPT)).await;
    session.meanwhile_says("\r\n*Nov 22 08:00");
    assert_eq!(session.run(PING).await.unwrap(), PRINTED);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_our_own_return_has_brought_late_is_no_second_one() {
    let log = "%Nov 22 08:00:00:000 2026 H3C PING/6/PING_STATISTICS: done.\r\n";
    let device = Device::silent("h3c_comware")
        .greets("", "<H3C>")
        .answers("screen-length disable", "", "<H3C>")
        .answers("undo terminal monitor", "", "<H3C>")
        .echoes("display clock")
        .says(format!("12:00\r\n<H3C>{log}"))
        .hears("\n")
        // The prompt behind the message comes only now, and that of RETURN later still.
        .says("<H3C>")
        .hears("\n")
        .says("\r\n<H3C>")
        .answers("display clock", "12:01\r\n", "<H3C>");
    let mut session = device.log_in().await.unwrap();
    assert_eq!(session.run("display clock").await.unwrap(), "12:00\n");
    session.meanwhile_says("\r\n<H3C>");
    assert_eq!(session.run("display clock").await.unwrap(), "12:01\n");
}

#[tokio::test(start_paused = true)]
async fn a_health_check_holds_late_output_against_the_session_too() {
    let mut session = use_once(used()).await;
    session.meanwhile_says(LATE);
    let ctx = Context::detached(Duration::from_secs(5));
    let error = session.driver.health_check(&ctx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Desynchronised);
    assert_eq!(error.phase(), Some(Phase::HealthCheck));
}

#[tokio::test(start_paused = true)]
async fn what_is_late_of_a_greeting_belongs_to_no_command() {
    let device = Device::silent("mikrotik_routeros").says("[monitor@edge-1] > ").hears("\r\n");
    let device = device.says("\r\n[monitor@edge-1] > \r\n[monitor@edge-1] > ");
    let device = device.hears("\r\n").says("\r\n[monitor@edge-1] > \r\n[monitor@edge-1] > ");
    let answer = |device: Device| {
        device.hears("/ping").says("/ping").hears("\r\n").says(
            // Such a device takes CR LF for two RETURNs.
            "\r\nsent=1 received=1\r\n[monitor@edge-1] > \r\n[monitor@edge-1] > ",
        )
    };
    let mut session = answer(answer(device)).log_in().await.unwrap();
    session.meanwhile_says("\r\nYour trial expires in 3 days\r\n[monitor@edge-1] > ");
    for _ in 0..2 {
        let output = session.run("/ping").await.unwrap();
        assert_eq!(output.trim_end(), "sent=1 received=1");
    }
}
