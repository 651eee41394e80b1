use serde_json::{Value, json};

use super::super::answer::Id;
use super::super::history::History;
use super::script::{Api, Misbehaviour, proxy, token};

/// As the API says it.
fn value(number: usize, clock: usize) -> Value {
    let (clock, ns) = (clock.to_string(), "7000000".to_owned());
    json!({ "itemid": "1", "clock": clock, "ns": ns, "value": number.to_string() })
}

async fn values(api: &Api, time: (i64, i64)) -> Result<Vec<(i64, String)>, String> {
    let mut history = History::new(&api.settings(token(), proxy())).unwrap();
    let values = history.values(3, &[Id(1)], time).await.map_err(|error| error.to_string())?;
    Ok(values.into_iter().map(|value| (value.at_ms, value.value)).collect())
}

#[tokio::test]
async fn more_values_than_one_call_has_are_asked_for_page_by_page_and_are_there_once() {
    let api = Api::start("6.0.14").await;
    // Three of each second, so that pages end in the middle of one.
    api.script.lock().history = (0..25_000).map(|n| value(n, 1000 + n / 3)).collect();
    let found = values(&api, (1000, 1_000_000)).await.unwrap();
    assert_eq!(found.len(), 25_000);
    let is_next = |(n, (at_ms, text)): (usize, &(i64, String))| {
        *at_ms == i64::try_from((1000 + n / 3) * 1000 + 7).unwrap() && *text == n.to_string()
    };
    assert!(found.iter().enumerate().all(is_next));
    let calls = api.script.lock().calls.iter().filter(|call| *call == "history.get").count();
    assert_eq!(calls, 3);
    assert_eq!(values(&api, (1001, 1002)).await.unwrap().len(), 6);
    assert_eq!(values(&api, (5, 6)).await.unwrap(), []);
}

#[tokio::test]
async fn a_second_with_more_than_a_page_is_an_error_and_not_a_loop() {
    let api = Api::start("7.0.9").await;
    api.script.lock().history = (0..10_001).map(|n| value(n, 1000)).collect();
    let error = values(&api, (1000, 2000)).await.unwrap_err();
    assert_eq!(error, "history.get: more than 10000 values of one second");
}

#[tokio::test]
async fn values_that_are_none_are_an_error() {
    let api = Api::start("6.0.14").await;
    let answer = br#"{"jsonrpc":"2.0","result":[{"itemid":"1","clock":"x","ns":"1","value":"1"}]}"#;
    api.misbehave("history.get", Misbehaviour::Says(answer.to_vec()));
    let error = values(&api, (1000, 2000)).await.unwrap_err();
    assert!(error.starts_with("history.get: the answer is not what the API answers"), "{error}");
}
