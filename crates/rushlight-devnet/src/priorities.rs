//! Who proposes: weighted round robin.
//!
//! At each height every member's priority grows by its power, and the highest proposes and pays the total.
//! Source: CometBFT specification, "Proposer selection procedure"; `types/validator_set.go`.

use rushlight_core::chains::tendermint::types::{Address, ValidatorSet};

/// Members' priorities in the order of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Priorities {
    pub(crate) values: Vec<i64>,
    /// Index of the member that proposes.
    pub(crate) proposer: usize,
}

fn signed(power: u64) -> i64 {
    i64::try_from(power).unwrap_or(i64::MAX)
}

impl Priorities {
    /// Returns the priorities at the first height.
    pub(crate) fn first(set: &ValidatorSet) -> Self {
        let mut first = Self { values: vec![0; set.len()], proposer: 0 };
        first.increment(set, 1);
        first
    }

    /// Returns the priorities at the next height, when `set` becomes `next`.
    pub(crate) fn next(&self, set: &ValidatorSet, next: &ValidatorSet) -> Self {
        let mut after = if set.hash() == next.hash() { self.clone() } else { self.changed(set, next) };
        after.increment(next, 1);
        after
    }

    /// Returns the priorities after `rounds` further rounds at the same height.
    pub(crate) fn later_round(&self, set: &ValidatorSet, rounds: u32) -> Self {
        let mut after = self.clone();
        if rounds > 0 {
            after.increment(set, rounds);
        }
        after
    }

    fn changed(&self, set: &ValidatorSet, next: &ValidatorSet) -> Self {
        let is_removed = |address: &Address| next.by_address(address).is_none();
        let removed: u64 = set.validators().iter().filter(|v| is_removed(&v.address)).map(|v| v.power).sum();
        // Who joins starts behind everybody: leaving and joining again must not pay.
        let total = signed(next.total_power().saturating_add(removed));
        let joined = -(total + (total >> 3));
        let values = next
            .validators()
            .iter()
            .map(|member| {
                let before = set.by_address(&member.address).and_then(|(index, _)| self.values.get(index));
                before.copied().unwrap_or(joined)
            })
            .collect();
        let mut changed = Self { values, proposer: 0 };
        changed.rescale(next);
        changed.center();
        changed
    }

    fn increment(&mut self, set: &ValidatorSet, times: u32) {
        self.rescale(set);
        self.center();
        for _ in 0..times {
            for (value, member) in self.values.iter_mut().zip(set.validators()) {
                *value = value.saturating_add(signed(member.power));
            }
            let members = self.values.iter().zip(set.validators()).enumerate();
            let highest = members.max_by(|(_, (a, x)), (_, (b, y))| a.cmp(b).then(y.address.cmp(&x.address)));
            self.proposer = highest.map_or(0, |(index, _)| index);
            if let Some(value) = self.values.get_mut(self.proposer) {
                *value = value.saturating_sub(signed(set.total_power()));
            }
        }
    }

    /// Keeps the distance between any two priorities below twice the total.
    fn rescale(&mut self, set: &ValidatorSet) {
        let distance_max = signed(set.total_power()).saturating_mul(2);
        let (Some(min), Some(max)) = (self.values.iter().min(), self.values.iter().max()) else { return };
        let distance = max.saturating_sub(*min);
        if distance > distance_max {
            let ratio = (distance + distance_max - 1) / distance_max;
            self.values.iter_mut().for_each(|value| *value /= ratio);
        }
    }

    fn center(&mut self) {
        let sum: i128 = self.values.iter().copied().map(i128::from).sum();
        let average = sum.div_euclid(self.values.len().max(1) as i128);
        let average = i64::try_from(average).unwrap_or(0);
        self.values.iter_mut().for_each(|value| *value = value.saturating_sub(average));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rushlight_core::chains::tendermint::decode::json;
    use serde_json::Value;
    use std::collections::BTreeMap;
    use std::io::Read;
    use std::path::{Path, PathBuf};

    /// By height: sets with priorities, and the proposer of each block committed in round 0.
    #[derive(Default)]
    struct Recorded {
        sets: BTreeMap<u64, (ValidatorSet, Vec<i64>)>,
        proposers: BTreeMap<u64, String>,
    }

    fn recorded(folder: &Path) -> Recorded {
        let Recorded { mut sets, mut proposers } = Recorded::default();
        let mut text = String::new();
        let file = std::fs::File::open(folder.join("chain.jsonl.gz")).unwrap();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let body = line["body"].as_str().unwrap();
            let uri = line["uri"].as_str().unwrap_or("");
            let number = |text: &Value| text.as_str().unwrap().parse::<i64>().unwrap();
            if uri.starts_with("/validators?height=") && uri.ends_with("&page=1&per_page=100") && line["status"] == 200
            {
                let answer = json::validators_answer(body.as_bytes()).unwrap().unwrap();
                if answer.validators.len() < answer.total {
                    continue;
                }
                let raw: Value = serde_json::from_str(body).unwrap();
                let raw = raw["result"]["validators"].as_array().unwrap().clone();
                let priorities = raw.iter().map(|member| number(&member["proposer_priority"])).collect();
                sets.insert(answer.height, (ValidatorSet::from_sorted(answer.validators).unwrap(), priorities));
            }
            if uri.starts_with("/commit?height=") && line["status"] == 200 {
                let (header, commit) = json::commit_answer(body.as_bytes()).unwrap().unwrap();
                if commit.round == 0 {
                    proposers.insert(header.height, header.proposer_address.to_string());
                }
            }
        }
        Recorded { sets, proposers }
    }

    #[test]
    fn the_round_robin_is_that_of_real_nodes() {
        let vectors = std::env::var_os("RUSHLIGHT_VECTORS").map(PathBuf::from);
        let vectors = vectors.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"));
        if !vectors.join("tendermint").is_dir() {
            eprintln!("SKIPPED: no recorded data in {}; set RUSHLIGHT_VECTORS", vectors.display());
            return;
        }
        let (mut steps, mut changes, mut proposed) = (0, 0, 0);
        for folder in ["cometbft-0.38/seven", "cometbft-0.40/seven", "cometbft-0.40/mixed"] {
            let Recorded { sets, proposers } = recorded(&vectors.join("tendermint").join(folder));
            for (height, (set, values)) in &sets {
                let Some((next, want)) = sets.get(&(height + 1)) else { continue };
                let after = Priorities { values: values.clone(), proposer: 0 }.next(set, next);
                assert_eq!(&after.values, want, "{folder} height {}", height + 1);
                steps += 1;
                changes += usize::from(set.hash() != next.hash());
                if let Some(proposer) = proposers.get(&(height + 1)) {
                    assert_eq!(&next.validators()[after.proposer].address.to_string(), proposer, "{folder} {height}");
                    proposed += 1;
                }
            }
        }
        println!("{steps} steps, {changes} of them with changes, {proposed} proposers");
        assert!(steps > 300 && changes > 10 && proposed > 250);
    }
}
