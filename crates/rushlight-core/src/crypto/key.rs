//! A public key of any scheme.

use super::ed25519;
#[cfg(feature = "tendermint")]
use super::{ml_dsa, secp256k1, secp256k1_eth};
#[cfg(feature = "tendermint")]
use alloc::boxed::Box;
use core::fmt;

/// A public key and the scheme it belongs to. The bytes have the scheme's length; whether they are a point of the
/// curve shows when a signature is verified.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// Ed25519, ZIP-215.
    Ed25519([u8; ed25519::KEY_LEN]),
    #[cfg(feature = "tendermint")]
    /// secp256k1, compressed.
    Secp256k1([u8; secp256k1::KEY_LEN]),
    #[cfg(feature = "tendermint")]
    /// secp256k1 in Ethereum's dress, compressed.
    Secp256k1Eth([u8; secp256k1_eth::KEY_LEN]),
    #[cfg(feature = "tendermint")]
    /// ML-DSA-65.
    MlDsa65(Box<[u8; ml_dsa::KEY_LEN]>),
}

/// A signature scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Ed25519, ZIP-215.
    Ed25519,
    #[cfg(feature = "tendermint")]
    /// secp256k1.
    Secp256k1,
    #[cfg(feature = "tendermint")]
    /// secp256k1 in Ethereum's dress.
    Secp256k1Eth,
    #[cfg(feature = "tendermint")]
    /// ML-DSA-65.
    MlDsa65,
}

/// Why a signature does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The length is not the scheme's.
    #[error("signature has {got} bytes, the scheme wants {want}")]
    Length {
        /// Bytes given.
        got: usize,
        /// Bytes wanted.
        want: usize,
    },
    /// The public key is not a point of the curve.
    #[error("public key is not valid")]
    Key,
    /// The recovery id is neither 0 nor 1.
    #[error("signature has recovery id {got}, wanted is 0 or 1")]
    RecoveryId {
        /// The id.
        got: u8,
    },
    /// S is in the upper half of its range.
    #[error("signature has a high s, which would make it malleable")]
    Malleable,
    /// The signature is not one of this key over this message.
    #[error("signature does not match key and message")]
    Mismatch,
}

impl KeyKind {
    /// Returns the length of a public key in bytes.
    pub fn key_len(self) -> usize {
        match self {
            Self::Ed25519 => ed25519::KEY_LEN,
            #[cfg(feature = "tendermint")]
            Self::Secp256k1 => secp256k1::KEY_LEN,
            #[cfg(feature = "tendermint")]
            Self::Secp256k1Eth => secp256k1_eth::KEY_LEN,
            #[cfg(feature = "tendermint")]
            Self::MlDsa65 => ml_dsa::KEY_LEN,
        }
    }

    /// Returns the length of a signature in bytes.
    pub fn signature_len(self) -> usize {
        match self {
            Self::Ed25519 => ed25519::SIGNATURE_LEN,
            #[cfg(feature = "tendermint")]
            Self::Secp256k1 => secp256k1::SIGNATURE_LEN,
            #[cfg(feature = "tendermint")]
            Self::Secp256k1Eth => secp256k1_eth::SIGNATURE_LEN,
            #[cfg(feature = "tendermint")]
            Self::MlDsa65 => ml_dsa::SIGNATURE_LEN,
        }
    }
}

impl PublicKey {
    /// Returns the key of scheme `kind` held in `bytes`, or `None` if the length is not the scheme's.
    pub fn from_bytes(kind: KeyKind, bytes: &[u8]) -> Option<Self> {
        Some(match kind {
            KeyKind::Ed25519 => Self::Ed25519(bytes.try_into().ok()?),
            #[cfg(feature = "tendermint")]
            KeyKind::Secp256k1 => Self::Secp256k1(bytes.try_into().ok()?),
            #[cfg(feature = "tendermint")]
            KeyKind::Secp256k1Eth => Self::Secp256k1Eth(bytes.try_into().ok()?),
            #[cfg(feature = "tendermint")]
            KeyKind::MlDsa65 => Self::MlDsa65(Box::new(bytes.try_into().ok()?)),
        })
    }

    /// Returns the scheme.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::Ed25519(_) => KeyKind::Ed25519,
            #[cfg(feature = "tendermint")]
            Self::Secp256k1(_) => KeyKind::Secp256k1,
            #[cfg(feature = "tendermint")]
            Self::Secp256k1Eth(_) => KeyKind::Secp256k1Eth,
            #[cfg(feature = "tendermint")]
            Self::MlDsa65(_) => KeyKind::MlDsa65,
        }
    }

    /// Returns the raw key.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            #[cfg(feature = "tendermint")]
            Self::Secp256k1(bytes) | Self::Secp256k1Eth(bytes) => bytes,
            #[cfg(feature = "tendermint")]
            Self::MlDsa65(bytes) => bytes.as_slice(),
        }
    }

    /// Verifies one signature over `message`.
    /// # Errors
    /// Those of the scheme, see [`SignatureError`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match self {
            Self::Ed25519(key) => ed25519::verify(key, message, signature),
            #[cfg(feature = "tendermint")]
            Self::Secp256k1(key) => secp256k1::verify(key, message, signature),
            #[cfg(feature = "tendermint")]
            Self::Secp256k1Eth(key) => secp256k1_eth::verify(key, message, signature),
            #[cfg(feature = "tendermint")]
            Self::MlDsa65(key) => ml_dsa::verify(key, message, signature),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ", self.kind())?;
        for byte in self.as_bytes().iter().take(8) {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
