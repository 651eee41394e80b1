//! Which proxy of a group looks after which host, as far as the inventory and redirects have told.

use std::collections::HashMap;

use pool_core::Endpoint;
use tokio::sync::watch;

use super::value::ItemValue;
use crate::inventory::zabbix::Assigned;

/// How many hosts have a route by a redirect. More than any fleet has lines; the rest is redirected
/// each time.
const ROUTES_MAX: usize = 100_000;

/// The routes. Empty unless the address belongs to a proxy group.
#[derive(Debug)]
pub(super) struct Routes {
    /// The address that is configured: where values go of which nothing else is known.
    first: Endpoint,
    /// What the API says.
    assigned: watch::Receiver<Assigned>,
    /// What redirects have said since: the proxies know first.
    by_host: HashMap<String, Endpoint>,
    /// Where nobody was served since the API said that somebody is. As many as there are proxies.
    away: Vec<Endpoint>,
    seen_redirect: bool,
}

impl Routes {
    pub(super) fn new(first: Endpoint, assigned: watch::Receiver<Assigned>) -> Self {
        let (by_host, away) = (HashMap::new(), Vec::new());
        Self { first, assigned, by_host, away, seen_redirect: false }
    }

    /// Takes over what the API says, when it is news. It is newer then than any redirect.
    pub(super) fn refresh(&mut self) {
        // Whoever tells may be gone while the process ends: what was said last holds.
        if self.assigned.has_changed().unwrap_or(false) {
            self.assigned.mark_unchanged();
            self.by_host.clear();
            self.away.clear();
        }
    }

    /// Where to send values of `host`.
    pub(super) fn of(&self, host: &str) -> Endpoint {
        if let Some(redirected) = self.by_host.get(host) {
            return redirected.clone();
        }
        let assigned = self.assigned.borrow();
        let assigned = assigned.get(host).filter(|address| !self.away.contains(address));
        assigned.unwrap_or(&self.first).clone()
    }

    /// Whether several proxies share the hosts. A proxy of a group looks at the first host of a
    /// request only, and counts values of hosts that are another's as failed.
    pub(super) fn are_shared(&self) -> bool {
        self.seen_redirect || !self.assigned.borrow().is_empty()
    }

    /// `host` is looked after at `address`.
    pub(super) fn learn(&mut self, host: &str, address: Endpoint) {
        self.seen_redirect = true;
        if self.by_host.len() < ROUTES_MAX || self.by_host.contains_key(host) {
            self.by_host.insert(host.to_owned(), address);
        }
    }

    /// Nobody is served at `address` any more. Its hosts are asked for anew, at the first one.
    pub(super) fn forget(&mut self, address: &Endpoint) {
        self.by_host.retain(|_, route| route != address);
        if *address != self.first && !self.away.contains(address) {
            self.away.push(address.clone());
        }
    }

    /// `values` by where they go. Each part keeps their order.
    pub(super) fn split(&self, values: &[ItemValue]) -> Vec<Vec<ItemValue>> {
        let mut parts: Vec<(Endpoint, Vec<ItemValue>)> = Vec::new();
        for value in values {
            let address = self.of(&value.host);
            match parts.iter_mut().find(|(known, _)| *known == address) {
                Some((_, part)) => part.push(value.clone()),
                None => parts.push((address, vec![value.clone()])),
            }
        }
        parts.into_iter().map(|(_, part)| part).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inventory::zabbix::assigned_channel;

    fn endpoint(port: u16) -> Endpoint {
        Endpoint::new("192.0.2.1", port).unwrap()
    }

    fn values() -> Vec<ItemValue> {
        let value = |(seq, host): (u64, &str)| {
            let (host, key, value) = (host.to_owned(), String::new(), String::new());
            ItemValue { seq, host, key, value, clock: 1, ns: 1, is_unsupported: false }
        };
        [(1, "a"), (2, "b"), (3, "a"), (4, "b")].map(value).into()
    }

    fn seqs(routes: &Routes) -> Vec<Vec<u64>> {
        let parts = routes.split(&values()).into_iter();
        parts.map(|part| part.iter().map(|v| v.seq).collect()).collect()
    }

    #[test]
    fn values_go_where_their_host_is_looked_after() {
        let mut routes = Routes::new(endpoint(1), assigned_channel().1);
        assert!(!routes.are_shared());
        routes.learn("b", endpoint(2));
        assert_eq!(seqs(&routes), [[1, 3], [2, 4]]);
        routes.forget(&endpoint(2));
        assert_eq!(seqs(&routes), [[1, 2, 3, 4]]);
        assert!(routes.are_shared());
    }

    #[test]
    fn what_the_api_says_counts_until_a_redirect_says_otherwise() {
        let (sender, assigned) = assigned_channel();
        let mut routes = Routes::new(endpoint(1), assigned);
        let told = |b: u16| Arc::new(HashMap::from([("b".to_owned(), endpoint(b))]));
        sender.send(told(2)).unwrap();
        routes.refresh();
        assert!(routes.are_shared());
        assert_eq!(routes.of("b"), endpoint(2));
        assert_eq!(seqs(&routes), [[1, 3], [2, 4]]);
        routes.learn("b", endpoint(3));
        routes.refresh();
        assert_eq!(routes.of("b"), endpoint(3));
        // One that is away is asked for at the first address, until the API says something new.
        routes.forget(&endpoint(3));
        routes.forget(&endpoint(2));
        assert_eq!(routes.of("b"), endpoint(1));
        sender.send(told(4)).unwrap();
        routes.refresh();
        assert_eq!(routes.of("b"), endpoint(4));
    }
}
