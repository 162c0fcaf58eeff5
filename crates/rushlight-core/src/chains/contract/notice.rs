//! What a chain tells its operator.

use super::fact::Facts;
use crate::base::{Hash, PeerId, UnixTime};
use crate::peers::Verdict;
use alloc::string::String;

/// Something an operator may want to know; drivers turn it into log lines. What every family can mean has a variant, what only
/// one can is [`ChainNotice::Told`].
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
    /// Every peer that answers serves one other chain: the settings name a chain that it is not.
    OtherChain {
        /// The chain id that all of them give.
        got: String,
        /// The chain id in the settings.
        want: String,
    },
    /// The wall clock is behind the highest one seen: no new head is adopted.
    ClockBehind {
        /// The wall clock.
        wall: UnixTime,
        /// The highest wall clock seen.
        highest: UnixTime,
    },
    /// The chain is frozen: what is evidence of an attack verifies.
    Frozen {
        /// The height.
        height: u64,
        /// The evidence, and who gave it.
        evidence: Facts,
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
    /// A work of the chain panicked, which is a bug. What it was for is tried again later.
    WorkPanicked {
        /// The work's kind.
        kind: &'static str,
        /// The panic's message.
        message: String,
    },
    /// The snapshot could not be saved; the head is not published.
    SaveFailed {
        /// The height that is not saved.
        height: u64,
    },
    /// Something that has a meaning in this family alone.
    Told {
        /// What it is, for programs: lower case with underscores, and never another one for the same thing.
        name: &'static str,
        /// What it is, for people, with the remedy if it needs one.
        words: &'static str,
        /// How much it matters.
        level: Level,
        /// What was seen.
        facts: Facts,
    },
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Of use to whoever looks for a fault.
    Detail,
    /// Good to know.
    News,
    /// It may need somebody.
    Warning,
    /// It needs somebody.
    Trouble,
}
