//! What is peculiar to one vendor's devices, as they do it.

use std::time::Duration;

use crate::device::{Device, PROMPT};

#[tokio::test(start_paused = true)]
async fn the_context_above_the_prompt_of_sros_is_no_output() {
    let prompt = "\r\n[/]\r\nA:admin@edge-1# ";
    let minor = "MINOR: MGMT_CORE #2201: Unknown element - 'no'\r\n";
    let ping = "ping 198.51.100.1 count 1";
    let device = Device::silent("nokia_sros")
        .greets("", prompt)
        .answers("environment more false", "", prompt)
        .answers("environment console width 512", "", prompt)
        .answers("environment no more", minor, prompt)
        .answers(ping, "64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=1.9ms.\r\n", prompt);
    let output = device.log_in().await.unwrap().run(ping).await.unwrap();
    assert_eq!(output, "64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=1.9ms.\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_changed_prompt_below_a_context_is_learnt_and_leaves_no_trace() {
    let (prompt, changed) = ("\r\n[/]\r\nA:admin@edge-1# ", "\r\n[/]\r\nA:admin@edge-9# ");
    let device = Device::silent("nokia_sros")
        .greets("", prompt)
        .answers("environment more false", "", prompt)
        .answers("environment console width 512", "", prompt)
        .answers("environment no more", "", prompt)
        .answers("show uptime", "4 weeks\r\n", changed)
        .hears("\n")
        .says(format!("\r\n{changed}"))
        .answers("show uptime", "5 weeks\r\n", changed);
    let mut session = device.log_in().await.unwrap();
    assert_eq!(session.run("show uptime").await.unwrap().trim_end(), "4 weeks");
    assert_eq!(session.run("show uptime").await.unwrap().trim_end(), "5 weeks");
}

#[tokio::test(start_paused = true)]
async fn an_uncommitted_change_beside_the_prompt_of_classic_sros_is_got_over() {
    let refused = "                       ^\r\nError: Invalid parameter.\r\n";
    let device = Device::silent("nokia_sros")
        .greets("", "A:edge-1# ")
        .answers("environment more false", refused, "A:edge-1# ")
        .answers("environment console width 512", refused, "A:edge-1# ")
        .answers("environment no more", "", "A:edge-1# ")
        .answers("show uptime", "4 weeks\r\n", "*A:edge-1# ")
        .hears("\n")
        .says("\r\n*A:edge-1# ")
        .answers("show uptime", "4 weeks\r\n", "*A:edge-1# ");
    let mut session = device.log_in().await.unwrap();
    assert_eq!(session.run("show uptime").await.unwrap(), "4 weeks\n");
    assert_eq!(session.run("show uptime").await.unwrap(), "4 weeks\n");
}

#[tokio::test(start_paused = true)]
async fn a_terminal_of_80_columns_that_scrolls_the_command_is_read_all_the_same() {
    let prompt = "fw-1/act/pri# ";
    let ping = "ping outside-of-the-building 198.51.100.1 repeat 5 size 100 timeout 2 validate x";
    // The line scrolls to the left, and a `$` marks what is out of sight.
    let tail = "$100.1 repeat 5 size 100 timeout 2 validate x";
    let blanks = " ".repeat(66 - tail.len());
    let back = "\x08".repeat(blanks.len());
    let echo = format!("{}\r{prompt}{tail}{blanks}{back}", &ping[..66]);
    let device = Device::silent("cisco_asa")
        .with_enable_password("s3cr3t")
        .greets("Type help or '?' for a list of available commands.\r\n", "fw-1/act/pri> ")
        .echoes("enable")
        .says("Password: ")
        .hears("s3cr3t\n")
        .says("********\r\nfw-1/act/pri# ")
        .answers("terminal pager 0", "", prompt)
        .hears(ping)
        .says(echo)
        .hears("\n")
        .says(format!("\r\n!!!!!\r\nSuccess rate is 100 percent (5/5)\r\n{prompt}"));
    let mut session = device.log_in().await.unwrap();
    let started = tokio::time::Instant::now();
    let output = session.run(ping).await.unwrap();
    assert_eq!(output, "!!!!!\nSuccess rate is 100 percent (5/5)\n");
    assert!(started.elapsed() < Duration::from_millis(100), "the echo was recognised");
}

#[tokio::test(start_paused = true)]
async fn the_banner_of_fortios_is_accepted_and_its_pager_answered() {
    let prompt = "FGT60F-1 (root) # ";
    let device = Device::silent("fortinet_fortios")
        .says("Staff only!\r\n(Press 'a' to accept):")
        .hears("a\n")
        .says(format!("a\r\n{prompt}"))
        .hears("\n")
        .says(format!("\r\n{prompt}"))
        .echoes("get system status")
        .says("Version: 7\r\n--More-- ")
        .hears(" ")
        .says(format!("\r         \rHostname: FGT60F-1\r\n\r\n{prompt}"));
    let output = device.log_in().await.unwrap().run("get system status").await.unwrap();
    assert_eq!(output, "Version: 7\nHostname: FGT60F-1\n\n");
}

#[tokio::test(start_paused = true)]
async fn the_pager_of_icx_leaves_no_trace_where_it_is_on() {
    let prompt = "SSH@ICX7150-24 Router>";
    let more = "--More--, next page: Space, next line: Return key, quit: Control-c";
    let blank = format!("\r{}\r", " ".repeat(more.len()));
    let device = Device::silent("ruckus_icx")
        .greets("", prompt)
        .answers("skip-page-display", "Invalid input -> skip-page-display\r\n", prompt)
        .echoes("show arp")
        .says(format!("one\r\n{more}"))
        .hears(" ")
        .says(format!("{blank}two\r\n{prompt}"));
    assert_eq!(device.log_in().await.unwrap().run("show arp").await.unwrap(), "one\ntwo\n");
}

#[tokio::test(start_paused = true)]
async fn less_is_paged_through_to_its_end_before_it_is_left() {
    let device = Device::silent("linux")
        .greets("", "probe$ ")
        .answers("export LC_ALL=C", "", "probe$ ")
        .echoes("ip route")
        .says("one\r\n:")
        .hears(" ")
        .says("\r\x1b[Ktwo\r\n:")
        .hears(" ")
        .says("\r\x1b[Kthree\r\n\x1b[7m(END)\x1b[27m")
        .hears("q")
        .says("\r\x1b[Kprobe$ ");
    let output = device.log_in().await.unwrap().run("ip route").await.unwrap();
    assert_eq!(output, "one\ntwo\nthree\n");
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_is_paged_is_paged_through() {
    let device = Device::silent("frr_vtysh")
        .says("\r\nHello, this is FRRouting (version 8.4.4).\r\n(END)")
        .hears("q")
        .says("\r     \rvm# ")
        .hears("\n")
        .says("\r\nvm# ")
        .answers("terminal length 0", "", "vm# ")
        .answers("show uptime", "4 weeks\r\n", "vm# ");
    assert_eq!(device.log_in().await.unwrap().run("show uptime").await.unwrap(), "4 weeks\n");
}

#[tokio::test(start_paused = true)]
async fn a_log_line_in_the_middle_of_an_output_stays_where_it_came() {
    let log = "\r\n*Nov 22 08:00:00.123: %LINK-3-UPDOWN: Interface Gi1, changed state to down\r\n";
    let device = Device::ready()
        .echoes("ping 198.51.100.1")
        .says("!!")
        .thinks(Duration::from_millis(400))
        .says(log)
        .thinks(Duration::from_millis(400))
        .says(format!("!!!\r\nSuccess rate is 100 percent (5/5)\r\n{PROMPT}"));
    let output = device.log_in().await.unwrap().run("ping 198.51.100.1").await.unwrap();
    let expected = format!("!!{log}!!!\nSuccess rate is 100 percent (5/5)\n").replace('\r', "");
    assert_eq!(output, expected);
}

#[tokio::test(start_paused = true)]
async fn a_log_line_over_the_prompt_is_got_over_with_return() {
    let log = "\r\n*Nov 22 08:00:00.123: %SYS-5-CONFIG_I: Configured from console by vty0\r\n";
    let device = Device::ready()
        .echoes("show clock")
        .says(format!("12:00\r\n{PROMPT}{log}"))
        .hears("\n")
        .says(format!("\r\n{PROMPT}"))
        .answers("show clock", "12:01\r\n", PROMPT);
    let mut session = device.log_in().await.unwrap();
    assert_eq!(session.run("show clock").await.unwrap(), "12:00\n");
    assert_eq!(session.run("show clock").await.unwrap(), "12:01\n");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_mode_somebody_left_is_told_by_its_suffix_and_left() {
    let prompt = "RP/0/RP0/CPU0:core-1(config)#";
    let device = Device::silent("huawei_vrp")
        .greets("", "[*NE40-GigabitEthernet0/0/1]")
        .echoes("return")
        .says("<NE40>")
        .answers("screen-length 0 temporary", "", "<NE40>")
        .answers("undo terminal monitor", "", "<NE40>");
    device.log_in().await.unwrap();
    let device = Device::silent("cisco_iosxr").greets("", prompt);
    let error = device.log_in().await.unwrap_err();
    assert!(error.to_string().contains("no way from level configuration"), "{error}");
}
