//! What is said in a frame: values.

use serde::Serialize;

use super::value::ItemValue;

/// A request with `values`, as JSON.
pub(super) fn request(values: &[ItemValue]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Request<'a> {
        request: &'static str,
        data: &'a [ItemValue],
    }
    let request = Request { request: "sender data", data: values };
    serde_json::to_vec(&request).expect("texts and numbers under text keys are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_what_zabbix_reads() {
        let value = ItemValue {
            seq: 3,
            host: "L1".into(),
            key: "dedicatedLinePing".into(),
            value: "20".into(),
            clock: 5,
            ns: 7,
            is_unsupported: false,
        };
        assert_eq!(
            String::from_utf8(request(&[value])).unwrap(),
            r#"{"request":"sender data","data":[{"host":"L1","key":"dedicatedLinePing","value":"20","clock":5,"ns":7}]}"#
        );
    }
}
