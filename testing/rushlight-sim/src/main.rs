//! Runs seeds on demand: `rushlight-sim --seeds 100000`, or one of them with everything that happens: `--seed 7`.

use rushlight_sim::{Totals, properties, run};
use std::process::ExitCode;

const USAGE: &str = "usage: rushlight-sim [--seeds COUNT] [--from SEED] | --seed SEED
  --seeds COUNT  run so many seeds (1000)
  --from SEED    begin with this one (0)
  --seed SEED    run this one and print everything that happens";

fn main() -> ExitCode {
    let (mut seeds, mut from, mut one) = (1_000, 0, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|text| text.parse::<u64>().ok());
        match (name.as_str(), value) {
            ("--seeds", Some(value)) => seeds = value,
            ("--from", Some(value)) => from = value,
            ("--seed", Some(value)) => one = Some(value),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let (mut totals, mut counts) = (Totals::default(), properties::Counts::new());
    let (seeds, is_printed) = match one {
        Some(seed) => (seed..seed + 1, true),
        None => (from..from.saturating_add(seeds), false),
    };
    // A failure tells its own story.
    std::panic::set_hook(Box::new(|_| {}));
    for seed in seeds {
        if let Err(failure) = run(seed, &mut totals, &mut counts, is_printed) {
            eprintln!("{failure}");
            return ExitCode::FAILURE;
        }
        if totals.runs.is_multiple_of(1_000) {
            eprintln!("{} seeds", totals.runs);
        }
    }
    println!("{totals}");
    for (property, count) in &counts {
        println!("{count:>8}  {property}");
    }
    ExitCode::SUCCESS
}
