//! P1 to P6, P11 and P12 of verification itself, on chains drawn from a hundred seeds.

use rushlight_devnet::Chain;
use rushlight_sim::{plan, properties};

#[test]
fn the_properties_of_verification_hold() {
    let mut counts = properties::Counts::new();
    for seed in 0..100 {
        let mut chain = Chain::new(plan(seed)).expect("drawn plans can be followed");
        chain.grow_to(chain.plan().initial_height + 59);
        properties::check(&chain, seed, &mut counts);
    }
    for (property, count) in &counts {
        println!("{count:>6}  {property}");
    }
    assert!(counts.values().all(|count| *count >= 10), "{counts:?}");
    assert_eq!(counts.len(), 15, "{:?}", counts.keys());
}
