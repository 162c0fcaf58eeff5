//! docs/rpc.md says what the method table says.

use rushlight_core::rpc::{Dialect, methods};
use std::path::Path;

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rpc.md");
    let want = methods::markdown();
    if std::env::var_os("RUSHLIGHT_UPDATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &want).unwrap();
    }
    let got = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        got == want,
        "docs/rpc.md does not say what the method table says; refresh it with\n    \
         RUSHLIGHT_UPDATE=1 cargo test -p rushlight-core --test rpc_docs\nand commit it"
    );
}

#[test]
fn the_help_lists_every_method_of_a_dialect_and_parses() {
    for dialect in [Dialect::Public, Dialect::Control] {
        let help: serde_json::Value = serde_json::from_str(&methods::help(dialect)).unwrap();
        let names: Vec<&str> =
            help["methods"].as_array().unwrap().iter().map(|method| method["name"].as_str().unwrap()).collect();
        let table: Vec<&str> = methods::of(dialect).map(|method| method.name).collect();
        assert_eq!(names, table);
        for method in &table {
            assert!(methods::markdown().contains(&format!("### {method}(")));
        }
    }
}
