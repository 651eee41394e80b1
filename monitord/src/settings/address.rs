//! Where a Zabbix server or proxy takes values, as a text.

use pool_core::Endpoint;

/// The port on which Zabbix servers and proxies take values.
pub(crate) const TRAPPER_PORT: u16 = 10051;

/// `host`, `host:port` or `[v6]:port`, with Zabbix's port when there is none.
pub(crate) fn address(text: &str) -> Result<Endpoint, &'static str> {
    const ALLOWED: &str = "host or host:port, with an IPv6 address in brackets";
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok().filter(|port| *port != 0).ok_or(ALLOWED)?)
        }
        _ => (text, TRAPPER_PORT),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Endpoint::new(bare, port).map_err(|_| ALLOWED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_perhaps_a_port() {
        for (text, expected) in [
            ("192.0.2.10:10052", "192.0.2.10:10052"),
            ("zabbix.example", "zabbix.example:10051"),
            ("[2001:db8::1]:10052", "[2001:db8::1]:10052"),
            ("2001:db8::1", "[2001:db8::1]:10051"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected, "{text}");
        }
        for wrong in ["", ":1", "host:", "host:0", "host:99999", "a b:1", "host:1:2"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
