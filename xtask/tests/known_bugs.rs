//! Every test that `docs/known-bugs.md` names exists: a list of guards is worth what the guards are.

use std::path::Path;

const LIST: &str = "docs/known-bugs.md";

/// Returns the tests that a row names: what stands between backticks in its last cell.
fn named(row: &str) -> Vec<(&str, &str)> {
    let cell = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
    cell.split('`').skip(1).step_by(2).filter_map(|name| name.split_once("::")).collect()
}

#[test]
fn every_known_bug_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the workspace");
    let text = std::fs::read_to_string(root.join(LIST)).expect("the list can be read");
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| where |");
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in text.lines().filter(is_row) {
        rows += 1;
        let what = row.split('|').take(3).collect::<Vec<_>>().join("|");
        let tests = named(row);
        if tests.is_empty() || row.matches('|').count() != 5 {
            wrong.push(format!("{what}: wanted are four cells, with `FILE::TEST` in the last one"));
        }
        for (file, test) in tests {
            let source = std::fs::read_to_string(root.join("crates/rushlight-core").join(file)).unwrap_or_default();
            if !source.contains(&format!("fn {test}(")) {
                wrong.push(format!("{what}: there is no test {test} in {file}; name the one that guards against this"));
            }
        }
    }
    assert!(wrong.is_empty(), "{LIST}:\n{}", wrong.join("\n"));
    assert!(rows > 50, "{LIST} has {rows} rows only");
}
