//! Validator keys derived from a seed, and signing with them.

use k256::ecdsa::signature::Signer;
use k256::ecdsa::signature::hazmat::PrehashSigner;
use ml_dsa::MlDsa65;
use rushlight_core::base::Hash;
use rushlight_core::chains::tendermint::types::Signature;
use rushlight_core::crypto::{KeyKind, PublicKey, Sha256};
use sha3::{Digest, Keccak256};

/// A key that signs votes.
pub(crate) enum SecretKey {
    Ed25519(ed25519_zebra::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
    Secp256k1Eth(k256::ecdsa::SigningKey),
    MlDsa65(Box<ml_dsa::SigningKey<MlDsa65>>),
}

/// Returns the hash that a seed gives for a use and a number.
pub(crate) fn derive(domain: &str, seed: u64, number: u64) -> Hash {
    let mut hash = Sha256::default();
    hash.update(domain.as_bytes());
    hash.update(&seed.to_le_bytes());
    hash.update(&number.to_le_bytes());
    hash.finish()
}

impl SecretKey {
    /// Returns key `number` of a seed.
    pub(crate) fn derive(domain: &str, kind: KeyKind, seed: u64, number: u64) -> Self {
        let secret = derive(domain, seed, number).0;
        let ecdsa = || {
            k256::ecdsa::SigningKey::from_slice(&secret)
                .expect("a hash is above the order of the curve once in 2^128 times, and the seed is ours")
        };
        match kind {
            KeyKind::Ed25519 => Self::Ed25519(ed25519_zebra::SigningKey::from_bytes(&secret)),
            KeyKind::Secp256k1 => Self::Secp256k1(ecdsa()),
            KeyKind::Secp256k1Eth => Self::Secp256k1Eth(ecdsa()),
            KeyKind::MlDsa65 => Self::MlDsa65(Box::new(ml_dsa::SigningKey::from_seed(&secret.into()))),
        }
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        let (kind, bytes): (_, Vec<u8>) = match self {
            Self::Ed25519(key) => (KeyKind::Ed25519, <[u8; 32]>::from(key.verification_key()).to_vec()),
            Self::Secp256k1(key) => (KeyKind::Secp256k1, key.verifying_key().to_sec1_point(true).as_bytes().to_vec()),
            Self::Secp256k1Eth(key) => {
                (KeyKind::Secp256k1Eth, key.verifying_key().to_sec1_point(true).as_bytes().to_vec())
            }
            Self::MlDsa65(key) => (KeyKind::MlDsa65, key.expanded_key().verifying_key().encode().to_vec()),
        };
        PublicKey::from_bytes(kind, &bytes).expect("each scheme's encoding has the scheme's length")
    }

    /// Returns the signature over `message`; the same each time.
    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        match self {
            Self::Ed25519(key) => Signature::Bytes64(key.sign(message).into()),
            Self::Secp256k1(key) => {
                let signature: k256::ecdsa::Signature = key.sign(message);
                Signature::Bytes64(signature.normalize_s().to_bytes().into())
            }
            Self::Secp256k1Eth(key) => {
                let (signature, id): (k256::ecdsa::Signature, k256::ecdsa::RecoveryId) = key
                    .sign_prehash(&Keccak256::digest(message))
                    .expect("signing a 32-byte hash fails for no key in range");
                let mut bytes = signature.to_bytes().to_vec();
                bytes.push(id.to_byte());
                Signature::from_bytes(&bytes)
            }
            Self::MlDsa65(key) => {
                let signature = key.expanded_key().sign_deterministic(message, &[]);
                Signature::from_bytes(&signature.expect("an empty context is never too long").encode())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_signs_its_public_key_verifies() {
        for kind in [KeyKind::Ed25519, KeyKind::Secp256k1, KeyKind::Secp256k1Eth, KeyKind::MlDsa65] {
            for number in 0..8 {
                let key = SecretKey::derive("test", kind, 7, number);
                let (signature, public) = (key.sign(b"message"), key.public_key());
                assert_eq!(public.verify(b"message", signature.as_bytes()), Ok(()), "{kind:?} {number}");
                assert!(public.verify(b"another", signature.as_bytes()).is_err(), "{kind:?} {number}");
                assert_eq!(signature, key.sign(b"message"), "{kind:?} {number}");
            }
        }
    }
}
