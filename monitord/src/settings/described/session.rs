//! Sessions on routers: their limits, how they log in, and how they are kept.

use super::{
    Group,
    Place::{Like, Own},
};

pub(super) const GROUPS: &[Group] = &[
    Group {
        places: &[Own("")],
        keys: &[
            (
                "connection",
                "",
                "Limits of sessions. A router can override all of them but `known_hosts` and `blocking_threads_max`.",
            ),
            (
                "fleet",
                "",
                "Limits over all routers. Each is off when absent. Who waits for one is served in turn, router by router; the wait counts for the check, and never as a fault of the router.",
            ),
            ("pool", "", "How sessions are kept, tested, replaced and given up, on every router."),
        ],
    },
    Group {
        places: &[Own("connection"), Like("routers[]", "connection")],
        keys: &[
            ("connect_timeout", "30s", "Everything until the first usable prompt."),
            ("read_timeout", "30s", "One command's output."),
            ("write_timeout", "10s", "Handing over one command."),
            ("health_check_timeout", "5s", "One look at an idle session."),
            ("max_connections", "2", "Sessions on one router, those still closing included."),
            (
                "min_connections",
                "1",
                "Sessions to keep ready: logged in at start, one router every 50 ms, and again when one is lost. 0: when a check needs one.",
            ),
            ("retry_max_attempts", "2", "Attempts to log in before the check is told."),
            ("retry_timeout", "30s", "All those attempts together."),
            (
                "half_open_timeout",
                "60s",
                "How long a router that vanished without a word may go unnoticed while a session is idle.",
            ),
            (
                "jump",
                "",
                "The host to reach it through, which must allow TCP forwarding. `false` makes an exception at a router. None when absent.",
            ),
        ],
    },
    Group {
        places: &[
            Own("connection"),
            Like("routers[]", "connection"),
            Own("connection.jump"),
            Own("routers[].jump"),
        ],
        keys: &[
            (
                "host_key",
                "accept-new",
                "What is done about a host key: `strict`, `accept-new` (the first one is remembered, another one later is refused), `off` (whoever sits between can read the password), or `SHA256:...`, the only key it may show, as `ssh-keygen -l` prints it, or a list of them.",
            ),
            (
                "algorithms",
                "modern",
                "What may be negotiated: `modern`, `legacy` (also SHA-1, CBC, 3DES), or a section.",
            ),
        ],
    },
    Group {
        places: &[
            Own("connection"),
            Like("routers[]", "connection"),
            Like("connection.jump", "connection"),
            Like("routers[].jump", "connection"),
            Own("credentials[]"),
        ],
        keys: &[
            (
                "agent",
                "false",
                "`true`: log in with keys of the SSH agent at `$SSH_AUTH_SOCK`; or the path of its socket.",
            ),
            (
                "auth_order",
                "[publickey, agent, password, keyboard-interactive]",
                "Which ways to log in are tried, and in which order.",
            ),
        ],
    },
    Group {
        places: &[
            Own("connection.algorithms"),
            Own("routers[].algorithms"),
            Own("connection.jump.algorithms"),
            Own("routers[].jump.algorithms"),
        ],
        keys: &[
            ("profile", "", "The profile that lists which are absent come from."),
            ("kex", "", "Key exchanges by name, in order."),
            ("host_key", "", "Host key algorithms by name, in order."),
            ("cipher", "", "Ciphers by name, in order."),
            ("mac", "", "Message authentication codes by name, in order."),
        ],
    },
    Group {
        places: &[Own("connection")],
        keys: &[
            (
                "known_hosts",
                "",
                "Where host keys are remembered. Without it: `known_hosts` in `$STATE_DIRECTORY` (set by systemd), or in `monitord/` of `$XDG_STATE_HOME` or `~/.local/state`, or in `/var/lib/monitord`.",
            ),
            ("blocking_threads_max", "", "Threads for SSH work that takes long. 64 when absent."),
        ],
    },
    Group {
        places: &[Own("connection.jump"), Own("routers[].jump")],
        keys: &[("host", "", "Its IP address or name."), ("port", "22", "Its SSH port.")],
    },
    Group {
        places: &[Own("connection.jump"), Own("routers[].jump"), Own("routers[]")],
        keys: &[
            ("username", "", "Who logs in."),
            ("password", "", "The password. Needed is this, `private_key` or `agent`."),
            ("private_key", "", "A private key to log in with."),
        ],
    },
    Group {
        places: &[
            Own("connection.jump.private_key"),
            Own("routers[].jump.private_key"),
            Own("routers[].private_key"),
            Own("credentials[].private_key"),
        ],
        keys: &[
            ("file", "", "The file of the key, which only its owner may read."),
            ("passphrase", "", "What decrypts it, if it is encrypted."),
        ],
    },
    Group {
        places: &[Own("fleet")],
        keys: &[
            (
                "sessions_max",
                "",
                "Sessions. When they are used up, the session that has been idle for longest is closed; sessions in use never are. Leave room for some more than are needed: sessions are replaced by a new one first, and where there is no room, after they were closed.",
            ),
            ("logins_in_flight_max", "", "Logins under way at once: what the AAA servers bear."),
            ("logins_per_second", "", "Logins begun, evenly spread."),
        ],
    },
    Group {
        places: &[Own("pool")],
        keys: &[
            (
                "idle_max",
                "5m",
                "A session that nobody wanted for so long is closed, down to `min_connections`; routers log idle sessions out after about 10m.",
            ),
            ("check_when_idle_for", "30s", "Idle for longer, it is tested before a check gets it."),
            (
                "keepalive_after",
                "2m",
                "Idle for longer, it is tested though nobody wants it, and replaced if it is lost.",
            ),
            (
                "degraded_after",
                "1",
                "Tests failed in a row, at most `unhealthy_after`: from then on it is tested before every use.",
            ),
            ("unhealthy_after", "3", "Tests failed in a row: it is closed."),
            ("leak_after", "10m", "A session in use for longer is reported."),
            ("close_timeout", "5s", "How long a router may take to say goodbye."),
            (
                "backoff_first",
                "100ms",
                "The pause after a failed login; doubled with each further one.",
            ),
            ("backoff_max", "5s", "The longest such pause while a check waits."),
            (
                "gate_failures",
                "5",
                "Failed logins in a row: checks are then told at once, and the router gets a single login now and then.",
            ),
            ("gate_shut_max", "30s", "The longest pause between those."),
            (
                "gate_permanent_first",
                "30s",
                "The pause after a login that cannot heal by itself (a wrong password, a changed host key); doubled with each further one.",
            ),
            ("gate_permanent_max", "10m", "The longest such pause: mind what locks the account."),
            (
                "lend",
                "latest",
                "Which of several idle sessions is used: the one that came back last, or the one that has been idle for longest.",
            ),
            ("rebuild", "", "Replaces sessions before they fail: the new one first."),
        ],
    },
    Group {
        places: &[Own("pool.rebuild")],
        keys: &[
            (
                "strategy",
                "any",
                "`usage`, `age`, `error`: that limit; `all`: all three; `any`: one is enough; `never`.",
            ),
            ("max_usage", "200", "Times it was used."),
            ("max_age", "30m", "Each session at an age of its own, up to a quarter more or less."),
            (
                "max_error_rate",
                "0.2",
                "The failed part of its commands, once it has had `min_requests`.",
            ),
            ("min_requests", "10", "Commands before `max_error_rate` counts."),
            ("min_interval", "5m", "Never sooner after it was made."),
            (
                "share_percent",
                "25",
                "Of a router's sessions, replaced at a time, but at least one.",
            ),
        ],
    },
];
