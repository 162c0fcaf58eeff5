//! Rushlight beside other light clients: the same blocks, the same run, the same thread.
//!
//! `cargo run --release --manifest-path bench/versus/Cargo.toml -- (tendermint|substrate) [--json] [--quick]`;
//! `warp-memory [--fragments N] [--peers N]` instead warps over generated fragments and prints the memory that it took.

mod chain;
mod measure;
mod report;
mod substrate;
mod tendermint;

#[global_allocator]
static ALLOCATOR: measure::Counting = measure::Counting;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let rows = match arguments.first().map(String::as_str) {
        Some("tendermint") => tendermint::rows(has("--quick")),
        Some("substrate") => substrate::rows(has("--quick")),
        Some("warp-memory") => {
            let number = |name: &str| {
                let behind = arguments.iter().skip_while(|argument| *argument != name).nth(1);
                behind.map(|count| count.parse::<u32>().expect("a number"))
            };
            let (fragments, peers) = (number("--fragments").unwrap_or(14_000), number("--peers").unwrap_or(1));
            substrate::memory(fragments.into(), peers);
            return std::process::ExitCode::SUCCESS;
        }
        _ => {
            eprintln!(
                "usage: versus (tendermint|substrate) [--json] [--quick] | versus warp-memory [--fragments N] [--peers N]"
            );
            return std::process::ExitCode::from(2);
        }
    };
    if has("--json") {
        println!("{}", serde_json::to_string_pretty(&rows).expect("rows are JSON"));
    } else {
        println!("medians of processor time, taken in turns; ratio: how many times better ours is\n");
        println!("{:<78} {:>14} {:>14} {:<5} {:>7} {:>6}", "name", "ours", "theirs", "unit", "ratio", "wanted");
        rows.iter().for_each(|row| println!("{row}"));
    }
    std::process::ExitCode::SUCCESS
}
