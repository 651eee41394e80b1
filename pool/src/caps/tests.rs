//! The rules of the limits, without a runtime: random sequences of events, with the invariants
//! checked after each.

use std::collections::{HashMap, HashSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use pool_core::SlotId;
use proptest::prelude::*;
use tokio::time::Instant;

use super::FleetLimits;
use super::logins::{Logins, Verdict};
use super::queue::{FairQueue, RouterId, Turn};
use super::seats::Seats;

const ROUTERS: u64 = 6;

/// Who waits: a router and a number of its own.
type Who = (RouterId, SlotId);

/// Those who wait as they came, and how often others were served before them.
#[derive(Default)]
struct Waiting {
    turns: Vec<(Who, Turn)>,
    /// Of each router that waits: which others were served since it last was, or came.
    passed_by: HashMap<RouterId, HashSet<RouterId>>,
    numbers: u64,
}

impl Waiting {
    fn newcomer(&mut self, router: u64) -> Who {
        self.numbers += 1;
        (RouterId(router), SlotId(self.numbers))
    }

    fn came(&mut self, who: Who, turn: Turn) {
        self.turns.push((who, turn));
        self.passed_by.entry(who.0).or_default();
    }

    fn gave_up(&mut self, which: usize) -> Option<Turn> {
        let (who, turn) = pick(&mut self.turns, which)?;
        self.forget_if_none_waits(who.0);
        Some(turn)
    }

    /// Checks that it is the turn of whoever is served.
    fn served(&mut self, who: Who) {
        let at = self.turns.iter().position(|(waits, _)| *waits == who);
        let at = at.expect("only who waits is served, and once");
        let older = self.turns[..at].iter().any(|((router, _), _)| *router == who.0);
        assert!(!older, "first come, first served within a router");
        self.turns.remove(at);
        for (router, passed_by) in &mut self.passed_by {
            if *router == who.0 {
                passed_by.clear();
            } else {
                assert!(passed_by.insert(who.0), "{router:?} was passed by {who:?} twice");
            }
        }
        self.forget_if_none_waits(who.0);
    }

    fn forget_if_none_waits(&mut self, router: RouterId) {
        if !self.turns.iter().any(|((waits, _), _)| *waits == router) {
            self.passed_by.remove(&router);
        }
    }
}

fn pick<T>(items: &mut Vec<T>, which: usize) -> Option<T> {
    (!items.is_empty()).then(|| items.remove(which % items.len()))
}

#[derive(Clone, Debug)]
enum Op {
    Ask {
        router: u64,
    },
    GiveUp(usize),
    End(usize),
    /// Of sessions: one begins to close. Of logins: time passes.
    Other(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        // One router asks for more than all others together.
        3 => Just(Op::Ask { router: 0 }),
        3 => (0..ROUTERS).prop_map(|router| Op::Ask { router }),
        1 => any::<usize>().prop_map(Op::GiveUp),
        4 => any::<usize>().prop_map(Op::End),
        3 => (0..400_u64).prop_map(Op::Other),
    ];
    prop::collection::vec(op, 1..200)
}

struct SeatWorld {
    seats: Seats<Who>,
    max: usize,
    waiting: Waiting,
    seated: Vec<Who>,
    closing: HashSet<Who>,
}

impl SeatWorld {
    fn run(&mut self, op: &Op) {
        match *op {
            Op::Ask { router } => self.ask(router),
            Op::GiveUp(which) => {
                if let Some(turn) = self.waiting.gave_up(which) {
                    assert!(self.seats.leave(turn).is_some(), "they were in the queue");
                    assert!(self.seats.leave(turn).is_none(), "and are not any more");
                }
            }
            Op::End(which) => {
                if let Some(who) = pick(&mut self.seated, which) {
                    self.closing.remove(&who);
                    let served = self.seats.freed(who.0, who.1);
                    self.serve(served);
                }
            }
            Op::Other(which) => {
                let which = usize::try_from(which).unwrap();
                if let Some(&who) = self.seated.get(which % self.seated.len().max(1)) {
                    self.closing.insert(who);
                    self.seats.leaving(who.0, who.1);
                }
            }
        }
        self.check();
    }

    fn ask(&mut self, router: u64) {
        let who = self.waiting.newcomer(router);
        if self.seats.try_take() {
            assert!(self.waiting.turns.is_empty(), "a newcomer passed the queue");
            self.seated.push(who);
            return;
        }
        let (turn, served) = self.seats.enqueue(who.0, who);
        self.waiting.came(who, turn);
        self.serve(served);
    }

    fn serve(&mut self, served: Vec<Who>) {
        for who in served {
            self.waiting.served(who);
            self.seated.push(who);
        }
    }

    fn check(&self) {
        assert_eq!(self.seats.taken(), self.seated.len(), "nothing is lost");
        assert!(self.seated.len() <= self.max, "never more than allowed");
        let waiting = self.waiting.turns.len();
        assert!(
            waiting == 0 || self.seated.len() == self.max,
            "a seat is free, and nobody uses it"
        );
        assert_eq!(self.seats.shortfall(), waiting.saturating_sub(self.closing.len()));
    }
}

struct LoginWorld {
    logins: Logins<Who>,
    max: usize,
    pace: Duration,
    now: Instant,
    waiting: Waiting,
    in_flight: Vec<Who>,
    begun: Vec<Instant>,
    wake_at: Option<Instant>,
}

impl LoginWorld {
    fn run(&mut self, op: &Op) {
        match *op {
            Op::Ask { router } => {
                let who = self.waiting.newcomer(router);
                let (turn, verdict) = self.logins.enqueue(self.now, who.0, who);
                self.waiting.came(who, turn);
                self.carry_out(verdict);
            }
            Op::GiveUp(which) => {
                if let Some(turn) = self.waiting.gave_up(which) {
                    assert!(self.logins.leave(turn).is_some());
                }
            }
            Op::End(which) => {
                if pick(&mut self.in_flight, which).is_some() {
                    let verdict = self.logins.done(self.now);
                    self.carry_out(verdict);
                }
            }
            Op::Other(millis) => self.pass(Duration::from_millis(millis)),
        }
        self.check();
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.wake_at.take_if(|at| *at <= until) {
            self.now = at;
            let verdict = self.logins.woken(at);
            self.carry_out(verdict);
        }
        self.now = until;
    }

    fn carry_out(&mut self, verdict: Verdict<Who>) {
        if let Some(at) = verdict.wake_at {
            assert!(at > self.now && self.wake_at.replace(at).is_none(), "one alarm at a time");
        }
        for who in verdict.served {
            self.waiting.served(who);
            self.in_flight.push(who);
            let previous = self.begun.last().copied();
            let early = previous.is_some_and(|previous| self.now < previous + self.pace);
            assert!(!early, "two logins too soon after each other");
            self.begun.push(self.now);
        }
    }

    fn check(&self) {
        assert_eq!(self.logins.in_flight(), self.in_flight.len(), "nothing is lost");
        assert!(self.in_flight.len() <= self.max, "never more than allowed");
        let stuck = !self.waiting.turns.is_empty() && self.in_flight.len() < self.max;
        assert!(!stuck || self.wake_at.is_some(), "somebody waits, and nothing will happen");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn sessions_stay_within_the_limit_and_routers_take_turns(max in 1..6_usize, ops in ops()) {
        let seats = Seats::new(max);
        let waiting = Waiting::default();
        let (seated, closing) = (Vec::new(), HashSet::new());
        let mut world = SeatWorld { seats, max, waiting, seated, closing };
        ops.iter().for_each(|op| world.run(op));
        while !world.seated.is_empty() {
            world.run(&Op::End(0));
        }
        prop_assert!(world.waiting.turns.is_empty(), "everybody is served");
        prop_assert_eq!(world.seats.taken(), 0);
    }

    #[test]
    fn logins_keep_to_their_number_and_their_pace_and_routers_take_turns(
        max in prop::option::of(1..5_usize),
        rate in prop::option::of(1..20_u32),
        ops in ops(),
    ) {
        let limits = FleetLimits {
            logins_in_flight_max: max.and_then(NonZeroUsize::new),
            logins_per_second: rate.and_then(NonZeroU32::new),
            ..FleetLimits::default()
        };
        let mut world = LoginWorld {
            logins: Logins::new(&limits),
            max: max.unwrap_or(usize::MAX),
            pace: rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate),
            now: Instant::now(),
            waiting: Waiting::default(),
            in_flight: Vec::new(),
            begun: Vec::new(),
            wake_at: None,
        };
        ops.iter().for_each(|op| world.run(op));
        while !(world.in_flight.is_empty() && world.waiting.turns.is_empty()) {
            world.run(&Op::End(0));
            world.run(&Op::Other(1000));
        }
        prop_assert_eq!(world.logins.in_flight(), 0);
    }
}

#[test]
fn one_router_with_a_hundred_waiting_and_99_with_one_each_take_turns() {
    let mut queue = FairQueue::default();
    let hundred_and_one_each = std::iter::repeat_n(0, 100).chain(1..100);
    for router in hundred_and_one_each {
        queue.push(RouterId(router), router);
    }
    let served: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
    let expected: Vec<_> = (0..100).chain([0; 99]).collect();
    assert_eq!(served, expected, "one round for all, and then what the first is left with");
    assert_eq!(queue.len(), 0);
}

#[test]
fn a_smaller_limit_cuts_nobody_and_serves_nobody_until_it_is_met() {
    let mut seats = Seats::new(2);
    let session = |number| (RouterId(1), SlotId(number));
    assert!(seats.try_take() && seats.try_take());
    assert!(seats.set_max(1).is_empty());
    let (_, served) = seats.enqueue(RouterId(2), session(3));
    assert!(served.is_empty());
    assert!(seats.freed(RouterId(1), SlotId(1)).is_empty(), "one has left, one is still allowed");
    assert_eq!(seats.freed(RouterId(1), SlotId(2)), [session(3)]);
    let (_, served) = seats.enqueue(RouterId(2), session(4));
    assert!(served.is_empty());
    assert_eq!(seats.set_max(2), [session(4)], "a larger one serves at once");
}

#[test]
fn an_alarm_that_is_lost_is_set_again_by_whoever_comes_next() {
    let limits = FleetLimits { logins_per_second: NonZeroU32::new(1), ..FleetLimits::default() };
    let (mut logins, now) = (Logins::new(&limits), Instant::now());
    let (_, verdict) = logins.enqueue(now, RouterId(1), 1);
    assert_eq!((verdict.served, verdict.wake_at), (vec![1], None));
    let due = Some(now + Duration::from_secs(1));
    let (_, verdict) = logins.enqueue(now, RouterId(1), 2);
    assert_eq!((verdict.served, verdict.wake_at), (vec![], due));
    assert_eq!(logins.done(now).wake_at, None, "it is set");
    logins.disarmed();
    assert_eq!(logins.enqueue(now, RouterId(2), 3).1.wake_at, due);
}
