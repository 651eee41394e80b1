//! What commands print, held against what they are known to print. Times, ports and paths differ
//! from run to run and are masked.
//!
//! `INSTA_UPDATE=always cargo test -p monitord --test it snapshot` writes the snapshots anew; look
//! at the difference before it is committed.

use insta::Settings;

/// Compares `text` with the snapshot `name`, with what differs from run to run masked.
pub(crate) fn assert_same(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, mask) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:FINGERPRINT"),
        (r"127\.0\.0\.1(\]?):\d+", "127.0.0.1${1}:PORT"),
        (r"/[^\s:]*/(monitord\.json|known_hosts|control\.sock|spool)", "DIR/$1"),
        (r"(SSH-2\.0-[A-Za-z]+)[^\s]*", "$1"),
        (r"(?m)( +\d+\.\d)+$", " MS"),
        (r"(?m)^port +\d+ ", "port             PORT "),
        // A phase in which nothing had to be waited for is passed over, and is no row.
        (r"(?m)^[a-z_]+ MS\n", ""),
        (r"(?m)^PHASE( +AT MS)? +MS$", "PHASE"),
    ] {
        settings.add_filter(pattern, mask);
    }
    settings.bind(|| insta::assert_snapshot!(name, text));
}
