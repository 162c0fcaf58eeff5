//! What happens to a chain.

use super::Query;
use crate::base::{AskId, LoadId, PeerId, QueryId, SaveId, WorkId};
use crate::peers::{AskFailed, Reply};
use crate::work::Done;
use alloc::string::String;
use alloc::vec::Vec;

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
    /// A peer answered an ask, as a whole. The ask is closed.
    Replied {
        /// The ask.
        ask: AskId,
        /// Who answered.
        peer: PeerId,
        /// What it said.
        reply: Reply<'a>,
    },
    /// The next bytes of an answer that was asked for in parts. They come in order, all from one peer; how the answer is cut
    /// means nothing. What they hold is not the whole answer before [`Event::ReplyEnded`]; after [`Event::Unanswered`] it never
    /// will be.
    ReplyPart {
        /// The ask.
        ask: AskId,
        /// Who answers.
        peer: PeerId,
        /// The bytes.
        part: &'a [u8],
    },
    /// An answer that came in parts is complete. The ask is closed.
    ReplyEnded {
        /// The ask.
        ask: AskId,
        /// Who answered.
        peer: PeerId,
    },
    /// Nobody answered an ask, or the answer broke off. The ask is closed.
    Unanswered {
        /// The ask.
        ask: AskId,
        /// Why.
        failed: AskFailed,
    },
    /// A peer said something that nobody asked for.
    Announced {
        /// The peer.
        peer: PeerId,
        /// Under which of the names that the family gave it.
        topic: &'a str,
        /// What it said.
        news: &'a [u8],
    },
    /// A work has ended: its ticket opens what came out.
    Worked(WorkId, Done),
    /// A snapshot reached the disk (`true`) or did not.
    Saved(SaveId, bool),
    /// A blob was read, or is not there. Its hash has been checked.
    Loaded(LoadId, Option<&'a [u8]>),
    /// An RPC client asks. It gets exactly one [`super::Action::Answer`].
    Queried(QueryId, Query),
    /// The owner of the data folder orders something over the control socket: unlike a query this may change the chain. It gets
    /// exactly one [`super::Action::Answer`].
    Ordered(QueryId, Query),
    /// An RPC client that asked has left: its query needs no answer.
    Forgotten(QueryId),
    /// What subscribers want beyond the head, by the names of the family's topics: all of it, each time that it changes. What
    /// nobody wants need not be fetched. The head is followed whether anybody wants it or not, because trust ends otherwise.
    Wanted(Vec<&'static str>),
}
