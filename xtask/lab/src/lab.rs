use std::collections::HashSet;

use anyhow::ensure;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{LabRouter, RouterSpec};

/// Running simulated routers. Dropping the lab stops them all and closes their sockets.
#[derive(Debug)]
pub struct Lab {
    routers: Vec<LabRouter>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Lab {
    /// Starts the routers, each on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When two routers have one name, a platform is unknown, or there is no free port. Nothing
    /// runs then.
    ///
    /// # Cancel safety
    /// Safe: the routers started so far stop.
    pub async fn start(specs: Vec<RouterSpec>) -> anyhow::Result<Self> {
        let mut names = HashSet::new();
        for spec in &specs {
            ensure!(names.insert(spec.name().to_owned()), "two routers named {}", spec.name());
        }
        let mut lab = Self {
            routers: Vec::with_capacity(specs.len()),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        for spec in specs {
            lab.routers.push(LabRouter::start(spec, lab.stop.clone(), &lab.tasks)?);
        }
        Ok(lab)
    }

    /// The router of this name.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn router(&self, name: &str) -> &LabRouter {
        match self.routers.iter().find(|router| router.name() == name) {
            Some(router) => router,
            None => panic!("no router named {name} in the lab"),
        }
    }

    /// All routers, in the order in which they were given.
    pub fn routers(&self) -> &[LabRouter] {
        &self.routers
    }

    /// Stops all routers and waits until every connection and task has ended.
    ///
    /// # Cancel safety
    /// Safe: the stop goes on.
    pub async fn stop(self) {
        self.shut_down();
        self.tasks.wait().await;
    }

    fn shut_down(&self) {
        self.stop.cancel();
        self.tasks.close();
        for router in &self.routers {
            router.close();
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.shut_down();
    }
}
