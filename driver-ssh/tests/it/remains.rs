//! Many failures, and what they leave behind: nothing.

use std::time::Duration;

use lab::Fault;
use pool_core::{Context, ErrorKind, Phase, Request};

use crate::peer;
use crate::rig::{Rig, config, lab_of, patient};

#[test]
fn two_hundred_failures_at_once_leave_nothing_and_hold_no_threads() {
    let rig = Rig::with_threads(2);
    let peer = peer::listen(peer::silent);
    let config = config(peer);
    let errors = rig.run(async {
        let ctx = Context::detached(Duration::from_secs(3));
        let logins: Vec<_> = (0..200).map(|_| rig.exec(&ctx, &config)).collect();
        let waiting = async {
            // Threads that have just done their work take a moment to end.
            while crate::rig::sockets_to(peer) < 200 || rig.extra_threads() > 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::join!(join_all(logins), waiting).0
    });
    for error in errors {
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::DeadlineExceeded, Some(Phase::Banner))
        );
    }
    rig.assert_nothing_remains(peer);
}

/// Runs futures side by side on this task.
async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut results = Vec::new();
    let mut pending: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        pending.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(result) => {
                results.push(result);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    results
}

#[test]
fn two_hundred_failures_in_a_row_at_every_stage_leave_nothing() {
    let faults = [
        Fault::StallInKex,
        Fault::StallInAuth,
        Fault::AuthRefused,
        Fault::StallAtChannelOpen,
        Fault::CloseMidOutput,
    ];
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let router = lab.router("r");
    let config = config(router.address());
    for fault in faults {
        router.set_fault(Some(fault));
        let fail = async || {
            let ctx = Context::detached(Duration::from_millis(100));
            let mut session = rig.exec(&ctx, &config).await?;
            session.execute(&ctx, &Request::command("ping -c 5 198.51.100.1")?).await
        };
        rig.run(async {
            for _ in 0..4 {
                let results = join_all((0..10).map(|_| fail()).collect()).await;
                assert!(results.iter().all(Result::is_err), "{fault}");
            }
        });
    }
    rig.assert_nothing_remains(router.address());
}

#[test]
fn sick_peers_do_not_keep_a_healthy_one_waiting() {
    let rig = Rig::with_threads(1);
    let sick = peer::listen(peer::silent);
    let lab = lab_of(|spec| spec);
    let sick_config = config(sick);
    let config = config(lab.router("r").address());
    rig.run(async {
        let ctx = Context::detached(Duration::from_secs(15));
        let stuck = join_all((0..50).map(|_| rig.exec(&ctx, &sick_config)).collect());
        let healthy = async {
            let mut session = rig.exec(&patient(), &config).await.unwrap();
            session.execute(&patient(), &Request::command("uname").unwrap()).await.unwrap();
        };
        tokio::select! {
            _ = stuck => panic!("the sick ones came to an end first"),
            () = healthy => {}
        }
    });
    rig.assert_nothing_remains(sick);
    rig.assert_nothing_remains(lab.router("r").address());
}

#[test]
fn a_session_that_is_dropped_or_closed_is_gone_on_both_sides() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let router = lab.router("r");
    let config = config(router.address());
    rig.run(async {
        drop(rig.exec(&patient(), &config).await.unwrap());
        drop(rig.shell(&patient(), &config).await.unwrap());
        rig.exec(&patient(), &config).await.unwrap().close(&patient()).await.unwrap();
        rig.shell(&patient(), &config).await.unwrap().close(&patient()).await.unwrap();
    });
    rig.assert_nothing_remains(router.address());
    rig.run(async {
        while router.connections_open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_session_can_be_dropped_where_there_is_no_runtime() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let config = config(lab.router("r").address());
    let session = rig.run(async { rig.exec(&patient(), &config).await.unwrap() });
    std::thread::scope(|scope| {
        scope.spawn(move || drop(session));
    });
    rig.assert_nothing_remains(lab.router("r").address());
}
