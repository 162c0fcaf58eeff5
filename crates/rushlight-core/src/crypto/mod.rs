//! Signature schemes and hashes: one file per scheme, all from audited or widely reviewed crates; batch verification.

mod sha256;

pub use sha256::{Sha256, sha256, sha256_of};

#[cfg(any(feature = "substrate", feature = "tendermint"))]
pub mod batch;
#[cfg(feature = "substrate")]
pub mod blake2b;
#[cfg(any(feature = "substrate", feature = "tendermint"))]
pub mod ed25519;
#[cfg(any(feature = "substrate", feature = "tendermint"))]
mod key;
#[cfg(feature = "tendermint")]
pub mod ml_dsa;
#[cfg(feature = "tendermint")]
pub mod ripemd160;
#[cfg(feature = "tendermint")]
pub mod secp256k1;
#[cfg(feature = "tendermint")]
pub mod secp256k1_eth;
#[cfg(feature = "substrate")]
pub mod sr25519;

#[cfg(any(feature = "substrate", feature = "tendermint"))]
pub use key::{KeyKind, PublicKey, SignatureError};
