//! Every platform's command line over SSH, on routers that make it hard to tell what is output.

use std::sync::Arc;
use std::time::Duration;

use driver_cli::{CliFactory, CommandPolicy, Platforms};
use driver_ssh::{SshConnector, SshSettings};
use lab::{Fault, Lab, LabRouter, RouterSpec};
use pool_core::{
    ConnectionConfig, Context, Credentials, Endpoint, ErrorKind, HostKeyPolicy, Platform,
    ProtocolDriver, ProtocolFactory, Request, Secret,
};

/// Longer than any session here takes.
const TIMEOUT: Duration = Duration::from_secs(50);
const COMMAND: &str = "show hardship";
/// Short, as it comes letter by letter with a tenth of a second between them.
const OUTPUT: &str = "r1#x\n\nup>\n";

/// A router of each platform.
fn of_all_platforms(make: impl Fn(RouterSpec) -> RouterSpec) -> Vec<RouterSpec> {
    let spec = |name: &&'static str| make(RouterSpec::new(*name, name));
    lab::platforms().iter().map(spec).collect()
}

async fn log_in(router: &LabRouter, platforms: Arc<Platforms>) -> Box<dyn ProtocolDriver> {
    log_in_as(router, platforms, router.user(), None).await
}

async fn log_in_as(
    router: &LabRouter,
    platforms: Arc<Platforms>,
    user: &str,
    enable_password: Option<&str>,
) -> Box<dyn ProtocolDriver> {
    let settings = Arc::new(SshSettings::new("/nonexistent/known_hosts"));
    let factory = CliFactory::new(Arc::new(SshConnector::new(settings)), platforms);
    let factory = factory.with_policy(CommandPolicy::Any);
    let address = router.address();
    let endpoint = Endpoint::new(address.ip().to_string(), address.port()).unwrap();
    let mut credentials = Credentials::password(user, lab::DEFAULT_PASSWORD.to_owned());
    credentials.enable_password = enable_password.map(Secret::new);
    let mut config = ConnectionConfig::new(endpoint, Platform::new(router.platform()), credentials);
    config.host_key = HostKeyPolicy::Off;
    config.read_timeout = TIMEOUT;
    factory.create_with_context(&Context::detached(TIMEOUT), &config).await.unwrap()
}

/// Runs `command` twice on one session on each router, and expects `output` each time. Blank lines
/// at its end aside: some platforms print one before each prompt.
async fn check(specs: Vec<RouterSpec>, platforms: Platforms, command: &str, output: &str) {
    let lab = Lab::start(specs).await.unwrap();
    let platforms = Arc::new(platforms);
    let mut checks = tokio::task::JoinSet::new();
    for router in lab.routers() {
        let (router, platforms) = (router.clone(), platforms.clone());
        let request = Request::command(command).unwrap();
        let output = output.to_owned();
        checks.spawn(async move {
            let ctx = Context::detached(TIMEOUT);
            let mut session = log_in(&router, platforms).await;
            for time in 1..=2 {
                let transcript = session.execute(&ctx, &request).await;
                let transcript = transcript.unwrap_or_else(|e| panic!("{}: {e:?}", router.name()));
                let printed = transcript.output().trim_end();
                assert!(printed == output.trim_end(), "{}, {time}: {transcript:?}", router.name());
            }
            // A router may hang up before we do.
            session.close(&ctx).await.ok();
        });
    }
    while let Some(check) = checks.join_next().await {
        check.unwrap();
    }
}

/// As `check`, on routers with `fault`.
async fn check_with(fault: Fault) {
    let specs = of_all_platforms(|spec| spec.fault(fault).show(COMMAND, OUTPUT));
    check(specs, Platforms::builtin(), COMMAND, OUTPUT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_that_comes_slowly_is_waited_for() {
    check_with(Fault::SlowEcho).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_comes_one_byte_at_a_time_is_heard_out() {
    check_with(Fault::DripOutput).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_changes_with_every_command_is_followed() {
    check_with(Fault::PromptChange).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_found_behind_a_hundred_kilobytes_of_banner() {
    let banner = "Staff only> edge-1# [Y/N] --More-- is no prompt\nr1#\n".repeat(2000);
    assert!(banner.len() > 100_000);
    let specs = of_all_platforms(|spec| spec.banner(&banner).show(COMMAND, OUTPUT));
    check(specs, Platforms::builtin(), COMMAND, OUTPUT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_with_cursor_movements_is_no_output() {
    let specs = of_all_platforms(|spec| spec.cursor_echo(true).show(COMMAND, OUTPUT));
    check(specs, Platforms::builtin(), COMMAND, OUTPUT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pager_that_nobody_switches_off_is_paged_through() {
    // Pages have a thousand lines, as that is how high our terminals are.
    let output: String = (1..=2500).map(|number| format!("line {number}\n")).collect();
    let left_on =
        |name: &&'static str| (*name, format!("inherits = '{name}'\n[cli]\non_open = []\n"));
    let platforms = Platforms::with_files(lab::platforms().iter().map(left_on)).unwrap();
    let specs = of_all_platforms(|spec| spec.show(COMMAND, &output));
    check(specs, platforms, COMMAND, &output).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_late_tail_of_an_output_ends_the_session_of_every_platform() {
    let specs = of_all_platforms(|spec| spec.fault(Fault::LateTail).show(COMMAND, OUTPUT));
    let lab = Lab::start(specs).await.unwrap();
    let platforms = Arc::new(Platforms::builtin());
    let mut checks = tokio::task::JoinSet::new();
    for router in lab.routers() {
        let (router, platforms) = (router.clone(), platforms.clone());
        checks.spawn(async move {
            let ctx = Context::detached(TIMEOUT);
            let request = Request::command(COMMAND).unwrap();
            let mut session = log_in(&router, platforms).await;
            // The prompt came, and nothing told that there was more.
            session.execute(&ctx, &request).await.ok();
            for _ in 0..2 {
                let error = session.execute(&ctx, &request).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Desynchronised, "{}: {error}", router.name());
            }
        });
    }
    while let Some(check) = checks.join_next().await {
        check.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_below_the_privileged_one_are_left_with_the_enable_password() {
    let platforms = Arc::new(Platforms::builtin());
    for platform in ["cisco_iosxe", "cisco_nxos", "cisco_asa", "arista_eos", "ruckus_icx"] {
        let spec = RouterSpec::new("edge-1", platform).enable_password("more");
        let lab = Lab::start(vec![spec.show(COMMAND, OUTPUT)]).await.unwrap();
        let router = &lab.routers()[0];
        let ctx = Context::detached(TIMEOUT);
        let mut session = log_in_as(router, platforms.clone(), router.user(), Some("more")).await;
        let transcript = session.execute(&ctx, &Request::command(COMMAND).unwrap()).await.unwrap();
        assert_eq!(transcript.output().trim_end(), OUTPUT.trim_end(), "{platform}");
        session.close(&ctx).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn routeros_cuts_lines_and_paints_colours_only_where_an_operator_wants_it_to() {
    let wide = format!("{}\n", "0123456789".repeat(12));
    let spec = RouterSpec::new("edge-1", "mikrotik_routeros").show("/show wide", &wide);
    let lab = Lab::start(vec![spec]).await.unwrap();
    let (router, platforms) = (&lab.routers()[0], Arc::new(Platforms::builtin()));
    let ctx = Context::detached(TIMEOUT);
    let request = Request::command("/show wide").unwrap();
    for (user, columns) in [("monitor", 120), ("monitor+t60w", 60)] {
        let mut session = log_in_as(router, platforms.clone(), user, None).await;
        let transcript = session.execute(&ctx, &request).await.unwrap();
        assert_eq!(transcript.output().trim_end(), &wide[..columns], "{user}");
        session.close(&ctx).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_no_platform_knows_is_refused_in_its_words_and_the_session_goes_on() {
    let lab = Lab::start(of_all_platforms(|spec| spec.show(COMMAND, OUTPUT))).await.unwrap();
    let platforms = Arc::new(Platforms::builtin());
    let mut checks = tokio::task::JoinSet::new();
    for router in lab.routers() {
        let (router, platforms) = (router.clone(), platforms.clone());
        checks.spawn(async move {
            let ctx = Context::detached(TIMEOUT);
            let mut session = log_in(&router, platforms).await;
            let unknown = Request::command("frobnicate now").unwrap();
            for _ in 0..2 {
                let error = session.execute(&ctx, &unknown).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Rejected, "{}: {error}", router.name());
                let known = Request::command(COMMAND).unwrap();
                let transcript = session.execute(&ctx, &known).await.unwrap();
                assert_eq!(transcript.output().trim_end(), OUTPUT.trim_end(), "{}", router.name());
            }
        });
    }
    while let Some(check) = checks.join_next().await {
        check.unwrap();
    }
}
