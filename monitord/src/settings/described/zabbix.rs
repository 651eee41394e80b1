//! Zabbix: where lines come from, and where values go.

use super::{Group, Place::Own};

pub(super) const GROUPS: &[Group] = &[
    Group {
        places: &[Own("")],
        keys: &[(
            "zabbix",
            "",
            "Zabbix as the source of lines (`api`) and as the place to report to (`sender`). Off when absent.",
        )],
    },
    Group {
        places: &[Own("zabbix")],
        keys: &[
            (
                "api",
                "",
                "The inventory: enabled hosts of a proxy, or of a group of proxies, that are tagged as lines, with their macros. Off when absent.",
            ),
            (
                "proxy_name",
                "",
                "The proxy whose hosts are lines. Needed is this or `proxy_group`, when there is `api`.",
            ),
            (
                "proxy_group",
                "",
                "The group of proxies whose hosts are lines, from Zabbix 7.0 on. Values go to the member that looks after their host; `sender.address` is asked where that is not known.",
            ),
            (
                "sender",
                "",
                "Reports to the trapper items of a Zabbix server or proxy. Off when absent.",
            ),
            (
                "report",
                "true",
                "`false`: lines are read and checked, and nothing is sent to Zabbix, the heartbeat included: to try monitord beside its predecessor. What waits for Zabbix in the spool then is dropped.",
            ),
            ("items", "", "The keys of the trapper items."),
            (
                "not_supported",
                "false",
                "After a check that gave no figure, the item that has none (`ping`, or `interface_state`) is also \"not supported\" in Zabbix, with the reason as its error, until the next figure. Its last value stays, and its triggers become unknown meanwhile.",
            ),
            (
                "heartbeat",
                "",
                "An item that gets monitord's uptime in seconds as long as it runs and reaches Zabbix, for a trigger with `nodata()`. Off when absent.",
            ),
            (
                "serverip",
                "",
                "The predecessor's key: the host of the API, which is asked over http. In place of `api`.",
            ),
            ("serverport", "80", "The predecessor's key: the port of the API. With `serverip`."),
            ("username", "", "The predecessor's key: who asks the API. With `serverip`."),
            ("password", "", "The predecessor's key: the password of `username`."),
            ("proxyname", "", "The predecessor's key: the same as `proxy_name`."),
            ("proxyip", "", "The predecessor's key: the host to report to. In place of `sender`."),
            ("proxyport", "10051", "The predecessor's key: the port to report to. With `proxyip`."),
        ],
    },
    Group {
        places: &[Own("zabbix.api")],
        keys: &[
            (
                "url",
                "",
                "Where the API is: `https://zabbix.example/api_jsonrpc.php`. Without a path, the two usual ones are tried.",
            ),
            (
                "token",
                "",
                "An API token. Which rights it needs: `monitord zabbix role`. Needed is this, or `username` and `password`.",
            ),
            ("username", "", "Who asks, in place of a token."),
            ("password", "", "The password of `username`."),
            (
                "ca_file",
                "",
                "Who may have issued its certificate, as PEM. The authorities that the system trusts when absent.",
            ),
            ("refresh", "60s", "How often it is asked; at once on SIGHUP."),
            ("timeout", "15s", "How long one call may take."),
            (
                "tag",
                "",
                "The tag of hosts that are lines. The value is equal, not contained. `TempType` and `LINE` when absent.",
            ),
        ],
    },
    Group {
        places: &[Own("zabbix.api.tag")],
        keys: &[("name", "", "The tag."), ("value", "", "Its value.")],
    },
    Group {
        places: &[Own("zabbix.sender")],
        keys: &[
            ("address", "", "The host, and the port when it is not 10051: `192.0.2.10:10051`."),
            (
                "psk_identity",
                "",
                "Encrypts with a key that both sides know: which one. With `psk_file`.",
            ),
            (
                "psk_file",
                "",
                "The file of that key, 32 to 512 hexadecimal digits, which only its owner may read.",
            ),
            (
                "ca_file",
                "",
                "Encrypts with certificates: who may have issued the other side's, as PEM.",
            ),
            (
                "cert_file",
                "",
                "Our certificate and what leads from it to an authority, as PEM. With `key_file`.",
            ),
            ("key_file", "", "Its private key, as PEM, which only its owner may read."),
            (
                "server_name",
                "",
                "What must stand in the other side's certificate. The host of `address` when absent.",
            ),
        ],
    },
    Group {
        places: &[Own("zabbix.items")],
        keys: &[
            ("ping", "dedicatedLinePing", "Loss in whole percent, when it was measured."),
            ("error_detail", "dedicatedLineErrorDetail", "A status text otherwise."),
            ("loss", "", "Loss in percent with its fraction (float). Off when absent."),
            ("rtt_min", "", "The shortest round-trip time in seconds (float). Off when absent."),
            ("rtt_avg", "", "The mean round-trip time in seconds (float). Off when absent."),
            ("rtt_max", "", "The longest round-trip time in seconds (float). Off when absent."),
            ("duration", "", "How long the check took in seconds (float). Off when absent."),
            (
                "interface_state",
                "",
                "`up`, `down` or `disabled`, of lines with an interface (text). Off when absent.",
            ),
            ("interface_in_errors", "", "Its errors on the way in (unsigned). Off when absent."),
            ("interface_out_errors", "", "Its errors on the way out (unsigned). Off when absent."),
            ("status", "", "`ok` or what went wrong, each time (text). Off when absent."),
        ],
    },
    Group {
        places: &[Own("zabbix.heartbeat")],
        keys: &[
            ("host", "", "The technical name of its Zabbix host."),
            ("key", "", "The key of the trapper item (unsigned)."),
            ("interval", "60s", "How often it gets a value."),
        ],
    },
];
