//! What is counted about logins.

use pool_core::{ErrorKind, Phase, Request, Secret};

use crate::rig::{Rig, config, lab_of, patient};

#[test]
fn phases_and_failures_are_counted() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let mut config = config(lab.router("r").address());
    let (ctx, outer) = patient().traced();
    rig.run(async {
        let mut session = rig.exec(&ctx, &config).await.unwrap();
        let request = Request::command("hostname").unwrap();
        session.execute(&ctx, &request).await.unwrap();
        session.execute(&ctx, &request).await.unwrap();
        config.credentials.password = Some(Secret::new("wrong"));
        rig.exec(&patient(), &config).await.unwrap_err();
    });
    let stats = rig.settings.stats();
    let count = |phase| stats.phases.get(&phase).map_or(0, |times| times.count());
    assert_eq!((count(Phase::Connect), count(Phase::KeyExchange)), (2, 2));
    assert_eq!(count(Phase::Authentication), 1, "the one that failed is not timed");
    assert_eq!(count(Phase::ChannelOpen), 2);
    let failures: Vec<_> = stats.failures.into_iter().collect();
    let refused = (ErrorKind::Authentication, Some(Phase::Authentication));
    assert_eq!(failures, [(refused, 1)]);
    assert_eq!((stats.threads_waiting, stats.threads_cut), (0, 0));
    let spans = outer.spans();
    assert!(spans.iter().any(|span| span.phase == Phase::KeyExchange), "{spans:?}");
}
