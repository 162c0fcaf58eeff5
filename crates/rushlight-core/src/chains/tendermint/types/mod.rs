//! What a chain's blocks are made of, and the exact bytes that are hashed and signed.

mod block_id;
mod commit;
mod header;
mod light_block;
mod params;
mod roots;
mod validators;

pub use block_id::{BlockId, PartSetHeader};
pub use commit::{Commit, CommitSig, Signature, Vote};
pub use header::{Header, Version};
pub use light_block::LightBlock;
pub use params::{ConsensusParams, PARAM_TEXT_BYTES_MAX, PUBLIC_KEY_TYPES_MAX};
pub use roots::{TxResult, consensus_hash, data_hash, evidence_hash, results_hash};
pub use validators::{
    Address, TOTAL_POWER_MAX, VALIDATORS_MAX, Validator, ValidatorSet, ValidatorSetError, address_of,
};

use crate::base::UnixTime;
use crate::codec::protobuf::put_int;
use alloc::vec::Vec;

/// The longest chain id in bytes.
pub const CHAIN_ID_BYTES_MAX: usize = 50;
/// The highest height: heights are signed 64-bit numbers on the wire.
pub const HEIGHT_MAX: u64 = i64::MAX as u64;
/// The longest application hash in bytes; real ones have 0 to 32.
pub const APP_HASH_BYTES_MAX: usize = 256;

/// Returns the bytes of a `google.protobuf.Timestamp`.
pub(crate) fn timestamp(time: UnixTime) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    put_int(&mut out, 1, time.seconds());
    put_int(&mut out, 2, i64::from(time.nanos()));
    out
}
