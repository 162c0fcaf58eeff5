//! RIPEMD-160, from `ripemd`: the outer hash of Cosmos secp256k1 addresses.

use ripemd::Digest;

/// Returns the RIPEMD-160 of `bytes`.
pub fn ripemd160(bytes: &[u8]) -> [u8; 20] {
    ripemd::Ripemd160::digest(bytes).into()
}
