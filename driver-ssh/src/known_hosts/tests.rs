use proptest::prelude::*;

use super::*;
use crate::linear;

const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

fn is_known(file: &str, name: &str) -> bool {
    !HostRecord::find(file.as_bytes(), name).keys.is_empty()
}

#[test]
fn plain_names_and_lists_are_found() {
    let file = format!("# a comment\n\nedge-1,192.0.2.1 ssh-ed25519 {KEY} someone\r\n");
    assert!(is_known(&file, "edge-1"));
    assert!(is_known(&file, "192.0.2.1"));
    assert!(!is_known(&file, "edge-10"));
    assert!(!is_known(&file, "[192.0.2.1]:2222"));
    assert_eq!(HostRecord::find(file.as_bytes(), "edge-1").key_types(), ["ssh-ed25519"]);
}

#[test]
fn the_port_is_part_of_the_name_unless_it_is_22() {
    assert_eq!(entry_name("Edge-1", 22), "edge-1");
    assert_eq!(entry_name("2001:db8::1", 22), "2001:db8::1");
    assert_eq!(entry_name("2001:db8::1", 2222), "[2001:db8::1]:2222");
    let file = format!("[edge-1]:2222 ssh-ed25519 {KEY}");
    assert!(is_known(&file, "[edge-1]:2222"));
    assert!(!is_known(&file, "edge-1"));
}

/// The lines are what `ssh-keygen -H` of OpenSSH 9.2 made of the names.
#[test]
fn hashed_names_are_found() {
    let file = format!(
        "|1|CEaR4YjW8YqJP8DBDSwzrLuqtEs=|O8whrsjq+uXefEEXwaXidaJEmjY= ssh-ed25519 {KEY}\n\
         |1|A8Asnjn5YAqh76Qjpf1gr41N/d0=|jz+I7Ag2h4wHKrdWX7cF4G5gEqE= ssh-ed25519 {KEY}\n"
    );
    assert!(is_known(&file, "router.example.net"));
    assert!(is_known(&file, "[192.0.2.1]:2222"));
    assert!(!is_known(&file, "router.example.org"));
    assert!(!is_known(&file, "192.0.2.1"));
}

#[test]
fn wildcards_and_exclusions_are_honoured() {
    let file = format!("*.example.net,!bad.example.net,10.0.?.1 ssh-ed25519 {KEY}");
    for (name, known) in [
        ("a.example.net", true),
        ("A.EXAMPLE.NET", true),
        ("a.b.example.net", true),
        ("bad.example.net", false),
        ("example.net", false),
        ("10.0.7.1", true),
        ("10.0.77.1", false),
    ] {
        assert_eq!(is_known(&file, name), known, "{name}");
    }
}

#[test]
fn markers_mean_what_they_say() {
    let file = format!(
        "@revoked * ssh-ed25519 {KEY}\n@cert-authority * ssh-ed25519 {KEY}\n@new * x {KEY}\n"
    );
    let record = HostRecord::find(file.as_bytes(), "edge-1");
    assert_eq!((record.keys.len(), record.revoked.len()), (0, 1));
}

#[test]
fn lines_that_cannot_be_read_are_passed_over() {
    let good = format!("edge-1 ssh-ed25519 {KEY}");
    let file = [
        b"edge-1\nedge-1 ssh-rsa\nedge-1 ssh-rsa !!!\nedge-1 ssh-rsa AAAA\n".as_slice(),
        b"|1|x|y ssh-rsa AAAA\n|2|a|b c d\n\xff\xfe edge-1\n",
        good.as_bytes(),
    ]
    .concat();
    assert_eq!(HostRecord::find(&file, "edge-1").keys.len(), 1);
}

#[test]
fn what_is_written_is_found_again() {
    let key = KnownKey::from_blob(&STANDARD.decode(KEY).unwrap()).unwrap();
    let file = entry_line("[2001:db8::1]:2222", &key);
    assert_eq!(HostRecord::find(file.as_bytes(), "[2001:db8::1]:2222").keys, [key]);
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(file: Vec<u8>, name: String) {
        HostRecord::find(&file, &name);
    }

    #[test]
    fn no_line_makes_it_panic(file in r"[|@#!*?, \n\t=a-zA-Z0-9+/\[\]:.-]{0,200}", name in "[a-z.*]{0,20}") {
        HostRecord::find(file.as_bytes(), &name);
    }

    #[test]
    fn whatever_is_written_is_found_again(
        host in "[a-zA-Z0-9.:-]{1,60}",
        port: u16,
        key in prop::collection::vec(any::<u8>(), 0..600),
        before in r"[|@#!*?, \n\ta-zA-Z0-9+/=\[\]:.-]{0,200}",
    ) {
        let blob = [&11_u32.to_be_bytes()[..], b"ssh-ed25519", &key].concat();
        let key = KnownKey::from_blob(&blob).unwrap();
        let name = entry_name(&host, port);
        let file = format!("{before}\n{}", entry_line(&name, &key));
        prop_assert!(HostRecord::find(file.as_bytes(), &name).keys.contains(&key));
    }

    #[test]
    fn no_encoding_of_a_key_makes_it_panic(blob: Vec<u8>) {
        if let Some(key) = KnownKey::from_blob(&blob) {
            prop_assert!(key.blob == blob && !key.key_type.is_empty());
        }
    }

    #[test]
    fn a_pattern_without_wildcards_matches_itself_only(a in "[a-c]{0,4}", b in "[a-c]{0,4}") {
        prop_assert_eq!(pattern_matches(&a, &b), a == b);
    }

    #[test]
    fn a_star_takes_anything(a in "[a-c]{0,4}", b in "[a-c]{0,6}", c in "[a-c]{0,4}") {
        let pattern = format!("{a}*{c}");
        let name = format!("{a}{b}{c}");
        prop_assert!(pattern_matches(&pattern, &name));
    }
}

#[test]
fn the_time_to_read_a_file_grows_with_its_length_only() {
    let read = |file: &[u8]| HostRecord::find(file, "a-router.example.net");
    let line = format!("router,192.0.2.1 ssh-ed25519 {KEY}\n");
    linear::check(|parts| line.repeat(parts).into_bytes(), read);
    // One line: of names, of patterns that almost match, of words, of hashes, and of no line end.
    for (begins, part) in
        [("", "a,"), ("", "*a*r*e*x,"), ("", "!?*,"), ("x ", "y "), ("|1|", "|"), ("", "@")]
    {
        let line = |parts| format!("{begins}{} t {KEY}\n", part.repeat(parts)).into_bytes();
        linear::check(line, read);
    }
    // One pattern, of many stars.
    linear::check(|parts| format!("{}b t {KEY}", "*a".repeat(parts)).into_bytes(), read);
    linear::check(|parts| vec![b'\n'; parts], read);
    linear::check(|parts| vec![0xff; parts], read);
}
