use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::sync::watch;
use tracing::error;

use crate::settings::{Stamp, Stamps};

/// Looks at files from time to time, on a thread of its own, because a file system over the network
/// can hang. It is asked and not told: what configuration management does to a file (a new one in its
/// place, a link that points elsewhere, a directory that is exchanged) looks the same then, on every
/// file system.
#[derive(Debug)]
pub(crate) struct FileWatch {
    orders: Option<Sender<Order>>,
    changes: watch::Sender<u64>,
}

/// What to look at, and how often.
type Order = Option<(Duration, Stamps)>;

impl FileWatch {
    /// Looks at nothing yet.
    pub(crate) fn new() -> Self {
        Self { orders: None, changes: watch::Sender::new(0) }
    }

    /// Tells of each change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Looks at these files from now on, each of which was found as it says, or at none.
    pub(crate) fn follow(&mut self, every: Option<Duration>, files: &Stamps) {
        let order = every.map(|every| (every, files.clone()));
        if self.orders.is_none() && order.is_some() {
            let (sender, orders) = channel();
            let changes = self.changes.clone();
            let thread = std::thread::Builder::new().name("files".to_owned());
            match thread.spawn(move || look_on(&orders, &changes)) {
                Ok(_) => self.orders = Some(sender),
                Err(error) => error!(%error, "no thread to look at the configuration's files"),
            }
        }
        if let Some(orders) = &self.orders {
            // The thread ends with this.
            orders.send(order).ok();
        }
    }
}

fn look_on(orders: &Receiver<Order>, changes: &watch::Sender<u64>) {
    let mut looks: Option<(Duration, Looks)> = None;
    loop {
        let order = match &looks {
            Some((every, _)) => orders.recv_timeout(*every),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match order {
            Ok(order) => looks = order.map(|(every, files)| (every, Looks::new(files))),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let Some((_, looks)) = &mut looks else { continue };
                if looks.look(Stamp::of) {
                    changes.send_modify(|count| *count += 1);
                }
            }
        }
    }
}

/// What was found, and what is found now.
#[derive(Debug)]
struct Looks {
    known: Stamps,
    /// What was found at the last look, if that was something else.
    latest: Option<Stamps>,
}

impl Looks {
    fn new(known: Stamps) -> Self {
        Self { known, latest: None }
    }

    /// Whether the files have changed and are left alone now: a file that is just being written is
    /// waited for until it is found the same twice.
    fn look(&mut self, stamp: impl Fn(&Path) -> Option<Stamp>) -> bool {
        let found: Stamps = self.known.keys().map(|path| (path.clone(), stamp(path))).collect();
        if found == self.known {
            self.latest = None;
            return false;
        }
        if self.latest.as_ref() == Some(&found) {
            self.known = found;
            self.latest = None;
            return true;
        }
        self.latest = Some(found);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_only_when_it_has_come_to_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitord.yaml");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("one");
        let mut looks = Looks::new(Stamps::from([(path.clone(), Stamp::of(&path))]));
        assert!(!looks.look(Stamp::of));
        write("two, longer");
        assert!(!looks.look(Stamp::of), "it may still be written to");
        write("two, longer still");
        assert!(!looks.look(Stamp::of));
        assert!(looks.look(Stamp::of));
        assert!(!looks.look(Stamp::of), "that has been told");
        std::fs::remove_file(&path).unwrap();
        assert!(!looks.look(Stamp::of));
        assert!(looks.look(Stamp::of), "it is gone");
    }

    #[test]
    fn what_comes_back_before_it_has_come_to_rest_is_no_change() {
        let stamp = Stamp::of(Path::new("/"));
        let mut looks = Looks::new(Stamps::from([("a".into(), stamp)]));
        assert!(!looks.look(|_| None));
        assert!(!looks.look(|_| stamp));
        assert!(!looks.look(|_| None));
        assert!(looks.look(|_| None));
    }
}
