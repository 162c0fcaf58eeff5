//! What a node says of itself.

use super::PublicKeyJson;
use crate::base::Hash;
use crate::chains::tendermint::types::{Address, Header};
use crate::codec::text::to_hex;
use crate::crypto::PublicKey;
use alloc::string::{String, ToString};
use serde::Serialize;

/// The result of `/status`.
#[derive(Clone, Debug, Serialize)]
pub struct StatusResultJson<'a> {
    /// Who answers.
    pub node_info: NodeInfoJson<'a>,
    /// What it has.
    pub sync_info: SyncInfoJson,
    /// As which validator it signs.
    pub validator_info: ValidatorInfoJson,
}

/// Who answers `/status`.
#[derive(Clone, Debug, Serialize)]
pub struct NodeInfoJson<'a> {
    /// Versions of what it speaks.
    pub protocol_version: ProtocolVersionJson,
    /// The node's id: 40 digits of hex.
    pub id: String,
    /// Where it listens for peers.
    pub listen_addr: &'a str,
    /// The chain's id.
    pub network: &'a str,
    /// The version of its software.
    pub version: &'a str,
    /// The channels that it has, in hex.
    pub channels: &'a str,
    /// Its name.
    pub moniker: &'a str,
    /// The rest.
    pub other: NodeOtherJson<'a>,
}

/// Versions of what a node speaks.
#[derive(Clone, Debug, Serialize)]
pub struct ProtocolVersionJson {
    /// The peer-to-peer protocol.
    pub p2p: String,
    /// Blocks.
    pub block: String,
    /// The application.
    pub app: String,
}

/// Further members of [`NodeInfoJson`].
#[derive(Clone, Debug, Serialize)]
pub struct NodeOtherJson<'a> {
    /// `on` or `off`.
    pub tx_index: &'a str,
    /// Where it listens for RPC.
    pub rpc_address: &'a str,
}

/// What a node has, as `/status` says it.
#[derive(Clone, Debug, Serialize)]
pub struct SyncInfoJson {
    latest_block_hash: String,
    latest_app_hash: String,
    latest_block_height: String,
    latest_block_time: String,
    earliest_block_hash: String,
    earliest_app_hash: String,
    earliest_block_height: String,
    earliest_block_time: String,
    catching_up: bool,
}

impl SyncInfoJson {
    /// Returns that a node has the blocks between two headers, given with their hashes.
    pub fn new(latest: (&Header, Hash), earliest: (&Header, Hash), catching_up: bool) -> Self {
        Self {
            latest_block_hash: latest.1.to_string(),
            latest_app_hash: to_hex(&latest.0.app_hash),
            latest_block_height: latest.0.height.to_string(),
            latest_block_time: latest.0.time.to_rfc3339(),
            earliest_block_hash: earliest.1.to_string(),
            earliest_app_hash: to_hex(&earliest.0.app_hash),
            earliest_block_height: earliest.0.height.to_string(),
            earliest_block_time: earliest.0.time.to_rfc3339(),
            catching_up,
        }
    }
}

/// As which validator a node signs.
#[derive(Clone, Debug, Serialize)]
pub struct ValidatorInfoJson {
    address: String,
    pub_key: PublicKeyJson,
    voting_power: String,
}

impl ValidatorInfoJson {
    /// Returns that a node signs with `key`, which has `power`; 0 where it signs nothing.
    pub fn new(address: Address, key: &PublicKey, power: u64) -> Self {
        Self { address: address.to_string(), pub_key: key.into(), voting_power: power.to_string() }
    }
}
