//! What a bundle proves, whatever its family.

use crate::base::{Hash, UnixTime};
use alloc::string::String;
use alloc::vec::Vec;

/// A header that a bundle proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenHeader {
    /// The chain's id.
    pub chain_id: String,
    /// The header's height.
    pub height: u64,
    /// The header's hash.
    pub hash: Hash,
    /// The header's time; `None` where headers do not tell it.
    pub time: Option<UnixTime>,
    /// When trust in it ends; `None` where that is for the reader to say, because the header has no time.
    pub trust_expires: Option<UnixTime>,
    /// How many steps the proof has, the checkpoint's own block included.
    pub steps: usize,
    /// Values of the state under the header, with those that are proven to be absent.
    pub state: Vec<ProvenState>,
}

/// What a bundle proves of a key of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenState {
    /// Name of the child trie in which the key is; `None` is the main trie.
    pub child: Option<Vec<u8>>,
    /// The key.
    pub key: Vec<u8>,
    /// The value; `None`: there is none.
    pub value: Option<Vec<u8>>,
}
