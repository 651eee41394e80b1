//! What encrypts the way to Zabbix.

use pool_core::Secret;

use super::*;
use crate::tls::TlsSettings;

/// Loads the good text with a sender of these keys, beside a file with a key.
fn load_sender(keys: &str) -> Result<Settings, String> {
    let text = format!("{GOOD}zabbix: {{ sender: {{ address: z, {keys} }} }}\n");
    let folder = folder("m.yaml", &text);
    write_secret(&folder.path().join("psk"), "00112233445566778899aabbccddeeff\n");
    write_secret(&folder.path().join("none.pem"), "no certificate\n");
    load_in(&folder, "m.yaml", &Environment::default())
}

#[track_caller]
fn check_sender(keys: &str, expected: &[&str]) {
    let problems = load_sender(keys).expect_err("the keys are wrong");
    let problems: Vec<_> = problems.lines().collect();
    assert_eq!(problems, expected);
}

#[test]
fn a_pre_shared_key_is_read_from_its_file() {
    let settings = load_sender("psk_identity: monitord, psk_file: psk").unwrap();
    let key = Secret::new("00112233445566778899aabbccddeeff\n");
    let expected = TlsSettings::PreSharedKey { identity: "monitord".to_owned(), key };
    assert_eq!(settings.zabbix.unwrap().tls, Some(expected));
    assert_eq!(load_sender("").unwrap().zabbix.unwrap().tls, None);
}

#[test]
fn what_is_meant_to_be_encrypted_is_never_sent_in_the_clear() {
    for (keys, expected) in [
        ("psk_identity: i", "psk_identity stands without psk_file: both or none are needed"),
        ("psk_file: psk", "psk_file stands without psk_identity: both or none are needed"),
        ("server_name: n", "server_name stands without ca_file, which says whom to trust"),
        (
            "psk_identity: i, psk_file: gone",
            "psk_file is \"gone\": allowed is a file that can be read (No such file or directory \
             (os error 2))",
        ),
        (
            "psk_identity: i, psk_file: none.pem",
            "psk_file cannot be used: allowed are 32 to 512 hexadecimal digits, an even number of \
             them",
        ),
        ("ca_file: none.pem", "ca_file cannot be used: there is no certificate in it, as PEM"),
    ] {
        check_sender(keys, &[&format!("m.yaml: zabbix.sender.{expected}")]);
    }
    check_sender(
        "cert_file: psk",
        &["m.yaml: zabbix.sender.cert_file stands without key_file: both or none are needed"],
    );
    check_sender(
        "psk_identity: i, psk_file: psk, ca_file: none.pem",
        &["m.yaml: zabbix.sender.psk_identity stands beside ca_file: allowed is a pre-shared key \
             or certificates, not both"],
    );
}

#[test]
fn whether_an_item_is_told_why_it_has_no_figure_is_off_unless_it_is_asked_for() {
    let told = |key: &str| {
        let text = format!("{GOOD}zabbix: {{ sender: {{ address: z }}{key} }}\n");
        let settings = load_in(&folder("m.yaml", &text), "m.yaml", &Environment::default());
        settings.map(|settings| settings.zabbix.map(|zabbix| zabbix.not_supported))
    };
    assert_eq!(told(""), Ok(Some(false)));
    assert_eq!(told(", not_supported: true"), Ok(Some(true)));
    let wrong = told(", not_supported: perhaps").unwrap_err();
    assert!(wrong.starts_with("m.yaml: zabbix.not_supported is \"perhaps\""), "{wrong}");
}

#[test]
fn how_many_lines_and_routers_the_metrics_name_has_a_bound() {
    let read = |metrics: &str| {
        let text = format!("{GOOD}{metrics}\n");
        load_in(&folder("m.yaml", &text), "m.yaml", &Environment::default())
    };
    let found = |metrics: &str| {
        let metrics = read(metrics).unwrap().metrics;
        (metrics.lines_max, metrics.routers_max)
    };
    assert_eq!(found(""), (5000, 1000));
    assert_eq!(found("metrics: { lines_max: 0, routers_max: 7 }"), (0, 7));
    let wrong = read("metrics: { lines_max: 100001 }").unwrap_err();
    assert!(wrong.contains("metrics.lines_max is 100001: allowed is"), "{wrong}");
}
