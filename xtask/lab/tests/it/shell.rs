use lab::{Ping, RouterSpec};

use crate::client::{Typist, lab_of};

#[tokio::test]
async fn the_pager_stops_until_it_is_switched_off() {
    for (platform, prompt, pager, off, show) in [
        ("cisco_iosxe", "r1#", " --More-- ", "terminal length 0", "show running-config"),
        ("cisco_iosxr", "CPU0:r1#", " --More-- ", "terminal length 0", "show running-config"),
        ("cisco_nxos", "r1# ", "--More--", "terminal length 0", "show running-config"),
        (
            "huawei_vrp",
            "<r1>",
            "---- More ----",
            "screen-length 0 temporary",
            "display current-configuration",
        ),
        (
            "h3c_comware",
            "<r1>",
            "---- More ----",
            "screen-length disable",
            "display current-configuration",
        ),
    ] {
        let (_lab, router) = lab_of(RouterSpec::new("r1", platform).show_lines(60)).await;
        let mut shell = Typist::start(&router, "vt100").await;
        shell.until(prompt).await;
        shell.send(&format!("{show}\r")).await;
        shell.until(pager).await;
        shell.send(" ").await;
        let second = shell.until(pager).await;
        assert!(second.contains("! line 24 of 60"), "{platform}: {second:?}");
        shell.send("q").await;
        shell.until(prompt).await;

        shell.send(&format!("{off}\r")).await;
        shell.until(prompt).await;
        shell.send(&format!("{show}\r")).await;
        let all = shell.until(prompt).await;
        assert!(all.contains("! line 60 of 60"), "{platform}: {all:?}");
        assert!(!all.contains(pager), "{platform}: {all:?}");
    }
}

#[tokio::test]
async fn what_is_typed_is_echoed_and_answered() {
    let spec = RouterSpec::new("r1", "cisco_nxos").ping(Ping::default());
    let (_lab, router) = lab_of(spec).await;
    let mut shell = Typist::start(&router, "vt100").await;
    shell.until("r1# ").await;
    shell.send("ping 198.51.100.1 count 1\r").await;
    let answer = shell.until("r1# ").await;
    assert!(answer.starts_with("ping 198.51.100.1 count 1\r\nPING "), "{answer:?}");
    assert!(answer.contains("0.00% packet loss\r\r\nround-trip"), "{answer:?}");
    shell.send("exit\r").await;
    assert_eq!(shell.until_end().await, "exit\r\n");
}

#[tokio::test]
async fn an_endless_ping_ends_by_ctrl_c() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "frr_vtysh")).await;
    let mut shell = Typist::start(&router, "vt100").await;
    shell.until("r1# ").await;
    shell.send("ping 198.51.100.1\r").await;
    shell.until("icmp_seq=2 ").await;
    shell.send("\x03").await;
    let end = shell.until("r1# ").await;
    assert!(end.contains("^C\r\n--- 198.51.100.1 ping statistics ---\r\n"), "{end:?}");
    assert!(end.contains(" 0% packet loss"), "{end:?}");
}

#[tokio::test]
async fn ctrl_c_ends_a_ping_that_waits_for_its_timeout() {
    let spec = RouterSpec::new("r1", "cisco_iosxe").ping(Ping::dead().pace(None));
    let (_lab, router) = lab_of(spec).await;
    let mut shell = Typist::start(&router, "vt100").await;
    shell.until("r1#").await;
    shell.send("ping 198.51.100.1 timeout 3600\r").await;
    shell.until("3600 seconds:\r\n").await;
    shell.send("\x03").await;
    shell.until("r1#").await;
}

#[tokio::test]
async fn a_log_line_lands_behind_the_prompt_until_it_is_switched_off() {
    let spec = RouterSpec::new("r1", "h3c_comware").syslog_after_prompt(true);
    let (_lab, router) = lab_of(spec).await;
    let mut shell = Typist::start(&router, "vt100").await;
    shell.until("<r1>").await;
    shell.send("ping -c 1 198.51.100.1\r").await;
    shell.until("<r1>").await;
    let log = shell.until("\r\n").await;
    assert!(log.starts_with('%') && log.contains("PING/6/PING_STATISTICS"), "{log:?}");

    shell.send("undo terminal monitor\r").await;
    shell.until("<r1>").await;
    shell.send("ping -c 1 198.51.100.1\rquit\r").await;
    assert!(!shell.until_end().await.contains("PING_STATISTICS"));
}

#[tokio::test]
async fn a_time_line_precedes_outputs_on_ios_xr() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxr").show("show x", "y\n")).await;
    let mut shell = Typist::start(&router, "vt100").await;
    shell.until("RP/0/RP0/CPU0:r1#").await;
    shell.send("show x\r").await;
    let answer = shell.until("#").await;
    assert!(answer.contains(" UTC\r\ny\r\n"), "{answer:?}");

    shell.send("terminal exec prompt no-timestamp\r").await;
    shell.until("CPU0:r1#").await;
    shell.send("show x\r").await;
    assert!(shell.until("CPU0:r1#").await.starts_with("show x\r\ny\r\n"));
}

#[tokio::test]
async fn enable_asks_for_its_password() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxe").enable_password("more")).await;
    let mut shell = Typist::start(&router, "vt100").await;
    shell.until("r1>").await;
    shell.send("enable\r").await;
    for _ in 0..3 {
        shell.until("Password: ").await;
        shell.send("wrong\r").await;
    }
    assert_eq!(shell.until("r1>").await, "\r\n% Bad secrets\r\n\r\nr1>");

    shell.send("enable\r").await;
    shell.until("Password: ").await;
    shell.send("more\r").await;
    assert_eq!(shell.until("r1#").await, "\r\nr1#", "the password is not echoed");
    shell.send("disable\r").await;
    shell.until("r1>").await;
}

#[tokio::test]
async fn questions_come_before_the_first_prompt() {
    let spec = RouterSpec::new("r1", "huawei_vrp").question("Change now? [Y/N]:").banner("\n");
    let (_lab, router) = lab_of(spec).await;
    let mut shell = Typist::start(&router, "vt100").await;
    shell.until("Change now? [Y/N]:").await;
    shell.send("N\r").await;
    assert_eq!(shell.until("<r1>").await, "N\r\n<r1>");
}

#[tokio::test]
async fn bash_marks_pasted_text_except_on_a_dumb_terminal() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "linux")).await;
    for (terminal, marks) in [("xterm", true), ("dumb", false)] {
        let mut shell = Typist::start(&router, terminal).await;
        let text = shell.until("monitor@r1:~$ ").await;
        assert_eq!(text.contains("\x1b[?2004h"), marks, "{terminal}: {text:?}");
    }
}

#[tokio::test]
async fn a_banner_replaces_the_login_text() {
    let spec = RouterSpec::new("r1", "huawei_vrp").banner("Keep out.\n");
    let (_lab, router) = lab_of(spec).await;
    let mut shell = Typist::start(&router, "vt100").await;
    assert_eq!(shell.until("<r1>").await, "Keep out.\r\n<r1>");
}
