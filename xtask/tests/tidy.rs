//! The house rules, over this repository, as part of `cargo test --workspace`.

use std::path::Path;

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let report = xtask::tidy::check_tree(&root).unwrap();
    let list: Vec<_> = report.violations.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} broken house rules:\n{}", list.len(), list.join("\n"));
    assert!(report.files >= 30, "tidy read only {} files, so it looked in the wrong place", report.files);
}
