//! Random sequences of events, with the invariants of a pool checked after each.

use proptest::prelude::*;

use self::world::World;
use super::*;

mod world;

const LANES: usize = 2;

#[derive(Clone, Debug)]
enum Op {
    Acquire {
        lane: usize,
    },
    GiveUp(usize),
    Collect(usize),
    Made(usize),
    Failed {
        create: usize,
        permanent: bool,
    },
    Release {
        lent: usize,
        way: Way,
    },
    Checked {
        check: usize,
        result: CheckResult,
    },
    Closed(usize),
    Pass {
        millis: u64,
    },
    WarmUp {
        lane: usize,
        count: usize,
    },
    Sweep,
    Rebuild {
        which: u64,
    },
    Evict {
        which: u64,
    },
    Take(usize),
    Resize {
        max: usize,
    },
    /// Somebody wants one session replaced now.
    Replace(usize),
    /// A limit over all pools has no room for an attempt.
    Withdraw(usize),
    Close,
}

/// How a session comes back.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// By the short way, if there is nothing more to decide.
    Short {
        used: bool,
    },
    Long(Disposition),
}

#[derive(Clone, Copy, Debug)]
enum CheckResult {
    Passed,
    Failed,
    Abandoned,
}

fn op() -> impl Strategy<Value = Op> {
    let way = prop_oneof![
        2 => any::<bool>().prop_map(|used| Way::Short { used }),
        1 => Just(Way::Long(Disposition::Reuse)),
        1 => Just(Way::Long(Disposition::Discard(DiscardReason::Broken))),
    ];
    prop_oneof![
        30 => (0..LANES).prop_map(|lane| Op::Acquire { lane }),
        10 => any::<usize>().prop_map(Op::GiveUp),
        30 => any::<usize>().prop_map(Op::Collect),
        15 => any::<usize>().prop_map(Op::Made),
        10 => (any::<usize>(), prop::bool::weighted(0.2))
            .prop_map(|(create, permanent)| Op::Failed { create, permanent }),
        20 => (any::<usize>(), way).prop_map(|(lent, way)| Op::Release { lent, way }),
        10 => (any::<usize>(), check_result())
            .prop_map(|(check, result)| Op::Checked { check, result }),
        10 => any::<usize>().prop_map(Op::Closed),
        10 => (0..60_000_u64).prop_map(|millis| Op::Pass { millis }),
        3 => (0..LANES, 0..6_usize).prop_map(|(lane, count)| Op::WarmUp { lane, count }),
        3 => Just(Op::Sweep),
        3 => (0..4_u64).prop_map(|which| Op::Rebuild { which }),
        3 => (0..4_u64).prop_map(|which| Op::Evict { which }),
        2 => any::<usize>().prop_map(Op::Take),
        2 => (1..6_usize).prop_map(|max| Op::Resize { max }),
        3 => any::<usize>().prop_map(Op::Replace),
        2 => any::<usize>().prop_map(Op::Withdraw),
        1 => Just(Op::Close),
    ]
}

fn check_result() -> impl Strategy<Value = CheckResult> {
    prop_oneof![
        3 => Just(CheckResult::Passed),
        2 => Just(CheckResult::Failed),
        1 => Just(CheckResult::Abandoned),
    ]
}

/// Limits by which sessions are replaced all the time.
fn wearing_out(max: usize) -> Limits {
    let mut options = PoolOptions::default();
    options.rebuild.max_usage = 3;
    options.rebuild.max_age = Duration::from_secs(120);
    options.rebuild.min_interval = Duration::from_secs(20);
    Limits { options: Arc::new(options), ..limits(max) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_happens_the_invariants_hold(
        max in 1..5_usize,
        ops in prop::collection::vec(op(), 1..250),
    ) {
        let mut world = World::new(max);
        ops.iter().for_each(|op| world.run(op));
        world.come_to_rest();
        world.run(&Op::Close);
        world.come_to_rest();
        prop_assert!(world.drained, "a closed pool comes to its end");
    }
}
