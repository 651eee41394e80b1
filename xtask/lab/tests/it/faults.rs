use std::io::ErrorKind;

use lab::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, Ping, RouterSpec};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{Typist, connect, eventually, execute, is_stalled, lab_of, logged_in, within};

fn sick(fault: Fault) -> RouterSpec {
    RouterSpec::new("r1", "cisco_iosxe").ping(Ping::default()).fault(fault)
}

#[tokio::test]
async fn a_refusing_router_refuses_until_it_is_healed() {
    let (_lab, router) = lab_of(sick(Fault::Refuse)).await;
    let refused = TcpStream::connect(router.address()).await.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    router.set_fault(None);
    logged_in(&router).await;
}

#[tokio::test]
async fn before_ssh_the_bytes_are_those_of_the_fault() {
    for (fault, starts_with) in [
        (Fault::AcceptSilent, &b""[..]),
        (Fault::BannerDrip, b"SSH"),
        (Fault::BannerFlood, b"This line is no identification.\r\nThis"),
        (Fault::StallAfterBanner, b"SSH-2.0-Cisco-1.25\r\n"),
        (Fault::StallInKex, b"SSH-2.0-Cisco-1.25\r\n"),
    ] {
        let (_lab, router) = lab_of(sick(fault)).await;
        let mut socket = TcpStream::connect(router.address()).await.expect("connected");
        let mut start = vec![0; starts_with.len()];
        within(socket.read_exact(&mut start)).await.expect("read");
        assert_eq!(start, starts_with, "{fault}");
        if fault != Fault::BannerFlood && fault != Fault::BannerDrip {
            assert!(is_stalled(socket.read_u8()).await, "{fault}");
        }
        assert_eq!(router.connections_open(), 1, "{fault}");
    }
    let (_lab, router) = lab_of(sick(Fault::CloseAfterAccept)).await;
    let mut socket = TcpStream::connect(router.address()).await.expect("connected");
    assert_eq!(within(socket.read(&mut [0; 8])).await.expect("read"), 0);
}

#[tokio::test]
async fn no_key_exchange_succeeds_before_there_is_one() {
    for fault in
        [Fault::AcceptSilent, Fault::BannerDrip, Fault::StallAfterBanner, Fault::StallInKex]
    {
        let (_lab, router) = lab_of(sick(fault)).await;
        assert!(is_stalled(connect(&router)).await, "{fault}");
    }
    for fault in [Fault::Garbage, Fault::CloseAfterAccept] {
        let (_lab, router) = lab_of(sick(fault)).await;
        assert!(within(connect(&router)).await.is_err(), "{fault}");
    }
}

#[tokio::test]
async fn a_login_stalls_or_is_cut() {
    let (_lab, router) = lab_of(sick(Fault::StallInAuth)).await;
    let (mut handle, _) = within(connect(&router)).await.expect("connected");
    let login = handle.authenticate_password(DEFAULT_USER, DEFAULT_PASSWORD);
    assert!(is_stalled(login).await);

    router.set_fault(Some(Fault::CloseAfterAuth));
    let handle = logged_in(&router).await;
    eventually(|| handle.is_closed()).await;
}

#[tokio::test]
async fn a_session_stalls_at_each_of_its_requests() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxe")).await;
    let handle = logged_in(&router).await;
    router.set_fault(Some(Fault::StallAtChannelOpen));
    assert!(is_stalled(handle.channel_open_session()).await);

    for fault in [Fault::StallAtPty, Fault::StallAtShell, Fault::StallBeforePrompt] {
        router.set_fault(Some(fault));
        let handle = logged_in(&router).await;
        let mut channel = within(handle.channel_open_session()).await.expect("a channel");
        channel.request_pty(true, "vt100", 80, 24, 0, 0, &[]).await.expect("sent");
        channel.request_shell(true).await.expect("sent");
        let (mut successes, mut text) = (0, String::new());
        while let Ok(Some(message)) =
            tokio::time::timeout(crate::client::SILENCE, channel.wait()).await
        {
            match message {
                russh::ChannelMsg::Success => successes += 1,
                russh::ChannelMsg::Data { data } => text += &String::from_utf8_lossy(&data),
                _ => {}
            }
        }
        let expect = match fault {
            Fault::StallAtPty => (0, ""),
            Fault::StallAtShell => (1, ""),
            _ => (2, "\r\n"),
        };
        assert_eq!((successes, text.as_str()), expect, "{fault}");
    }
}

#[tokio::test]
async fn an_output_is_cut_in_the_middle() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxe")).await;
    for fault in [Fault::StallMidOutput, Fault::CloseMidOutput, Fault::ResetMidOutput] {
        router.set_fault(None);
        let mut shell = Typist::start(&router, "vt100").await;
        shell.until("r1#").await;
        router.set_fault(Some(fault));
        shell.send("ping 198.51.100.1\r").await;
        shell.until("!!!").await;
        if fault == Fault::StallMidOutput {
            assert!(is_stalled(shell.more()).await);
        } else {
            assert_eq!(shell.until_end().await, "", "{fault}");
        }
    }
    eventually(|| router.connections_open() == 0).await;
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_close_is_none() {
    for (fault, kind) in [(Fault::ResetMidOutput, true), (Fault::CloseMidOutput, false)] {
        let (_lab, router) = lab_of(sick(fault)).await;
        let address = router.address();
        // A relay sees how the router ends the connection, which the client does not tell.
        let relay = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let relayed = relay.local_addr().expect("its address");
        let seen = tokio::spawn(async move {
            let (mut client, _) = relay.accept().await.expect("a client");
            let mut server = TcpStream::connect(address).await.expect("the router");
            let (mut from_server, mut to_server) = server.split();
            let (mut from_client, mut to_client) = client.split();
            tokio::select! {
                result = tokio::io::copy(&mut from_server, &mut to_client) => result.map(|_| ()),
                _ = tokio::io::copy(&mut from_client, &mut to_server) => Ok(()),
            }
        });
        let config = std::sync::Arc::new(russh::client::Config::default());
        let client = crate::client::AnyKey::default();
        let mut handle =
            within(russh::client::connect(config, relayed, client)).await.expect("connected");
        let login = within(handle.authenticate_password(DEFAULT_USER, DEFAULT_PASSWORD)).await;
        assert!(login.expect("answered").success());
        execute(&handle, "ping 198.51.100.1").await;
        let seen = within(seen).await.expect("the relay ended");
        let reset = seen.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        assert_eq!(reset, kind, "{fault}");
    }
}

#[tokio::test]
async fn an_output_is_spoilt() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxe")).await;
    for fault in [Fault::FloodOutput, Fault::GarbageOutput, Fault::DripOutput] {
        router.set_fault(None);
        let mut shell = Typist::start(&router, "vt100").await;
        shell.until("r1#").await;
        router.set_fault(Some(fault));
        shell.send("ping 198.51.100.1\r").await;
        let echo = shell.until("\r\n").await;
        assert_eq!(echo, "ping 198.51.100.1\r\n");
        match fault {
            Fault::FloodOutput => {
                for _ in 0..1000 {
                    assert_eq!(shell.until("\r\n").await, "This output does not end.\r\n");
                }
            }
            Fault::GarbageOutput => {
                assert!(shell.more().await);
                assert!(is_stalled(async { while shell.more().await {} }).await);
            }
            _ => {
                shell.until("Type").await;
                assert!(is_stalled(shell.until("ICMP")).await);
            }
        }
    }
}

#[tokio::test]
async fn a_full_router_says_so_and_hangs_up() {
    for (platform, text) in
        [("cisco_nxos", "CLI session limit 32 reached"), ("huawei_vrp", "reached the limit")]
    {
        let spec = RouterSpec::new("r1", platform).fault(Fault::VtyLimit);
        let (_lab, router) = lab_of(spec).await;
        let shell = Typist::start(&router, "vt100").await;
        let said = shell.until_end().await;
        assert!(said.contains(text), "{platform}: {said:?}");
        eventually(|| router.connections_open() == 0).await;
    }
}

#[tokio::test]
async fn an_odd_router_still_answers() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxe")).await;
    let mut shell = Typist::start(&router, "vt100").await;
    shell.until("r1#").await;
    router.set_fault(Some(Fault::SlowEcho));
    shell.send("ping 198.51.100.1\r").await;
    let answer = shell.until("r1#").await;
    assert!(answer.contains("100 percent (5/5)"), "{answer:?}");

    router.set_fault(Some(Fault::PromptChange));
    shell.send("terminal width 511\r").await;
    shell.until("r1-2#").await;
    shell.send("terminal width 511\r").await;
    shell.until("r1-3#").await;
}
