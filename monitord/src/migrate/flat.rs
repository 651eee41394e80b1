//! The predecessor's flat keys, and what stands for them.

use pool_core::Endpoint;
use serde_json::{Map, Value, json};

/// Where the API is when no port is given.
const API_PORT: u16 = 80;
/// Where values are taken when no port is given.
const TRAPPER_PORT: u16 = 10051;

/// Puts sections in the place of flat keys. What is in the new form already stays as it is.
pub(super) fn renew(tree: &mut Value) {
    let Some(Value::Object(zabbix)) = tree.get_mut("zabbix") else { return };
    if let Some(server) = address(zabbix, "serverip", "serverport", API_PORT) {
        let mut api = Map::new();
        api.insert("url".to_owned(), json!(format!("http://{server}")));
        for key in ["username", "password"] {
            api.extend(zabbix.remove(key).map(|value| (key.to_owned(), value)));
        }
        zabbix.insert("api".to_owned(), Value::Object(api));
    }
    if let Some(name) = zabbix.remove("proxyname") {
        zabbix.insert("proxy_name".to_owned(), name);
    }
    if let Some(proxy) = address(zabbix, "proxyip", "proxyport", TRAPPER_PORT) {
        zabbix.insert("sender".to_owned(), json!({ "address": proxy }));
    }
}

/// Takes out the two keys of an address.
fn address(
    zabbix: &mut Map<String, Value>,
    host_key: &str,
    port_key: &str,
    default: u16,
) -> Option<String> {
    let host = zabbix.remove(host_key).filter(|host| !host.is_null())?;
    let port = match zabbix.remove(port_key) {
        Some(Value::Number(port)) => port.as_u64().and_then(|port| u16::try_from(port).ok()),
        Some(Value::String(port)) => port.parse().ok(),
        _ => None,
    };
    let endpoint = Endpoint::new(host.as_str()?, port.unwrap_or(default)).ok()?;
    Some(endpoint.to_string())
}
