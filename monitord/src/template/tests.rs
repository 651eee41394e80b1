use super::*;

fn export_all(format: TemplateFormat) -> Value {
    export(format, &all_items(), Some(HEARTBEAT_KEY))["zabbix_export"].clone()
}

fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap()).collect()
}

#[test]
fn each_format_is_named_as_its_version_reads_it() {
    let old = export_all(TemplateFormat::V6_0);
    assert_eq!(
        (old["version"].as_str(), old["groups"][0]["name"].as_str()),
        (Some("6.0"), Some(GROUP))
    );
    let new = export_all(TemplateFormat::V7_0);
    assert_eq!(new["version"], "7.0");
    assert_eq!(
        (new["template_groups"][0]["name"].as_str(), new.get("groups")),
        (Some(GROUP), None)
    );
    assert_eq!(old["templates"], new["templates"]);
}

#[test]
fn there_is_an_item_for_each_value_that_is_sent_and_for_no_other() {
    let all = export_all(TemplateFormat::V7_0);
    let keys = texts(&all["templates"][0]["items"], "key");
    let expected = [
        "dedicatedLinePing",
        "dedicatedLineErrorDetail",
        "line.loss",
        "line.rtt.min",
        "line.rtt.avg",
        "line.rtt.max",
        "line.check.duration",
        "line.interface.state",
        "line.interface.errors.in",
        "line.interface.errors.out",
        "line.status",
    ];
    assert_eq!(keys, expected);
    assert_eq!(texts(&all["templates"][1]["items"], "key"), ["monitord.uptime"]);
    let legacy = export(TemplateFormat::V7_0, &ItemKeys::default(), None)["zabbix_export"].clone();
    assert_eq!(texts(&legacy["templates"][0]["items"], "key"), expected[..2]);
    assert_eq!(legacy["templates"].as_array().unwrap().len(), 1);
}

#[test]
fn triggers_use_the_keys_and_the_macros_that_the_template_has() {
    let items = ItemKeys { ping: "our.loss".to_owned(), ..all_items() };
    let export = export(TemplateFormat::V6_0, &items, Some("our.beat"))["zabbix_export"].clone();
    let of_all = |list: &str, key: &str| -> Vec<String> {
        let templates = export["templates"].as_array().unwrap();
        let found = templates.iter().flat_map(|template| texts(&template[list], key));
        found.map(str::to_owned).collect()
    };
    let (keys, macros) = (of_all("items", "key"), of_all("macros", "macro"));
    for expression in texts(&export["triggers"], "expression") {
        let used = expression.split("/").skip(2).step_by(2);
        for key in used.map(|rest| rest.split([',', ')']).next().unwrap()) {
            assert!(keys.contains(&key.to_owned()), "{key} of {expression}");
        }
        for name in expression.split('{').skip(1) {
            let name = format!("{{{}}}", name.split('}').next().unwrap());
            assert!(macros.contains(&name), "{name} of {expression}");
        }
    }
}

#[test]
fn identifiers_are_stable_and_different_from_each_other() {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(keys) => {
                found.extend(keys.get("uuid").map(|uuid| uuid.as_str().unwrap().to_owned()));
                keys.values().for_each(|value| collect(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&export_all(TemplateFormat::V7_0), &mut found);
    assert_eq!(found.len(), 1 + 2 + 12 + 7);
    let is_version_4 =
        |uuid: &String| uuid.len() == 32 && &uuid[12..13] == "4" && "89ab".contains(&uuid[16..17]);
    assert!(found.iter().all(is_version_4), "{found:?}");
    let count = found.len();
    found.sort();
    found.dedup();
    assert_eq!(found.len(), count);
    assert_eq!(uuid("group", GROUP), "a268215937814acf9fca39c52293bebd");
}
