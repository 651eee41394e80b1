//! Sessions of another protocol, guarded by the lists of the platforms.

use std::sync::Arc;
use std::time::Duration;

use driver_cli::{GuardedFactory, Platforms};
use pool_core::testing::{MockProtocolDriver, MockProtocolFactory};
use pool_core::{
    ConnectionConfig, Context, Credentials, Endpoint, ErrorKind, Platform, ProtocolDriver,
    ProtocolFactory, Request, Step, Transcript,
};

/// A guarded session on `platform`, which must be asked for `commands_max` commands at most.
async fn session(platform: &str, commands_max: usize) -> Box<dyn ProtocolDriver> {
    let mut inner = MockProtocolFactory::new();
    inner.expect_create_with_context().returning(move |_, _| {
        let mut driver = MockProtocolDriver::new();
        let nothing = |_: &Context, _: &Request| Ok(Transcript { steps: Vec::new() });
        driver.expect_execute().times(..=commands_max).returning(nothing);
        driver.expect_close().times(1).returning(|_| Ok(()));
        Ok(Box::new(driver) as Box<dyn ProtocolDriver>)
    });
    let factory = GuardedFactory::new(Arc::new(inner), Arc::new(Platforms::builtin()));
    let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
    let credentials = Credentials::password("monitor", "hunter2".to_owned());
    let config = ConnectionConfig::new(endpoint, Platform::new(platform), credentials);
    factory.create_with_context(&Context::detached(Duration::from_secs(1)), &config).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn only_what_the_platform_lists_reaches_the_session() {
    let ctx = Context::detached(Duration::from_secs(1));
    let ping = Request::command("ping 198.51.100.1 repeat 5").unwrap();
    let mut session = session("cisco_iosxe", 1).await;
    for line in ["reload in 5", "show running-config | redirect tftp://x", "configure terminal"] {
        let request = ping.clone().then(Step::command(line).unwrap());
        let error = session.execute(&ctx, &request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{line}");
        assert!(error.to_string().contains(line), "{error}");
        assert!(!error.breaks_connection());
    }
    session.execute(&ctx, &ping).await.unwrap();
    session.close(&ctx).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_platform_without_a_definition_has_no_list() {
    let ctx = Context::detached(Duration::from_secs(1));
    let mut session = session("toaster", 1).await;
    session.execute(&ctx, &Request::command("brown the bread").unwrap()).await.unwrap();
    session.close(&ctx).await.unwrap();
}
