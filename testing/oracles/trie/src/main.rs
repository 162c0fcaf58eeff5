//! Rushlight's base-16 trie beside `sp-trie` and `trie-db`, over random tries and proofs.
//!
//! `cargo run --release --manifest-path testing/oracles/trie/Cargo.toml -- [--seed N] [--cases N] [--flips N]`, or `-- --corpus FOLDER` for seeds of the fuzzers
//!
//! Every case draws a map (some with child tries), lets both compute its root in three ways, takes the reference's own proof
//! of a few keys, drops entries of it now and then, and asks both every question. Where the proof is incomplete the reference
//! may give up where ours can still answer; then the answer of the whole trie counts. Exit code 1 at the first disagreement.

mod corpus;
mod dice;
mod flips;
mod reference;
mod trial;

use std::process::ExitCode;

/// What was compared.
#[derive(Default, Debug)]
pub struct Counts {
    /// Tries drawn.
    pub tries: u64,
    /// Tries with child tries among them.
    pub with_children: u64,
    /// Proofs, and those that were cut short.
    pub proofs: u64,
    pub incomplete: u64,
    /// Answers compared, by question.
    pub values: u64,
    pub hashes: u64,
    pub next_keys: u64,
    pub descendants: u64,
    /// Those that are inline, which the reference answers with the node around them.
    pub descendants_inline: u64,
    pub prefixes: u64,
    pub child_values: u64,
    pub compact: u64,
    pub roots: u64,
    pub changed_roots: u64,
    /// Changes at which the reference panics.
    pub reference_panics: u64,
    /// Changes after which the reference has another root than when it only inserts; ours is the latter.
    pub reference_contradictions: u64,
    /// Answers that ours gave from a proof with which the reference gave up; the whole trie confirmed them.
    pub further: u64,
    /// Bits flipped, and what came of it.
    pub flips: u64,
    pub flips_refused: u64,
    pub flips_harmless: u64,
}

fn main() -> ExitCode {
    let (mut seed, mut cases, mut flips) = (1_u64, 1_000_000_u64, 100_000_u64);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        if flag == "--corpus" {
            let folder = args.next().unwrap_or_default();
            return match corpus::write(std::path::Path::new(&folder)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("{folder}: {error}");
                    ExitCode::FAILURE
                }
            };
        }
        let value = args.next().and_then(|value| value.parse().ok());
        match (flag.as_str(), value) {
            ("--seed", Some(value)) => seed = value,
            ("--cases", Some(value)) => cases = value,
            ("--flips", Some(value)) => flips = value,
            _ => {
                eprintln!("usage: oracle-trie [--seed N] [--cases N] [--flips N] | --corpus FOLDER");
                return ExitCode::from(2);
            }
        }
    }
    std::panic::set_hook(Box::new(|_| ()));
    let mut counts = Counts::default();
    for case in 0..cases {
        // Each case has a seed of its own, so that one can be run again alone.
        let own = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(case);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| trial::run(own, &mut counts)));
        if let Err(what) = outcome.unwrap_or_else(|_| Err("a panic".into())) {
            println!("DISAGREEMENT in case {case} of seed {seed}: {what}");
            return ExitCode::FAILURE;
        }
        if case % 100_000 == 99_999 {
            eprintln!("{} cases", case + 1);
        }
    }
    for flip in 0..flips {
        let own = seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(flip);
        if let Err(what) = flips::run(own, &mut counts) {
            println!("ACCEPTED with another meaning: flip {flip} of seed {seed}: {what}");
            return ExitCode::FAILURE;
        }
    }
    println!("no disagreement, seed {seed}");
    println!("{counts:#?}");
    ExitCode::SUCCESS
}
