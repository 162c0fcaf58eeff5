//! Generated justifications: Rushlight's verdict against that of `sc-consensus-grandpa`.
//!
//! `oracle-grandpa [--cases N] [--flips N] [--seed N]` prints what it counted and fails at the first disagreement, with
//! the justification in hexadecimal.

mod generate;
mod judge;

use generate::Case;
use judge::Verdict;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// A stream of numbers from a seed (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut n = self.0;
        n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ n >> 31
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

fn main() -> ExitCode {
    let (mut cases, mut flips, mut seed) = (100_000_u64, 100_000_u64, 1_u64);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok()).expect("each option takes a number");
        match name.as_str() {
            "--cases" => cases = value,
            "--flips" => flips = value,
            "--seed" => seed = value,
            other => panic!("no option is called {other}"),
        }
    }
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut counts = BTreeMap::new();
    let (mut justifications, mut flipped, mut harmless) = (0_u64, 0_u64, 0_u64);
    while justifications < cases || flipped < flips {
        let case = Case::draw(&mut dice);
        for target in case.targets() {
            let bytes = case.encode(target);
            let verdict = match agreed(&case, &bytes, target) {
                Ok(verdict) => verdict,
                Err(code) => return code,
            };
            justifications += 1;
            let accepted = verdict.is_accepted();
            *counts.entry(verdict.name()).or_insert(0_u64) += 1;
            if !accepted || flipped >= flips {
                continue;
            }
            let mut changed = bytes.clone();
            let bit = dice.below(bytes.len() as u64 * 8);
            changed[bit as usize / 8] ^= 1 << (bit % 8);
            match agreed(&case, &changed, target) {
                Ok(verdict) if verdict.is_accepted() => harmless += 1,
                Ok(_) => {}
                Err(code) => return code,
            }
            flipped += 1;
        }
    }
    println!("{justifications} justifications, no disagreement:");
    counts.iter().for_each(|(name, count)| println!("  {count:>8} {name}"));
    println!("{flipped} valid ones with one bit flipped, no disagreement, {harmless} accepted");
    if harmless == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn agreed(case: &Case, bytes: &[u8], target: generate::Target) -> Result<Verdict, ExitCode> {
    let (ours, theirs) = (judge::ours(case, bytes, target), judge::theirs(case, bytes, target));
    if ours.is_accepted() == theirs.is_ok() {
        return Ok(ours);
    }
    println!("disagreement: ours {}, theirs {theirs:?}", ours.text());
    println!("set {} authorities {:?}", case.set_id, case.authorities);
    println!("target {target:?}");
    println!("{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    Err(ExitCode::FAILURE)
}
