use pool_core::{Context, ErrorKind};
use std::time::Duration;

use crate::device::{Device, PROMPT};

fn exec() -> Device {
    Device::silent("cisco_iosxe").greets("\r\n", "R1>")
}

#[tokio::test(start_paused = true)]
async fn without_an_enable_password_the_session_stays_at_exec() {
    let session = exec().takes_setup("R1>").log_in().await.unwrap();
    assert!(!session.typed().contains("enable"));
}

#[tokio::test(start_paused = true)]
async fn the_enable_password_is_given_when_it_is_asked_for() {
    let device = exec()
        .with_enable_password("hunter3")
        .echoes("enable")
        .says("Password: ")
        .hears("hunter3\n")
        .says("\r\nR1#")
        .takes_setup(PROMPT)
        .answers("show clock", "12:00\r\n", PROMPT);
    let mut session = device.in_pieces_of(1).log_in().await.unwrap();
    assert_eq!(session.run("show clock").await.unwrap(), "12:00\n");
}

#[tokio::test(start_paused = true)]
async fn a_refused_enable_is_an_authentication_error_and_ends_in_a_farewell() {
    let refusals = [
        "\r\nPassword: ",
        "\r\n% Access denied\r\n\r\nR1>",
        "\r\n% Bad secrets\r\n\r\nR1>",
        "\r\n% Error in authentication.\r\n\r\nR1>",
    ];
    for refusal in refusals {
        let device = exec()
            .with_enable_password("hunter3")
            .echoes("enable")
            .says("Password: ")
            .hears("hunter3\n")
            .says(refusal);
        let ctx = Context::detached(Duration::from_secs(30));
        let (result, typed, closed) = device.log_in_under(&ctx).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{refusal:?}");
        assert!(!format!("{error} {error:?}").contains("hunter"), "{error:?}");
        assert!(typed.ends_with("exit\n") && closed, "{typed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_without_an_enable_password_says_so() {
    let device =
        exec().with_enable_password("hunter3").echoes("enable").says("% No password set\r\nR1>");
    let error = device.log_in().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.to_string().contains("% No password set"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_begins_in_a_shell_goes_on_to_the_command_line() {
    let prompt = "root@mx-1> ";
    let device = Device::silent("juniper_junos")
        .greets("--- JUNOS 21.4R1 built\r\n", "root@mx-1:~ # ")
        .answers("cli", "", prompt)
        .answers("set cli screen-width 511", "", prompt)
        .answers("set cli screen-length 0", "", prompt)
        .answers("set cli complete-on-space off", "", prompt);
    device.log_in().await.unwrap();
}
