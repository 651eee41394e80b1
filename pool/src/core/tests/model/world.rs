use super::*;

/// The world around a core: who waits, who holds what, what is under way.
pub(super) struct World {
    core: Core<SlotId, u64, ()>,
    max: usize,
    /// How many slots were taken after the latest event.
    occupied: usize,
    now: Instant,
    callers: u64,
    /// In the order in which they came.
    waiting: Vec<(usize, Ticket, u64)>,
    /// Served, but they have not looked yet.
    granted: Vec<(usize, Ticket, SlotId)>,
    /// Told that they get none, but they have not looked yet.
    refused: Vec<(usize, Ticket)>,
    creating: Vec<(usize, SlotId)>,
    idle: Vec<SlotId>,
    lent: Vec<SlotId>,
    checking: Vec<SlotId>,
    closing: Vec<SlotId>,
    wake_at: Vec<Instant>,
    closed: bool,
    pub(super) drained: bool,
    ever_failed: bool,
}

impl World {
    pub(super) fn new(max: usize) -> Self {
        Self {
            core: Core::new(wearing_out(max), PROTOCOLS),
            max,
            occupied: 0,
            now: Instant::now(),
            callers: 0,
            waiting: Vec::new(),
            granted: Vec::new(),
            refused: Vec::new(),
            creating: Vec::new(),
            idle: Vec::new(),
            lent: Vec::new(),
            checking: Vec::new(),
            closing: Vec::new(),
            wake_at: Vec::new(),
            closed: false,
            drained: false,
            ever_failed: false,
        }
    }

    pub(super) fn run(&mut self, op: &Op) {
        match *op {
            Op::Acquire { lane } => self.acquire(lane),
            Op::GiveUp(which) => self.give_up(which),
            Op::Collect(which) => self.collect(which),
            Op::Made(which) => {
                if let Some((_, slot)) = pick(&mut self.creating, which) {
                    self.idle.push(slot);
                    let actions = self.core.created(self.now, slot, slot);
                    self.perform(actions);
                }
            }
            Op::Failed { create, permanent } => self.fail(create, permanent),
            Op::Release { lent, way } => self.release(lent, way),
            Op::Checked { check, result } => self.end_check(check, result),
            Op::Closed(which) => {
                if let Some(slot) = pick(&mut self.closing, which) {
                    let actions = self.core.closed(self.now, slot);
                    self.perform(actions);
                }
            }
            Op::Pass { millis } => self.pass(self.now + Duration::from_millis(millis)),
            Op::WarmUp { lane, count } => {
                if let Ok(actions) = self.core.warm_up(self.now, lane, count, || ()) {
                    self.perform_any(actions);
                }
            }
            Op::Sweep => {
                let actions = self.core.sweep(self.now);
                self.perform_any(actions);
            }
            Op::Rebuild { which } => {
                let meant = |slot: SlotId, _| slot.0 % 4 == which;
                let (_, actions) = self.core.demand_rebuild(self.now, meant);
                self.perform(actions);
            }
            Op::Evict { which } => {
                let (_, actions) = self.core.evict_all(self.now, |slot| slot.0 % 4 == which);
                self.perform(actions);
            }
            Op::Take(which) => {
                if let Some(slot) = pick(&mut self.lent, which) {
                    let actions = self.core.taken(self.now, slot);
                    self.perform(actions);
                }
            }
            Op::Resize { max } => {
                self.max = max;
                let actions = self.core.resize(self.now, max, 1);
                self.perform(actions);
            }
            Op::Replace(which) => {
                let replaceable = self.core.replaceable();
                if !replaceable.is_empty() {
                    let (slot, _) = replaceable[which % replaceable.len()];
                    let (_, actions) = self.core.replace_now(self.now, slot, ());
                    self.perform(actions);
                }
            }
            Op::Withdraw(which) => self.withdraw(which),
            Op::Close => {
                self.closed = true;
                let actions = self.core.close(self.now);
                self.perform(actions);
                assert!(self.waiting.is_empty(), "closing tells everybody");
            }
        }
        self.check();
    }

    fn acquire(&mut self, lane: usize) {
        match self.core.take(self.now, lane) {
            Err(error) => assert!(self.closed || error.kind() != pool_core::ErrorKind::Closed),
            Ok(Some(loan)) => {
                let passed = self.waiting.iter().any(|(waiting, ..)| *waiting == lane);
                assert!(!passed, "a newcomer passed the queue");
                self.no_longer_idle(loan.slot);
                self.lent.push(loan.slot);
            }
            Ok(None) => {
                self.callers += 1;
                let caller = self.callers;
                let (ticket, actions) = self.core.enqueue(self.now, lane, caller);
                self.waiting.push((lane, ticket, caller));
                self.perform(actions);
            }
        }
    }

    /// Somebody gives up, at whatever point: in the queue, served, or told that they get none.
    fn give_up(&mut self, which: usize) {
        if let Some((lane, ticket, slot)) = pick(&mut self.granted, which) {
            assert_eq!(self.core.leave(lane, ticket), Some(slot));
            self.idle.push(slot);
            let actions = self.core.declined(self.now, slot);
            self.perform(actions);
        } else if let Some((lane, ticket)) = pick(&mut self.refused, which) {
            assert_eq!(self.core.leave(lane, ticket), None);
        } else if let Some((lane, ticket, _)) = pick(&mut self.waiting, which) {
            assert_eq!(self.core.leave(lane, ticket), None);
        }
    }

    /// Somebody looks whether there is anything for them.
    fn collect(&mut self, which: usize) {
        if let Some((lane, ticket, slot)) = pick(&mut self.granted, which) {
            let loan = self.core.collect(self.now, lane, ticket);
            assert_eq!(loan.expect("it was granted").expect("a session").slot, slot);
            self.lent.push(slot);
        } else if let Some((lane, ticket)) = pick(&mut self.refused, which) {
            self.core.collect(self.now, lane, ticket).expect_err("it was refused");
        } else if let Some((lane, ticket, _)) = self.waiting.first().copied() {
            assert!(self.core.collect(self.now, lane, ticket).expect("it waits").is_none());
        }
    }

    fn release(&mut self, which: usize, way: Way) {
        let Some(slot) = pick(&mut self.lent, which) else { return };
        self.idle.push(slot);
        let actions = match way {
            Way::Long(disposition) => self.core.released(self.now, slot, slot, disposition),
            Way::Short { used } => match self.core.returned(slot, slot, used.then_some(self.now)) {
                Returned::Kept => return,
                Returned::HandedOn(waiter) => return self.serve(waiter, slot),
                Returned::Unclear(_) => {
                    self.core.released(self.now, slot, slot, Disposition::Reuse)
                }
            },
        };
        self.perform(actions);
    }

    /// The waiter has been granted the session.
    fn serve(&mut self, waiter: u64, slot: SlotId) {
        let at = self.waiting.iter().position(|(.., caller)| *caller == waiter);
        let at = at.expect("only who waits is served");
        let (lane, ticket, _) = self.waiting.remove(at);
        let older = self.waiting[..at].iter().any(|(other, ..)| *other == lane);
        assert!(!older, "first come, first served");
        self.no_longer_idle(slot);
        self.granted.push((lane, ticket, slot));
    }

    fn fail(&mut self, which: usize, permanent: bool) {
        if let Some((_, slot)) = pick(&mut self.creating, which) {
            self.ever_failed = true;
            let error = if permanent { wrong_password() } else { refused() };
            let actions = self.core.create_failed(self.now, slot, &error);
            self.perform(actions);
        }
    }

    /// An attempt is withdrawn only if nobody waits for it.
    fn withdraw(&mut self, which: usize) {
        let withdrawn = |slot| !self.core.has_caller(slot);
        let Some((lane, slot)) = pick(&mut self.creating, which) else { return };
        if withdrawn(slot) {
            let actions = self.core.create_withdrawn(self.now, slot);
            self.perform(actions);
        } else {
            self.creating.push((lane, slot));
        }
    }

    fn end_check(&mut self, which: usize, result: CheckResult) {
        let Some(slot) = pick(&mut self.checking, which) else { return };
        let actions = match result {
            CheckResult::Passed => {
                self.idle.push(slot);
                self.core.checked(self.now, slot, slot)
            }
            CheckResult::Failed => {
                self.idle.push(slot);
                self.core.check_failed(self.now, slot, slot, which.is_multiple_of(2))
            }
            CheckResult::Abandoned => self.core.check_abandoned(self.now, slot),
        };
        self.perform(actions);
    }

    fn pass(&mut self, until: Instant) {
        self.now = until;
        let due = self.wake_at.extract_if(.., |at| *at <= until).count();
        for _ in 0..due {
            let actions = self.core.woken(self.now);
            self.perform(actions);
        }
    }

    fn no_longer_idle(&mut self, slot: SlotId) {
        let at = self.idle.iter().position(|&idle| idle == slot).expect("lent while it was idle");
        self.idle.remove(at);
    }

    /// Carries out actions of an event whose attempts are for those who wait.
    fn perform(&mut self, actions: Actions<SlotId, u64, ()>) {
        let started = |action: &Action<_, _, _>| match action {
            Action::Create { lane, slot, .. } => Some((*lane, *slot)),
            _ => None,
        };
        // Replacements are made for nobody.
        let replaces =
            |slot| self.core.slots.creating().any(|c| c.slot == slot && c.replaces.is_some());
        let started = |action: &_| started(action).filter(|&(_, slot)| !replaces(slot));
        let lanes: Vec<_> = actions.iter().filter_map(started).collect();
        self.perform_any(actions);
        for (lane, _) in lanes {
            let creating = self.core.slots.creating();
            let creating = creating.filter(|create| create.lane == lane);
            let creating = creating.filter(|create| create.replaces.is_none()).count();
            let waiting = self.waiting.iter().filter(|(other, ..)| *other == lane).count();
            assert!(creating <= waiting, "an attempt that nobody waits for");
        }
    }

    fn perform_any(&mut self, actions: Actions<SlotId, u64, ()>) {
        for action in actions {
            match action {
                Action::Grant { waiter, slot } => self.serve(waiter, slot),
                Action::Fail { waiter, .. } => {
                    let at = self.waiting.iter().position(|(.., caller)| *caller == waiter);
                    let (lane, ticket, _) = self.waiting.remove(at.expect("told once"));
                    self.refused.push((lane, ticket));
                }
                Action::Create { slot, lane, timeout, .. } => {
                    assert!(timeout > Duration::ZERO && timeout <= Duration::from_secs(30));
                    self.creating.push((lane, slot));
                }
                Action::Check { slot, .. } => {
                    self.idle.retain(|&idle| idle != slot);
                    self.checking.push(slot);
                }
                Action::Close { slot, .. } => {
                    self.idle.retain(|&idle| idle != slot);
                    self.closing.push(slot);
                }
                Action::Tell { .. } | Action::Event(_) | Action::CutOff(_) => {}
                Action::WakeAt(time) => self.wake_at.push(time),
                Action::Drained => self.drained = true,
            }
        }
    }

    fn check(&mut self) {
        let stats = self.core.stats();
        let in_use = stats.in_use + stats.checking;
        let counted = [in_use, stats.idle, stats.creating, stats.closing, stats.waiting];
        let in_use = self.lent.len() + self.granted.len() + self.checking.len();
        let sets = [in_use, self.idle.len(), self.closing.len()];
        let real = [sets[0], sets[1], self.creating.len(), sets[2], self.waiting.len()];
        assert_eq!(counted, real, "in use, idle, creating, closing, waiting");
        let occupied = counted[..4].iter().sum();
        assert!(occupied <= self.max.max(self.occupied), "never more than allowed");
        self.occupied = occupied;
        let live = u64::try_from(sets.iter().sum::<usize>()).unwrap();
        let gone = stats.closed_total + stats.taken_total;
        assert_eq!(stats.created_total - gone, live, "made - closed - taken = live");
        self.check_nobody_waits_for_nothing(occupied);
    }

    fn check_nobody_waits_for_nothing(&self, occupied: usize) {
        if self.waiting.is_empty() {
            return;
        }
        for lane in 0..LANES {
            let waits = self.waiting.iter().any(|(waiting, ..)| *waiting == lane);
            let ready = self.core.has_ready(self.now, lane);
            assert!(!(waits && ready), "a session idles while somebody waits");
            let turned_away = self.core.turned_away(self.now, lane).is_some();
            assert!(!(waits && turned_away), "somebody waits behind a shut gate");
        }
        let under_way = self.checking.len() + self.creating.len();
        let coming = self.lent.len() + self.granted.len() + under_way + self.closing.len();
        let later = self.wake_at.iter().any(|&at| at > self.now);
        assert!(coming > 0 || later, "somebody waits, and nothing will happen");
        if occupied < self.max && !self.ever_failed {
            assert!(under_way >= self.waiting.len(), "a slot is free, and nobody uses it");
        }
    }

    /// From here on all goes well, so that everybody must be served.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..100_000 {
            let next = if !self.granted.is_empty() || !self.refused.is_empty() {
                Op::Collect(0)
            } else if !self.creating.is_empty() {
                Op::Made(0)
            } else if !self.checking.is_empty() {
                Op::Checked { check: 0, result: CheckResult::Passed }
            } else if !self.closing.is_empty() {
                Op::Closed(0)
            } else if !self.lent.is_empty() {
                Op::Release { lent: 0, way: Way::Short { used: true } }
            } else if !self.waiting.is_empty() {
                Op::Pass { millis: 7000 }
            } else {
                return;
            };
            self.run(&next);
        }
        panic!("{} still wait", self.waiting.len());
    }
}

fn pick<T>(items: &mut Vec<T>, which: usize) -> Option<T> {
    (!items.is_empty()).then(|| items.remove(which % items.len()))
}
