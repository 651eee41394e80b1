use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use pool_core::{AuthMethod, Endpoint};
use tokio::time::Instant;

use crate::peer::Peer;

/// For how long a peer is taken to offer what it offered when it was last asked.
const BELIEF_TIME: Duration = Duration::from_secs(600);
/// Entrances that are kept; more than a process ever logs in through.
const ENTRANCES_MAX: usize = 100_000;

/// By which method peers have let us in that were asked for their methods, had nothing to say
/// before, and took the first that was tried. With that one the next login can begin, which saves it
/// a round trip and the peer a request that some count as a failed attempt.
#[derive(Debug, Default)]
pub(crate) struct Entrances(Mutex<HashMap<Place, Entrance>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Place {
    endpoint: Endpoint,
    /// Behind another jump host the same address is another device's.
    behind: Option<Endpoint>,
    username: String,
}

#[derive(Debug)]
struct Entrance {
    method: AuthMethod,
    /// The methods that were to be tried, in their order. Others may lead to another first one.
    order: Vec<AuthMethod>,
    asked: Instant,
}

/// An entrance that somebody tries, and that nobody knows of until he has put it back. However he
/// fails, and also when he is dropped, the peer is asked the next time.
#[derive(Debug)]
pub(super) struct Tried(Place, Entrance);

impl Tried {
    /// What to begin with.
    pub(super) fn method(&self) -> AuthMethod {
        self.1.method
    }
}

impl Entrances {
    /// The entrance to `peer`, if it counts for somebody who has these methods `left` to try.
    pub(super) fn take(&self, peer: &Peer<'_>, left: &[AuthMethod]) -> Option<Tried> {
        let (place, entrance) = self.0.lock().remove_entry(&Place::of(peer))?;
        let counts = entrance.asked.elapsed() < BELIEF_TIME && entrance.order == left;
        counts.then_some(Tried(place, entrance))
    }

    /// Keeps an entrance that has led in once more.
    pub(super) fn put_back(&self, Tried(place, entrance): Tried) {
        self.insert(place, entrance);
    }

    /// Notes that `peer`, which was asked at this login, has been entered by `method`.
    pub(super) fn note(&self, peer: &Peer<'_>, left: Vec<AuthMethod>, method: AuthMethod) {
        let entrance = Entrance { method, order: left, asked: Instant::now() };
        self.insert(Place::of(peer), entrance);
    }

    fn insert(&self, place: Place, entrance: Entrance) {
        let mut entrances = self.0.lock();
        if entrances.len() < ENTRANCES_MAX {
            entrances.insert(place, entrance);
        }
    }
}

impl Place {
    fn of(peer: &Peer<'_>) -> Self {
        Self {
            endpoint: peer.endpoint.clone(),
            behind: peer.behind.cloned(),
            username: peer.credentials.username.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pool_core::{ConnectionConfig, Credentials, JumpHost, Platform};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_entrance_counts_for_its_user_and_order_and_for_a_time() {
        let config = |user| {
            let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
            let credentials = Credentials::password(user, "x".to_owned());
            ConnectionConfig::new(endpoint, Platform::new("linux"), credentials)
        };
        let (ours, other) = (config("a"), config("b"));
        let mut behind = ours.clone();
        let jump = Endpoint::new("192.0.2.9", 22).unwrap();
        behind.jump = Some(Arc::new(JumpHost::new(jump, ours.credentials.clone())));
        let [ours, other, behind] = [&ours, &other, &behind].map(Peer::from);
        let order = [AuthMethod::Password, AuthMethod::KeyboardInteractive];
        let entrances = Entrances::default();
        let note = || entrances.note(&ours, order.to_vec(), AuthMethod::Password);
        let take = |peer, left: &[_]| entrances.take(peer, left);
        assert!(take(&ours, &order).is_none());
        note();
        assert!(take(&other, &order).is_none());
        assert!(take(&behind, &order).is_none());
        for _ in 0..3 {
            let tried = take(&ours, &order).unwrap();
            assert_eq!(tried.method(), AuthMethod::Password);
            assert!(take(&ours, &order).is_none(), "it is being tried");
            entrances.put_back(tried);
            tokio::time::advance(BELIEF_TIME / 4).await;
        }
        tokio::time::advance(BELIEF_TIME / 4).await;
        assert!(take(&ours, &order).is_none(), "it may have changed");
        note();
        assert!(take(&ours, &order[..1]).is_none());
    }
}
