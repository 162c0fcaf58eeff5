//! The command `rushlight`: it talks, the driver waits, the core decides.
#![forbid(unsafe_code)]

mod args;
mod asking;
mod checkpoint;
mod config;
mod demo;
mod doctor;
mod failure;
mod folder;
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
use folder::TemporaryFolder;
use indicatif::MultiProgress;
use rushlight::Settings;
use rushlight::core::chains::BundleRules;
use std::future::Future;
use std::io::Write;
use std::path::Path;
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
        Command::Verify { file, checkpoint, now, trusting_period, trust_level, max_clock_drift, json } => {
            let given = [
                ("trusting_period", trusting_period),
                ("trust_level", trust_level),
                ("max_clock_drift", max_clock_drift),
            ];
            let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
            let rules = given.fold(BundleRules::default(), |rules, (name, value)| rules.with(name, value));
            offline::verify(file, &offline::Judged { checkpoint, now: *now, rules }, *json)
        }
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(*shell, &mut CommandLine::command(), "rushlight", &mut out);
            print(&out)
        }
        Command::Man { output } => man(output.as_deref()),
        Command::Checkpoint(args::Checkpoint::Import { text, file }) => checkpoint::import(text, file),
        _ => with_settings(line),
    }
}

fn with_settings(line: &CommandLine) -> Result<(), Failure> {
    let settings = Settings::load(&line.settings.sources())?;
    let bars = MultiProgress::new();
    logging::start(&settings, &bars);
    match &line.command {
        Command::Run { ephemeral } => run_in(settings, *ephemeral, bars),
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
            wait(offline::prove(&settings, *height, output, name.as_deref(), *timeout))
        }
        Command::Doctor { set_aside_store: true } => doctor::set_aside(&settings),
        Command::Doctor { set_aside_store: false } => wait(doctor::doctor(&settings)),
        Command::Config(args::Config::Show { origin }) => config::show(&settings, *origin),
        Command::Config(args::Config::Validate) => config::validate(&settings),
        Command::Verify { .. }
        | Command::Completions { .. }
        | Command::Man { .. }
        | Command::Checkpoint(args::Checkpoint::Import { .. }) => Ok(()),
    }
}

/// Runs the daemon, in a folder that goes away with it if nothing is to be kept.
fn run_in(mut settings: Settings, is_ephemeral: bool, bars: MultiProgress) -> Result<(), Failure> {
    if !is_ephemeral {
        return wait(run::run(&settings, bars));
    }
    let folder = TemporaryFolder::new()?;
    settings.data_dir = folder.path().to_owned();
    tracing::info!(data_dir = %folder.path().display(), "nothing is kept");
    wait(run::run(&settings, bars))
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

/// Writes the manual page of the command itself, or those of all commands into a folder.
fn man(folder: Option<&Path>) -> Result<(), Failure> {
    // Its `help` has no page, and a page that names it would lead nowhere.
    let command = shown_whole(CommandLine::command().disable_help_subcommand(true));
    if let Some(folder) = folder {
        let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
        return written.map_err(|error| failure::io(folder.display(), &error));
    }
    let mut out = Vec::new();
    let page = clap_mangen::Man::new(command);
    page.render(&mut out).map_err(|error| failure::io("the manual page", &error))?;
    print(&out)
}

/// Returns the command with all flags in its pages, those too that the short help leaves out: pages have room.
fn shown_whole(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| arg.hide_short_help(false)).mut_subcommands(shown_whole)
}
