use super::*;

#[test]
fn every_builtin_definition_loads() {
    let platforms = Platforms::builtin();
    for (name, _) in BUILTIN {
        assert!(platforms.get(&Platform::new(name)).is_some(), "{name}");
    }
}
