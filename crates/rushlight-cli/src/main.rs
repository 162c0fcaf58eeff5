//! The command `rushlight`: it talks, the driver waits, the core decides.
#![forbid(unsafe_code)]

mod args;
mod asking;
mod checkpoint;
mod config;
mod demo;
mod doctor;
mod failure;
mod init;
mod logging;
mod metrics;
mod offline;
mod probe;
mod progress;
mod run;
mod status;

use args::{Command, CommandLine};
use clap::{CommandFactory, Parser};
use failure::Failure;
use indicatif::MultiProgress;
use rushlight::Settings;
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    match dispatch(&line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing can be done when stderr is closed.
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn dispatch(line: &CommandLine) -> Result<(), Failure> {
    match &line.command {
        Command::Verify { file, checkpoint, now, trusting_period, json } => {
            let judged = offline::Judged { checkpoint, now: now.as_deref(), trusting_period };
            offline::verify(file, &judged, *json)
        }
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(*shell, &mut CommandLine::command(), "rushlight", &mut out);
            print(&out)
        }
        Command::Man => man(),
        Command::Checkpoint(args::Checkpoint::Import { text, file }) => checkpoint::import(text, file),
        _ => with_settings(line),
    }
}

fn with_settings(line: &CommandLine) -> Result<(), Failure> {
    let settings = Settings::load(&line.settings.sources())?;
    let bars = MultiProgress::new();
    logging::start(&settings, &bars);
    match &line.command {
        Command::Run => wait(run::run(&settings, bars)),
        Command::Demo { once, json } => wait(demo::demo(&settings, demo::Wanted { once: *once, json: *json })),
        Command::Init(init) => wait(init::init(init)),
        Command::Status { json } => wait(status::status(&settings, *json)),
        Command::Checkpoint(args::Checkpoint::Show { name, json }) => {
            wait(checkpoint::show(&settings, name.as_deref(), *json))
        }
        Command::Checkpoint(args::Checkpoint::Export { name, output }) => {
            wait(checkpoint::export(&settings, name.as_deref(), output.as_deref()))
        }
        Command::Prove { height, output, name, timeout } => {
            wait(offline::prove(&settings, *height, output, name.as_deref(), timeout))
        }
        Command::Doctor { set_aside_store: true } => doctor::set_aside(&settings),
        Command::Doctor { set_aside_store: false } => wait(doctor::doctor(&settings)),
        Command::Config(args::Config::Show { origin }) => config::show(&settings, *origin),
        Command::Config(args::Config::Validate) => config::validate(&settings),
        Command::Verify { .. }
        | Command::Completions { .. }
        | Command::Man
        | Command::Checkpoint(args::Checkpoint::Import { .. }) => Ok(()),
    }
}

/// Runs `work` on a runtime of its own. What it leaves behind is not waited for: the disk has been.
fn wait(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| failure::io("the runtime cannot start", &error))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}

/// Writes data to stdout. A reader that has read enough is no failure.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(failure::io("stdout", &error)),
        _ => Ok(()),
    }
}

fn man() -> Result<(), Failure> {
    let mut out = Vec::new();
    let page = clap_mangen::Man::new(CommandLine::command());
    page.render(&mut out).map_err(|error| failure::io("the manual page", &error))?;
    print(&out)
}
