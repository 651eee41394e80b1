//! What fails, when, and for how long.

use std::time::Duration;

use anyhow::Result;
use lab::{Fault, Lab};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::account::Step;
use super::clock::SteppedClock;
use super::daemon::Daemon;
use super::disk::SmallDisk;
use super::wire::{Weather, Wire};
use super::zabbix::Zabbix;
use super::{now_ms, pause};

/// How long a trouble lasts, in milliseconds.
const LASTS_MS: std::ops::Range<u64> = 2000..12_000;
/// How long all is well between two of them.
const CALM_MS: std::ops::Range<u64> = 500..4000;
/// How far the clock is stepped, to either side.
const STEP_MS: std::ops::Range<i64> = 2000..45_000;

/// Everyone on the stage.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) daemon: Daemon,
    pub(super) clock: SteppedClock,
    pub(super) steps: Vec<Step>,
    pub(super) zabbix: &'a Zabbix,
    pub(super) lab: &'a Lab,
    pub(super) wire: Wire,
    pub(super) disk: &'a SmallDisk,
}

/// What fails around the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Proxy,
    Server,
    Api,
    Wire(Weather),
    Router,
    Disk,
}

const TROUBLES: [Trouble; 10] = [
    Trouble::Proxy,
    Trouble::Server,
    Trouble::Api,
    Trouble::Api,
    Trouble::Wire(Weather::Cuts),
    Trouble::Wire(Weather::Cuts),
    Trouble::Wire(Weather::Stalls),
    Trouble::Wire(Weather::Refuses),
    Trouble::Router,
    Trouble::Disk,
];

/// What happens to the process itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Kill,
    Stop,
    Step,
}

impl Scene<'_> {
    /// Lets things fail for `time`, and mends all of them.
    pub(super) fn play(&mut self, time: Duration, seed: u64) -> Result<()> {
        let mut chance = StdRng::seed_from_u64(seed);
        let end = now_ms() + i64::try_from(time.as_millis())?;
        while now_ms() < end {
            pause(Duration::from_millis(chance.random_range(CALM_MS)))?;
            let trouble = *TROUBLES.choose(&mut chance).expect("there are some");
            let lasts = Duration::from_millis(chance.random_range(LASTS_MS));
            eprintln!("chaos: {trouble:?} for {lasts:?}");
            let router = chance.random_range(0..self.lab.routers().len());
            self.set(trouble, router, true)?;
            // What is in memory while the disk is full is lost with the process, which is said in
            // its log and is no riddle.
            if trouble == Trouble::Disk {
                pause(lasts)?;
            } else {
                pause(lasts / 2)?;
                self.blow(&mut chance)?;
                pause(lasts / 2)?;
            }
            self.set(trouble, router, false)?;
            if trouble == Trouble::Disk {
                self.wait_until_written()?;
            }
        }
        self.step_to(0)
    }

    /// Starts what may have been stopped in Zabbix, which is there for others too.
    pub(super) fn mend_zabbix(&self) {
        let mended =
            [self.zabbix.set_proxy(true), self.zabbix.set_server(true), self.zabbix.set_api(true)];
        for error in mended.into_iter().filter_map(Result::err) {
            eprintln!("chaos: Zabbix is not mended: {error:#}");
        }
    }

    fn set(&mut self, trouble: Trouble, router: usize, fails: bool) -> Result<()> {
        match trouble {
            Trouble::Proxy => self.zabbix.set_proxy(!fails),
            Trouble::Server => self.zabbix.set_server(!fails),
            Trouble::Api => self.zabbix.set_api(!fails),
            Trouble::Wire(weather) => {
                self.wire.set(if fails { weather } else { Weather::Calm });
                Ok(())
            }
            Trouble::Router => {
                self.lab.routers()[router].set_fault(fails.then_some(Fault::Refuse));
                Ok(())
            }
            Trouble::Disk if fails => self.disk.fill(),
            Trouble::Disk => self.disk.empty(),
        }
    }

    fn blow(&mut self, chance: &mut StdRng) -> Result<()> {
        let blows = [Blow::Kill, Blow::Kill, Blow::Kill, Blow::Stop, Blow::Step, Blow::Step];
        let blow = *blows.choose(chance).expect("there are some");
        let down = Duration::from_millis(chance.random_range(0..6000));
        let step = chance.random_range(STEP_MS);
        let step = if chance.random_bool(0.5) { step } else { -step };
        match blow {
            Blow::Kill => {
                eprintln!("chaos:   kill -9, down for {down:?}");
                self.daemon.kill(&self.clock)?;
            }
            Blow::Stop => {
                eprintln!("chaos:   stop, down for {down:?}");
                self.daemon.stop(&self.clock)?;
            }
            Blow::Step => {
                let to = if self.clock.offset_ms() == 0 { step } else { 0 };
                eprintln!("chaos:   the clock goes to {to} ms from the right time");
                return self.step_to(to);
            }
        }
        pause(down)?;
        self.daemon.start(&self.clock)
    }

    fn step_to(&mut self, offset_ms: i64) -> Result<()> {
        if offset_ms != self.clock.offset_ms() {
            self.steps.push(Step { at_ms: now_ms() });
            self.clock.set(offset_ms)?;
        }
        Ok(())
    }

    /// The store tries again every two seconds.
    fn wait_until_written(&self) -> Result<()> {
        pause(Duration::from_secs(4))
    }
}
