//! Which member of a group of proxies looks after which host, as the API says it.

use std::collections::HashMap;
use std::sync::Arc;

use pool_core::Endpoint;
use tokio::sync::watch;

use super::answer::ProxyAddress;
use super::fetch::Snapshot;

/// Where values of hosts are taken, by the technical name of the host. Empty unless the hosts are
/// those of a group of proxies.
pub(crate) type Assigned = Arc<HashMap<String, Endpoint>>;

/// Where it is told, and where it is heard, before anything is known.
pub(crate) fn channel() -> (watch::Sender<Assigned>, watch::Receiver<Assigned>) {
    watch::channel(Assigned::default())
}

/// What `snapshot` says of it. A host that no member looks after at the moment, or one whose address
/// is none, is left out: the proxies say themselves where it belongs.
pub(super) fn of(snapshot: &Snapshot) -> HashMap<String, Endpoint> {
    let endpoint = |proxy: &ProxyAddress| {
        let port = proxy.local_port.parse().ok().filter(|port| *port != 0)?;
        Some((proxy.id, Endpoint::new(&*proxy.local_address, port).ok()?))
    };
    let members: HashMap<_, _> = snapshot.members.iter().filter_map(endpoint).collect();
    let assigned = snapshot.hosts.iter().filter_map(|host| {
        let member = members.get(&host.assigned_proxy?)?;
        Some((host.name.clone(), member.clone()))
    });
    assigned.collect()
}

/// Tells `assigned` to whoever listens, if it is news: what redirects have taught since holds until
/// then.
pub(super) fn tell(sender: &watch::Sender<Assigned>, assigned: HashMap<String, Endpoint>) {
    sender.send_if_modified(|known| {
        let is_news = **known != assigned;
        if is_news {
            *known = Arc::new(assigned);
        }
        is_news
    });
}
