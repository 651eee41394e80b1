use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

fn key(seed: u8) -> KnownKey {
    let blob = [&11_u32.to_be_bytes()[..], b"ssh-ed25519", &[seed; 32]].concat();
    KnownKey::from_blob(&blob).unwrap()
}

#[test]
fn a_pipe_or_device_is_refused_and_left_as_it_is() {
    use std::os::unix::fs::FileTypeExt;

    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("known_hosts");
    // Not by a program: for a moment a child has the locks of all threads beside this one.
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let store = HostKeyStore::new(&pipe);
    for problem in [store.find("r").unwrap_err(), store.remember("r", &key(1)).unwrap_err()] {
        assert!(problem.ends_with("it is not a regular file"), "{problem}");
    }
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing beside it");
}

#[test]
fn what_is_remembered_is_kept_beside_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("known_hosts");
    fs::write(&path, "# mine, without a line end").unwrap();
    let store = HostKeyStore::new(&path);
    assert!(matches!(store.remember("a", &key(1)), Ok(Remembered::Added)));
    assert!(matches!(store.remember("b", &key(2)), Ok(Remembered::Added)));

    assert_eq!(store.find("a").unwrap().keys, [key(1)]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# mine, without a line end\na ssh-ed25519 "), "{text}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, FILE_MODE);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "the file and its lock");
}

#[test]
fn a_host_that_somebody_else_has_written_is_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = HostKeyStore::new(&dir.path().join("known_hosts"));
    store.remember("a", &key(1)).unwrap();
    let Ok(Remembered::Overtaken(record)) = store.remember("a", &key(2)) else {
        panic!("overtaken is expected")
    };
    assert_eq!(record.keys, [key(1)]);
}

#[test]
fn while_somebody_writes_nobody_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("known_hosts");
    let lock = File::create(beside(&path, "lock")).unwrap();
    lock.lock().unwrap();
    let store = HostKeyStore::new(&path);
    assert!(matches!(store.remember("a", &key(1)), Ok(Remembered::Locked)));
    drop(lock);
    assert!(matches!(store.remember("a", &key(1)), Ok(Remembered::Added)));
}

#[test]
fn many_writers_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = HostKeyStore::new(&dir.path().join("known_hosts"));
    std::thread::scope(|scope| {
        for seed in 0..8 {
            let store = &store;
            scope.spawn(move || {
                let name = format!("host-{seed}");
                while let Remembered::Locked = store.remember(&name, &key(seed)).unwrap() {
                    std::thread::yield_now();
                }
            });
        }
    });
    for seed in 0..8 {
        assert_eq!(store.find(&format!("host-{seed}")).unwrap().keys, [key(seed)]);
    }
}

#[test]
fn a_symbolic_link_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    fs::write(&real, "").unwrap();
    symlink(&real, &link).unwrap();
    HostKeyStore::new(&link).remember("a", &key(1)).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(HostKeyStore::new(&real).find("a").unwrap().keys, [key(1)]);
}

#[test]
fn a_host_that_is_known_is_recalled_for_a_moment_without_a_look_at_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("known_hosts");
    fs::write(&path, entry_line("a", &key(1))).unwrap();
    let store = HostKeyStore::new(&path);
    assert_eq!(store.recall("a"), None, "nobody has looked yet");
    store.find("b").unwrap();
    assert_eq!(store.recall("a").unwrap().keys, [key(1)]);
    assert_eq!(store.recall("b"), None, "whoever is unknown may have become known");
    assert_eq!(store.clone().recall("a").unwrap().keys, [key(1)]);
    let Remembered::Added = store.remember("b", &key(2)).unwrap() else { panic!("not added") };
    assert_eq!(store.recall("a"), None, "the file is another one");
    assert_eq!(store.find("b").unwrap().keys, [key(2)]);
}

#[test]
fn what_was_read_is_used_until_the_file_changes_however_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("known_hosts");
    let store = HostKeyStore::new(&path);
    // Long ago, as far as its time of change tells. No two of these have the same times.
    let mut seconds = 1_000_000;
    let mut write = |text: &str| {
        seconds += 1;
        fs::write(&path, text).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        File::options().append(true).open(&path).unwrap().set_modified(then).unwrap();
    };
    assert!(store.find("a").unwrap().keys.is_empty());
    write(&entry_line("a", &key(1)));
    assert_eq!(store.find("a").unwrap().keys, [key(1)]);
    let read = Arc::as_ptr(&store.index().unwrap());
    assert_eq!(Arc::as_ptr(&store.index().unwrap()), read, "it is not read again");
    // The same length, in place.
    write(&entry_line("a", &key(2)));
    assert_eq!(store.find("a").unwrap().keys, [key(2)]);
    // Another file, under the same name.
    fs::rename(&path, dir.path().join("old")).unwrap();
    assert!(store.find("a").unwrap().keys.is_empty());
    // And one that has only just been written: it may be written again without a trace.
    fs::write(&path, entry_line("a", &key(3))).unwrap();
    assert_eq!(store.find("a").unwrap().keys, [key(3)]);
    fs::write(&path, entry_line("a", &key(4))).unwrap();
    assert_eq!(store.find("a").unwrap().keys, [key(4)]);
}
