//! Numbers drawn from a seed: what a real network owes to chance, made repeatable.

/// What a number is drawn for, so that two uses of one seed and place do not give the same number.
#[derive(Clone, Copy)]
pub(crate) enum For {
    Vote = 1,
    VoteTime = 2,
    Round = 3,
    TxCount = 4,
    Tx = 5,
    Replaced = 6,
    Power = 7,
    SeenCommit = 8,
}

/// Returns the number drawn for `purpose` at place `(a, b)`: SplitMix64 over all of them.
pub(crate) fn draw(seed: u64, purpose: For, a: u64, b: u64) -> u64 {
    [purpose as u64, a, b].into_iter().fold(mix(seed), |state, word| mix(state ^ mix(word)))
}

fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
