//! Whether routers accept connections, and Zabbix takes values.

use std::time::Duration;

use pool_core::{Context, Endpoint, Phase};
use scheduler::Router;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tries::problems_of;
use super::{Found, real};
use crate::output::with_progress;
use crate::settings::Settings;
use crate::sink;

/// How long a peer may take to accept a connection.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);
/// How many peers are tried at the same time, so that no firewall takes it for a scan.
const REACHED_AT_ONCE_MAX: usize = 32;

/// Opens a TCP connection to every router, or the jump host before it, and says which cannot be
/// had, in the order of the configuration.
pub(super) async fn reach_routers(ctx: &Context, settings: &Settings) -> Found {
    let peers: Vec<_> = real(&settings.inventory).map(peer).collect();
    let tries = peers.iter().map(|(name, endpoint)| try_one(ctx, name, endpoint));
    let problems = problems_of(tries, REACHED_AT_ONCE_MAX, "routers tried").await;
    Found { notes: Vec::new(), problems }
}

/// Whom a connection to a router goes to first.
fn peer(router: &Router) -> (String, Endpoint) {
    let connection = &router.connection;
    match &connection.jump {
        Some(jump) => (format!("jump host of router {}", router.name), jump.endpoint.clone()),
        None => (format!("router {}", router.name), connection.endpoint.clone()),
    }
}

async fn try_one(ctx: &Context, name: &str, endpoint: &Endpoint) -> Option<String> {
    if let Err(error) = ctx.check(Phase::Connect) {
        return Some(format!("{name}: was not tried: {error}"));
    }
    let limit = ctx.remaining().min(REACH_TIMEOUT);
    let connecting = TcpStream::connect((endpoint.host(), endpoint.port()));
    let fault = match timeout(limit, connecting).await {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {limit:.1?}"),
    };
    Some(format!("{name}: cannot connect to {endpoint}: {fault}"))
}

/// Asks Zabbix to take no value at all, by the way that values go: it is there, it speaks the
/// protocol, and encryption is as it expects it. So it is asked during a trial too, in which nothing
/// is reported: that it will work is to be known before it counts, and that it does not is no fault of
/// the trial.
pub(super) async fn try_sender(ctx: &Context, settings: &Settings) -> Found {
    let mut found = Found::default();
    let Some(zabbix) = &settings.zabbix else { return found };
    let address = &zabbix.address;
    let tried = with_progress(timeout(ctx.remaining(), sink::zabbix::greet(zabbix)), || {
        format!("Zabbix at {address} is asked")
    });
    let problem = match tried.await {
        Ok(Ok(said)) => {
            let trial = if zabbix.reports { "" } else { "; it gets no value, as a trial is on" };
            found.notes.push(format!("zabbix sender: {address} {said}{trial}"));
            return found;
        }
        Ok(Err(error)) => format!("zabbix: cannot connect to {address}: {error}"),
        Err(_) => format!("zabbix: {address}: the time was over"),
    };
    if zabbix.reports {
        found.problems.push(problem);
    } else {
        found.notes.push(format!("warning: {problem} (needed only after the trial)"));
    }
    found
}
