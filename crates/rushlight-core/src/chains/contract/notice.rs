//! What a chain tells its operator.

use crate::base::{Hash, PeerId, UnixTime};
use crate::peers::Verdict;
use alloc::string::String;

/// Something an operator may want to know, with stable names; drivers turn it into log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainNotice {
    /// Progress of a sync.
    Progress {
        /// Trusted height.
        height: u64,
        /// Height being synced to.
        target: u64,
    },
    /// A peer was found at fault.
    Fault {
        /// The peer.
        peer: PeerId,
        /// Scheme, host and port of its address.
        origin: String,
        /// The verdict.
        verdict: Verdict,
        /// The broken rule, in words.
        why: String,
        /// Whether the same was said of it lately: a line of the log once is enough.
        is_repeated: bool,
    },
    /// Every provider that answers serves one other chain: the settings name a chain that it is not.
    OtherChain {
        /// The chain id that all of them give.
        got: String,
        /// The chain id in the settings.
        want: String,
    },
    /// The primary was replaced.
    PrimaryReplaced {
        /// The former primary.
        from: PeerId,
        /// The new primary.
        to: PeerId,
    },
    /// The wall clock is behind the highest one seen: no new head is adopted.
    ClockBehind {
        /// The wall clock.
        wall: UnixTime,
        /// The highest wall clock seen.
        highest: UnixTime,
    },
    /// Trust has ended.
    TrustExpired {
        /// Height of the last trusted head.
        height: u64,
        /// When it ended.
        at: UnixTime,
    },
    /// The chain is frozen: two conflicting headers verify.
    Frozen {
        /// The height.
        height: u64,
        /// The primary's header hash.
        ours: Hash,
        /// The witness's header hash.
        theirs: Hash,
        /// Who gave ours: scheme, host and port of its address.
        ours_from: String,
        /// Who gave the other one.
        theirs_from: String,
    },
    /// The user changed the checkpoint: the sync starts anew, and what was saved before is kept.
    CheckpointChanged {
        /// Height of the former checkpoint.
        from: u64,
        /// Height of the new one.
        to: u64,
        /// Height of the head that was reached from the former.
        head: u64,
        /// The former snapshot: the SHA-256 under which it is in the store.
        kept: Hash,
    },
    /// The snapshot could not be saved; the head is not published.
    SaveFailed {
        /// The height that is not saved.
        height: u64,
    },
}
