use lab::{Ping, RouterSpec, platforms};

use crate::client::{Executed, execute, lab_of, logged_in};

#[tokio::test]
async fn an_executed_ping_prints_the_figures_and_ends() {
    let spec = RouterSpec::new("r1", "cisco_iosxe").ping(Ping::lossy(20).rtt_ms(10.0));
    let (_lab, router) = lab_of(spec).await;
    let executed = execute(&logged_in(&router).await, "ping 198.51.100.1").await;
    let expect = "Type escape sequence to abort.\r\n\
        Sending 5, 100-byte ICMP Echos to 198.51.100.1, timeout is 2 seconds:\r\n\
        !!.!!\r\n\
        Success rate is 80 percent (4/5), round-trip min/avg/max = 8/10/12 ms\r\n";
    let expect =
        Executed { output: expect.to_owned(), errors: String::new(), exit_status: Some(0) };
    assert_eq!(executed, expect);
    assert_eq!(router.commands_total(), 1);
}

#[tokio::test]
async fn a_unix_shell_tells_errors_apart() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "linux")).await;
    let handle = logged_in(&router).await;
    for (command, output, errors, exit_status) in [
        ("hostname", "r1\n", "", 0),
        ("nosuch", "", "bash: nosuch: command not found\n", 127),
        ("ping -c 1 nosuch.invalid", "", "ping: nosuch.invalid: Name or service not known\n", 2),
        (
            "ping -q -c 1 203.0.113.1",
            "PING 203.0.113.1 (203.0.113.1) 56(84) bytes of data.\n\n\
             --- 203.0.113.1 ping statistics ---\n\
             1 packets transmitted, 0 received, 100% packet loss, time 0ms\n\n",
            "",
            1,
        ),
    ] {
        let expect = Executed {
            output: output.to_owned(),
            errors: errors.to_owned(),
            exit_status: Some(exit_status),
        };
        assert_eq!(execute(&handle, command).await, expect, "{command}");
    }
}

#[tokio::test]
async fn every_platform_executes_commands_one_after_the_other() {
    for platform in platforms() {
        let (_lab, router) = lab_of(RouterSpec::new("r1", platform).show("show x", "y\n")).await;
        let handle = logged_in(&router).await;
        for _ in 0..3 {
            let executed = execute(&handle, "show x").await;
            assert!(executed.output.trim_end().ends_with('y'), "{platform}: {executed:?}");
        }
        assert_eq!(router.commands_total(), 3, "{platform}");
        assert_eq!(router.logins_total(), 1, "{platform}");
    }
}
