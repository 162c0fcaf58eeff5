//! Rushlight's core: it decides, drivers wait.
//!
//! The core is a set of deterministic state machines. It owns no socket, file, thread, clock or source of
//! randomness: time is an argument, storage is an output, bytes come in through [`node::Node::handle`] and go out
//! through [`node::Node::poll`]. The same seed and the same inputs give the same outputs, byte for byte.
//!
//! Where to start reading: [`node`] (the contract), [`chains`] (what a family sees), and
//! `chains/tendermint/verify` (the rules by which a header becomes a verified header).
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod base;
pub mod bundle;
pub mod chains;
pub mod codec;
pub mod crypto;
pub mod node;
pub mod peers;
pub mod rpc;
pub mod trie;
pub mod work;
