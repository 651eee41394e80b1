//! Whatever a device says, at login and after a command, a session comes to an end: with a prompt,
//! or with an error within its time.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use driver_cli::{CliFactory, Platforms};
use libfuzzer_sys::fuzz_target;
use pool_core::testing::{Act, MockConnector, ScriptedTransport};
use pool_core::{
    ConnectionConfig, Context, Credentials, Endpoint, Platform, ProtocolFactory, Request,
};
use tokio::runtime::Builder;
use tokio::time::Instant;

static PLATFORMS: LazyLock<Arc<Platforms>> = LazyLock::new(|| Arc::new(Platforms::builtin()));
const NAMES: [&str; 5] =
    ["cisco_iosxe", "cisco_iosxr", "huawei_vrp", "juniper_junos", "mikrotik_routeros"];
/// What a session may take, and how much longer its return may.
const TIME: Duration = Duration::from_secs(20);
const SLACK: Duration = Duration::from_secs(1);

fuzz_target!(|input: (u8, &[u8], Vec<&[u8]>)| {
    let (platform, greeting, replies) = input;
    let platform = NAMES[usize::from(platform) % NAMES.len()];
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("time needs no driver").block_on(session(platform, greeting, &replies));
});

/// Each time something is typed, the device says the next of `replies`, or falls silent.
async fn session(platform: &str, greeting: &[u8], replies: &[&[u8]]) {
    let mut script = vec![Act::say(greeting)];
    for reply in replies {
        script.extend([Act::expect("\n"), Act::say(*reply)]);
    }
    let mut transport = Some(ScriptedTransport::new(script));
    let mut connector = MockConnector::new();
    connector
        .expect_connect()
        .returning(move |_, _| Ok(Box::new(transport.take().expect("a session connects once"))));
    let factory = CliFactory::new(Arc::new(connector), PLATFORMS.clone());
    let endpoint = Endpoint::new("192.0.2.1", 22).expect("an address is an endpoint");
    let credentials = Credentials::password("monitor", "secret".to_owned());
    let config = ConnectionConfig::new(endpoint, Platform::new(platform), credentials);
    let ctx = Context::detached(TIME);
    let began = Instant::now();
    if let Ok(mut session) = factory.create_with_context(&ctx, &config).await {
        let request = Request::command("ping 198.51.100.1").expect("this is one line");
        drop(session.execute(&ctx, &request).await);
        drop(session.close(&ctx).await);
    }
    assert!(began.elapsed() <= TIME + SLACK, "{:?}", began.elapsed());
}
