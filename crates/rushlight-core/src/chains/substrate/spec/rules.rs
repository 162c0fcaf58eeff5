//! What a chain specification says of single blocks: which are refused, and whose code is replaced.
//!
//! Source: `sc-service` (`client/block_rules.rs`, `client/wasm_substitutes.rs`).

use super::code::{CodeError, RuntimeVersion};
use crate::base::Hash;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The most entries that `forkBlocks`, `badBlocks` and `codeSubstitutes` may have each.
pub const BLOCK_RULES_MAX: usize = 10_000;

/// Rules about single blocks, made by the chain's community after something went wrong on it.
///
/// A light client must keep them too: without `badBlocks` it can be led onto the fork that the community left, which has
/// valid signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockRules {
    pub(super) fork_blocks: BTreeMap<u64, Hash>,
    pub(super) bad_blocks: BTreeSet<Hash>,
    pub(super) code_substitutes: BTreeMap<u64, CodeSubstitute>,
}

/// Why a block is refused whatever its signatures say. The peer's fault, or the specification's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedBlock {
    /// The specification names the block as bad.
    #[error("block {number} {hash:#x} is among the specification's badBlocks")]
    Bad {
        /// Its number.
        number: u64,
        /// Its hash.
        hash: Hash,
    },
    /// The specification wants another block at this number.
    #[error("block {number} is {got:#x}, but the specification's forkBlocks want {want:#x}")]
    WrongFork {
        /// Its number.
        number: u64,
        /// Its hash.
        got: Hash,
        /// The hash that the specification gives.
        want: Hash,
    },
}

impl BlockRules {
    /// Tells whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.fork_blocks.is_empty() && self.bad_blocks.is_empty() && self.code_substitutes.is_empty()
    }

    /// Refuses the block `hash` at `number` if the specification does. To be asked for every header before it enters the
    /// fork tree and for every header of a warp-sync fragment.
    /// # Errors
    /// [`RefusedBlock`].
    pub fn check(&self, number: u64, hash: &Hash) -> Result<(), RefusedBlock> {
        if self.bad_blocks.contains(hash) {
            return Err(RefusedBlock::Bad { number, hash: *hash });
        }
        match self.fork_blocks.get(&number) {
            Some(want) if want != hash => Err(RefusedBlock::WrongFork { number, got: *hash, want: *want }),
            _ => Ok(()),
        }
    }

    /// Returns what stands in for the code in the state of block `number`, if that code has `spec_version`.
    ///
    /// A substitute holds from its block on for as long as the chain's own code has the substitute's version: the next
    /// upgrade ends it.
    /// # Errors
    /// [`CodeError`] if the version of a substitute that might stand in cannot be read: our user's fault.
    pub fn code_substitute(&self, number: u64, spec_version: u32) -> Result<Option<&CodeSubstitute>, CodeError> {
        for (_, substitute) in self.code_substitutes.range(..=number).rev() {
            if substitute.runtime_version()?.is_some_and(|version| version.spec_version == spec_version) {
                return Ok(Some(substitute));
            }
        }
        Ok(None)
    }

    /// Returns every substitute with the number of the block from which on it holds, lowest first.
    pub fn code_substitutes(&self) -> impl Iterator<Item = (u64, &CodeSubstitute)> {
        self.code_substitutes.iter().map(|(number, substitute)| (*number, substitute))
    }
}

/// Runtime code that stands in for the code in the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSubstitute {
    pub(super) code: Vec<u8>,
}

impl CodeSubstitute {
    /// Returns the code as it would stand under `:code`, perhaps compressed.
    pub fn code(&self) -> &[u8] {
        &self.code
    }

    /// Returns the version that the code carries, or `None` if it carries none.
    /// Costs a decompression of the code if it is compressed.
    /// # Errors
    /// [`CodeError`].
    pub fn runtime_version(&self) -> Result<Option<RuntimeVersion>, CodeError> {
        RuntimeVersion::of_code(&self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::super::code::tests::wasm_with_spec_version;
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn hash(byte: u8) -> Hash {
        Hash([byte; 32])
    }

    #[test]
    fn each_refusal_says_why() {
        let rules = BlockRules {
            fork_blocks: [(5, hash(5))].into(),
            bad_blocks: [hash(9)].into(),
            code_substitutes: BTreeMap::new(),
        };
        assert!(!rules.is_empty() && BlockRules::default().is_empty());
        assert_eq!(rules.check(4, &hash(4)), Ok(()));
        assert_eq!(rules.check(5, &hash(5)), Ok(()));
        let got = rules.check(7, &hash(9)).unwrap_err();
        assert_eq!(got, RefusedBlock::Bad { number: 7, hash: hash(9) });
        assert!(got.to_string().starts_with("block 7 0x0909"), "{got}");
        let got = rules.check(5, &hash(4)).unwrap_err();
        assert_eq!(got, RefusedBlock::WrongFork { number: 5, got: hash(4), want: hash(5) });
        assert!(got.to_string().contains("forkBlocks want 0x0505"), "{got}");
    }

    #[test]
    fn a_substitute_holds_from_its_block_until_the_next_version() {
        let substitute = |version| CodeSubstitute { code: wasm_with_spec_version(version) };
        let rules = BlockRules {
            code_substitutes: [(10, substitute(100)), (20, substitute(101)), (30, substitute(101))].into(),
            ..BlockRules::default()
        };
        let at = |number, version| {
            let found = rules.code_substitute(number, version).unwrap();
            found.map(|found| rules.code_substitutes().filter(|(_, other)| *other == found).count())
        };
        assert_eq!(at(9, 100), None);
        assert_eq!(at(10, 100), Some(1));
        assert_eq!(at(25, 100), Some(1));
        assert_eq!(at(15, 101), None);
        assert_eq!(at(25, 101), Some(2));
        assert_eq!(at(25, 102), None);
        let broken =
            BlockRules { code_substitutes: [(1, CodeSubstitute { code: vec![1] })].into(), ..BlockRules::default() };
        assert!(broken.code_substitute(1, 1).is_err());
    }
}
