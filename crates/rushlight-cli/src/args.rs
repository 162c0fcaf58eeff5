//! The command line.

use clap::{Args, Parser, Subcommand};
use rushlight::Sources;
use rushlight::core::base::UnixTime;
use rushlight::core::bundle::{self, CheckpointError};
use rushlight::core::chains::Families;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  rushlight demo                                           see it work, with a network of its own
  rushlight init https://rpc.a.example https://rpc.b.example -o hub.toml
  rushlight run --chain hub.toml                           follow a chain and serve verified answers
  rushlight status                                         ask the running daemon how it is
  rushlight prove --height 123 -o header.rlb               a proof that verifies anywhere
  rushlight verify header.rlb --checkpoint rushlight:1:…   …without network, store or daemon

Exit codes:
  0 ok · 1 other · 2 usage · 10 settings or chain file · 11 trust expired · 12 no provider answers
  13 proof invalid · 14 store locked, full or corrupt · 15 frozen: evidence of an attack

Data goes to stdout, logs and progress to stderr, in colour when --color, CLICOLOR_FORCE or a terminal says so and NO_COLOR does not.";

/// A light client for every kind of chain: it asks an untrusted network and verifies every answer.
#[derive(Debug, Parser)]
#[command(name = "rushlight", version, after_help = EXAMPLES, max_term_width = 100, propagate_version = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// Settings: each is also RUSHLIGHT_NAME in the environment and `name` in the settings file.
#[derive(Args, Debug)]
#[command(next_help_heading = "Settings (flag, then RUSHLIGHT_… in the environment, then the settings file)")]
pub(crate) struct SettingFlags {
    /// The settings file [default: rushlight/rushlight.toml in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the store and the control socket [default: $XDG_DATA_HOME/rushlight]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// A chain file to follow; may be given several times
    #[arg(long, global = true, value_name = "FILE")]
    chain: Vec<String>,
    /// The address of JSON-RPC, health and metrics, or "off" [default: 127.0.0.1:8645]
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<String>,
    /// A name beside loopback addresses that a request's Host may carry; may be given several times
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    allow_host: Vec<String>,
    /// A web origin that may call, such as https://wallet.example; may be given several times
    #[arg(long, global = true, value_name = "ORIGIN", hide_short_help = true)]
    allow_origin: Vec<String>,
    /// Worker threads for signatures [default: one per core]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    threads: Option<String>,
    /// How much is logged: error, warn, info, debug or trace [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How logs are written to stderr: text or json [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Whether logs are coloured: auto, always or never [default: auto]
    #[arg(long, global = true, value_name = "WHEN")]
    color: Option<String>,
}

impl SettingFlags {
    /// Returns what settings are made from: these flags and the environment.
    pub(crate) fn sources(&self) -> Sources {
        let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
        let flags = [
            ("allow_host", self.allow_host.clone()),
            ("allow_origin", self.allow_origin.clone()),
            ("chain", self.chain.clone()),
            ("color", one(&self.color)),
            ("data_dir", one(&self.data_dir)),
            ("listen", one(&self.listen)),
            ("log_format", one(&self.log_format)),
            ("log_level", one(&self.log_level)),
            ("threads", one(&self.threads)),
        ];
        // What is not Unicode cannot be one of our names or values.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Sources {
            flags: flags.into_iter().filter(|(_, values)| !values.is_empty()).collect(),
            environment,
            config: self.config.clone(),
        }
    }
}

/// Reads a time of the command line. What is not one is a mistake in the call, as an unknown flag is.
fn any_duration(text: &str) -> Result<Duration, &'static str> {
    rushlight::core::codec::duration(text).ok_or("wanted a time such as 90s, 2m or 168h")
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    any_duration(text).and_then(|time| if time.is_zero() { Err("wanted a time above 0") } else { Ok(time) })
}

/// Checks a time that is passed on as it was written.
fn duration_text(text: &str) -> Result<String, &'static str> {
    duration(text).map(|_| text.to_owned())
}

fn any_duration_text(text: &str) -> Result<String, &'static str> {
    any_duration(text).map(|_| text.to_owned())
}

fn checkpoint(text: &str) -> Result<bundle::Checkpoint, CheckpointError> {
    Families::default().checkpoint(text.trim())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Follow chains and serve verified answers until stopped
    #[command(after_help = "\
Examples:
  rushlight run --chain hub.toml
  rushlight run --chain hub.toml --chain osmosis.toml --listen 127.0.0.1:26657
  curl http://127.0.0.1:8645/readyz

SIGTERM and SIGINT save and stop within two seconds. Every verified head is on the disk before it is served.
The daemon ends by itself when no chain can go on: exit code 11 (trust expired) or 15 (frozen by evidence).")]
    Run {
        /// Keep nothing: the store is in a temporary folder that goes away at the end
        #[arg(long, conflicts_with = "data_dir")]
        ephemeral: bool,
    },
    /// Start a small network, sync to it, prove a header, refuse a lie; then serve
    #[command(after_help = "\
Examples:
  rushlight demo                 then try what it prints, and stop it with Ctrl-C
  rushlight demo --once          end with exit code 0 if all of it happened as told
Everything runs on this machine; nothing is kept.")]
    Demo {
        /// End after the last step
        #[arg(long)]
        once: bool,
        /// Tell it as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make a chain file by asking providers, which must agree
    #[command(after_help = "\
Example:
  rushlight init https://rpc.a.example https://rpc.b.example https://rpc.c.example -o hub.toml

All providers are asked for their chain id and for the header at one height; if any differs, nothing is written.
Agreement of servers is no proof: compare the hash with a source that you trust before you use the file.")]
    Init(Init),
    /// Say where every chain stands and, unless it is synced, why not
    Status {
        /// The daemon's answer as JSON (member `status_version` tells its shape)
        #[arg(long)]
        json: bool,
    },
    /// Show, export or import what is trusted
    #[command(subcommand)]
    Checkpoint(Checkpoint),
    /// Write a bundle that proves a header and verifies offline
    #[command(after_help = "\
Example:
  rushlight prove --height 123 -o header.rlb
The checkpoint that it verifies against is printed; whoever verifies must trust that one.")]
    Prove {
        /// The header's height; the trusted head's when left out
        #[arg(long)]
        height: Option<u64>,
        /// Where to write the bundle
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Which chain, when there are several
        #[arg(long)]
        name: Option<String>,
        /// How long to wait for the sync when no daemon runs
        #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
        timeout: Duration,
    },
    /// Verify a bundle: no network, no store, no daemon
    #[command(after_help = "\
Example:
  rushlight verify header.rlb --checkpoint rushlight:1:… --trusting-period 168h
Exit code 0: proven. 13: not proven. 11: the proof is good, but trust in it has ended at the time given.")]
    Verify {
        /// The bundle
        file: PathBuf,
        /// The checkpoint that you trust
        #[arg(long, value_name = "TEXT", value_parser = checkpoint)]
        checkpoint: bundle::Checkpoint,
        /// The time to judge by, such as 2026-01-31T12:00:00Z [default: now]
        #[arg(long, value_name = "RFC3339", value_parser = UnixTime::from_rfc3339)]
        now: Option<UnixTime>,
        /// For how long headers are trusted: well below the chain's unbonding period [default: 168h]
        #[arg(long, value_name = "TIME", value_parser = duration_text)]
        trusting_period: Option<String>,
        /// Which share of trusted power must have signed a header to which heights are skipped, 1/3 to 1 [default: 1/3]
        #[arg(long, value_name = "FRACTION")]
        trust_level: Option<String>,
        /// How far in the future of the time to judge by a header may be [default: 10s]
        #[arg(long, value_name = "TIME", value_parser = any_duration_text)]
        max_clock_drift: Option<String>,
        /// The result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Look for what is wrong: clock, providers, store, trust
    Doctor {
        /// Rename the store, so that the next start makes a new one; nothing is deleted
        #[arg(long)]
        set_aside_store: bool,
    },
    /// Show or check settings and chain files
    #[command(subcommand)]
    Config(Config),
    /// Write completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page of this command
    Man {
        /// Write the pages of all commands into this folder, as rushlight.1, rushlight-run.1 and so on
        #[arg(short, long, value_name = "FOLDER")]
        output: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Init {
    /// Base addresses of the providers' RPC; the more independent they are, the better
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Where to write the chain file; stdout when left out
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The height to trust; a little below what all have when left out
    #[arg(long)]
    pub(crate) height: Option<u64>,
    /// For how long headers are trusted: well below the chain's unbonding period
    #[arg(long, value_name = "TIME", default_value = "168h", value_parser = duration_text)]
    pub(crate) trusting_period: String,
    /// Replace the file when it is there already
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Checkpoint {
    /// Show the newest trusted head
    Show {
        /// Which chain, when there are several
        #[arg(long)]
        name: Option<String>,
        /// The answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the newest trusted head as a line of text, from which another client can start
    Export {
        /// Which chain, when there are several
        #[arg(long)]
        name: Option<String>,
        /// Where to write it; stdout when left out
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make a chain file trust a checkpoint from now on
    Import {
        /// The checkpoint
        text: String,
        /// The chain file
        #[arg(value_name = "CHAIN_FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Show every setting
    Show {
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Check the settings and all chain files
    Validate,
}
