//! The template for Zabbix: the items that values are sent to, triggers that say what they mean,
//! and the macros that both, and the inventory, are set with.
//!
//! It is written in Zabbix's own export format as JSON, which every version from the one it is
//! written for on imports. Identifiers are made from names, so that an import of a later version
//! changes a template in place and does not make a second one.

mod items;
mod macros;
mod triggers;

#[cfg(test)]
mod tests;

use clap::ValueEnum;
use openssl::sha::sha256;
use serde_json::{Value, json};

use crate::settings::ItemKeys;

/// The name of the template for lines.
const LINE_TEMPLATE: &str = "Leased line by monitord";
/// The name of the template for monitord itself.
const SELF_TEMPLATE: &str = "monitord";
/// The group of the templates.
const GROUP: &str = "Templates/Leased lines";

/// The versions of Zabbix with a format of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TemplateFormat {
    /// 6.0 and later.
    #[value(name = "6.0")]
    V6_0,
    /// 7.0 and later.
    #[value(name = "7.0")]
    V7_0,
}

/// The keys of items that the template has when no configuration says which there are: all of
/// them, as the annotated configuration names them.
pub(crate) fn all_items() -> ItemKeys {
    let named = |key: &str| Some(key.to_owned());
    ItemKeys {
        loss: named("line.loss"),
        rtt_min: named("line.rtt.min"),
        rtt_avg: named("line.rtt.avg"),
        rtt_max: named("line.rtt.max"),
        duration: named("line.check.duration"),
        interface_state: named("line.interface.state"),
        interface_in_errors: named("line.interface.errors.in"),
        interface_out_errors: named("line.interface.errors.out"),
        status: named("line.status"),
        ..ItemKeys::default()
    }
}

/// The heartbeat's key when no configuration says which it is.
pub(crate) const HEARTBEAT_KEY: &str = "monitord.uptime";

/// What to import: a template for lines with these items, and one for monitord's heartbeat if there
/// is any.
pub(crate) fn export(format: TemplateFormat, items: &ItemKeys, heartbeat: Option<&str>) -> Value {
    let group = json!({ "uuid": uuid("group", GROUP), "name": GROUP });
    let mut templates = vec![line_template(items)];
    let mut triggers = triggers::of_line(items);
    if let Some(key) = heartbeat {
        templates.push(self_template(key));
        triggers.push(triggers::of_heartbeat(key));
    }
    let (version, groups) = match format {
        TemplateFormat::V6_0 => ("6.0", "groups"),
        TemplateFormat::V7_0 => ("7.0", "template_groups"),
    };
    json!({
        "zabbix_export": {
            "version": version,
            groups: [group],
            "templates": templates,
            "triggers": triggers,
        }
    })
}

fn line_template(items: &ItemKeys) -> Value {
    json!({
        "uuid": uuid("template", LINE_TEMPLATE),
        "template": LINE_TEMPLATE,
        "name": LINE_TEMPLATE,
        "description": "A leased line that monitord checks from the router it ends on. The host's \
            technical name is the line's id, and its default ping target. The inventory takes hosts \
            with the tag TempType: LINE. Optional macros without a default here: {$LINE_TARGET}, \
            {$LINE_ROUTER_PORT}, {$LINE_ROUTER_ENABLE_PASSWORD}, {$LINE_PING_SIZE}, \
            {$LINE_PING_SOURCE}, {$LINE_PING_VRF}.",
        "groups": [{ "name": GROUP }],
        "items": items::of_line(items),
        "macros": macros::of_line(items),
    })
}

fn self_template(key: &str) -> Value {
    json!({
        "uuid": uuid("template", SELF_TEMPLATE),
        "template": SELF_TEMPLATE,
        "name": SELF_TEMPLATE,
        "description": "monitord itself, which says again and again that it runs and reaches Zabbix.",
        "groups": [{ "name": GROUP }],
        "items": [items::heartbeat(key)],
        "macros": [macros::of_heartbeat()],
    })
}

/// An identifier in the form of a random UUID, always the same for the same thing.
fn uuid(kind: &str, name: &str) -> String {
    let mut bytes = sha256(format!("monitord\0{kind}\0{name}").as_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
