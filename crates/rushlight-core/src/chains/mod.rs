//! Chain families: one folder each, behind one small trait.
//!
//! A family sees peers that answer asks; it knows no socket, no thread, no transport and no other family.

mod open;
mod spec;
mod work;

use crate::base::{AskId, Hash, Instant, LoadId, Now, PeerId, QueryId, SaveId, UnixTime, WorkId};
// The words of asking, which families take from here: they know answers to asks, and nothing else of peers.
#[cfg_attr(not(feature = "tendermint"), allow(unused_imports, reason = "a build without families asks nobody"))]
use crate::peers::{Ask, AskBody, AskFailed, Reply, To, Verdict};
use crate::rpc::Proven;
use alloc::string::String;
use alloc::vec::Vec;

pub use open::{OpenError, open};
pub use spec::{ChainSpec, SpecError};
pub use work::{Done, Work};

#[cfg(feature = "substrate")]
pub mod substrate;
#[cfg(feature = "tendermint")]
pub mod tendermint;

/// A chain as the node drives it: events in, actions out, all of it deterministic.
pub trait Chain: Send {
    /// Takes in what happened. Does bounded work and never fails: nothing that a peer does is the node's error.
    fn handle(&mut self, now: Now, event: Event<'_>);

    /// Returns the next thing to do; the node drains this to `None` after every [`Chain::handle`].
    fn poll(&mut self) -> Option<Action>;

    /// Returns when [`Event::Tick`] is wanted next.
    fn deadline(&self) -> Option<Instant>;

    /// Returns what the chain says of itself.
    fn status(&self, now: Now) -> ChainStatus;

    /// Tells whether the chain, as it is saved or about to be, names this blob. Blobs are named by their content, so two
    /// chains may name the same one, and what one of them drops may still be the other's.
    fn names_blob(&self, blob: &Hash) -> bool;
}

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
    /// A work is done.
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

/// What a chain wants done.
#[derive(Debug)]
pub enum Action {
    /// Ask peers.
    Ask(AskId, Ask),
    /// Forget an ask.
    Cancel(AskId),
    /// Run CPU-heavy work outside the loop.
    Work(WorkId, Work),
    /// Forget a work.
    CancelWork(WorkId),
    /// Answer a query.
    Answer(QueryId, Result<QueryAnswer, QueryError>),
    /// A new trusted head is published. It has been saved.
    Head(Head),
    /// Save the chain's snapshot.
    Save(SaveId, Vec<u8>),
    /// Keep a content-addressed blob.
    Put(Hash, Vec<u8>),
    /// Read a blob back.
    Load(LoadId, Hash),
    /// A blob is no longer needed.
    Drop(Hash),
    /// Hold something against a peer, for what it did in words.
    Blame(PeerId, Verdict, String),
    /// Tell the operator.
    Notice(ChainNotice),
}

/// A verified head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The height.
    pub height: u64,
    /// The header's hash.
    pub hash: Hash,
    /// The header's time.
    pub time: UnixTime,
}

/// A question of an RPC client to a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The newest trusted head as a checkpoint text.
    Checkpoint,
    /// The verified header at a height: above the checkpoint by walking from it, below it by the hash chain.
    Header {
        /// The height; the head's when `None`.
        height: Option<u64>,
    },
    /// A bundle that proves the header at a height from the chain's checkpoint; the head's when `None`.
    Prove {
        /// The height.
        height: Option<u64>,
    },
}

/// An answer to a query. It can only be built from verified values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    /// The `result` member of the JSON-RPC answer, as JSON text.
    pub result: String,
    /// The head that it is proven at.
    pub proven: Proven,
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// There is no trusted head yet.
    #[error("not synced: {why}")]
    NotSynced {
        /// Why not, in words.
        why: String,
    },
    /// Trust in what the answer would start from has ended.
    #[error("trust has expired: {why}")]
    Expired {
        /// In which height and when, in words.
        why: String,
    },
    /// The height is above the trusted head.
    #[error("height {height} is above the trusted head {head}; wait until the client has synced to it")]
    AboveHead {
        /// The height asked for.
        height: u64,
        /// The trusted head.
        head: u64,
    },
    /// The height is below the checkpoint and cannot be proven forwards from it.
    #[error("height {height} is below the checkpoint at {checkpoint}; start from an older checkpoint")]
    BelowCheckpoint {
        /// The height asked for.
        height: u64,
        /// The checkpoint's height.
        checkpoint: u64,
    },
    /// The chain is frozen by evidence of an attack.
    #[error("the chain is frozen: {why}")]
    Frozen {
        /// The evidence, in words.
        why: String,
    },
    /// No peer gave what the answer needs.
    #[error("no provider gave what is needed: {why}")]
    NoProvider {
        /// What failed last.
        why: String,
    },
    /// The blocks between the checkpoint and the height are more than a bundle may have.
    #[error("the proof has more than {bytes} bytes, at most {max} are allowed; prove from a newer checkpoint")]
    ProofTooLarge {
        /// How many bytes there were when it was given up.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Too many queries wait already.
    #[error("{waiting} queries wait already; try again later")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
}

/// What a chain says of itself, for `status`, `/readyz` and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainStatus {
    /// The family's name.
    pub family: &'static str,
    /// The chain's own id.
    pub chain_id: String,
    /// The newest trusted head.
    pub head: Option<Head>,
    /// When trust in the head ends.
    pub trust_expires: Option<UnixTime>,
    /// The height being synced to, where it is known.
    pub target: Option<u64>,
    /// The state in one word and, unless synced, the reason in words.
    pub state: SyncState,
    /// Guarantee of the head.
    pub witnesses_agreeing: u32,
    /// Witnesses asked at the head.
    pub witnesses_asked: u32,
    /// Headers verified since the start.
    pub headers_verified: u64,
    /// Light blocks fetched since the start.
    pub blocks_fetched: u64,
    /// Signatures checked since the start.
    pub signatures_checked: u64,
    /// What each peer was last found to have.
    pub providers: Vec<ProviderStatus>,
}

/// What a chain knows of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatus {
    /// The peer.
    pub peer: PeerId,
    /// `primary` or `witness`.
    pub role: &'static str,
    /// The node id that it gives.
    pub node_id: Option<String>,
    /// The highest height it said it has.
    pub latest: Option<u64>,
    /// The lowest height it said it has.
    pub earliest: Option<u64>,
}

/// Where a chain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// The head is fresh and verified.
    Synced,
    /// On its way; the text says what it waits for.
    Syncing(String),
    /// The head is verified but old: the text says since when and why.
    Stale(String),
    /// Trust in the last head has ended: a new checkpoint is needed.
    Expired(String),
    /// Two conflicting headers verify: an attack. Nothing is adopted any more.
    Frozen(String),
}

impl SyncState {
    /// Returns the state in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Syncing(_) => "syncing",
            Self::Stale(_) => "stale",
            Self::Expired(_) => "expired",
            Self::Frozen(_) => "frozen",
        }
    }

    /// Returns the reason in words; empty when synced.
    pub fn reason(&self) -> &str {
        match self {
            Self::Synced => "",
            Self::Syncing(why) | Self::Stale(why) | Self::Expired(why) | Self::Frozen(why) => why,
        }
    }
}

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
