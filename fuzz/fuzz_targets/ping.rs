//! No output, on no platform, makes the reader panic or believe in figures that cannot be.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use scheduler::PingTask;

static TASK: LazyLock<PingTask> = LazyLock::new(PingTask::builtin);

/// One platform for each family of output.
const PLATFORMS: [&str; 7] = [
    "cisco_iosxe",
    "linux",
    "huawei_vrp",
    "h3c_comware",
    "nokia_sros",
    "mikrotik_routeros",
    "ruckus_icx",
];

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for platform in PLATFORMS {
        let Ok(read) = TASK.parse(&platform.into(), &text) else { continue };
        let may_exceed = platform == "mikrotik_routeros";
        assert!(read.sent > 0 && (read.received <= read.sent || may_exceed), "{read:?}");
        assert!((0.0..=100.0).contains(&read.loss_pct()), "{read:?}");
        if let Some(rtt) = read.rtt {
            assert!(rtt.min <= rtt.avg && rtt.avg <= rtt.max && read.received > 0, "{read:?}");
        }
    }
});
