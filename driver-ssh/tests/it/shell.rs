//! Interactive shells as plain bytes.

use std::time::Duration;

use bytes::BytesMut;
use lab::Fault;
use pool_core::{Context, ErrorKind, Phase, Transport};
use tokio_util::sync::CancellationToken;

use crate::rig::{Rig, config, lab_of, patient};

/// Reads until the text ends with `end`.
async fn read_until(shell: &mut Box<dyn Transport>, end: &str) -> String {
    let mut buffer = BytesMut::new();
    loop {
        let text = String::from_utf8_lossy(&buffer).into_owned();
        if text.trim_end().ends_with(end) {
            return text;
        }
        let count = shell.read(&patient(), &mut buffer).await.unwrap();
        assert!(count > 0, "the shell ended after {text:?}");
    }
}

#[test]
fn a_round_trip_and_many_more() {
    let rig = Rig::new();
    let lab = crate::rig::on_peers(lab::Lab::start(vec![
        lab::RouterSpec::new("r", "cisco_iosxe").show("show a", "answer\n"),
    ]))
    .unwrap();
    let router = lab.router("r");
    let config = config(router.address());
    rig.run(async {
        let mut shell = rig.shell(&patient(), &config).await.unwrap();
        read_until(&mut shell, "r#").await;
        for _ in 0..100 {
            shell.write_all(&patient(), b"show a\r").await.unwrap();
            let text = read_until(&mut shell, "r#").await;
            assert!(text.contains("answer"), "{text}");
        }
        shell.close(&patient()).await.unwrap();
    });
    rig.assert_nothing_remains(router.address());
}

#[test]
fn a_read_that_is_cut_short_while_parked_leaves_the_session_good() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.show("show a", "answer\n"));
    let config = config(lab.router("r").address());
    rig.run(async {
        let mut shell = rig.shell(&patient(), &config).await.unwrap();
        read_until(&mut shell, "$").await;
        let mut buffer = BytesMut::new();
        for _ in 0..20 {
            let short = Context::detached(Duration::from_millis(5));
            let error = shell.read(&short, &mut buffer).await.unwrap_err();
            let found = (error.kind(), error.phase());
            assert_eq!(found, (ErrorKind::DeadlineExceeded, Some(Phase::Read)));

            let cancel = CancellationToken::new();
            let ctx = Context::new(&cancel, Duration::from_secs(9));
            cancel.cancel();
            let error = shell.read(&ctx, &mut buffer).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Cancelled);
        }
        assert!(buffer.is_empty());
        shell.write_all(&patient(), b"show a\n").await.unwrap();
        assert!(read_until(&mut shell, "$").await.contains("answer"));
    });
    rig.assert_nothing_remains(lab.router("r").address());
}

/// Drops reads at whatever point they are, also while a thread reads for them.
#[test]
fn no_byte_is_lost_when_reads_are_dropped_at_any_moment() {
    let rig = Rig::new();
    let line = |i| format!("line number {i}\n");
    let text: String = (0..200).map(line).collect();
    let lab =
        lab_of(|spec| spec.show("show much", text.clone()).show("show last", "the last line\n"));
    let config = config(lab.router("r").address());
    rig.run(async {
        let mut shell = rig.shell(&patient(), &config).await.unwrap();
        read_until(&mut shell, "$").await;
        for round in 0..20_u64 {
            let mut buffer = BytesMut::new();
            shell.write_all(&patient(), b"show much\n").await.unwrap();
            // Also when something is written while a thread reads for a reader who has gone.
            drop_after(round, shell.read(&patient(), &mut buffer)).await;
            shell.write_all(&patient(), b"show last\n").await.unwrap();
            let mut polls = round;
            while !is_over(&buffer) {
                polls = (polls * 7 + 3) % 11;
                drop_after(polls, shell.read(&patient(), &mut buffer)).await;
            }
            let seen = String::from_utf8_lossy(&buffer).replace("\r\n", "\n");
            assert!(seen.contains(&text), "round {round}: {seen}");
        }
    });
    rig.assert_nothing_remains(lab.router("r").address());
}

/// Whether the prompt after the last line is there.
fn is_over(output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output);
    text.rsplit_once("the last line\r\n").is_some_and(|(_, rest)| rest.ends_with("$ "))
}

/// Polls `future` a few times, a moment apart, and drops it if it is not done.
async fn drop_after<T>(polls: u64, future: impl Future<Output = T>) {
    tokio::select! {
        biased;
        _ = future => {}
        () = async {
            for _ in 0..=polls {
                tokio::task::yield_now().await;
            }
        } => {}
    }
}

#[test]
fn a_connection_that_ends_is_told_from_a_shell_that_ends() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.show("show a", "a\n"));
    let router = lab.router("r");
    let config = config(router.address());
    rig.run(async {
        let mut shell = rig.shell(&patient(), &config).await.unwrap();
        read_until(&mut shell, "$").await;
        shell.write_all(&patient(), b"exit\n").await.unwrap();
        let mut buffer = BytesMut::new();
        while shell.read(&patient(), &mut buffer).await.unwrap() > 0 {}
        assert_eq!(shell.read(&patient(), &mut buffer).await.unwrap(), 0, "it stays so");

        let mut shell = rig.shell(&patient(), &config).await.unwrap();
        read_until(&mut shell, "$").await;
        router.set_fault(Some(Fault::ResetMidOutput));
        shell.write_all(&patient(), b"ping -c 5 198.51.100.1\n").await.unwrap();
        let error = loop {
            match shell.read(&patient(), &mut buffer).await {
                Ok(count) => assert!(count > 0, "a reset is no end"),
                Err(error) => break error,
            }
        };
        let found = (error.kind(), error.phase());
        assert_eq!(found, (ErrorKind::Disconnected, Some(Phase::Read)), "{error}");
    });
    rig.assert_nothing_remains(router.address());
}

#[test]
fn a_peer_that_does_not_read_holds_a_write_until_its_deadline_only() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.fault(Fault::StallBeforePrompt));
    let config = config(lab.router("r").address());
    rig.run(async {
        let mut shell = rig.shell(&patient(), &config).await.unwrap();
        let ctx = Context::detached(Duration::from_millis(300));
        let error = shell.write_all(&ctx, &vec![b'x'; 32 << 20]).await.unwrap_err();
        let found = (error.kind(), error.phase());
        assert_eq!(found, (ErrorKind::DeadlineExceeded, Some(Phase::Write)));
    });
    rig.assert_nothing_remains(lab.router("r").address());
}
