//! The command line.

use clap::{Parser, ValueEnum};
use rushlight_core::base::UnixTime;
use rushlight_core::crypto::KeyKind;
use rushlight_devnet::{
    ChainPlan, DevnetPlan, LastCommit, Lie, PROVIDERS_MAX, Powers, Release, Rotation, RotationOrder,
};
use std::time::Duration;

/// Up to this many signatures a chain is made with its real last commits, unless told otherwise: about 5 s.
const SIGNATURES_AHEAD_MAX: u64 = 200_000;

/// A small network that speaks the CometBFT RPC, on loopback.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Members of the validator set
    #[arg(long, default_value_t = 7)]
    validators: usize,
    /// Heights that are there from the start
    #[arg(long, default_value_t = 20)]
    heights: u64,
    /// How the set changes: PERCENT%/HEIGHTS replaces that share every so many heights
    #[arg(long, value_parser = rotation, value_name = "PERCENT%/HEIGHTS")]
    rotate: Option<(u8, u64)>,
    /// Replace members in turn, not at random
    #[arg(long, requires = "rotate")]
    slide: bool,
    /// Draw powers anew at each change
    #[arg(long, requires = "rotate")]
    rotate_powers: bool,
    /// How power is spread
    #[arg(long, value_enum, default_value_t = PowersArg::Skewed)]
    powers: PowersArg,
    /// Key types in turn: ed25519, secp256k1, secp256k1eth, ml_dsa_65
    #[arg(long, value_parser = key_kind, value_delimiter = ',', default_value = "ed25519")]
    key_types: Vec<KeyKind>,
    /// Share of absent votes in percent
    #[arg(long, default_value_t = 5)]
    absent: u8,
    /// Share of nil votes in percent
    #[arg(long, default_value_t = 3)]
    nil: u8,
    /// Share of heights with more than one round in percent
    #[arg(long, default_value_t = 5)]
    late_rounds: u8,
    /// The most transactions in a block
    #[arg(long, default_value_t = 3)]
    txs: u8,
    /// Number of providers
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=PROVIDERS_MAX as i64))]
    providers: u8,
    /// Port of the first provider; 0 for any
    #[arg(long, default_value_t = 26657)]
    port: u16,
    /// Time between blocks, as 1s or 500ms
    #[arg(long, value_parser = duration, default_value = "1s")]
    interval: Duration,
    /// Make no new blocks
    #[arg(long)]
    frozen: bool,
    /// What a provider does wrong: NUMBER:LIE, NUMBER from 0; an unknown LIE lists all
    #[arg(long = "lie", value_parser = lie, value_name = "NUMBER:LIE[:MS][@HEIGHT]")]
    lies: Vec<(usize, Lie)>,
    /// The chain's id
    #[arg(long, default_value = "rushlight-devnet")]
    chain_id: String,
    /// Where keys, votes and transactions come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Height of the first block
    #[arg(long, default_value_t = 1)]
    initial_height: u64,
    /// Time of the first block, as 2026-01-01T00:00:00Z; else such that the last one is new
    #[arg(long, value_parser = time)]
    pub(crate) genesis_time: Option<UnixTime>,
    /// The release whose dialect is spoken
    #[arg(long, value_enum, default_value_t = ReleaseArg::V0_38)]
    release: ReleaseArg,
    /// Whether headers name the real commit before; sparse is fast, and no light client can tell
    #[arg(long, value_enum, default_value_t = LastCommitArg::Auto)]
    last_commit: LastCommitArg,
    /// Height of the checkpoint to print; else the first
    #[arg(long)]
    pub(crate) checkpoint: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum PowersArg {
    Equal,
    Skewed,
}

#[derive(Clone, Copy, ValueEnum)]
enum ReleaseArg {
    #[value(name = "0.38")]
    V0_38,
    #[value(name = "0.40")]
    V0_40,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LastCommitArg {
    Auto,
    Full,
    Sparse,
}

impl Args {
    /// Returns the plan of the network.
    pub(crate) fn into_plan(self) -> Result<DevnetPlan, String> {
        let signatures = self.heights.saturating_mul(self.validators as u64);
        let is_full = match self.last_commit {
            LastCommitArg::Auto => signatures <= SIGNATURES_AHEAD_MAX,
            chosen => chosen == LastCommitArg::Full,
        };
        let mut providers = vec![None; usize::from(self.providers)];
        for (number, lie) in self.lies {
            let provider = providers.get_mut(number).ok_or(format!("there is no provider {number} to lie"))?;
            *provider = Some(lie);
        }
        let default = ChainPlan::default();
        let chain = ChainPlan {
            chain_id: self.chain_id,
            seed: self.seed,
            validators: self.validators,
            powers: match self.powers {
                PowersArg::Equal => Powers::Equal,
                PowersArg::Skewed => Powers::Skewed,
            },
            rotation: self.rotate.map(|(replace_percent, every)| Rotation {
                every,
                replace_percent,
                order: if self.slide { RotationOrder::Sliding } else { RotationOrder::Drawn },
                powers: self.rotate_powers,
            }),
            key_kinds: self.key_types,
            absent_percent: self.absent,
            nil_percent: self.nil,
            late_round_percent: self.late_rounds,
            initial_height: self.initial_height,
            genesis_time: self.genesis_time.unwrap_or(default.genesis_time),
            block_interval: self.interval,
            txs_max: self.txs,
            last_commit: if is_full { LastCommit::Full } else { LastCommit::Sparse },
            release: match self.release {
                ReleaseArg::V0_38 => Release::V0_38,
                ReleaseArg::V0_40 => Release::V0_40,
            },
            ..default
        };
        let tip = self.initial_height.saturating_add(self.heights.saturating_sub(1));
        Ok(DevnetPlan { chain, providers, port: self.port, tip, grows: !self.frozen })
    }
}

fn rotation(text: &str) -> Result<(u8, u64), String> {
    let (percent, every) = text.split_once("%/").ok_or("not of the form 10%/1000")?;
    let percent = percent.parse().map_err(|_| format!("{percent:?} is not a percentage"))?;
    Ok((percent, every.parse().map_err(|_| format!("{every:?} is not a number of heights"))?))
}

fn key_kind(text: &str) -> Result<KeyKind, String> {
    match text {
        "ed25519" => Ok(KeyKind::Ed25519),
        "secp256k1" => Ok(KeyKind::Secp256k1),
        "secp256k1eth" => Ok(KeyKind::Secp256k1Eth),
        "ml_dsa_65" => Ok(KeyKind::MlDsa65),
        _ => Err("known are ed25519, secp256k1, secp256k1eth and ml_dsa_65".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit_ms) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => (digits, 1),
        (None, Some(digits)) => (digits, 1_000),
        (None, None) => return Err("not of the form 1s or 500ms".into()),
    };
    let count: u64 = digits.parse().map_err(|_| format!("{digits:?} is not a whole number"))?;
    Ok(Duration::from_millis(count.saturating_mul(unit_ms)))
}

fn lie(text: &str) -> Result<(usize, Lie), String> {
    let (number, lie) = text.split_once(':').ok_or("not of the form 2:forged-signature")?;
    let number = number.parse().map_err(|_| format!("{number:?} is not a provider's number"))?;
    Ok((number, lie.parse().map_err(|error: rushlight_devnet::LieError| error.to_string())?))
}

fn time(text: &str) -> Result<UnixTime, String> {
    UnixTime::from_rfc3339(text).map_err(|error| error.to_string())
}
