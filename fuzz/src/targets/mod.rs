//! The targets, one file each.

pub mod authorship;
pub mod bundle;
pub mod chain_description;
pub mod chain_spec;
pub mod chain_state;
pub mod checkpoint;
pub mod grandpa_justification;
pub mod light_block_json;
pub mod light_block_protobuf;
pub mod light_sync_state;
pub mod rpc;
pub mod runtime_code;
pub mod snapshot;
pub mod substrate_header;
pub mod trie_changes;
pub mod trie_compact;
pub mod trie_node;
pub mod trie_proof;
pub mod warp_stream;
