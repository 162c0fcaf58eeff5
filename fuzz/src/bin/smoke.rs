//! Drives every target for a share of `--seconds` (60) from `--seed` (1), on stable. Exit code 1 when an input makes a target
//! panic, or when a target ran nothing.
//!
//! `cargo run --release --no-default-features --manifest-path fuzz/Cargo.toml --bin smoke -- --seconds 60 --seed 1`

use rushlight_fuzz::TARGETS;
use rushlight_fuzz::drive::{Failure, Until, drive};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let (mut seconds, mut seed) = (60u64, 1u64);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().and_then(|value| value.parse().ok());
        match (flag.as_str(), value) {
            ("--seconds", Some(value)) => seconds = value,
            ("--seed", Some(value)) => seed = value,
            _ => {
                eprintln!("usage: smoke [--seconds N] [--seed N]");
                return ExitCode::from(2);
            }
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let share = Duration::from_secs(seconds) / TARGETS.len() as u32;
    let mut all_well = true;
    for target in TARGETS {
        match drive(*target, &folder.join("corpus").join(target.name), seed, Until::Elapsed(share)) {
            Ok(f) => println!(
                "{:<22} {:>4} files ({} accepted), {:>8} mutations ({} accepted), seed {seed}",
                target.name, f.files, f.accepted, f.mutations, f.mutations_accepted
            ),
            Err(failure) => {
                all_well = false;
                println!("{:<22} FAILED, seed {seed}: {}", target.name, in_words(target.name, folder, failure));
            }
        }
    }
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_words(name: &str, folder: &Path, failure: Failure) -> String {
    match failure {
        Failure::Corpus(error) => format!("its corpus cannot be read: {error}"),
        Failure::RanNothing(figures) => format!("it ran nothing: {figures:?}"),
        Failure::Panicked { input, run } => {
            let artifacts = folder.join("artifacts").join(name);
            let file = artifacts.join(format!("smoke-{run}"));
            let kept = std::fs::create_dir_all(&artifacts).and_then(|()| std::fs::write(&file, &input));
            match kept {
                Ok(()) => format!("run {run} panicked, the input is kept in {}", file.display()),
                Err(error) => format!("run {run} panicked, the input of {} bytes cannot be kept: {error}", input.len()),
            }
        }
    }
}
