//! The table, for people and for machines.

use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// One comparison.
#[derive(Serialize)]
pub struct Row {
    name: String,
    ours: f64,
    theirs: f64,
    unit: &'static str,
    /// How many times better ours is.
    ratio: f64,
    /// The ratio that is wanted.
    wanted: f64,
    reached: bool,
}

impl Row {
    /// Returns the row of two times: `wanted` is how many times shorter ours shall be.
    pub fn new(name: String, ours: Duration, theirs: Duration, wanted: f64) -> Self {
        let (ours, theirs) = (ours.as_secs_f64() * 1e6, theirs.as_secs_f64() * 1e6);
        let ratio = theirs / ours;
        Self { name, ours, theirs, unit: "µs", ratio, wanted, reached: ratio >= wanted }
    }

    /// Returns the row with another name for its unit, for times that were multiplied to fit it.
    pub fn per(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// Returns the row of a size: the input, the whole of it, and the bound of the whole.
    pub fn bytes(name: String, input: usize, whole: usize, bound: usize) -> Self {
        let ratio = bound as f64 / whole as f64;
        Self {
            name,
            ours: input as f64,
            theirs: whole as f64,
            unit: "bytes",
            ratio,
            wanted: 1.0,
            reached: ratio >= 1.0,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.reached { "reached" } else { "MISSED" };
        write!(
            f,
            "{:<78} {:>14.1} {:>14.1} {:<5} {:>7.2} {:>6.1} {mark}",
            self.name, self.ours, self.theirs, self.unit, self.ratio, self.wanted
        )
    }
}
