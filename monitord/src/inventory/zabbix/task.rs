//! What the macros of one host say of what is run: a ping, or a look at an interface.

use std::sync::Arc;
use std::time::Duration;

use pool_core::{ConfigProblem, Error, Platform};
use scheduler::{PingParams, Target, Task, Tasks, Word};

use super::interval::seconds;
use super::line::Reading;

/// The macro that names an interface, by the part of its name after `{$LINE_`.
const INTERFACE: &str = "INTERFACE";

impl Reading<'_> {
    /// A line with an interface is looked at there; all others are pinged. Macros of a ping beside
    /// an interface are no fault, as they would be in a file: a template may set them for all lines.
    pub(super) fn task(&mut self, defaults: &Arc<PingParams>) -> Option<Task> {
        let before = self.faults.len();
        let interface = self.parsed(INTERFACE, word);
        if self.faults.len() > before {
            return None;
        }
        match interface {
            Some(interface) => Some(Task::Interface(interface)),
            None => self.ping(defaults).map(Task::Ping),
        }
    }

    fn ping(&mut self, defaults: &Arc<PingParams>) -> Option<Arc<PingParams>> {
        let before = self.faults.len();
        let time = |text: &str| seconds(text).map_err(str::to_owned);
        let mut ping = PingParams::clone(defaults);
        let whole = "a whole number";
        ping.count = self.number("PING_COUNT", whole).unwrap_or(ping.count);
        ping.timeout = self.parsed::<Duration>("PING_TIMEOUT", time).unwrap_or(ping.timeout);
        ping.size = self.number("PING_SIZE", whole).or(ping.size);
        ping.source = self.parsed("PING_SOURCE", word).or(ping.source);
        ping.vrf = self.parsed("PING_VRF", word).or(ping.vrf);
        for (key, fault) in ping.validate().err().unwrap_or_default() {
            self.refuse(&ping_macro(key), &fault.value, fault.allowed);
        }
        let shared = if ping == **defaults { defaults.clone() } else { Arc::new(ping) };
        (self.faults.len() == before).then_some(shared)
    }

    /// Complains about a task that the platform does not have, and about parameters that its ping
    /// does not take.
    pub(super) fn check_task(
        &mut self,
        platform: &Platform,
        target: &Target,
        task: &Task,
        tasks: &Tasks,
    ) {
        match task {
            Task::Interface(interface) if !tasks.interface().knows(platform) => {
                let allowed = format!("nothing: interfaces are not looked at on {platform}");
                self.refuse(INTERFACE, interface.as_str(), &allowed);
            }
            Task::Ping(ping) => self.check_ping(platform, target, ping, tasks),
            _ => {}
        }
    }

    fn check_ping(
        &mut self,
        platform: &Platform,
        target: &Target,
        ping: &PingParams,
        tasks: &Tasks,
    ) {
        let task = tasks.ping();
        if !task.knows(platform) {
            return;
        }
        if let Err(Error::InvalidConfig(problems)) = task.request(platform, target, ping) {
            for ConfigProblem { key, value, allowed } in problems {
                self.refuse(&ping_macro(&key), &value, &allowed);
            }
        }
    }
}

fn ping_macro(key: &str) -> String {
    format!("PING_{}", key.to_uppercase())
}

fn word(text: &str) -> Result<Word, String> {
    Word::new(text).map_err(|error| error.allowed.to_owned())
}
