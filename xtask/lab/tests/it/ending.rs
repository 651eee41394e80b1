use std::sync::Arc;
use std::time::Duration;

use lab::{Fault, Lab, LabRouter, Ping, RouterSpec, demo_fleet, platforms};
use russh::client::{Config, connect_stream};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{AnyKey, Typist, eventually, execute, lab_of, logged_in, socket, within};

/// How soon a connection whose client has gone is to be gone too.
const GOODBYE: Duration = Duration::from_secs(2);

/// How long clients talk to routers before they go away, so that commands are under way.
const CONVERSATION: Duration = Duration::from_millis(300);

/// Of hundreds of routers, how many are passed over by the test that logs in to them: a login
/// takes tens of milliseconds in an unoptimised build. No multiple of the count of platforms.
const LOGIN_STEP: usize = 10;

/// Tasks that the runtime has.
fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// A client that goes as far as the router lets it.
async fn converse(socket: TcpStream) -> Result<(), russh::Error> {
    let config = Arc::new(Config { inactivity_timeout: None, ..Config::default() });
    let mut handle = connect_stream(config, socket, AnyKey::default()).await?;
    handle.authenticate_password(lab::DEFAULT_USER, lab::DEFAULT_PASSWORD).await?;
    let mut channel = handle.channel_open_session().await?;
    channel.request_pty(true, "vt100", 80, 24, 0, 0, &[]).await?;
    channel.request_shell(true).await?;
    channel.data_bytes(&b"ping 198.51.100.1 repeat 9999\r"[..]).await?;
    while channel.wait().await.is_some() {}
    Ok(())
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let spec = |name: &str| RouterSpec::new(name, "cisco_iosxe").ping(Ping::dead().pace(None));
    let sick = Fault::ALL.iter().filter(|fault| **fault != Fault::Refuse);
    let mut specs: Vec<RouterSpec> = sick.map(|fault| spec(fault.as_str()).fault(*fault)).collect();
    specs.push(spec("healthy"));
    let lab = Lab::start(specs).await.expect("the lab starts");
    let before = tasks();

    let mut clients = tokio::task::JoinSet::new();
    let mut hang_ups = Vec::new();
    for router in lab.routers() {
        let (socket, hang_up) = socket(router).await;
        clients.spawn(converse(socket));
        hang_ups.push(hang_up);
    }
    let talking = ["healthy", "stall-at-shell", "stall-mid-output", "drip-output"];
    eventually(|| talking.iter().all(|name| lab.router(name).sessions_open() == 1)).await;
    tokio::time::sleep(CONVERSATION).await;
    clients.shutdown().await;
    drop(hang_ups);

    let counts = |router: &LabRouter| (router.connections_open(), router.sessions_open());
    let gone = || lab.routers().iter().all(|router| counts(router) == (0, 0));
    let left = || {
        let left = lab.routers().iter().filter(|router| counts(router) != (0, 0));
        left.map(|router| router.name()).collect::<Vec<_>>()
    };
    let all_gone = tokio::time::timeout(GOODBYE, eventually(|| gone() && tasks() <= before)).await;
    assert!(all_gone.is_ok(), "left: {:?}, tasks: {} of {before}", left(), tasks());
}

#[tokio::test]
async fn a_closed_channel_ends_its_command() {
    let (_lab, router) = lab_of(RouterSpec::new("r1", "frr_vtysh")).await;
    let handle = logged_in(&router).await;
    let before = tasks();
    let channel = within(handle.channel_open_session()).await.expect("a channel");
    within(channel.exec(true, "ping 198.51.100.1")).await.expect("executed");
    eventually(|| tasks() == before + 1).await;
    within(channel.close()).await.expect("closed");
    eventually(|| tasks() == before && router.sessions_open() == 0).await;
    assert_eq!(router.connections_open(), 1);
}

#[tokio::test]
async fn a_stopped_lab_leaves_nothing_behind() {
    let before = tasks();
    let lab = Lab::start(vec![
        RouterSpec::new("r1", "cisco_iosxe"),
        RouterSpec::new("r2", "cisco_iosxe").fault(Fault::AcceptSilent),
        RouterSpec::new("r3", "cisco_iosxe").fault(Fault::Refuse),
    ])
    .await
    .expect("the lab starts");
    let address = lab.router("r1").address();
    let mut silent = TcpStream::connect(lab.router("r2").address()).await.expect("connected");
    let shell = Typist::start(lab.router("r1"), "vt100").await;

    within(lab.stop()).await;
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
    assert_eq!(within(silent.read(&mut [0; 8])).await.expect("closed"), 0);
    shell.until_end().await;
    eventually(|| tasks() == before).await;
}

#[tokio::test]
async fn a_dropped_lab_closes_its_ports_at_once() {
    let (lab, router) = lab_of(RouterSpec::new("r1", "cisco_iosxe")).await;
    let address = router.address();
    drop(lab);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_lab_that_cannot_start_says_why() {
    for (specs, why) in [
        (
            vec![RouterSpec::new("r1", "nosuch")],
            "router r1: unknown platform \"nosuch\": known are",
        ),
        (
            vec![RouterSpec::new("r1", "linux"), RouterSpec::new("r1", "linux")],
            "two routers named r1",
        ),
    ] {
        let error = Lab::start(specs).await.expect_err("it cannot start");
        assert!(format!("{error:#}").contains(why), "{error:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_routers_run_side_by_side() {
    let fleet = demo_fleet(20, false);
    let lab = Lab::start(fleet).await.expect("the lab starts");
    assert_eq!(lab.routers().len(), 20 * platforms().len());
    let mut clients = tokio::task::JoinSet::new();
    for router in lab.routers().iter().step_by(LOGIN_STEP) {
        let router = router.clone();
        clients.spawn(async move {
            let command = match router.platform() {
                "linux" => "uname -a",
                "huawei_vrp" | "h3c_comware" => "display version",
                "mikrotik_routeros" => "/system resource print",
                "fortinet_fortios" => "get system status",
                "cisco_aireos" => "show sysinfo",
                _ => "show version",
            };
            let executed = execute(&logged_in(&router).await, command).await;
            assert!(executed.output.contains(router.name()), "{executed:?}");
        });
    }
    while let Some(client) = clients.join_next().await {
        client.expect("it was served");
    }
    within(lab.stop()).await;
}
