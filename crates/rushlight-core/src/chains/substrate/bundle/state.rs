//! Values of the state: keys, and the nodes that answer for them.

use super::StateRefused;
use crate::base::Hash;
use crate::codec::scale::{Reader, put_byte_string, put_compact};
use crate::trie::patricia16::{Proven, Trie, VerifiedProof};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The most keys that one state section answers for.
pub const KEYS_MAX: usize = 100_000;
/// The longest key or name of a child trie in bytes.
pub const KEY_BYTES_MAX: usize = 4_096;
/// The most bytes of values that one state section answers with: many keys may have the same large value, which the proof
/// holds once.
pub const VALUES_BYTES_MAX: usize = 32 << 20;

/// A key of the state, of the main trie or of a default child trie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateKey {
    /// Name of the child trie, without prefix; `None` is the main trie.
    pub child: Option<Vec<u8>>,
    /// The key.
    pub key: Vec<u8>,
}

/// Keys, and the nodes that prove what stands under them. Nothing in it is believed.
///
/// Encoding: a SCALE list of keys, each an optional child trie's name and the key, both byte strings; a SCALE list of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateClaim {
    /// The keys.
    pub keys: Vec<StateKey>,
    /// The nodes, encoded.
    pub nodes: Vec<Vec<u8>>,
}

/// What is proven of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenValue {
    /// The key.
    pub key: StateKey,
    /// Its value; `None`: it has none.
    pub value: Option<Vec<u8>>,
}

impl StateClaim {
    /// Returns what `keys` need of `proof`, in the one order that a bundle has.
    /// # Errors
    /// [`StateRefused::Lookup`], [`StateRefused::ValuesTooLarge`], [`StateRefused::Incomplete`] with the first key in ascending order that has no answer.
    pub fn of(mut keys: Vec<StateKey>, proof: &VerifiedProof<'_>) -> Result<Self, StateRefused> {
        keys.sort();
        keys.dedup();
        let (_, needed) = look_up(&keys, proof)?;
        let nodes = needed.iter().filter_map(|hash| proof.entry(hash)).map(<[u8]>::to_vec).collect();
        Ok(Self { keys, nodes })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_compact(&mut out, self.keys.len() as u64);
        for StateKey { child, key } in &self.keys {
            match child {
                None => out.push(0),
                Some(name) => {
                    out.push(1);
                    put_byte_string(&mut out, name);
                }
            }
            put_byte_string(&mut out, key);
        }
        put_compact(&mut out, self.nodes.len() as u64);
        self.nodes.iter().for_each(|node| put_byte_string(&mut out, node));
        out
    }
}

/// Returns what a state section proves under `root`.
pub(super) fn read(content: &[u8], root: Hash) -> Result<Vec<ProvenValue>, StateRefused> {
    let mut reader = Reader::new(content);
    let mut keys: Vec<StateKey> = Vec::new();
    for index in 0..reader.length(KEYS_MAX, 2)? {
        let child = reader.is_some()?.then(|| reader.byte_string(KEY_BYTES_MAX)).transpose()?;
        let key = StateKey { child: child.map(<[u8]>::to_vec), key: reader.byte_string(KEY_BYTES_MAX)?.to_vec() };
        if keys.last().is_some_and(|before| *before >= key) {
            return Err(StateRefused::KeyOrder { index });
        }
        keys.push(key);
    }
    let proof = VerifiedProof::verify(root, reader.rest())?;
    let (values, needed) = look_up(&keys, &proof)?;
    // The proof lists each node once, in ascending order of hashes; so must the bundle, and none that is not needed.
    let mut ordered = Vec::new();
    put_compact(&mut ordered, proof.len() as u64);
    proof.nodes().for_each(|node| put_byte_string(&mut ordered, node));
    if proof.len() != needed.len() || ordered != reader.rest() {
        return Err(StateRefused::NotMinimal { got: proof.len(), needed: needed.len() });
    }
    Ok(keys.into_iter().zip(values).map(|(key, value)| ProvenValue { key, value }).collect())
}

type Values = Vec<Option<Vec<u8>>>;

/// Returns the value of each key, and the hashes of the nodes that this takes.
fn look_up(keys: &[StateKey], proof: &VerifiedProof<'_>) -> Result<(Values, BTreeSet<Hash>), StateRefused> {
    let mut needed = BTreeSet::new();
    let mut values = Vec::with_capacity(keys.len());
    let mut values_bytes = 0_usize;
    for (index, StateKey { child, key }) in keys.iter().enumerate() {
        let mut need = |hash| {
            needed.insert(hash);
        };
        let trie: Proven<Trie<'_>> = match child {
            None => Proven::Present(proof.trie()),
            Some(name) => proof.trie().child_by(name, &mut need)?,
        };
        let value = match trie {
            Proven::Present(trie) => trie.value_by(key, &mut need)?,
            Proven::Absent => Proven::Absent,
            Proven::Unknown(missing) => Proven::Unknown(missing),
        };
        values.push(match value {
            Proven::Present(value) => {
                values_bytes = values_bytes.saturating_add(value.bytes().len());
                if values_bytes > VALUES_BYTES_MAX {
                    return Err(StateRefused::ValuesTooLarge { index, got: values_bytes });
                }
                Some(value.bytes().to_vec())
            }
            Proven::Absent => None,
            Proven::Unknown(missing) => return Err(StateRefused::Incomplete { index, missing }),
        });
    }
    Ok((values, needed))
}
