//! A thousand seeds; `cargo run --release -p rushlight-sim -- --seeds 100000` runs more of them.

use rushlight_sim::{Behaviour, Totals, properties, run};
use std::collections::BTreeMap;

const SEEDS: u64 = 1_000;
/// Every lie must be told, and held against whom told it, so many times in all.
const LIES_MIN: u64 = 100;
/// Lies that need not be held against anybody: to have less than others is no crime, a fork freezes the chain, and a bit
/// may flip where it means nothing. It is enough that nothing of them was believed.
const UNPROVABLE: [&str; 5] = ["stale", "pruned", "withheld", "fork", "bit-flip"];
/// Every property must be put to the test so many times.
const CHECKS_MIN: u64 = 100;

#[test]
fn a_thousand_seeds_hold() {
    let (mut totals, mut counts) = (Totals::default(), properties::Counts::new());
    for seed in 0..SEEDS {
        if let Err(failure) = run(seed, &mut totals, &mut counts, false) {
            panic!("{failure}");
        }
    }
    println!("{totals}");
    for (property, count) in &counts {
        println!("{count:>8}  {property}");
    }
    for lie in Behaviour::words() {
        let count = |counts: &BTreeMap<String, u64>| counts.get(&lie).copied().unwrap_or(0);
        let (told, blamed, outlived) =
            (count(&totals.sum.told), count(&totals.sum.blamed), count(&totals.sum.outlived));
        let refused = if UNPROVABLE.contains(&lie.as_str()) { blamed + outlived } else { blamed };
        assert!(told >= LIES_MIN && refused >= LIES_MIN, "{lie}: told {told}, blamed {blamed}, outlived {outlived}");
    }
    assert!(counts.values().all(|count| *count >= CHECKS_MIN), "{counts:?}");
    assert!(totals.sum.crashes >= 100 && totals.sum.bundles >= SEEDS / 2, "{totals}");
}
