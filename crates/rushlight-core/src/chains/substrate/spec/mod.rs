//! Chain specifications: the JSON by which nodes and wallets know a chain.
//!
//! Every field that nodes write is understood, in both spellings where there are two; fields that nobody knows are
//! passed over. Whoever wrote the specification is trusted for what it says, so a broken one is our user's fault, and the
//! error names the field and the remedy. What is bounded is bounded for the sake of pages and phones that take
//! specifications from elsewhere. Nothing here runs the runtime: what only the runtime can tell (slot duration, first
//! authorities) comes from [`super::authorship::ConsensusConfig`].
//!
//! Source: `sc-chain-spec` 53, `chain_spec.rs`; `cumulus` and `polkadot` extensions (`relay_chain`, `para_id`, `fork_blocks`,
//! `bad_blocks`, `light_sync_state`); research on what other clients accept.

pub mod boot_node;
pub mod code;
mod error;
pub mod genesis;
mod hex;
mod json;
pub mod light_sync_state;
pub mod rules;

use super::header::{Header, NumberWidth};
use crate::base::Hash;
use crate::trie::patricia16::EMPTY_ROOT;
use alloc::string::String;
use alloc::vec::Vec;
use boot_node::{BOOT_NODES_MAX, BootNode, BootNodeError};
use genesis::{Genesis, GenesisError};
use light_sync_state::LightSyncState;
use rules::BlockRules;

pub use error::SpecError;

/// The longest specification that is read, in bytes. The largest in use (Polkadot with its whole genesis) has 9.6 MB.
pub const SPEC_BYTES_MAX: usize = 64 << 20;
/// The longest name, id, protocol id, fork id or chain type in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// A chain as its specification describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Name for people.
    pub name: String,
    /// Name for programs; specifications of parachains name their relay chain by it.
    pub id: String,
    /// `Live`, `Local`, `Development` or a name of the chain's own.
    pub chain_type: Option<String>,
    /// Nodes by which the network can be entered, in the specification's order.
    pub boot_nodes: Vec<BootNode>,
    /// What is missing or was left out, for the user to see.
    pub warnings: Vec<SpecWarning>,
    /// The network's name in the protocols of old nodes, which now use the genesis hash.
    pub protocol_id: Option<String>,
    /// Tells two chains of one genesis apart in the names of protocols.
    pub fork_id: Option<String>,
    /// Width of block numbers where they are not compact.
    pub number_width: NumberWidth,
    /// Properties of the token and of addresses, as they stand in the JSON: programs ask for them verbatim.
    pub properties: Option<String>,
    /// On a parachain, where it belongs to.
    pub parachain: Option<Parachain>,
    /// The state before the first block.
    pub genesis: Genesis,
    /// The checkpoint to begin from.
    pub light_sync_state: Option<LightSyncState>,
    /// Which blocks are refused, and whose code is replaced.
    pub rules: BlockRules,
}

/// Where a parachain belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parachain {
    /// The `id` of the relay chain's specification.
    pub relay_chain: String,
    /// The parachain's number on it. Specifications of the Polkadot SDK from `stable2512` on need not tell it: then the
    /// runtime does (`GetParachainInfo_parachain_id`), or the user.
    pub para_id: Option<u32>,
}

/// Something that was left out of a specification, by us or by whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecWarning {
    /// A boot node that cannot be read.
    #[error("bootNodes: {text:?} {why}")]
    BootNode {
        /// The text, cut.
        text: String,
        /// What is wrong with it.
        why: BootNodeError,
    },
    /// A relay chain without the parachain's number on it, which is unknown until somebody tells it.
    #[error("relayChain is {relay_chain:?}, but paraId is missing: it is unknown until the runtime tells it")]
    NoParaId {
        /// The relay chain.
        relay_chain: String,
    },
    /// Boot nodes beyond the bound.
    #[error("bootNodes: {count} are left out, for there are {BOOT_NODES_MAX} before them")]
    BootNodesLeftOut {
        /// How many.
        count: usize,
    },
}

impl Spec {
    /// Reads a specification. Costs one pass over the text; the genesis state is not hashed.
    /// # Errors
    /// [`SpecError`].
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        if text.len() > SPEC_BYTES_MAX {
            return Err(SpecError::TooLong { got: text.len(), max: SPEC_BYTES_MAX });
        }
        json::read(text)
    }

    /// Returns the header of block 0. Costs what [`Genesis::state_root`] does.
    /// # Errors
    /// [`GenesisError`].
    pub fn genesis_header(&self) -> Result<Header, GenesisError> {
        Ok(Header {
            parent_hash: Hash([0; Hash::LEN]),
            number: 0,
            state_root: self.genesis.state_root()?,
            extrinsics_root: EMPTY_ROOT,
            digest: Vec::new(),
        })
    }

    /// Returns the hash of block 0, by which the network knows the chain. Costs what [`Genesis::state_root`] does.
    /// # Errors
    /// [`GenesisError`].
    pub fn genesis_hash(&self) -> Result<Hash, GenesisError> {
        Ok(self.genesis_header()?.hash())
    }

    /// Asserts that the genesis hash `got`, computed from this specification, is `want`: that of a saved state, a bundle
    /// or a network. An id alone tells nothing, for a chain that was reset keeps it.
    /// # Errors
    /// [`SpecError::OtherGenesis`].
    pub fn check_genesis(got: Hash, want: Hash) -> Result<(), SpecError> {
        if got == want { Ok(()) } else { Err(SpecError::OtherGenesis { got, want }) }
    }
}
