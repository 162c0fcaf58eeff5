//! What goes into the node and what comes out of it.

use super::tally::{Progress, Times};
use crate::base::{ChainId, ClientId, FetchId, Hash, LoadId, PeerId, SaveId, WorkId};
use crate::chains::{ChainNotice, ChainStatus, Head};
use crate::peers::{Fetch, FetchFailed, Fetched, PeerStats, Verdict};
use crate::rpc::{Answer, Call, ClientKind, Scope};
use crate::work::{Done, Work};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// What happened, told by the driver.
#[derive(Debug)]
pub enum Input<'a> {
    /// The deadline has come.
    Tick,
    /// The answer to [`Output::Fetch`].
    Fetched(FetchId, Result<Fetched<'a>, FetchFailed>),
    /// A fetch waits for the driver, which has no connection or no memory for it now: that time is not the peer's.
    Held(FetchId),
    /// A fetch that was held goes on.
    Released(FetchId),
    /// A snapshot reached the disk (`true`: synced, atomically) or did not.
    Saved(SaveId, bool),
    /// The answer to [`Output::Load`]: the blob, or `None` when it is not there. The node hashes it again.
    Loaded(LoadId, Option<&'a [u8]>),
    /// The answer to [`Output::Work`]: the work has ended, well or not.
    Worked(WorkId, Done),
    /// An RPC client came.
    Joined(ClientId, Scope, ClientKind),
    /// An RPC client calls. Each call gets exactly one [`Output::Reply`].
    Asked(ClientId, Call<'a>),
    /// An RPC client left; nothing more is sent to it.
    Left(ClientId),
    /// This many bytes left the queue towards a client.
    Drained(ClientId, usize),
}

/// What the driver is asked to do.
#[derive(Debug)]
pub enum Output {
    /// Make an HTTP request; answer with [`Input::Fetched`].
    Fetch(FetchId, Fetch),
    /// Write the chain's snapshot atomically and sync it to the disk; answer with [`Input::Saved`].
    Save(SaveId, ChainId, Snapshot),
    /// Keep a content-addressed blob. Needs no answer: a blob that is not there later is fetched again.
    Put(Blob),
    /// Read a blob; answer with [`Input::Loaded`].
    Load(LoadId, Hash),
    /// Forget a blob.
    Drop(Hash),
    /// Run CPU-heavy work; answer with [`Input::Worked`], even when it panics ([`Work::receipt`]).
    Work(WorkId, Work),
    /// Nobody waits for this any more; what comes of it is ignored. A work is still answered, once it has stopped or was
    /// dropped: until then the memory of a long one counts.
    Cancel(Pending),
    /// Answer a client's call. They come as they are ready: a response says by its id to which request it
    /// is one.
    Reply(ClientId, Answer),
    /// Close a client's socket: it reads more slowly than its subscriptions write. It has left with that: the driver says
    /// [`Input::Left`] at once, however long the socket takes to close.
    Hangup(ClientId),
    /// Tell the operator.
    Notice(Notice),
}

/// The saved state of one chain: versioned and checksummed by its family, untrusted when read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(pub Vec<u8>);

/// A content-addressed blob: `hash` is the SHA-256 of `bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256 of the bytes.
    pub hash: Hash,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Something asked for that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// A fetch.
    Fetch(FetchId),
    /// A load.
    Load(LoadId),
    /// A work.
    Work(WorkId),
}

/// Something an operator may want to know; drivers turn it into log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A chain has a new trusted head. It has been saved.
    Head(ChainId, Head),
    /// A chain says something.
    Chain(ChainId, ChainNotice),
    /// A peer was put into quarantine.
    Quarantined {
        /// The peer.
        peer: PeerId,
        /// Scheme, host and port of its address.
        origin: String,
        /// What for.
        verdict: Verdict,
        /// What it did, in words; a provider may have written a part of it.
        why: String,
        /// For how long, in seconds.
        seconds: u64,
    },
    /// A client of the control socket asks the node to save and go down.
    ShutdownAsked,
    /// A peer may be asked again.
    Readmitted {
        /// The peer.
        peer: PeerId,
        /// Scheme, host and port of its address.
        origin: String,
    },
}

/// Plain counters and gauges, for metrics and status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Per chain: its name in the configuration and what it says of itself.
    pub chains: Vec<(ChainId, String, ChainStatus)>,
    /// Per peer: what the node knows of it.
    pub peers: Vec<PeerStats>,
    /// RPC calls by method (from the static method table only) and JSON-RPC error code (0 for success).
    pub rpc_calls: BTreeMap<(&'static str, i32), u64>,
    /// RPC clients connected now.
    pub rpc_clients: usize,
    /// Fetches under way.
    pub fetches_pending: usize,
    /// Body bytes received from peers.
    pub bytes_received: u64,
    /// Works under way.
    pub works_pending: usize,
    /// Subscriptions open now.
    pub rpc_subscriptions: usize,
    /// How long calls took that a chain had to be asked about, by method.
    pub rpc_times: BTreeMap<&'static str, Times>,
    /// How often peers were put into quarantine, by the reason.
    pub quarantines: BTreeMap<Verdict, u64>,
    /// Per chain: how often two conflicting headers verified since the start.
    pub equivocations: BTreeMap<ChainId, u64>,
    /// Per chain: the sync that it is at; none once it has arrived.
    pub progress: BTreeMap<ChainId, Progress>,
}
