//! What runs came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What one run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Heights from the checkpoint to the end of the chain.
    pub heights: u64,
    /// Steps taken.
    pub steps: u64,
    /// Virtual time.
    pub time: Duration,
    /// Kills and restarts.
    pub crashes: u32,
    /// Fetches made.
    pub fetches: u64,
    /// Calls of clients.
    pub calls: u64,
    /// Bundles verified offline.
    pub bundles: u64,
    /// Lies told, by name.
    pub told: BTreeMap<String, u64>,
    /// Of those, held against whom told them.
    pub blamed: BTreeMap<String, u64>,
    /// Of those, held against nobody: the run went on to its right end, or froze, without believing them.
    pub outlived: BTreeMap<String, u64>,
    /// How it ended.
    pub verdict: Verdict,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The chain's state in a word.
    pub state: &'static str,
    /// The height of the last head published.
    pub head: Option<u64>,
}

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Runs.
    pub runs: u64,
    /// Runs repeated with answers in another order.
    pub reordered: u64,
    /// Runs repeated as they were.
    pub repeated: u64,
    /// Sums.
    pub sum: Outcome,
    /// Runs by verdict.
    pub states: BTreeMap<&'static str, u64>,
}

fn add_all(sum: &mut BTreeMap<String, u64>, other: &BTreeMap<String, u64>) {
    for (word, count) in other {
        *sum.entry(word.clone()).or_default() += count;
    }
}

impl Totals {
    /// Adds a run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        let sum = &mut self.sum;
        sum.heights += outcome.heights;
        sum.steps += outcome.steps;
        sum.time += outcome.time;
        sum.crashes += outcome.crashes;
        sum.fetches += outcome.fetches;
        sum.calls += outcome.calls;
        sum.bundles += outcome.bundles;
        add_all(&mut sum.told, &outcome.told);
        add_all(&mut sum.blamed, &outcome.blamed);
        add_all(&mut sum.outlived, &outcome.outlived);
        *self.states.entry(outcome.verdict.state).or_default() += 1;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = &self.sum;
        writeln!(f, "{} runs, ended {:?}", self.runs, self.states)?;
        writeln!(f, "{} repeated with answers in another order, {} as they were", self.reordered, self.repeated)?;
        writeln!(
            f,
            "{} heights, {} steps, {} fetches, {} s of virtual time, {} kills, {} calls, {} bundles verified offline",
            sum.heights,
            sum.steps,
            sum.fetches,
            sum.time.as_secs(),
            sum.crashes,
            sum.calls,
            sum.bundles
        )?;
        writeln!(f, "{:<20}{:>10}{:>10}{:>10}", "lie", "told", "blamed", "outlived")?;
        for (lie, told) in &sum.told {
            let count = |counts: &BTreeMap<String, u64>| counts.get(lie).copied().unwrap_or(0);
            writeln!(f, "{lie:<20}{told:>10}{:>10}{:>10}", count(&sum.blamed), count(&sum.outlived))?;
        }
        Ok(())
    }
}
