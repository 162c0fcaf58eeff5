//! `cargo run -p xtask -- tidy [ROOT]` prints every broken house rule with its remedy; exit code 1 if there is one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -p xtask -- tidy [ROOT]";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next(), args.next()) {
        (Some("tidy"), root, None) => {
            let root = root.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), PathBuf::from);
            tidy(&root)
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn tidy(root: &Path) -> ExitCode {
    let report = match xtask::tidy::check_tree(root) {
        Ok(report) => report,
        Err(e) => {
            eprintln!("cannot read {}: {e}", root.display());
            return ExitCode::from(2);
        }
    };
    for violation in &report.violations {
        println!("{violation}");
    }
    println!("tidy: {} files read, {} violations", report.files, report.violations.len());
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
