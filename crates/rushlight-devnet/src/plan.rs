//! What a chain is to be like.

use rushlight_core::base::UnixTime;
use rushlight_core::chains::tendermint::types::{CHAIN_ID_BYTES_MAX, HEIGHT_MAX};
use rushlight_core::crypto::KeyKind;
use std::time::Duration;

/// The most validators that a plan may ask for.
pub const VALIDATORS_PLANNED_MAX: usize = 175;

/// Everything that a chain's blocks follow from. The same plan gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainPlan {
    /// The chain's id, 1 to 50 bytes.
    pub chain_id: String,
    /// Where keys, votes and transactions come from.
    pub seed: u64,
    /// Members of the validator set, 1 to [`VALIDATORS_PLANNED_MAX`].
    pub validators: usize,
    /// How power is spread over the members.
    pub powers: Powers,
    /// How the set changes.
    pub rotation: Option<Rotation>,
    /// Schemes of the keys, in turn. At least one.
    pub key_kinds: Vec<KeyKind>,
    /// Share of votes that are absent, in percent; never so many that a commit fails.
    pub absent_percent: u8,
    /// Share of votes that are for nil, in percent; never so many that a commit fails.
    pub nil_percent: u8,
    /// Share of heights that need a second or third round, in percent.
    pub late_round_percent: u8,
    /// Height of the first block, from 1.
    pub initial_height: u64,
    /// Time of the first block.
    pub genesis_time: UnixTime,
    /// Time between blocks; whole milliseconds, at least one.
    pub block_interval: Duration,
    /// The application's protocol version.
    pub app_version: u64,
    /// The most transactions in a block.
    pub txs_max: u8,
    /// What headers say about the commit before.
    pub last_commit: LastCommit,
    /// Whose dialect the nodes speak.
    pub release: Release,
    /// Where this chain leaves the one without this field.
    pub fork: Option<Fork>,
}

impl Default for ChainPlan {
    fn default() -> Self {
        Self {
            chain_id: "rushlight-devnet".into(),
            seed: 1,
            validators: 7,
            powers: Powers::Skewed,
            rotation: None,
            key_kinds: vec![KeyKind::Ed25519],
            absent_percent: 5,
            nil_percent: 3,
            late_round_percent: 5,
            initial_height: 1,
            // 2026-01-01T00:00:00Z
            genesis_time: UnixTime::new(1_767_225_600, 0).unwrap_or(UnixTime::EPOCH),
            block_interval: Duration::from_secs(1),
            app_version: 1,
            txs_max: 3,
            last_commit: LastCommit::Full,
            release: Release::V0_38,
            fork: None,
        }
    }
}

/// How power is spread over a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Powers {
    /// All have the same.
    Equal,
    /// The first have much, the last have little, as on public chains.
    Skewed,
}

/// How a validator set changes: at every `every`-th height from the first block on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Heights between changes, at least 1.
    pub every: u64,
    /// Share of the members that are replaced by new ones, in percent, rounded up.
    pub replace_percent: u8,
    /// Which members are replaced.
    pub order: RotationOrder,
    /// Whether powers are drawn anew too.
    pub powers: bool,
}

/// Which members of a set are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationOrder {
    /// Drawn: some members stay long.
    Drawn,
    /// One after the other: nobody stays longer than everybody else.
    Sliding,
}

/// What a header says in `last_commit_hash`, and a block id in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastCommit {
    /// The hash of the commit for the block before, and the parts of the whole block. Making a block then costs all
    /// signatures of a commit.
    Full,
    /// A commitment that follows from the seed and matches no commit, and parts that match no block. 100,000 headers
    /// of 150 validators take seconds this way, and commits are signed only when somebody asks for them.
    ///
    /// No light client checks either field: it would need the whole block. A client that reads whole blocks from such
    /// a chain and checks them will rightly refuse them.
    Sparse,
}

/// The release whose dialect a node speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// CometBFT 0.38.
    V0_38,
    /// CometBFT 0.40, which calls itself 0.39.0.
    V0_40,
}

/// Where a chain leaves another one of the same seed and keys: the attack that only a witness can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The first height that differs.
    pub from: u64,
    /// Two forks with different salts differ from each other.
    pub salt: u64,
}

/// Why a plan cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The chain id is empty or too long.
    #[error("chain id has {got} bytes, wanted are 1 to {CHAIN_ID_BYTES_MAX}")]
    ChainId {
        /// Length in bytes.
        got: usize,
    },
    /// No validators, or too many.
    #[error("plan has {got} validators, wanted are 1 to {VALIDATORS_PLANNED_MAX}")]
    Validators {
        /// Number of validators.
        got: usize,
    },
    /// A share of more than all.
    #[error("{field} is {got} percent, wanted is 0 to 100")]
    Percent {
        /// The field.
        field: &'static str,
        /// The share.
        got: u8,
    },
    /// No scheme for keys.
    #[error("plan names no key type")]
    NoKeyKind,
    /// A scheme that the release does not know.
    #[error("key type {got:?} is unknown to {release:?}")]
    KeyKind {
        /// The scheme.
        got: KeyKind,
        /// The release.
        release: Release,
    },
    /// A rotation that never or always happens.
    #[error("rotation every {got} heights, wanted is at least 1")]
    RotationEvery {
        /// Heights.
        got: u64,
    },
    /// The first height is out of range.
    #[error("initial height is {got}, wanted is 1 to {HEIGHT_MAX}")]
    InitialHeight {
        /// The height.
        got: u64,
    },
    /// Blocks without time between them.
    #[error("block interval is {got:?}, wanted is at least 1 ms and at most a day")]
    BlockInterval {
        /// The interval.
        got: Duration,
    },
}

impl ChainPlan {
    /// Checks that a chain can follow the plan.
    /// # Errors
    /// [`PlanError`].
    pub fn check(&self) -> Result<(), PlanError> {
        let got = self.chain_id.len();
        if got == 0 || got > CHAIN_ID_BYTES_MAX {
            return Err(PlanError::ChainId { got });
        }
        let got = self.validators;
        if got == 0 || got > VALIDATORS_PLANNED_MAX {
            return Err(PlanError::Validators { got });
        }
        let shares = [
            ("absent_percent", self.absent_percent),
            ("nil_percent", self.nil_percent),
            ("late_round_percent", self.late_round_percent),
            ("replace_percent", self.rotation.map_or(0, |rotation| rotation.replace_percent)),
        ];
        if let Some((field, got)) = shares.into_iter().find(|(_, share)| *share > 100) {
            return Err(PlanError::Percent { field, got });
        }
        if self.key_kinds.is_empty() {
            return Err(PlanError::NoKeyKind);
        }
        let release = self.release;
        if let Some(got) = self.key_kinds.iter().copied().find(|kind| !release.knows(*kind)) {
            return Err(PlanError::KeyKind { got, release });
        }
        if let Some(Rotation { every: got @ 0, .. }) = self.rotation {
            return Err(PlanError::RotationEvery { got });
        }
        let got = self.initial_height;
        if got == 0 || got > HEIGHT_MAX / 2 {
            return Err(PlanError::InitialHeight { got });
        }
        let got = self.block_interval;
        if got < Duration::from_millis(1) || got > Duration::from_secs(86_400) {
            return Err(PlanError::BlockInterval { got });
        }
        Ok(())
    }

    /// Returns the time that the block at `height` is planned for. Its header's time differs from it by less than a
    /// quarter of the interval, because it is the median of votes.
    pub fn planned_time(&self, height: u64) -> UnixTime {
        let blocks = i128::from(height.saturating_sub(self.initial_height));
        let interval = i128::try_from(self.block_interval.as_nanos()).unwrap_or(i128::MAX);
        UnixTime::from_unix_nanos(self.genesis_time.unix_nanos().saturating_add(interval.saturating_mul(blocks)))
    }

    /// Returns the latest time that anything published with the commit for `height` carries.
    pub fn published_time(&self, height: u64) -> UnixTime {
        self.planned_time(height.saturating_add(1)).after(self.block_interval / 4)
    }
}

impl Release {
    /// Returns what a node of this release says in `version`.
    pub fn version(self) -> &'static str {
        match self {
            Self::V0_38 => "0.38.25",
            Self::V0_40 => "0.39.0",
        }
    }

    /// Returns the release's default for the most bytes in a block.
    pub fn block_bytes_max(self) -> u64 {
        match self {
            Self::V0_38 => 22_020_096,
            Self::V0_40 => 55_600_190,
        }
    }

    /// Tells whether validators may have keys of this scheme.
    pub fn knows(self, kind: KeyKind) -> bool {
        match kind {
            KeyKind::Ed25519 | KeyKind::Secp256k1 => true,
            KeyKind::Secp256k1Eth | KeyKind::MlDsa65 => self == Self::V0_40,
        }
    }
}
