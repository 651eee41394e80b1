//! Routers and lines, and where more of them come from.

use super::{
    Group,
    Place::{Like, Own},
};

pub(super) const GROUPS: &[Group] = &[
    Group {
        places: &[Own("")],
        keys: &[
            ("checks", "", "How lines are checked."),
            ("defaults", "", "What a line is when it does not say otherwise."),
            ("routers", "", "The routers that lines are checked from."),
            (
                "lines",
                "",
                "The lines. At least one is needed here or in `inventory.file`, unless there is `zabbix.api`.",
            ),
            (
                "inventory",
                "",
                "More routers and lines, in a file that has the keys `routers` and `lines`. It and the configuration are read again with `refresh`, and on SIGHUP; what cannot be read, or has lost more than 30 % of its lines (and more than five), changes nothing.",
            ),
            (
                "credentials",
                "",
                "Who logs in to the routers of lines from Zabbix, where macros do not say: secret macros and Vault macros cannot be read. Of each key, the first entry that is for the router, the user and the place in the vault gives it. `*` stands for anything.",
            ),
        ],
    },
    Group {
        places: &[Own("checks"), Like("routers[].checks", "checks")],
        keys: &[
            (
                "per_minute_max",
                "",
                "Checks that may begin on a router in a minute, evenly spread: what its processor bears beside its work. Checks whose turn does not come are skipped, and the shortage is told. Off when absent.",
            ),
            (
                "first_look",
                "false",
                "A line that is down is looked at with one packet for a second first, so that dead lines do not use up their router's time. Loss of 100 % then stands on one packet where it stood on `count`.",
            ),
        ],
    },
    Group {
        places: &[Own("defaults"), Like("lines[]", "defaults")],
        keys: &[
            ("interval", "180s", "How often it is checked."),
            ("ping", "", "How it is pinged."),
        ],
    },
    Group {
        places: &[Own("defaults.ping"), Like("lines[].ping", "defaults.ping")],
        keys: &[
            ("count", "5", "Packets."),
            ("timeout", "2s", "How long each reply is waited for, in whole seconds."),
            (
                "size",
                "",
                "Bytes; what they count is the platform's own. The platform's default when absent.",
            ),
            (
                "source",
                "",
                "The source: an address or an interface. The router's choice when absent.",
            ),
            ("vrf", "", "VRF, VPN instance or routing instance. None when absent."),
            ("dont_fragment", "false", "Whether packets must not be fragmented."),
            ("dscp", "", "The service class. The platform's default when absent."),
        ],
    },
    Group {
        places: &[Own("routers[]")],
        keys: &[
            ("name", "", "Its name, unique."),
            ("host", "", "Its IP address or host name."),
            ("port", "22", "Its SSH port."),
            ("platform", "", "Whose command line it has: a name that `monitord platforms` lists."),
            (
                "protocol",
                "scrapli",
                "How commands reach it: `scrapli` (alias `cli`), an interactive shell, or `ssh`, an exec channel for each.",
            ),
            ("enable_password", "", "For routers on which the login is not privileged enough."),
            ("checks", "", "How its lines are checked."),
            (
                "encoding",
                "",
                "With protocol scrapli: what its texts are encoded in. The platform's when absent.",
            ),
            (
                "prompt",
                "",
                "With protocol scrapli: its prompt, where the platform's definition does not know it: a regular expression for the whole line. It stands for the only level; nothing is done to reach a higher one.",
            ),
            (
                "session_log",
                "false",
                "With protocol scrapli: write what is said on its sessions, with times and without secrets, to a file named like the router in `sessions/` beside the default `known_hosts`, or to the file at a path. With 8 MiB it becomes FILE.1, and begins anew. A change takes effect with new sessions.",
            ),
        ],
    },
    Group {
        places: &[Own("lines[]")],
        keys: &[
            ("id", "", "Its name, unique; in Zabbix, the technical name of the host."),
            ("router", "", "The name of the router that it is checked from."),
            ("target", "", "The far end: an IP address or a host name."),
            ("task", "", "What is done. `interface` when the line has one, and `ping` otherwise."),
            (
                "interface",
                "",
                "Instead of a ping: the interface whose state and error counters are read, as the device names it.",
            ),
        ],
    },
    Group {
        places: &[Own("inventory")],
        keys: &[
            ("file", "", "The file. Needed when there is no `zabbix.api`."),
            ("refresh", "", "How often it is read again. Only on SIGHUP when absent."),
        ],
    },
    Group {
        places: &[Own("credentials[]")],
        keys: &[
            ("routers", "", "For these, by `{$LINE_ROUTER_IP}`. For all when absent."),
            ("users", "", "For these, by `{$LINE_ROUTER_USERNAME}`. For all when absent."),
            (
                "vault",
                "",
                "For these places, by what `{$LINE_ROUTER_PASSWORD}` says when it is a Vault macro. For all when absent.",
            ),
            ("username", "", "Who logs in, where the macro is missing or secret."),
            ("password", "", "The password."),
            ("enable_password", "", "The password for a higher level."),
            ("private_key", "", "A private key to log in with."),
        ],
    },
];
