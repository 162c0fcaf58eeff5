//! SHA-256 (FIPS 180-4), from `sha2`.

use crate::base::Hash;
use sha2::Digest;

/// A running SHA-256.
#[derive(Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the hash of all bytes taken in.
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

/// The most bytes that fit two blocks beside the end mark and the length.
const TWO_BLOCKS_BYTES_MAX: usize = 119;

/// The state before the first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Returns the SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Hash {
    sha256_of(&[bytes])
}

/// Returns the SHA-256 of `parts`, one behind the other.
///
/// Trees are made of inputs of one or two blocks; for those this is the bare compression, without the buffering that a
/// running hash needs.
pub fn sha256_of(parts: &[&[u8]]) -> Hash {
    short(parts).unwrap_or_else(|| {
        let mut hash = Sha256::default();
        parts.iter().for_each(|part| hash.update(part));
        hash.finish()
    })
}

/// Returns the hash of at most [`TWO_BLOCKS_BYTES_MAX`] bytes, else `None`.
#[inline]
fn short(parts: &[&[u8]]) -> Option<Hash> {
    let mut blocks = [[0_u8; 64]; 2];
    let mut rest = blocks.as_flattened_mut();
    let mut len = 0_usize;
    for part in parts {
        let (to, tail) = rest.split_at_mut_checked(part.len())?;
        to.copy_from_slice(part);
        rest = tail;
        len = len.saturating_add(part.len());
    }
    *rest.first_mut().filter(|_| len <= TWO_BLOCKS_BYTES_MAX)? = 0x80;
    let used = if len <= TWO_BLOCKS_BYTES_MAX - 64 { 1 } else { 2 };
    let used = blocks.get_mut(..used)?;
    let bits = u64::try_from(len).ok()?.saturating_mul(8);
    *used.last_mut()?.last_chunk_mut()? = bits.to_be_bytes();
    let mut state = INITIAL;
    sha2::block_api::compress256(&mut state, used);
    let mut hash = [0; 32];
    for (to, word) in hash.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    Some(Hash(hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn short_inputs_hash_as_a_running_hash_does() {
        let bytes: Vec<u8> = (0..=255).collect();
        for len in 0..=200 {
            let (whole, _) = bytes.split_at(len);
            let mut running = Sha256::default();
            running.update(whole);
            let want = running.finish();
            assert_eq!(sha256(whole), want, "{len} bytes");
            assert_eq!(short(&[whole]).is_some(), len <= TWO_BLOCKS_BYTES_MAX, "{len} bytes");
            let (left, right) = whole.split_at(len / 3);
            assert_eq!(sha256_of(&[left, &[], right]), want, "{len} bytes in parts");
        }
    }
}
