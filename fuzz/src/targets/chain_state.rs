//! The state of a Substrate chain: its snapshot, and blocks on it.

use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::authorship::ConsensusConfig;
use rushlight_core::chains::substrate::authorship::babe::{BabeConfig, EpochConfig};
use rushlight_core::chains::substrate::header::NumberWidth;
use rushlight_core::chains::substrate::header::babe::AllowedSlots;
use rushlight_core::chains::substrate::state::{ChainState, ForcedChanges, Settings, UNFINALIZED_MAX};
use rushlight_core::crypto::blake2b::blake2b_256;
use std::sync::Arc;

const CHECKSUM_BYTES: usize = 32;

/// Reads `bytes` (the length of a snapshot in four bytes, the snapshot, and headers, each behind its length in two bytes),
/// with the checksum that the snapshot wants. What is read must be written the same, and take in blocks without breaking
/// its bounds. Returns whether the snapshot was accepted.
pub fn run(bytes: &[u8]) -> bool {
    let Some((len, rest)) = bytes.split_first_chunk::<4>() else { return false };
    let Some((snapshot, mut rest)) = rest.split_at_checked(u32::from_le_bytes(*len) as usize) else { return false };
    let Some(content) = snapshot.len().checked_sub(CHECKSUM_BYTES).and_then(|len| snapshot.get(..len)) else {
        return false;
    };
    let sealed = [content, blake2b_256(content).as_bytes()].concat();
    let Some(genesis) = content.get(1..33).and_then(Hash::from_slice) else { return false };
    let Some(width) = content.get(33).and_then(|width| NumberWidth::new((*width).into())) else { return false };
    let Ok(mut chain) = ChainState::from_snapshot(&sealed, genesis, width, settings()) else { return false };
    assert_eq!(chain.to_snapshot(), sealed, "a second encoding of the same snapshot");
    while let Some((len, behind)) = rest.split_first_chunk::<2>() {
        let Some((header, behind)) = behind.split_at_checked(u16::from_le_bytes(*len).into()) else { break };
        rest = behind;
        if let Ok(imported) = chain.import(header, None) {
            assert!(chain.tree().number(&imported.hash).is_some() && !imported.dropped.contains(&imported.hash));
        }
        assert!(chain.tree().len() <= UNFINALIZED_MAX);
        assert!(chain.best().number >= chain.finalized().number);
        let _ = chain.next_set_change();
    }
    true
}

fn settings() -> Settings {
    let rules = EpochConfig { c: (1, 4), allowed_slots: AllowedSlots::PrimaryAndSecondaryVrf };
    let babe = BabeConfig { slot_duration_ms: Some(2_000), epoch_length: 10, rules };
    Settings { consensus: ConsensusConfig::Babe(babe), rules: Arc::default(), forced: ForcedChanges::Imported }
}
