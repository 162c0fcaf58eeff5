//! Batch verification of signatures, across commits and heights.
//!
//! ZIP-215 makes batch and single verdicts agree for every input, so a batch may replace single checks. A batch is one
//! random linear combination of all equations; its coefficients must be unpredictable to whoever made the signatures.
//! Here they come from ChaCha20 keyed with a hash over a domain tag and the whole batch: changing any signature changes
//! all coefficients, and daemon, browser and offline verifier reach the same verdict from the same bytes.

use super::{PublicKey, Sha256, SignatureError};
use crate::base::Hash;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;
use ed25519_zebra::{Signature, VerificationKeyBytes, batch::Item};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

const COEFFICIENTS_DOMAIN: &[u8] = b"rushlight/ed25519-batch/v1";

/// From this many Ed25519 signatures on a batch is faster than single checks.
const BATCH_MIN: usize = 3;

/// The most Ed25519 signatures in one equation. Above some thousands a larger one is no faster, because keys recur in each
/// and points no longer fit the processor's caches; it only takes more memory.
const EQUATION_SIGNATURES_MAX: usize = 4_096;

/// Signatures to verify, in groups; a group is what stands or falls together, usually the commit of one height.
#[derive(Clone, Debug, Default)]
pub struct SignatureBatch {
    /// Messages and signatures, back to back.
    bytes: Vec<u8>,
    items: Vec<BatchItem>,
    /// Index behind the last item of each group.
    group_ends: Vec<usize>,
    keys_bytes: usize,
    /// Takes in everything as it is added, so that no pass over the whole batch is needed in the end.
    transcript: Transcript,
}

#[derive(Clone)]
struct Transcript(Sha256);

impl Default for Transcript {
    fn default() -> Self {
        let mut hash = Sha256::default();
        hash.update(COEFFICIENTS_DOMAIN);
        Self(hash)
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.clone().finish(), f)
    }
}

#[derive(Clone, Debug)]
struct BatchItem {
    key: PublicKey,
    start: usize,
    message_len: usize,
    signature_len: usize,
}

/// What became of a [`SignatureBatch`]. Only verifying one can make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchVerdict {
    outcome: Result<(), BadSignature>,
}

/// The place of a signature that does not verify, and the broken rule.
type Bad = (usize, SignatureError);

/// The first signature of a batch that does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signature {item} of group {group} does not verify: {why}")]
pub struct BadSignature {
    /// The group, counted from 0.
    pub group: usize,
    /// The signature within the group, counted from 0.
    pub item: usize,
    /// The broken rule.
    pub why: SignatureError,
}

impl SignatureBatch {
    /// Returns an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a signature to the group that is being filled.
    pub fn push(&mut self, key: &PublicKey, message: &[u8], signature: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(message);
        self.bytes.extend_from_slice(signature);
        // As few and as long pieces as there can be: with thousands of signatures it shows.
        let mut head = [0; 18];
        let (kinds, lengths) = head.split_at_mut(2);
        kinds.copy_from_slice(&[1, key.kind() as u8]);
        lengths.copy_from_slice([length(message), length(signature)].as_flattened());
        let transcript = &mut self.transcript.0;
        transcript.update(&head);
        transcript.update(key.as_bytes());
        transcript.update(self.bytes.get(start..).unwrap_or_default());
        self.keys_bytes = self.keys_bytes.saturating_add(match key {
            #[cfg(feature = "tendermint")]
            PublicKey::MlDsa65(_) => key.as_bytes().len(),
            _ => 0,
        });
        self.items.push(BatchItem {
            key: key.clone(),
            start,
            message_len: message.len(),
            signature_len: signature.len(),
        });
    }

    /// Ends the group that is being filled, which may be empty.
    pub fn end_group(&mut self) {
        self.transcript.0.update(&[0]);
        self.group_ends.push(self.items.len());
    }

    /// Returns the number of signatures.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Tells whether there are no signatures.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the memory that the batch holds, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.bytes
            .len()
            .saturating_add(self.items.len().saturating_mul(size_of::<BatchItem>()))
            .saturating_add(self.group_ends.len().saturating_mul(size_of::<usize>()))
            .saturating_add(self.keys_bytes)
    }

    /// Returns a hash of everything in the batch: lengths, keys, messages, signatures and groups.
    pub fn digest(&self) -> Hash {
        self.transcript.0.clone().finish()
    }

    /// Verifies all signatures: Ed25519 in batches, other schemes one by one.
    ///
    /// Costs about a fifth of single checks where keys recur across groups. When a batch fails it is split in halves
    /// to find the first bad signature, at the cost of about two more batches.
    pub fn verify(self) -> BatchVerdict {
        let Ok(verdict) = self.verify_while(&|| Ok::<(), Infallible>(()));
        verdict
    }

    /// Verifies as [`SignatureBatch::verify`] does, as long as `go_on`, which is asked before each equation, says so.
    /// # Errors
    /// What `go_on` says.
    pub fn verify_while<E>(self, go_on: &dyn Fn() -> Result<(), E>) -> Result<BatchVerdict, E> {
        let outcome = match self.first_bad(&self.digest(), go_on)? {
            None => Ok(()),
            Some((index, why)) => {
                let group = self.group_ends.partition_point(|end| *end <= index);
                let start = group.checked_sub(1).and_then(|before| self.group_ends.get(before)).copied().unwrap_or(0);
                Err(BadSignature { group, item: index.saturating_sub(start), why })
            }
        };
        Ok(BatchVerdict { outcome })
    }

    fn parts(&self, index: usize) -> Option<(&PublicKey, &[u8], &[u8])> {
        let item = self.items.get(index)?;
        let rest = self.bytes.get(item.start..)?;
        let (message, rest) = rest.split_at_checked(item.message_len)?;
        Some((&item.key, message, rest.get(..item.signature_len)?))
    }

    fn check_single(&self, index: usize) -> Result<(), SignatureError> {
        let (key, message, signature) = self.parts(index).ok_or(SignatureError::Mismatch)?;
        key.verify(message, signature)
    }

    /// Returns the first signature that does not verify.
    fn first_bad<E>(&self, digest: &Hash, go_on: &dyn Fn() -> Result<(), E>) -> Result<Option<Bad>, E> {
        let mut ed25519 = Vec::with_capacity(self.items.len().min(EQUATION_SIGNATURES_MAX));
        let mut bad = None;
        for index in 0..self.items.len() {
            let Some((key, message, signature)) = self.parts(index) else {
                // A signature that is not there holds for nobody: passed over, fewer would be checked than were counted.
                bad = Some((index, SignatureError::Mismatch));
                break;
            };
            match (key, <[u8; 64]>::try_from(signature)) {
                (PublicKey::Ed25519(key), Ok(bytes)) => {
                    let key = VerificationKeyBytes::from(*key);
                    ed25519.push((index, Item::from((key, Signature::from(bytes), message))));
                }
                _ => {
                    go_on()?;
                    bad = key.verify(message, signature).err().map(|why| (index, why));
                }
            }
            // Only what waits and stands before a bad one can still be the first.
            if bad.is_some() {
                break;
            }
            if ed25519.len() == EQUATION_SIGNATURES_MAX {
                if let Some(first) = self.first_bad_ed25519(digest, &ed25519, go_on)? {
                    return Ok(Some(first));
                }
                ed25519.clear();
            }
        }
        Ok(self.first_bad_ed25519(digest, &ed25519, go_on)?.or(bad))
    }

    /// Returns the first Ed25519 item that does not verify: halves a failing batch, left half first.
    fn first_bad_ed25519<E>(
        &self,
        digest: &Hash,
        items: &[(usize, Item)],
        go_on: &dyn Fn() -> Result<(), E>,
    ) -> Result<Option<Bad>, E> {
        let mut rest = items;
        go_on()?;
        if batch_holds(digest, rest) {
            return Ok(None);
        }
        // Invariant: `rest` holds a bad item, and everything before it verifies.
        while rest.len() > 1 {
            go_on()?;
            let (left, right) = rest.split_at(rest.len() / 2);
            rest = if batch_holds(digest, left) { right } else { left };
        }
        let first = rest.first().map(|(index, _)| *index);
        Ok(first.map(|index| (index, self.check_single(index).err().unwrap_or(SignatureError::Mismatch))))
    }
}

fn length(bytes: &[u8]) -> [u8; 8] {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes()
}

/// Tells whether all items verify.
fn batch_holds(digest: &Hash, items: &[(usize, Item)]) -> bool {
    if items.len() < BATCH_MIN {
        return items.iter().all(|(_, item)| item.clone().verify_single().is_ok());
    }
    let mut seed = Sha256::default();
    seed.update(COEFFICIENTS_DOMAIN);
    seed.update(digest.as_bytes());
    let first = items.first().map_or(0, |(index, _)| *index);
    for number in [first, items.len()] {
        seed.update(&u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes());
    }
    let mut verifier = ed25519_zebra::batch::Verifier::new();
    for (_, item) in items {
        verifier.queue(item.clone());
    }
    verifier.verify(ChaCha20Rng::from_seed(seed.finish().0)).is_ok()
}

impl BatchVerdict {
    /// Tells whether every signature verifies, or which is the first that does not.
    /// # Errors
    /// [`BadSignature`].
    pub fn outcome(&self) -> Result<(), BadSignature> {
        self.outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use ed25519_zebra::SigningKey;

    fn signed(count: u16) -> SignatureBatch {
        let mut batch = SignatureBatch::new();
        for number in 0..count {
            let key = SigningKey::from([u8::try_from(number % 8).unwrap() + 1; 32]);
            let public = PublicKey::Ed25519(VerificationKeyBytes::from(&key).into());
            let message = number.to_le_bytes();
            batch.push(&public, &message, &key.sign(&message).to_bytes());
        }
        batch.end_group();
        batch
    }

    /// One that is passed over would be one that was counted and not checked.
    #[test]
    fn a_signature_that_cannot_be_cut_out_is_bad() {
        for (count, broken) in [(1, 0), (5, 2), (9, 8)] {
            let mut batch = signed(count);
            assert_eq!(batch.clone().verify().outcome(), Ok(()));
            batch.items[broken].signature_len = usize::MAX;
            let bad = BadSignature { group: 0, item: broken, why: SignatureError::Mismatch };
            assert_eq!(batch.verify().outcome(), Err(bad));
        }
        // What stands before it and does not verify is the first one still.
        let mut batch = signed(6);
        batch.bytes[70] ^= 1;
        batch.items[4].start = usize::MAX;
        assert_eq!(batch.verify().outcome().map_err(|bad| bad.item), Err(1));
    }

    #[test]
    fn a_batch_can_be_stopped_between_two_equations() {
        let count = u16::try_from(EQUATION_SIGNATURES_MAX).unwrap() + 3;
        for equations in 0..=2 {
            let left = Cell::new(equations);
            let go_on = || {
                left.set(left.get() - 1);
                if left.get() < 0 { Err("stopped") } else { Ok(()) }
            };
            let verdict = signed(count).verify_while(&go_on);
            assert_eq!(verdict.is_ok(), equations == 2, "{equations}");
        }
    }
}
