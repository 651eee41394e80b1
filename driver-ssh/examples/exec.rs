//! Runs one command on a host, within ten seconds:
//!
//! ```text
//! SSH_PASSWORD=... cargo run -p driver-ssh --example exec -- monitor@192.0.2.1:22 uptime
//! ```

use std::env;
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use driver_ssh::{SshFactory, SshSettings};
use pool_core::{ConnectionConfig, Context, Credentials, Endpoint, ProtocolFactory, Request};

const USAGE: &str = "usage: exec USER@HOST:PORT COMMAND";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (target, command) = (args.next().ok_or(USAGE)?, args.next().ok_or(USAGE)?);
    let (user, address) = target.split_once('@').ok_or(USAGE)?;
    let (host, port) = address.rsplit_once(':').ok_or(USAGE)?;

    let endpoint = Endpoint::new(host.trim_matches(['[', ']']), port.parse()?)?;
    let credentials = Credentials::password(user, env::var("SSH_PASSWORD")?);
    let config = ConnectionConfig::new(endpoint, "linux".into(), credentials);

    let factory = SshFactory::new(Arc::new(SshSettings::new("known_hosts")));
    let ctx = Context::detached(Duration::from_secs(10));
    let mut session = factory.create_with_context(&ctx, &config).await?;
    let transcript = session.execute(&ctx, &Request::command(command)?).await?;
    session.close(&ctx).await?;
    Ok(std::io::stdout().write_all(transcript.output().as_bytes())?)
}
