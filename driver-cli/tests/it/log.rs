//! The log of a session, and its replay.

use std::sync::Arc;
use std::time::Duration;

use driver_cli::testing::replay;
use driver_cli::{CliFactory, Platforms, SessionLog};
use pool_core::testing::MockConnector;
use pool_core::{
    ConnectionConfig, Context, Credentials, Endpoint, Platform, ProtocolFactory, Question, Request,
    Secret, Step, Transport,
};

use crate::device::{Device, PROMPT};

const REPLY: &str = "!!!.!\r\nSuccess rate is 80 percent (4/5)\r\n";
const PING: &str = "ping 198.51.100.1 repeat 5";

#[tokio::test(start_paused = true)]
async fn what_was_said_is_logged_with_its_time() {
    let log = SessionLog::new();
    let device = Device::silent("cisco_iosxe")
        .greets("\r\nWelcome \"x\"\r\n\x1b[1m", "R1#")
        .takes_setup(PROMPT)
        .hears(PING)
        .says(PING)
        .hears("\n")
        .thinks(Duration::from_secs(2))
        .says(format!("\r\n{REPLY}{PROMPT}"));
    let mut session = device.logging_to(log.clone()).log_in().await.unwrap();
    session.run(PING).await.unwrap();
    let text = log.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "# cisco_iosxe at 192.0.2.1:22",
            r#"     0.000 < "\r\n""#,
            r#"     0.000 < "Welcome \"x\"\r\n""#,
            r#"     0.000 < "\x1b[1mR1#""#,
            r#"     0.100 > "\n""#,
        ]
    );
    let sent = lines.iter().position(|line| line.ends_with(r#"> "ping 198.51.100.1 repeat 5\n""#));
    let after = &lines[sent.unwrap() + 1..];
    assert!(after[0].ends_with(r#"< "ping 198.51.100.1 repeat 5""#), "{text}");
    assert!(after[1].ends_with(r#"< "\r\n""#), "{text}");
    assert!(after[2].ends_with(r#"< "!!!.!\r\n""#), "{text}");
    let seconds = |line: &str| line.trim_start().split(' ').next().unwrap().parse::<f64>().unwrap();
    let took = seconds(after[2]) - seconds(after[0]);
    assert!((2.0..2.1).contains(&took), "{text}");
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_in_a_log_even_where_the_device_shows_it_in_pieces() {
    let log = SessionLog::new();
    let slow = Duration::from_millis(20);
    let device = Device::ready()
        .echoes("copy")
        .says("Password: ")
        .hears("s3cr3t-word\n")
        .says("s3cr3t-")
        .thinks(slow)
        .says("word\r\nfor hun")
        .thinks(slow)
        .says(format!("ter2\r\n{PROMPT}"));
    let password = Question::hidden("Password", Secret::new("s3cr3t-word")).unwrap();
    let step = Step::command("copy").unwrap().asking(password);
    let mut session = device.logging_to(log.clone()).log_in().await.unwrap();
    session.run_step(step).await.unwrap();
    let text = log.to_string();
    assert!(text.contains(r#"> "***\n""#), "{text}");
    for part in ["s3cr3t", "word\\r", "hunter2", "hun\"", "ter2"] {
        assert!(!text.contains(part), "{part} in {text}");
    }
    assert!(!format!("{log:?} {session:?}").contains("s3cr3t"));
}

/// Logs in to the device that `log` is a log of, with `***` for every secret.
async fn try_relive(log: &str, commands: &[&str]) -> pool_core::Result<Vec<String>> {
    let mut transport = Some(replay(log).unwrap());
    let mut connector = MockConnector::new();
    connector
        .expect_connect()
        .returning(move |_, _| Ok(Box::new(transport.take().unwrap()) as Box<dyn Transport>));
    let platforms = Arc::new(Platforms::builtin());
    let factory = CliFactory::new(Arc::new(connector), platforms);
    let platform = log.strip_prefix("# ").unwrap().split(' ').next().unwrap();
    let mut credentials = Credentials::password("monitor", "***".to_owned());
    credentials.enable_password = Some(Secret::new("***"));
    let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
    let config = ConnectionConfig::new(endpoint, Platform::new(platform), credentials);
    let ctx = Context::detached(Duration::from_secs(60));
    let mut driver = factory.create_with_context(&ctx, &config).await?;
    let mut outputs = Vec::new();
    for command in commands {
        let transcript = driver.execute(&ctx, &Request::command(*command)?).await?;
        outputs.push(transcript.output().to_owned());
    }
    Ok(outputs)
}

#[tokio::test(start_paused = true)]
async fn a_logged_session_can_be_lived_through_again() {
    let log = SessionLog::new();
    let device = Device::silent("cisco_iosxe")
        .with_enable_password("s3cr3t")
        .greets("\r\nWelcome\r\n", "R1>")
        .echoes("enable")
        .says("Password: ")
        .hears("s3cr3t\n")
        .says("\r\nR1#")
        .takes_setup("R1#")
        .answers(PING, REPLY, "R1#")
        .answers("show clock", "接口 \"x\" \\ \x1b[1my\r\n", "R1#");
    let mut session = device.in_pieces_of(9).logging_to(log.clone()).log_in().await.unwrap();
    let first = vec![session.run(PING).await.unwrap(), session.run("show clock").await.unwrap()];
    let again = try_relive(&log.to_string(), &[PING, "show clock"]).await.unwrap();
    assert_eq!(again, first);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_hangs_up_does_so_in_the_log_and_in_its_replay() {
    let log = SessionLog::new();
    let device = Device::ready().echoes("show clock").says("Reload\r\n").hangs_up();
    let mut session = device.logging_to(log.clone()).log_in().await.unwrap();
    let error = session.run("show clock").await.unwrap_err();
    let text = log.to_string();
    assert!(text.ends_with(" < (closed)\n"), "{text}");
    let again = try_relive(&text, &["show clock"]).await.unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
}

#[test]
fn a_line_that_is_none_of_a_log_is_named() {
    let text = "# cisco_iosxe at 192.0.2.1:22\n     0.000 < \"ok\"\n     0.1 ? \"x\"\n";
    assert_eq!(replay(text).unwrap_err(), "line 3: no entry: \"     0.1 ? \\\"x\\\"\"");
}
