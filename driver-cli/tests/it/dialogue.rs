//! Commands that ask before they go on.

use std::time::Duration;

use pool_core::{ErrorKind, Question, Secret, Step};

use crate::device::{Device, PROMPT, waited_for};

fn question(text: &str, answer: &str) -> Question {
    Question::new(text, answer).unwrap()
}

/// Asks, waits for the answer, and echoes it.
fn asks(device: Device, text: &str, answer: &str) -> Device {
    device.says(text).hears(format!("{answer}\n")).says(format!("{answer}\r\n"))
}

#[tokio::test(start_paused = true)]
async fn an_extended_ping_is_led_through_its_dialogue() {
    let mut device = Device::ready().echoes("ping");
    for (text, answer) in [
        ("Protocol [ip]: ", ""),
        ("Target IP address: ", "198.51.100.1"),
        ("Repeat count [5]: ", "3"),
        ("Datagram size [100]: ", ""),
        ("Extended commands [n]: ", ""),
    ] {
        device = asks(device, text, answer);
    }
    let reply = "Sending 3, 100-byte ICMP Echos\r\n!!!\r\nSuccess rate is 100 percent (3/3)\r\n";
    let device = device.says(format!("{reply}{PROMPT}")).answers("show clock", "12:00\r\n", PROMPT);
    let step = Step::command("ping")
        .unwrap()
        .asking(question("Protocol", ""))
        .asking(question("Target IP address", "198.51.100.1"))
        .asking(question("Repeat count", "3"))
        .asking(question("Source address", "never asked for"))
        .asking(question("Datagram size", ""))
        .asking(question("Extended commands", ""));
    let mut session = device.in_pieces_of(5).log_in().await.unwrap();
    let output = session.run_step(step).await.unwrap();
    assert!(output.starts_with("Protocol [ip]:\nTarget IP address: 198.51.100.1\n"), "{output}");
    assert!(output.ends_with("!!!\nSuccess rate is 100 percent (3/3)\n"), "{output}");
    assert_eq!(session.run("show clock").await.unwrap(), "12:00\n");
}

#[tokio::test(start_paused = true)]
async fn a_hidden_answer_is_in_no_output_and_no_error() {
    let step = || {
        let password = Question::hidden("Password:", Secret::new("s3cr3t-word")).unwrap();
        Step::command("copy").unwrap().asking(password)
    };
    let ready = || Device::ready().echoes("copy").says("Password: ").hears("s3cr3t-word\n");
    // A device that shows what it should not.
    let device = ready().says(format!("s3cr3t-word\r\ns3cr3t-word was wrong\r\n{PROMPT}"));
    let output = device.log_in().await.unwrap().run_step(step()).await.unwrap();
    assert_eq!(output, "Password: ***\n*** was wrong\n");
    // And one that falls silent then.
    let mut session = ready().says("s3cr3t-word?").log_in().await.unwrap();
    let error = session.run_step(step()).await.unwrap_err();
    assert_eq!(waited_for(&error).1, "Password: ***?");
}

#[tokio::test(start_paused = true)]
async fn a_line_is_answered_once_however_slow_the_device_is() {
    let device = Device::ready()
        .echoes("passwd")
        .says("Password: ")
        .hears("one\n")
        .thinks(Duration::from_secs(2))
        .says("\r\nPassword: ")
        .hears("two\n")
        .says(format!("\r\ndone\r\n{PROMPT}"));
    let step = Step::command("passwd")
        .unwrap()
        .asking(question("Password", "one"))
        .asking(question("Password", "two"));
    let output = device.log_in().await.unwrap().run_step(step).await.unwrap();
    assert_eq!(output, "Password:\nPassword:\ndone\n");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_expected_is_not_answered_and_is_shown() {
    let mut session = Device::ready()
        .echoes("clear log")
        .says("Clear logging buffer [confirm]")
        .log_in()
        .await
        .unwrap();
    let error = session.run("clear log").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(
        waited_for(&error),
        ("the prompt \"R1#\"".to_owned(), "Clear logging buffer [confirm]".to_owned())
    );
    assert!(session.typed().ends_with("clear log\n"));
}
