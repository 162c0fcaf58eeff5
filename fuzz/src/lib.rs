//! Fuzz targets of Rushlight's decoders. Each is a plain function over bytes: cargo-fuzz drives it with nightly and at
//! length, [`drive`] on stable over the committed corpus and seeded mutations, in CI.
//!
//! A target fails by panicking. It returns whether the input got past the decoder, so that a corpus that has
//! become stale is noticed.

pub mod drive;
pub mod targets;

/// A target: a name, which is also its corpus folder, and the function.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// Takes an input; returns whether it was accepted.
    pub run: fn(&[u8]) -> bool,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "light_block_json", run: targets::light_block_json::run },
    Target { name: "light_block_protobuf", run: targets::light_block_protobuf::run },
    Target { name: "checkpoint", run: targets::checkpoint::run },
    Target { name: "bundle", run: targets::bundle::run },
    Target { name: "rpc", run: targets::rpc::run },
    Target { name: "chain_description", run: targets::chain_description::run },
    Target { name: "snapshot", run: targets::snapshot::run },
    Target { name: "chain_spec", run: targets::chain_spec::run },
    Target { name: "light_sync_state", run: targets::light_sync_state::run },
    Target { name: "authorship", run: targets::authorship::run },
    Target { name: "runtime_code", run: targets::runtime_code::run },
    Target { name: "chain_state", run: targets::chain_state::run },
    Target { name: "trie_node", run: targets::trie_node::run },
    Target { name: "trie_proof", run: targets::trie_proof::run },
    Target { name: "trie_compact", run: targets::trie_compact::run },
    Target { name: "trie_changes", run: targets::trie_changes::run },
    Target { name: "substrate_header", run: targets::substrate_header::run },
    Target { name: "grandpa_justification", run: targets::grandpa_justification::run },
    Target { name: "warp_stream", run: targets::warp_stream::run },
];
