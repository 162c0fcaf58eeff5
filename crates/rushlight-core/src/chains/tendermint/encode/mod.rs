//! From values to the texts that CometBFT's own clients read.
//!
//! Trusts nobody and verifies nothing: whether a value may be shown as verified is decided by whoever asks for its text.

pub mod json;
