use std::time::Duration;

use driver_cli::SessionLog;
use pool_core::{Context, Error, ErrorKind, Request, Step};
use tokio::time::Instant;

use crate::device::{Device, PROMPT};

const PING: &str = "ping 198.51.100.1 repeat 5";
const REPLY: &str =
    "Type escape sequence to abort.\r\n!!!!!\r\nSuccess rate is 100 percent (5/5)\r\n";
const LOG: &str = "*Nov 22 08:00:00.123: %SYS-5-CONFIG_I: Configured from console by vty0\r\n";
const PRINTED: &str = "Type escape sequence to abort.\n!!!!!\nSuccess rate is 100 percent (5/5)\n";

#[tokio::test(start_paused = true)]
async fn only_what_the_command_printed_is_returned() {
    let device = Device::ready().answers(PING, REPLY, PROMPT);
    assert_eq!(device.log_in().await.unwrap().run(PING).await.unwrap(), PRINTED);
    let device = Device::ready().answers(PING, REPLY, PROMPT).in_pieces_of(1);
    assert_eq!(device.log_in().await.unwrap().run(PING).await.unwrap(), PRINTED);
}

#[tokio::test(start_paused = true)]
async fn steps_run_one_after_another() {
    let device =
        Device::ready().answers("show clock", "12:00\r\n", PROMPT).answers(PING, REPLY, PROMPT);
    let mut session = device.log_in().await.unwrap();
    let request = Request::command("show clock").unwrap().then(Step::command(PING).unwrap());
    let ctx = Context::detached(Duration::from_secs(10));
    let transcript = session.driver.execute(&ctx, &request).await.unwrap();
    let outputs: Vec<_> = transcript.steps.iter().map(|step| step.output.as_str()).collect();
    assert_eq!(outputs, ["12:00\n", PRINTED]);
    assert_eq!(transcript.steps[1].command, PING);
}

#[tokio::test(start_paused = true)]
async fn an_echo_is_removed_however_the_terminal_prints_it() {
    for echo in [
        "ping 198.51.100.1 re\rpeat 5",
        "ping 198.51.100.1 re \rpeat 5",
        "ping \x1b[1D 198.51.100.1 \x1b[1D repeat \x1b[1D 5 \x1b[1D",
        "pong\x08 \x08\x08 \x08\x08 \x08ing 198.51.100.1 repeat 5",
        "ping 198\rR1#ping 198.51.100.1 repeat 5",
    ] {
        let device = Device::ready().hears(PING).says(echo).hears("\n").says("\r\n").says(REPLY);
        let mut session = device.says(PROMPT).log_in().await.unwrap();
        let started = Instant::now();
        assert_eq!(session.run(PING).await.unwrap(), PRINTED, "{echo:?}");
        assert!(started.elapsed() < Duration::from_millis(100), "{echo:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_scrolls_sideways_is_removed_too() {
    let device = Device::ready().hears(PING).says("\r<repeat 5").hears("\n").says("\r\n");
    let mut session = device.says(REPLY).says(PROMPT).log_in().await.unwrap();
    assert_eq!(session.run(PING).await.unwrap(), PRINTED);
}

#[tokio::test(start_paused = true)]
async fn a_slow_echo_is_waited_for() {
    let mut device = Device::ready().hears(PING);
    for letter in PING.chars() {
        device = device.thinks(Duration::from_millis(300)).says(letter.to_string());
    }
    let mut session =
        device.hears("\n").says("\r\n").says(REPLY).says(PROMPT).log_in().await.unwrap();
    assert_eq!(session.run(PING).await.unwrap(), PRINTED);
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_is_repeated_behind_the_prompt_is_removed() {
    let repeated = format!("{PROMPT}{PING}\r\n{REPLY}");
    let mut session = Device::ready().answers(PING, &repeated, PROMPT).log_in().await.unwrap();
    assert_eq!(session.run(PING).await.unwrap(), PRINTED);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_echo_is_not_waited_for() {
    for (echo, output) in [("", "12:00\r\n"), ("show clock\r\n", "12:00\r\n")] {
        let device = Device::silent("mute_os")
            .says("mute>")
            .hears("\r\n")
            .says("\r\nmute>")
            .hears("show clock\r\n")
            .says(format!("{echo}{output}mute>"));
        let mut session = device.log_in().await.unwrap();
        assert_eq!(session.run("show clock").await.unwrap(), "12:00\n");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pager_that_is_on_nevertheless_is_answered_and_leaves_no_trace() {
    for erase in ["\r        \r", "\x08\x08\x08\x08\x08\x08\x08\x08\x08        \r", "\x1b[2K\r"] {
        let device = Device::ready()
            .echoes("show ip route")
            .says("one\r\n --More-- ")
            .hears(" ")
            .says(format!("{erase}two\r\n --More-- "))
            .hears(" ")
            .says(format!("{erase}three\r\nR1#"));
        let mut session = device.in_pieces_of(3).log_in().await.unwrap();
        assert_eq!(session.run("show ip route").await.unwrap(), "one\ntwo\nthree\n");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_command_leaves_the_session_in_step() {
    let refusal = "          ^\r\n% Invalid input detected at '^' marker.\r\n\r\n";
    let device = Device::ready().answers("pong", refusal, PROMPT).answers(PING, REPLY, PROMPT);
    let mut session = device.log_in().await.unwrap();
    let Err(Error::Rejected { command, message }) = session.run("pong").await else {
        panic!("must be refused")
    };
    assert_eq!(command, "pong");
    assert_eq!(message, "% Invalid input detected at '^' marker.");
    assert_eq!(session.run(PING).await.unwrap(), PRINTED);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_end_by_itself_is_interrupted() {
    let device = Device::silent("frr_vtysh")
        .greets("\r\nHello, this is FRRouting (version 8.4.4).\r\n\r\n", "vm# ")
        .answers("terminal length 0", "", "vm# ")
        .echoes("ping 198.51.100.1")
        .says("PING 198.51.100.1 (198.51.100.1) 56(84) bytes of data.\r\n")
        .thinks(Duration::from_secs(1))
        .says("64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=0.1 ms\r\n")
        .hears("\u{3}")
        .says("^C\r\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\r\nvm# ");
    let mut session = device.log_in().await.unwrap();
    let step = Step::command("ping 198.51.100.1").unwrap();
    let started = Instant::now();
    let output = session.run_step(step.interrupted_after(Duration::from_secs(3))).await.unwrap();
    assert!(output.ends_with("1 packets transmitted, 1 received, 0% packet loss, time 0ms\n"));
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(3) && took < Duration::from_millis(3200), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_never_pauses_is_interrupted_in_time() {
    let mut device = Device::ready().echoes("debug");
    for _ in 0..400 {
        device = device.thinks(Duration::from_millis(10)).says("tick\r\n");
    }
    let mut session = device.log_in().await.unwrap();
    let step = Step::command("debug").unwrap().with_timeout(Duration::from_secs(3));
    let step = step.interrupted_after(Duration::from_secs(1));
    session.run_step(step).await.unwrap_err();
    assert!(session.typed().ends_with("debug\n\u{3}"), "{:?}", session.typed());
}

#[tokio::test(start_paused = true)]
async fn a_command_that_ends_in_time_is_not_interrupted() {
    let mut session = Device::ready().answers(PING, REPLY, PROMPT).log_in().await.unwrap();
    let step = Step::command(PING).unwrap().interrupted_after(Duration::from_secs(5));
    session.run_step(step).await.unwrap();
    assert!(session.typed().ends_with("repeat 5\n"));
}

#[tokio::test(start_paused = true)]
async fn an_echo_in_one_piece_with_the_output_is_told_from_it() {
    let pieces = [
        format!("{PING}\r\n{REPLY}{PROMPT}"),
        format!("ping 198.51.100.1 re\r\npeat 5\r\r\n{REPLY}{PROMPT}"),
        format!("ping 198\rR1#{PING}\r\n{PING}\r\n{REPLY}{PROMPT}"),
        format!("\r<0.1 repeat 5\r\n{REPLY}{PROMPT}"),
        format!("\r\n{LOG}R1#{PING}\r\n{REPLY}{PROMPT}"),
        format!("ping 198\r\n{LOG}.51.100.1 repeat 5\r\n{REPLY}{PROMPT}"),
        format!("ping 198{LOG}R1#ping 198.51.100.1 repeat 5\r\n{REPLY}{PROMPT}"),
    ];
    for (piece, output) in pieces.iter().zip([
        PRINTED.to_owned(),
        PRINTED.to_owned(),
        // What the command prints may well be the command.
        format!("{PING}\n{PRINTED}"),
        PRINTED.to_owned(),
        PRINTED.to_owned(),
        PRINTED.to_owned(),
        PRINTED.to_owned(),
    ]) {
        let device = Device::ready().hears(format!("{PING}\n")).says(piece);
        let mut session = device.log_in().await.unwrap();
        let started = Instant::now();
        assert_eq!(session.run(PING).await.unwrap(), output, "{piece:?}");
        assert!(started.elapsed() < Duration::from_millis(10), "{piece:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_platform_may_want_to_see_the_echo_before_return_is_typed() {
    let prompt = "[admin@MikroTik] > ";
    let device = Device::silent("mikrotik_routeros")
        .says(prompt)
        .hears("\r\n")
        .says(format!("\r\n{prompt}"))
        .hears("/ping")
        .says("/ping")
        .thinks(Duration::from_secs(1))
        .hears("\r\n")
        .says(format!("\r\ndone\r\n{prompt}"));
    let log = SessionLog::new();
    let mut session = device.logging_to(log.clone()).log_in().await.unwrap();
    assert_eq!(session.run("/ping").await.unwrap(), "done\n");
    assert!(log.to_string().contains("> \"/ping\"\n"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn output_is_bounded() {
    let device = Device::ready().echoes("show tech").says("line of output\r\n".repeat(100));
    let mut session = device.log_in().await.unwrap();
    let request = Request::command("show tech").unwrap().with_output_bytes_max(1000);
    let ctx = Context::detached(Duration::from_secs(10));
    let error = session.driver.execute(&ctx, &request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutputLimit);
    let error = session.run("show clock").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Desynchronised, "it is not in step any more");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_not_allowed_is_refused_before_a_byte_is_sent() {
    let device = Device::ready().with_listed_commands_only().answers(PING, REPLY, PROMPT);
    let mut session = device.log_in().await.unwrap();
    let typed = session.typed();
    let request = Request::command(PING).unwrap().then(Step::command("reload in 5").unwrap());
    let ctx = Context::detached(Duration::from_secs(10));
    let error = session.driver.execute(&ctx, &request).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid configuration: command is \"reload in 5\": allowed is a command that begins with \
         one of: ping, show, traceroute, terminal length, terminal width"
    );
    let error = session.run("show running-config | redirect tftp://x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert_eq!(session.typed(), typed, "no byte of either was sent");
    assert!(!error.breaks_connection());
    assert_eq!(session.run(PING).await.unwrap(), PRINTED);
}
