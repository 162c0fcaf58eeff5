//! BLAKE2b with 32-byte output (RFC 7693), from `blake2b_simd`: the hash of Substrate's headers, tries and extrinsics.

use crate::base::Hash;
use blake2b_simd::{Params, many};

/// Returns the BLAKE2b-256 of `bytes`.
pub fn blake2b_256(bytes: &[u8]) -> Hash {
    finished(&Params::new().hash_length(Hash::LEN).hash(bytes))
}

/// Returns the BLAKE2b-256 of `parts`, one behind the other.
pub fn blake2b_256_of(parts: &[&[u8]]) -> Hash {
    let mut state = Params::new().hash_length(Hash::LEN).to_state();
    for part in parts {
        state.update(part);
    }
    finished(&state.finalize())
}

/// Inputs handed over at once: several times what is hashed side by side, for as long as any is left no lane stands still.
const JOBS: usize = 8 * many::MAX_DEGREE;

/// Calls `each` with the index and the BLAKE2b-256 of every input, in order.
///
/// Several inputs are hashed side by side where the processor can; that is up to three times faster than one by one,
/// and best where neighbours have about the same length.
pub fn blake2b_256_many<'a>(inputs: impl IntoIterator<Item = &'a [u8]>, mut each: impl FnMut(usize, Hash)) {
    let mut params = Params::new();
    params.hash_length(Hash::LEN);
    let mut inputs = inputs.into_iter();
    let mut index = 0_usize;
    loop {
        let mut jobs: [Option<many::HashManyJob<'a>>; JOBS] = Default::default();
        let mut count = 0_usize;
        for (job, input) in jobs.iter_mut().zip(&mut inputs) {
            *job = Some(many::HashManyJob::new(&params, input));
            count = count.saturating_add(1);
        }
        if count == 0 {
            return;
        }
        many::hash_many(jobs.iter_mut().flatten());
        for job in jobs.iter().flatten() {
            each(index, finished(&job.to_hash()));
            index = index.saturating_add(1);
        }
        if count < JOBS {
            return;
        }
    }
}

fn finished(hash: &blake2b_simd::Hash) -> Hash {
    // The length was asked for above, so the bytes always fit.
    Hash::from_slice(hash.as_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn the_hash_of_nothing_is_the_published_one() {
        let want = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8";
        assert_eq!(alloc::format!("{:x}", blake2b_256(b"")), want);
    }

    #[test]
    fn many_and_parts_hash_as_one() {
        let bytes: Vec<u8> = (0..=255).cycle().take(11_000).collect();
        for count in [0, 1, 3, 4, 5, 9, 31, 32, 33] {
            let inputs: Vec<&[u8]> = (0..count).map(|n| &bytes[n..n * 311 + 1]).collect();
            let mut got = Vec::new();
            blake2b_256_many(inputs.iter().copied(), |index, hash| got.push((index, hash)));
            let want: Vec<_> = inputs.iter().map(|input| blake2b_256(input)).enumerate().collect();
            assert_eq!(got, want);
        }
        assert_eq!(blake2b_256_of(&[&bytes[..77], &[], &bytes[77..]]), blake2b_256(&bytes));
    }
}
