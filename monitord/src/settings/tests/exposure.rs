//! Secrets and keys that others can read.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn set_mode(folder: &TempDir, name: &str, mode: u32) {
    let path = folder.path().join(name);
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The warnings, without the folder's path.
fn warnings(folder: &TempDir) -> Vec<String> {
    let settings = load_in(folder, "m.yaml", &Environment::default()).unwrap();
    let prefix = format!("{}/", folder.path().display());
    settings.warnings.iter().map(|warning| warning.replace(&prefix, "")).collect()
}

#[test]
fn a_file_with_secrets_that_others_can_read_is_worth_a_warning() {
    let folder = folder("m.yaml", GOOD);
    assert_eq!(warnings(&folder), Vec::<String>::new());
    set_mode(&folder, "m.yaml", 0o644);
    let told = "m.yaml: secrets are in it, and everybody can read it (mode 0644): chmod go= m.yaml";
    assert_eq!(warnings(&folder), [told]);
    // A file that only says where its secrets are is nobody's concern; the other one is.
    write_secret(&folder.path().join("password"), "secret-1\n");
    fs::write(folder.path().join("m.yaml"), GOOD.replace("secret-1", "'file:password'")).unwrap();
    assert_eq!(warnings(&folder), Vec::<String>::new());
    set_mode(&folder, "password", 0o640);
    let told = "password: a secret is in it, and its group can read it (mode 0640): chmod go= \
                password";
    assert_eq!(warnings(&folder), [told]);
}

#[test]
fn a_key_that_everybody_can_read_is_refused_as_ssh_does() {
    let text = GOOD.replace("password: secret-1", "private_key: { file: key }");
    let folder = folder("m.yaml", &text);
    write_secret(&folder.path().join("key"), "x");
    assert_eq!(warnings(&folder), Vec::<String>::new());
    set_mode(&folder, "key", 0o604);
    let problem = load_in(&folder, "m.yaml", &Environment::default()).unwrap_err();
    let told = "m.yaml: routers[0].private_key.file is \"key\": everybody can read it (mode 0604): \
                chmod go= key";
    let shown = problem.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(shown, told.replace("go=", "o="));
    set_mode(&folder, "key", 0o640);
    let told = "key: a key is in it, and its group can read it (mode 0640): chmod go= key";
    assert_eq!(warnings(&folder), [told]);
}

#[test]
fn a_shared_key_that_everybody_can_read_is_refused() {
    let sender = "zabbix: { sender: { address: z, psk_identity: i, psk_file: psk } }";
    let folder = folder("m.yaml", &format!("{GOOD}{sender}\n"));
    write_secret(&folder.path().join("psk"), "00112233445566778899aabbccddeeff\n");
    assert!(load_in(&folder, "m.yaml", &Environment::default()).is_ok());
    set_mode(&folder, "psk", 0o644);
    let problem = load_in(&folder, "m.yaml", &Environment::default()).unwrap_err();
    let told = "m.yaml: zabbix.sender.psk_file is \"psk\": allowed is a file that others cannot \
                read; everybody can read it (mode 0644): chmod go= psk";
    assert_eq!(problem, told);
}

#[test]
fn a_secret_on_the_command_line_can_be_seen_by_others() {
    let folder = folder("m.yaml", &format!("{GOOD}http: {{ listen: '127.0.0.1:0' }}\n"));
    let flags = [("http.token".to_owned(), "0123456789abcdef".to_owned())];
    let path = folder.path().join("m.yaml");
    let settings = load(&path, &Environment::default(), &flags, &CATALOG).unwrap();
    assert!(settings.warnings[0].starts_with("--set: a secret is on the command line"));
}
