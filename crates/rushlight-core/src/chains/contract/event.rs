//! What happens to a chain.

use super::Query;
use crate::base::{AskId, LoadId, PeerId, QueryId, SaveId, WorkId};
use crate::peers::{AskFailed, Reply};
use crate::work::Done;
use alloc::string::String;

/// What happens to a chain.
#[derive(Debug)]
pub enum Event<'a> {
    /// The deadline has come.
    Tick,
    /// A peer may be asked.
    PeerJoined {
        /// The peer.
        peer: PeerId,
        /// Scheme, host and port of its address, for people to read.
        origin: String,
        /// Who runs it, as far as its address tells: no peer is a witness of another one of the same operator.
        operator: String,
    },
    /// A peer may no longer be asked: it was removed or is in quarantine.
    PeerLeft(PeerId),
    /// A peer answered an ask. The ask is closed.
    Replied {
        /// The ask.
        ask: AskId,
        /// Who answered.
        peer: PeerId,
        /// What it said.
        reply: Reply<'a>,
    },
    /// Nobody answered an ask. The ask is closed.
    Unanswered {
        /// The ask.
        ask: AskId,
        /// Why.
        failed: AskFailed,
    },
    /// A work has ended: its ticket opens what came out.
    Worked(WorkId, Done),
    /// A snapshot reached the disk (`true`) or did not.
    Saved(SaveId, bool),
    /// A blob was read, or is not there. Its hash has been checked.
    Loaded(LoadId, Option<&'a [u8]>),
    /// An RPC client asks. It gets exactly one [`Action::Answer`].
    Queried(QueryId, Query),
    /// An RPC client that asked has left: its query needs no answer.
    Forgotten(QueryId),
}
