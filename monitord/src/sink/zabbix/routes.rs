//! Which proxy of a group looks after which host, as far as redirects have told.

use std::collections::HashMap;

use pool_core::Endpoint;

use super::value::ItemValue;

/// How many hosts have a route. More than any fleet has lines; the rest is redirected each time.
const ROUTES_MAX: usize = 100_000;

/// The routes. Empty unless the address belongs to a proxy group.
#[derive(Debug)]
pub(super) struct Routes {
    /// The address that is configured.
    first: Endpoint,
    by_host: HashMap<String, Endpoint>,
    seen_redirect: bool,
}

impl Routes {
    pub(super) fn new(first: Endpoint) -> Self {
        Self { first, by_host: HashMap::new(), seen_redirect: false }
    }

    /// Where to send values of `host`.
    pub(super) fn of(&self, host: &str) -> &Endpoint {
        self.by_host.get(host).unwrap_or(&self.first)
    }

    /// Whether several proxies share the hosts. A proxy of a group looks at the first host of a
    /// request only, and counts values of hosts that are another's as failed.
    pub(super) fn are_shared(&self) -> bool {
        self.seen_redirect
    }

    /// `host` is looked after at `address`.
    pub(super) fn learn(&mut self, host: &str, address: Endpoint) {
        self.seen_redirect = true;
        if self.by_host.len() < ROUTES_MAX || self.by_host.contains_key(host) {
            self.by_host.insert(host.to_owned(), address);
        }
    }

    /// Nobody is served at `address` any more. Its hosts are asked for anew.
    pub(super) fn forget(&mut self, address: &Endpoint) {
        self.by_host.retain(|_, route| route != address);
    }

    /// `values` by where they go. Each part keeps their order.
    pub(super) fn split(&self, values: &[ItemValue]) -> Vec<Vec<ItemValue>> {
        let mut parts: Vec<(&Endpoint, Vec<ItemValue>)> = Vec::new();
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
    use super::*;

    fn endpoint(port: u16) -> Endpoint {
        Endpoint::new("192.0.2.1", port).unwrap()
    }

    #[test]
    fn values_go_where_their_host_is_looked_after() {
        let mut routes = Routes::new(endpoint(1));
        routes.learn("b", endpoint(2));
        let value = |(seq, host): (u64, &str)| {
            let (host, key, value) = (host.to_owned(), String::new(), String::new());
            ItemValue { seq, host, key, value, clock: 1, ns: 1 }
        };
        let values: Vec<_> = [(1, "a"), (2, "b"), (3, "a"), (4, "b")].map(value).into();
        let seqs = |routes: &Routes| {
            let parts = routes.split(&values).into_iter();
            parts.map(|part| part.iter().map(|v| v.seq).collect()).collect::<Vec<Vec<_>>>()
        };
        assert_eq!(seqs(&routes), [[1, 3], [2, 4]]);
        routes.forget(&endpoint(2));
        assert_eq!(seqs(&routes), [[1, 2, 3, 4]]);
        assert!(routes.are_shared());
    }
}
