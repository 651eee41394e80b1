//! The daemon itself: logs, pages, socket, spool and files.

use super::{Group, Place::Own};

pub(super) const GROUPS: &[Group] = &[
    Group {
        places: &[Own("")],
        keys: &[
            ("log", "", "How to log. Logs go to standard error."),
            (
                "http",
                "",
                "`/metrics` (Prometheus), `/healthz`, `/readyz` and `/status` (JSON). Off when absent.",
            ),
            (
                "metrics",
                "",
                "How many lines and routers `/metrics` names. Counts of all are there in any case.",
            ),
            (
                "control",
                "",
                "The socket at which the running daemon is asked (`monitord check-now`, `reload`, `log-level`).",
            ),
            (
                "reload",
                "",
                "Whether the configuration is followed without being told to. It is read again on SIGHUP and by `monitord reload` in any case.",
            ),
            (
                "shutdown_grace",
                "10s",
                "How long a stop may take: checks in flight, delivery and logout together.",
            ),
            ("platforms", "", "Platforms of your own."),
            (
                "spool",
                "",
                "Where outcomes for Zabbix and for `file` wait until each of them has them: neither a crash nor an outage loses any.",
            ),
            ("file", "", "Outcomes as JSON Lines, in order. Off when absent."),
        ],
    },
    Group {
        places: &[Own("log")],
        keys: &[
            ("level", "info", "The least important messages that are logged."),
            ("format", "text", "A line for people, or a JSON object a line."),
        ],
    },
    Group {
        places: &[Own("http")],
        keys: &[("listen", "", "The IP address and port of the pages.")],
    },
    Group {
        places: &[Own("http")],
        keys: &[
            ("tls", "", "Encrypts the pages. Needed when others than this machine can reach them."),
            (
                "token",
                "",
                "What a request must bring in `Authorization: Bearer TOKEN`, for every page but `/healthz`: 16 and more visible characters of ASCII. Needed when others than this machine can reach the pages.",
            ),
            (
                "insecure",
                "false",
                "`true`: pages that others can reach need neither `tls` nor `token`. Only where the network keeps everybody out who must not see them.",
            ),
        ],
    },
    Group {
        places: &[Own("http.tls")],
        keys: &[
            ("cert", "", "The certificate and what leads from it to an authority, as PEM."),
            (
                "key",
                "",
                "Its private key, as PEM and without a passphrase, which only its owner may read.",
            ),
        ],
    },
    Group {
        places: &[Own("metrics")],
        keys: &[
            (
                "lines_max",
                "5000",
                "Lines with series of their own (loss, round-trip time, interface), up to ten each, the first by name. 0: none.",
            ),
            (
                "routers_max",
                "1000",
                "Routers with series of their own, nine each and three more while a router fails. The others are counted together as `_other`.",
            ),
        ],
    },
    Group {
        places: &[Own("control")],
        keys: &[(
            "socket",
            "",
            "Where the socket is; only its own user can open it. Without it: `control.sock` in `$RUNTIME_DIRECTORY` (set by systemd), and none when that is not set either.",
        )],
    },
    Group {
        places: &[Own("reload")],
        keys: &[(
            "watch",
            "",
            "How often this file and those that it names are looked at; when one has changed and is left alone, everything is read again. Off when absent.",
        )],
    },
    Group {
        places: &[Own("platforms")],
        keys: &[(
            "directory",
            "",
            "A directory with one definition file each; one with the name of a built-in platform replaces it. How to write one: \"Add a platform\" in driver-cli.",
        )],
    },
    Group {
        places: &[Own("spool")],
        keys: &[
            (
                "directory",
                "",
                "For one monitord at a time. Without it: `spool/` in `$STATE_DIRECTORY` (set by systemd); without that too, outcomes wait in memory, in 64 MiB at most, and a restart loses them.",
            ),
            ("max_age", "7d", "What is older is dropped and counted."),
            (
                "max_size",
                "1GiB",
                "Above this the oldest is dropped and counted. 1 GiB are about 1.5 million outcomes.",
            ),
        ],
    },
    Group {
        places: &[Own("file")],
        keys: &[
            (
                "path",
                "",
                "The file that is written to. Older ones are `PATH.1`, `PATH.2` and so on.",
            ),
            ("max_size", "100MiB", "A file that would become larger is followed by a new one."),
            ("max_files", "5", "How many files are kept, the one that is written to included."),
        ],
    },
];
