//! Runs a `ping` on a device that plays a script: `cargo run -p driver-cli --example scripted`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use driver_cli::{CliFactory, Platforms};
use pool_core::testing::{Act, MockConnector, ScriptedTransport};
use pool_core::{
    ConnectionConfig, Context, Credentials, Endpoint, Platform, ProtocolFactory, Request,
};

const PING: &str = "ping 198.51.100.1 repeat 5";

/// What the device says, and what it waits for in between.
fn script() -> Vec<Act> {
    let echoed = |command: &'static str, output: &str| {
        let output = format!("\r\n{output}edge-1>");
        [Act::expect(command), Act::say(command), Act::expect("\n"), Act::say(output)]
    };
    let greeting = [Act::say("\r\nAuthorised staff only!\r\n\r\nedge-1>"), Act::expect("\n")];
    let reply = "Type escape sequence to abort.\r\n!!!.!\r\nSuccess rate is 80 percent (4/5)\r\n";
    let mut script = greeting.to_vec();
    script.push(Act::say("\r\nedge-1>"));
    script.extend(echoed("terminal width 512", ""));
    script.extend(echoed("terminal length 0", ""));
    script.extend(echoed(PING, reply));
    script.extend([Act::expect("exit\n"), Act::Close]);
    script
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut connector = MockConnector::new();
    connector
        .expect_connect()
        .returning(|_, _| Ok(Box::new(ScriptedTransport::new(script()).in_pieces_of(7))));
    let factory = CliFactory::new(Arc::new(connector), Arc::new(Platforms::builtin()));

    let ctx = Context::detached(Duration::from_secs(10));
    let config = ConnectionConfig::new(
        Endpoint::new("192.0.2.1", 22)?,
        Platform::new("cisco_iosxe"),
        Credentials::password("monitor", "not-a-secret".to_owned()),
    );
    let mut session = factory.create_with_context(&ctx, &config).await?;
    let transcript = session.execute(&ctx, &Request::command(PING)?).await?;
    #[expect(clippy::print_stdout, reason = "showing the output is what the example is for")]
    {
        print!("{}", transcript.output());
    }
    session.close(&ctx).await?;
    Ok(())
}
