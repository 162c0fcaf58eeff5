//! The demo as its users start it.

use std::process::Command;

#[test]
fn the_demo_tells_every_step_and_ends_well() {
    let output = Command::new(env!("CARGO_BIN_EXE_rushlight")).args(["demo", "--once", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["ok"], true);
    let (synced, proven, lied_to) = (&told["sync"], &told["proof"], &told["lie"]);
    let height = |step: &serde_json::Value| step["height"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(height(synced) >= 400 && height(proven) >= 400 && height(lied_to) >= 400, "{told}");
    assert!(synced["blocks_fetched"].as_u64().unwrap() < 100, "{told}");
    assert!(synced["witnesses_agreeing"].as_u64().unwrap() >= 1, "{told}");
    assert!(lied_to["refused"].as_str().unwrap().contains("signature does not match"), "{told}");
    assert_eq!(lied_to["provider"], told["network"]["urls"][3]);
}
