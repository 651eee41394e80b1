//! Whatever Zabbix's API answers, each part of it is read or left out, and the macros that count are
//! found, however templates are linked.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

#[path = "../../monitord/src/inventory/zabbix/answer.rs"]
#[allow(dead_code)]
mod answer;
#[path = "../../monitord/src/inventory/zabbix/dialect.rs"]
#[allow(dead_code)]
mod dialect;
#[path = "../../monitord/src/inventory/zabbix/macros.rs"]
#[allow(dead_code)]
mod macros;

use answer::{Answer, Host, Lenient, Macro, NameOnly, ProxyAddress, Template};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(text.parse::<dialect::Dialect>());
    }
    let Ok(answer) = serde_json::from_slice::<Answer<'_>>(bytes) else { return };
    let Some(items) = answer.result.map(RawValue::get) else { return };
    let Ok(items) = serde_json::from_str::<Lenient<'_>>(items) else { return };
    let (mut hosts, mut templates, mut globals) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        let text = item.get();
        hosts.extend(serde_json::from_str::<Host>(text));
        templates.extend(serde_json::from_str::<Template>(text));
        globals.extend(serde_json::from_str::<Macro>(text));
        drop((serde_json::from_str::<NameOnly>(text), serde_json::from_str::<ProxyAddress>(text)));
    }
    let inherited = macros::Inherited::new(globals, templates);
    for host in &hosts {
        for (name, value) in inherited.resolve(host) {
            // Macros with a context are for items.
            assert!(!name.contains(':'), "{name}");
            // Values may be passwords.
            assert!(["Text(***)", "Secret", "Vault(***)"].contains(&format!("{value:?}").as_str()));
        }
    }
});
