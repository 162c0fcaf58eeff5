//! Generated votes of up to 300 members over trees of up to 500 blocks: what Rushlight says of justifications and of commit
//! messages, all rules but signatures, against `finality-grandpa`.
//!
//! `oracle-votes [--cases N] [--seed N]` prints what it counted and fails at the first disagreement. The oracle beside this
//! one judges signatures too, and the reference node's own function, on smaller cases.

mod generate;
mod judge;

use generate::Case;
use judge::Judge;
use rushlight_core::chains::substrate::grandpa::{BlockId, VerifyError};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// A stream of numbers from a seed (SplitMix64).
pub struct Dice(u64);

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
    let (mut cases, mut seed) = (20_000_u64, 1_u64);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok()).expect("each option takes a number");
        match name.as_str() {
            "--cases" => cases = value,
            "--seed" => seed = value,
            other => panic!("no option is called {other}"),
        }
    }
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut counts = BTreeMap::<String, u64>::new();
    let (mut sets, mut large) = (0, 0);
    for n in 0..cases {
        let case = Case::draw(&mut dice);
        let Some(judge) = Judge::of(&case) else { continue };
        sets += 1;
        large += u64::from(case.authorities.len() > 60 || case.blocks.len() > 80);
        let unknown = if dice.one_in(8) { dice.below(case.blocks.len() as u64) as usize } else { usize::MAX };
        let kind = ["honest", "equivocating", "lying", "lying and equivocating"]
            [2 * usize::from(case.is_lying) + usize::from(case.equivocates)];
        let mut any = [case.any_block(&mut dice), case.any_block(&mut dice)].into_iter();
        for (what, ours, theirs) in [
            (
                "justification",
                &(|target| judge.our_justification(target)) as &dyn Fn(BlockId) -> Result<(), VerifyError>,
                &(|target| judge.their_justification(target)) as &dyn Fn(BlockId) -> bool,
            ),
            ("commit", &|target| judge.our_commit(target, unknown), &|target| judge.their_commit(target, unknown)),
        ] {
            let mut target = any.next();
            while let Some(block) = target.take() {
                let (our, their) = (ours(block), theirs(block));
                // What ours says that the votes finalize is what the next one claims: both have to accept that.
                if let Err(VerifyError::OtherBlock { got, got_number, .. }) = our {
                    target = Some(BlockId { hash: got, number: got_number });
                }
                let is_judged = !matches!(our, Err(VerifyError::TooComplex { .. }));
                if is_judged && our.is_ok() != their {
                    println!("disagreement in case {n}, {what} of {block:?}: ours {our:?}, theirs {their}");
                    println!("authorities {:?}", case.authorities);
                    println!("{}", hex(&case.justification(block)));
                    return ExitCode::FAILURE;
                }
                let name = match our {
                    Ok(()) => "accepted".to_owned(),
                    Err(error) => format!("{error:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
                };
                *counts.entry(format!("{what}, {kind}: {name}")).or_default() += 1;
            }
        }
    }
    println!("{sets} sets and trees, {large} of them with more than 60 members or 80 blocks; no disagreement:");
    counts.iter().for_each(|(name, count)| println!("  {count:>8} {name}"));
    ExitCode::SUCCESS
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
