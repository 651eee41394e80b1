//! The section `pool`.

use ::pool::RebuildStrategy;

use super::*;

#[test]
fn options_of_the_pool_come_from_the_file_and_the_environment() {
    assert_eq!(load_text(GOOD).unwrap().pool, PoolOptions::default());
    let folder = folder(
        "m.yaml",
        &format!(
            "{GOOD}pool: {{ idle_max: 10m, gate_failures: 3, backoff_first: 50ms, \
             rebuild: {{ strategy: age, max_age: 2h, max_error_rate: 0.5, min_interval: 0 }} }}\n"
        ),
    );
    let environment = Environment::from([
        ("MONITORD__POOL__KEEPALIVE_AFTER", "45s"),
        ("MONITORD__POOL__REBUILD__MAX_USAGE", "50"),
    ]);
    let pool = load_in(&folder, "m.yaml", &environment).unwrap().pool;
    let mut expected = PoolOptions::default();
    expected.idle_max = Duration::from_secs(600);
    expected.keepalive_after = Duration::from_secs(45);
    expected.backoff_first = Duration::from_millis(50);
    expected.gate_failures = 3;
    expected.rebuild.strategy = RebuildStrategy::Age;
    expected.rebuild.max_usage = 50;
    expected.rebuild.max_age = Duration::from_secs(7200);
    expected.rebuild.max_error_rate = 0.5;
    expected.rebuild.min_interval = Duration::ZERO;
    assert_eq!(pool, expected);
}

#[test]
fn options_of_the_pool_that_are_none_are_refused_all_at_once() {
    check(
        &format!(
            "{GOOD}pool: {{ idle_max: 8d, keepalive_after: often, unhealthy_after: 0, \
             gate_failure: 3, rebuild: {{ strategy: sometimes, max_usage: 0, max_error_rate: 20%, \
             share_percent: 101, max_ages: 1h }} }}\n"
        ),
        &[
            "m.yaml: pool.idle_max is \"8d\": allowed is 1ms to 7days",
            "m.yaml: pool.keepalive_after is \"often\": allowed is a duration such as 30s, 5m or \
             1h 30m, or a whole number of seconds",
            "m.yaml: pool.unhealthy_after is 0: allowed is a whole number from 1 to 1000",
            "m.yaml: pool.gate_failure is not a known key: did you mean `gate_failures`?",
            "m.yaml: pool.rebuild.strategy is \"sometimes\": allowed is never, usage, age, error, \
             all, any",
            "m.yaml: pool.rebuild.max_usage is 0: allowed is a whole number from 1 to 1000000000",
            "m.yaml: pool.rebuild.max_error_rate is \"20%\": allowed is a number from 0 to 1, such \
             as 0.2",
            "m.yaml: pool.rebuild.share_percent is 101: allowed is a whole number from 1 to 100",
            "m.yaml: pool.rebuild.max_ages is not a known key: did you mean `max_age`?",
        ],
    );
}

#[test]
fn options_of_the_pool_that_contradict_a_default_are_refused_too() {
    check_with(
        "pool: { backoff_max: 50ms }",
        "m.yaml: pool.backoff_first is 100ms: allowed is 1ms to backoff_max, which is 50ms",
    );
    check_with(
        "pool: { degraded_after: 4 }",
        "m.yaml: pool.degraded_after is 4: allowed is 1 to unhealthy_after, which is 3",
    );
}

#[test]
fn the_sample_shows_every_option_of_the_pool_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("monitord.example.yaml");
    let text = fs::read_to_string(path).unwrap();
    let start = text.find("\npool:\n").expect("the sample has the section");
    let section = text[start..].split("\n\n").next().unwrap();
    let changed = section.replace(": 5m", ": 6m").replace(" 200 ", " 201 ");
    let load = |section: &str| load_text(&format!("{GOOD}{section}\n")).unwrap().pool;
    assert_eq!(load(section), PoolOptions::default());
    assert_ne!(load(&changed), PoolOptions::default());
    for (key, _) in ShownPoolOptions(&PoolOptions::default()).rows() {
        let key = key.trim_start_matches("rebuild.");
        assert!(section.contains(&format!(" {key}: ")), "{key} is not in the sample");
    }
}
