//! A head as subscribers and status tell it.

use crate::base::{Hash, UnixTime};

/// A verified head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The height.
    pub height: u64,
    /// The header's hash.
    pub hash: Hash,
    /// The header's time; `None` where headers do not tell it.
    pub time: Option<UnixTime>,
}
