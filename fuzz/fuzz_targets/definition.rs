//! Whatever an author writes, both halves of a definition load or say what is wrong with them; and
//! what loads can be used.

#![no_main]

use driver_cli::{DefinitionFile, Platforms};
use libfuzzer_sys::fuzz_target;
use scheduler::{PingParams, PingTask, Sample, Target};

fuzz_target!(|text: &str| {
    if let Err(errors) = Platforms::with_files([DefinitionFile::new("acme.toml", text)]) {
        assert!(!errors.0.is_empty());
    }
    match PingTask::with_files(&[("acme.toml", text)]) {
        Err(errors) => assert!(!errors.0.is_empty()),
        Ok(task) => {
            let target = Target::new("192.0.2.1").expect("an address is a target");
            drop(task.request(&"acme".into(), &target, &PingParams::default()));
            drop(task.parse(&"acme".into(), text));
        }
    }
    drop(Sample::parse_all(text));
});
