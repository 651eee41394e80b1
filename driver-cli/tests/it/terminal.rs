//! What is peculiar to one device.

use std::path::Path;

use pool_core::{ErrorKind, Question, Secret, Step, TerminalConfig};

use crate::device::{Device, PROMPT};

fn with_prompt(prompt: &str) -> TerminalConfig {
    TerminalConfig { prompt: Some(prompt.to_owned()), ..TerminalConfig::default() }
}

#[tokio::test(start_paused = true)]
async fn a_prompt_of_the_devices_own_takes_the_place_of_the_platforms() {
    let prompt = "R 1 of 2 %";
    let device = Device::silent("cisco_iosxe").greets("\r\nstaff#\r\n", prompt).takes_setup(prompt);
    let device = device.answers("show clock", "12:00\r\nR1#\r\n", prompt);
    let mut session = device.with_terminal(with_prompt(r"^R \d of \d %$")).log_in().await.unwrap();
    assert_eq!(session.run("show clock").await.unwrap(), "12:00\nR1#\n");
}

#[tokio::test(start_paused = true)]
async fn the_encoding_of_one_device_is_not_its_platforms() {
    let prompt = b"<\xba\xcb\xd0\xc4-1>".as_slice();
    let echoed = |device: Device, command: &[u8], output: &[u8]| {
        let printed = [b"\r\n".as_slice(), output, prompt].concat();
        device.hears(command).says(command).hears("\n").says(printed)
    };
    let mut device = Device::silent("huawei_vrp").says(prompt).hears("\n");
    device = device.says([b"\r\n".as_slice(), prompt].concat());
    device = echoed(device, b"screen-length 0 temporary", b"");
    device = echoed(device, b"undo terminal monitor", b"");
    device = echoed(device, b"display clock", b"\xbd\xd3\xbf\xda\r\n");
    let terminal = TerminalConfig { encoding: Some("gb18030".into()), ..TerminalConfig::default() };
    let mut session = device.with_terminal(terminal).log_in().await.unwrap();
    assert_eq!(session.run("display clock").await.unwrap(), "接口\n");
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_cannot_be_had_is_refused_before_anything_is_connected() {
    let encoding = Some("latin-1".to_owned());
    let terminal = TerminalConfig { encoding, ..with_prompt("R1#") };
    let error = Device::ready().with_terminal(terminal).log_in().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    let told = "encoding is latin-1: allowed is utf-8, gb18030; prompt is R1#: allowed is a regular \
                expression that begins with ^ and ends with $";
    assert_eq!(error.to_string(), format!("invalid configuration: {told}"));
}

#[tokio::test(start_paused = true)]
async fn a_log_leaves_in_pieces_without_secrets_and_whole_at_the_end() {
    let session_log = Some("/log/edge-1".into());
    let device = Device::ready()
        .echoes("copy")
        .says("my hun")
        .thinks(std::time::Duration::from_millis(20))
        .says("ter2\r\nPassword: ")
        .hears("s3cr3t\n")
        .says(format!("s3cr3t\r\nfor hunt\r\n{PROMPT}"))
        .answers("show clock", "12:00 hunt", "");
    let device = device.with_terminal(TerminalConfig { session_log, ..TerminalConfig::default() });
    let sink = device.sink();
    let mut session = device.log_in().await.unwrap();
    let password = Question::hidden("Password", Secret::new("s3cr3t")).unwrap();
    session.run_step(Step::command("copy").unwrap().asking(password)).await.unwrap();
    let before = sink.all().len();
    assert!(before > 3, "a piece for each thing sent");
    session.run("show clock").await.unwrap_err();
    drop(session);
    let pieces = sink.all();
    assert!(pieces.len() > before, "the rest comes at the end");
    assert!(pieces.iter().all(|(path, _)| path == Path::new("/log/edge-1")));
    assert!(pieces.iter().all(|(_, piece)| piece.starts_with("# cisco_iosxe at 192.0.2.1:22\n")));
    let text: String = pieces.into_iter().map(|(_, piece)| piece).collect();
    assert!(text.contains("> \"copy\\n\"") && text.contains("for hunt"), "{text}");
    assert!(text.ends_with("\"12:00 ***\"\n"), "it may be the beginning: {text}");
    for secret in ["s3cr3t", "hun\"", "ter2"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
