//! Commands on exec channels.

use std::time::Duration;

use lab::{Fault, Ping};
use pool_core::{Capability, ErrorKind, Phase, PlatformSupport, Protocol, ProtocolFactory};
use pool_core::{Request, Step};

use crate::rig::{Rig, config, lab_of, patient};

fn command(line: &str) -> Request {
    Request::command(line).unwrap()
}

#[test]
fn several_commands_on_one_session() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.show("show a", "a1\na2\n").show("show b", "b\n"));
    let router = lab.router("r");
    let config = config(router.address());
    rig.run(async {
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        assert_eq!(session.protocol(), Protocol::Ssh);
        for _ in 0..10 {
            let request = command("show a").then(Step::command("show b").unwrap());
            let transcript = session.execute(&patient(), &request).await.unwrap();
            let outputs: Vec<_> = transcript.steps.iter().map(|step| &step.output[..]).collect();
            assert_eq!(outputs, ["a1\na2\n", "b\n"]);
            assert_eq!(transcript.steps[0].exit_status, Some(0));
            session.health_check(&patient()).await.unwrap();
        }
        session.close(&patient()).await.unwrap();
        assert_eq!(router.logins_total(), 1);
        assert_eq!(router.commands_total(), 20);
    });
    rig.assert_nothing_remains(router.address());
}

#[test]
fn hundreds_of_answers_that_come_at_any_moment_are_all_seen() {
    // An answer may come in at once or in parts, between any two looks at the socket.
    const COMMANDS: usize = 200;
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.show("show a", "a\n"));
    let config = config(lab.router("r").address());
    rig.run(async {
        let one = async || {
            let mut session = rig.exec(&patient(), &config).await.unwrap();
            for _ in 0..COMMANDS {
                let transcript = session.execute(&patient(), &command("show a")).await.unwrap();
                let step = &transcript.steps[0];
                assert_eq!((&step.output[..], step.exit_status), ("a\n", Some(0)));
            }
        };
        tokio::join!(one(), one(), one(), one());
    });
    rig.assert_nothing_remains(lab.router("r").address());
}

#[test]
fn a_command_that_fails_keeps_its_output_and_its_status() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.ping(Ping::dead()));
    let config = config(lab.router("r").address());
    rig.run(async {
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        let request = command("ping -c 2 198.51.100.1");
        let transcript = session.execute(&patient(), &request).await.unwrap();
        assert!(transcript.output().contains("100% packet loss"), "{}", transcript.output());
        assert_eq!(transcript.steps[0].exit_status, Some(1));
    });
}

#[test]
fn the_standard_error_is_told_apart() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let config = config(lab.router("r").address());
    rig.run(async {
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        for (line, stdout, stderr, status) in
            [("hostname", "r\n", "", 0), ("nosuch", "", "bash: nosuch: command not found\n", 127)]
        {
            let transcript = session.execute(&patient(), &command(line)).await.unwrap();
            let step = &transcript.steps[0];
            assert_eq!((step.stdout(), step.stderr()), (stdout, stderr), "{line}");
            assert_eq!((step.exit_status, step.exit_signal.as_deref()), (Some(status), None));
        }
    });
}

#[test]
fn output_beyond_the_limit_ends_the_session() {
    let rig = Rig::new();
    let text = format!("{}\n", "x".repeat(63)).repeat(16);
    let lab = lab_of(|spec| spec.show("show much", text));
    let router = lab.router("r");
    let config = config(router.address());
    rig.run(async {
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        let enough = command("show much").with_output_bytes_max(1024);
        let transcript = session.execute(&patient(), &enough).await.unwrap();
        assert_eq!(transcript.output().len(), 1024);

        let short = command("show much").with_output_bytes_max(1023);
        let error = session.execute(&patient(), &short).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutputLimit);

        router.set_fault(Some(Fault::FloodOutput));
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        let error = session.execute(&patient(), &command("ping -c 5 198.51.100.1")).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::OutputLimit);
    });
    rig.assert_nothing_remains(router.address());
}

#[test]
fn a_device_without_sessions_left_is_busy() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.sessions_max(0));
    let router = lab.router("r");
    let config = config(router.address());
    rig.run(async {
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        let error = session.execute(&patient(), &command("show a")).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Busy, Some(Phase::ChannelOpen)));
        let error = rig.shell(&patient(), &config).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Busy, Some(Phase::ChannelOpen)));
    });
    rig.assert_nothing_remains(router.address());
}

#[test]
fn a_device_that_says_it_is_full_in_place_of_running_the_command_is_busy() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.fault(Fault::VtyLimit));
    let config = config(lab.router("r").address());
    rig.run(async {
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        let error = session.execute(&patient(), &command("uptime")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    });
}

#[test]
fn a_device_that_hangs_up_after_a_command_has_answered_it_all_the_same() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.exec_once(true).show("show a", "a\n"));
    let router = lab.router("r");
    let config = config(router.address());
    rig.run(async {
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        let transcript = session.execute(&patient(), &command("show a")).await.unwrap();
        assert_eq!(transcript.output(), "a\n");
        while router.connections_open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let error = session.health_check(&patient()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        let error = session.execute(&patient(), &command("show a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected);
    });
    rig.assert_nothing_remains(router.address());
}

#[test]
fn a_connection_that_ends_in_mid_output_is_no_answer() {
    for fault in [Fault::CloseMidOutput, Fault::ResetMidOutput] {
        let rig = Rig::new();
        let lab = lab_of(|spec| spec.fault(fault));
        let config = config(lab.router("r").address());
        rig.run(async {
            let mut session = rig.exec(&patient(), &config).await.unwrap();
            let result = session.execute(&patient(), &command("ping -c 5 198.51.100.1")).await;
            let error = result.unwrap_err();
            let found = (error.kind(), error.phase());
            assert_eq!(found, (ErrorKind::Disconnected, Some(Phase::Read)), "{fault}: {error}");
        });
        rig.assert_nothing_remains(lab.router("r").address());
    }
}

#[test]
fn a_step_has_its_own_time_and_the_session_is_dead_after_it() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec.fault(Fault::StallMidOutput));
    let config = config(lab.router("r").address());
    rig.run(async {
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        let step = Step::command("ping -c 5 198.51.100.1").unwrap();
        let request = Request::new(step.with_timeout(Duration::from_millis(100)));
        let error = session.execute(&patient(), &request).await.unwrap_err();
        let found = (error.kind(), error.phase());
        assert_eq!(found, (ErrorKind::DeadlineExceeded, Some(Phase::Read)));
        assert!(error.breaks_connection());
        let error = session.health_check(&patient()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected);
    });
    rig.assert_nothing_remains(lab.router("r").address());
}

#[test]
fn interrupting_is_refused_before_anything_is_sent() {
    let rig = Rig::new();
    let lab = lab_of(|spec| spec);
    let router = lab.router("r");
    let config = config(router.address());
    rig.run(async {
        let mut session = rig.exec(&patient(), &config).await.unwrap();
        let step = Step::command("ping 198.51.100.1").unwrap();
        let request = Request::new(step.interrupted_after(Duration::from_secs(1)));
        let error = session.execute(&patient(), &request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(router.commands_total(), 0);
    });
}

#[test]
fn the_factory_says_what_it_can() {
    let factory = driver_ssh::SshFactory::new(Rig::new().settings.clone());
    let expected =
        Capability { protocol: Protocol::Ssh, platforms: PlatformSupport::Any, interrupt: false };
    assert_eq!(factory.protocol(), Protocol::Ssh);
    assert_eq!(*factory.capability(), expected);
}
