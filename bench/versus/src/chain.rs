//! Chains made for the comparison, by the maker that the core's own tests use: every validator signs every block, keys and
//! times are the same in every run.

#[path = "../../../crates/rushlight-core/tests/verify_chain/mod.rs"]
mod verify_chain;

use rushlight_core::chains::tendermint::types::LightBlock;
use std::sync::Arc;
use verify_chain::{Signers, chain};

pub use verify_chain::{CHAIN_ID, START as START_SECONDS};

/// Returns `heights` blocks of a chain whose set of `validators` never changes.
pub fn blocks(validators: usize, heights: u64) -> Vec<Arc<LightBlock>> {
    let signers = Signers::equal(0..validators as u64, 10);
    chain(&vec![&signers; heights as usize]).into_iter().map(Arc::new).collect()
}

/// Returns a block in the JSON of CometBFT's RPC: `{signed_header, validator_set}`.
pub fn to_json(block: &LightBlock) -> String {
    verify_chain::to_json(block).to_string()
}
