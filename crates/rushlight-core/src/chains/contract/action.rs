//! What a chain wants done.

use super::{ChainNotice, Head};
use crate::base::{AskId, Hash, LoadId, PeerId, QueryId, SaveId, WorkId};
use crate::peers::{Ask, Verdict};
use crate::rpc::{QueryAnswer, QueryError};
use crate::work::Work;
use alloc::string::String;
use alloc::vec::Vec;

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
