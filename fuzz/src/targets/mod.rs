//! The targets, one file each.

pub mod bundle;
pub mod checkpoint;
pub mod light_block_json;
pub mod light_block_protobuf;
pub mod rpc;
