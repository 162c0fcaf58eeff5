//! Chains drawn from a seed.

use crate::Dice;
use rushlight_core::crypto::KeyKind;
use rushlight_devnet::{ChainPlan, LastCommit, Powers, Release, Rotation, RotationOrder};
use std::time::Duration;

/// Returns the plan of the chain that `seed` stands for: any size of set, skew, pace of rotation and share of votes that
/// are absent or nil; now and then with keys of several schemes.
pub fn plan(seed: u64) -> ChainPlan {
    let mut dice = Dice::new(seed, "plan");
    let rotation = dice.chance(85).then(|| Rotation {
        every: dice.within(1..25),
        replace_percent: *dice.pick(&[5, 10, 20, 34, 50, 70, 100]),
        order: *dice.pick(&[RotationOrder::Drawn, RotationOrder::Sliding]),
        powers: dice.chance(50),
    });
    let release = *dice.pick(&[Release::V0_38, Release::V0_40]);
    let key_kinds = match (release, dice.within(0..40)) {
        (_, 0) => vec![KeyKind::Ed25519, KeyKind::Secp256k1],
        (Release::V0_40, 1) => vec![KeyKind::Ed25519, KeyKind::Secp256k1Eth],
        _ => vec![KeyKind::Ed25519],
    };
    ChainPlan {
        chain_id: format!("sim-{seed}"),
        seed,
        validators: dice.within(1..11) as usize,
        powers: *dice.pick(&[Powers::Equal, Powers::Skewed]),
        rotation,
        key_kinds,
        absent_percent: dice.within(0..30) as u8,
        nil_percent: dice.within(0..15) as u8,
        late_round_percent: dice.within(0..20) as u8,
        initial_height: *dice.pick(&[1, 1, 1, 2, 1_000_000]),
        block_interval: Duration::from_millis(*dice.pick(&[1_000, 3_000, 6_000])),
        txs_max: 2,
        last_commit: LastCommit::Full,
        release,
        ..ChainPlan::default()
    }
}
