//! A light block: all that is needed to verify one height.

use super::{Commit, Header, ValidatorSet};
use crate::codec::protobuf::put_message;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A header, the commit for it and the set that signed it, as somebody claims. Nothing in it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LightBlock {
    /// The header.
    pub header: Header,
    /// The commit for the header.
    pub commit: Commit,
    /// The set that signed the commit.
    pub validators: Arc<ValidatorSet>,
}

impl LightBlock {
    /// Returns the bytes of the message `LightBlock`.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut signed = Vec::new();
        put_message(&mut signed, 1, &self.header.to_protobuf());
        put_message(&mut signed, 2, &self.commit.to_protobuf());
        let mut out = Vec::new();
        put_message(&mut out, 1, &signed);
        put_message(&mut out, 2, &self.validators.to_protobuf());
        out
    }

    /// Returns about how much memory the block holds, in bytes, without its set, which many blocks share.
    pub fn size_bytes(&self) -> usize {
        self.commit.size_bytes().saturating_add(1_024)
    }
}
