//! One seed, with everything that is asked of it.

use crate::properties::{self, Counts};
use crate::provider::Chains;
use crate::report::{Outcome, Totals, Verdict};
use crate::scenario::Scenario;
use crate::world::World;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Every so many seeds a run is repeated as it was, to show that it comes out the same.
const REPEAT_EVERY: u64 = 25;
/// Every so many seeds a run is repeated with answers in another order.
const REORDER_EVERY: u64 = 5;

/// A seed that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What failed.
    pub what: String,
    /// The scenario and what happened last.
    pub story: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, what, story } = self;
        write!(f, "{story}\nseed {seed} failed: {what}\nreplay: cargo run --release -p rushlight-sim -- --seed {seed}")
    }
}

/// Runs `seed` and adds what it came to.
/// # Errors
/// [`Failure`] if a property does not hold or something panics.
pub fn run(seed: u64, totals: &mut Totals, counts: &mut Counts, is_printed: bool) -> Result<(), Failure> {
    let scenario = Scenario::draw(seed);
    let chains = Chains::new(&scenario);
    let first = once(&scenario, &chains, 0, is_printed)?;
    totals.add(&first);
    if seed.is_multiple_of(REPEAT_EVERY) {
        let again = once(&scenario, &chains, 0, false)?;
        let failed = |what: String| Failure { seed, what, story: scenario.to_string() };
        if first != again {
            return Err(failed(format!("the same seed gave {first:?}, then {again:?}")));
        }
        totals.repeated += 1;
    }
    if seed.is_multiple_of(REORDER_EVERY) {
        // P7: witnesses and all others may answer in any order; the verdict is the same.
        let other = once(&scenario, &chains, 1, false)?;
        // Whether the head is old by now depends on how long the run took; what is believed must not.
        let is_stopped = |verdict: &Verdict| matches!(verdict.state, "frozen" | "expired").then_some(verdict.state);
        let stopped = is_stopped(&first.verdict);
        let is_same =
            stopped == is_stopped(&other.verdict) && (stopped.is_some() || first.verdict.head == other.verdict.head);
        if !is_same {
            let what =
                format!("P7: {:?} becomes {:?} when answers come in another order", first.verdict, other.verdict);
            return Err(Failure { seed, what, story: scenario.to_string() });
        }
        totals.reordered += 1;
    }
    let checked = catch_unwind(AssertUnwindSafe(|| properties::check(chains.honest(), seed, counts)));
    checked.map_err(|panic| Failure { seed, what: panic_text(panic.as_ref()), story: scenario.to_string() })
}

fn once(scenario: &Scenario, chains: &Chains, salt: u64, is_printed: bool) -> Result<Outcome, Failure> {
    let mut world = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| world.insert(World::new(scenario, chains, salt, is_printed)).run()));
    outcome.map_err(|panic| {
        let trace = world.as_ref().map(World::trace).unwrap_or_default();
        Failure { seed: scenario.seed, what: panic_text(panic.as_ref()), story: format!("{scenario}{trace}") }
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_else(|| "a panic".into())
}
