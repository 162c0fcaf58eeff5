//! Rushlight beside other light clients: the same blocks, the same run, the same thread.
//!
//! `cargo run --release --manifest-path bench/versus/Cargo.toml -- tendermint [--json] [--quick]`

mod chain;
mod measure;
mod report;
mod tendermint;

#[global_allocator]
static ALLOCATOR: measure::Counting = measure::Counting;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if arguments.first().map(String::as_str) != Some("tendermint") {
        eprintln!("usage: versus tendermint [--json] [--quick]");
        return std::process::ExitCode::from(2);
    }
    let rows = tendermint::rows(has("--quick"));
    if has("--json") {
        println!("{}", serde_json::to_string_pretty(&rows).expect("rows are JSON"));
    } else {
        println!("medians of processor time, taken in turns; ratio: how many times better ours is\n");
        println!("{:<78} {:>14} {:>14} {:<5} {:>7} {:>6}", "name", "ours", "theirs", "unit", "ratio", "wanted");
        rows.iter().for_each(|row| println!("{row}"));
    }
    std::process::ExitCode::SUCCESS
}
