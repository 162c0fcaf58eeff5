//! The stable driver: the corpus as it is, then mutations of it from a seed.

use crate::Target;
use std::io;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

/// No mutation makes an input larger than this.
const INPUT_BYTES_MAX: usize = 1 << 20;

/// The most changes that one mutation makes.
const CHANGES_MAX: usize = 8;

/// Pieces of text that decoders look for.
const WORDS: &[&str] = &[
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "-1",
    "0",
    "1e400",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "\"id\":",
    "\"method\":",
    "\"params\":",
    "\"jsonrpc\":\"2.0\"",
    "\\u0000",
    "\\ud800",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "\u{ff}T",
    "\u{ff}J",
];

/// What became of driving a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Files of the corpus.
    pub files: u64,
    /// Files of the corpus that the target accepted.
    pub accepted: u64,
    /// Mutations run.
    pub mutations: u64,
    /// Mutations that the target accepted.
    pub mutations_accepted: u64,
}

/// Why driving a target failed.
#[derive(Debug)]
pub enum Failure {
    /// The corpus cannot be read.
    Corpus(io::Error),
    /// There was nothing to run, or nothing of the corpus was accepted.
    RanNothing(Figures),
    /// An input made the target panic.
    Panicked {
        /// The input.
        input: Vec<u8>,
        /// Which run it was: 0 for a file of the corpus, else the number of the mutation.
        run: u64,
    },
}

/// When to stop mutating.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After this much time.
    Elapsed(Duration),
    /// After this many mutations.
    Mutations(u64),
}

/// Drives `target` over the files of `corpus` and over mutations of them from `seed`.
///
/// # Errors
/// [`Failure`]; an empty corpus and one that the target refuses entirely are failures too.
pub fn drive(target: Target, corpus: &Path, seed: u64, until: Until) -> Result<Figures, Failure> {
    let files = corpus_files(corpus).map_err(Failure::Corpus)?;
    let mut figures = Figures { files: files.len() as u64, ..Figures::default() };
    for file in &files {
        figures.accepted += u64::from(run(target, file, 0)?);
    }
    if figures.accepted == 0 {
        return Err(Failure::RanNothing(figures));
    }
    let mut dice = Dice(seed);
    let started = Instant::now();
    loop {
        let is_over = match until {
            // The clock is asked rarely: it costs more than a small input.
            Until::Elapsed(most) => figures.mutations.is_multiple_of(16) && started.elapsed() >= most,
            Until::Mutations(most) => figures.mutations >= most,
        };
        if is_over {
            break;
        }
        let input = mutation(&files, &mut dice);
        figures.mutations += 1;
        figures.mutations_accepted += u64::from(run(target, &input, figures.mutations)?);
    }
    if figures.mutations == 0 { Err(Failure::RanNothing(figures)) } else { Ok(figures) }
}

fn run(target: Target, input: &[u8], run: u64) -> Result<bool, Failure> {
    catch_unwind(|| (target.run)(input)).map_err(|_| Failure::Panicked { input: input.to_vec(), run })
}

fn corpus_files(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.iter().map(std::fs::read).collect()
}

/// SplitMix64: the same numbers from the same seed everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`; 0 when there is none.
    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }
}

fn mutation(files: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = files[dice.below(files.len())].clone();
    // Mostly one or two changes: more of them seldom get past a decoder.
    let most = 1 + dice.below(CHANGES_MAX);
    let changes = 1 + dice.below(most);
    for _ in 0..changes {
        change(&mut input, files, dice);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn change(input: &mut Vec<u8>, files: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(input.len());
    let until = at + dice.below((input.len() - at).min(64));
    match dice.below(9) {
        0 if !input.is_empty() => input[at] ^= 1 << dice.below(8),
        1 if !input.is_empty() => input[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF, b'"', b'{', b'0', b','][dice.below(10)],
        2 => drop(input.drain(at..until)),
        3 => {
            let piece = input[at..until].to_vec();
            let place = dice.below(input.len() + 1);
            input.splice(place..place, piece);
        }
        4 => {
            let other = &files[dice.below(files.len())];
            let from = dice.below(other.len());
            let piece = other[from..(from + dice.below(256)).min(other.len())].to_vec();
            input.splice(at..until, piece);
        }
        5 => input.truncate(at),
        6 => {
            let word = WORDS[dice.below(WORDS.len())];
            // The words that begin an operation are written with one byte of 0xFF, not as UTF-8.
            let bytes: Vec<u8> = word.chars().map(|c| c as u8).collect();
            input.splice(at..until, bytes);
        }
        7 => {
            // A number in the text becomes a word.
            let digits = |byte: &u8| byte.is_ascii_digit();
            if let Some(start) = input[at..].iter().position(digits).map(|n| at + n) {
                let end = input[start..].iter().position(|byte| !digits(byte)).map_or(input.len(), |n| start + n);
                input.splice(start..end, WORDS[4 + dice.below(7)].bytes());
            }
        }
        _ if !input.is_empty() => input[at] = input[at].wrapping_add([1, 255, 16, 240][dice.below(4)]),
        _ => input.push(dice.next() as u8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TARGETS;

    fn corpus(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
    }

    #[test]
    fn every_target_accepts_its_corpus_and_survives_mutations() {
        for target in TARGETS {
            let figures = drive(*target, &corpus(target.name), 1, Until::Mutations(200)).unwrap();
            assert!(figures.accepted > 0 && figures.mutations == 200, "{}: {figures:?}", target.name);
        }
    }

    #[test]
    fn a_panic_is_found_and_an_empty_run_is_a_failure() {
        let bomb = Target {
            name: "chain_description",
            run: |bytes| {
                let mut files = std::fs::read_dir(corpus("chain_description")).unwrap();
                assert!(files.any(|file| std::fs::read(file.unwrap().path()).unwrap() == bytes), "a mutation bites");
                true
            },
        };
        let found = drive(bomb, &corpus("chain_description"), 1, Until::Mutations(10_000));
        assert!(matches!(found, Err(Failure::Panicked { run: 1.., .. })), "{found:?}");
        let refuser = Target { name: "checkpoint", run: |_| false };
        let nothing = drive(refuser, &corpus("checkpoint"), 1, Until::Mutations(10));
        assert!(matches!(nothing, Err(Failure::RanNothing(_))), "{nothing:?}");
        let nowhere = drive(refuser, &corpus("none"), 1, Until::Mutations(10));
        assert!(matches!(nowhere, Err(Failure::Corpus(_))), "{nowhere:?}");
    }
}
