//! Questions of clients that one answer settles: parameters, a page of a set, a header by its hash, metas of blocks.
//!
//! Whoever says that it has the heights may answer, and nobody is held to it: clients alone want to know. What of an answer
//! is true is for whoever asked to find out, by the hashes of a verified header.

use crate::base::{Hash, PeerId};
use crate::chains::tendermint::decode::json;
use crate::chains::tendermint::sync::ask::request::{Got, Part, RequestId, Want, failed};
use crate::chains::tendermint::sync::ask::{Fetcher, HEADERS_BYTES_MAX, PATIENCE, VALIDATORS_PAGE_BYTES_MAX};
use crate::chains::{Ask, HttpQuestion, Reply, To, Verdict};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

/// The largest answer to `/consensus_params`.
pub const PARAMS_BYTES_MAX: u32 = 64 << 10;
/// The largest answer to `/header_by_hash`.
pub const HEADER_BYTES_MAX: u32 = 64 << 10;

impl Fetcher {
    /// Asks for the consensus parameters at a height.
    pub(crate) fn consensus_params(&mut self, height: u64) -> RequestId {
        self.single(Part::Params, height, height, format!("/consensus_params?height={height}"), PARAMS_BYTES_MAX)
    }

    /// Asks for one page of the set of a height, as it is to be shown, somebody who has the block that names the set.
    pub(crate) fn page(&mut self, height: u64, named_at: u64, page: u64, per_page: u64) -> RequestId {
        let path = format!("/validators?height={height}&page={page}&per_page={per_page}");
        self.single(Part::Members, named_at, named_at, path, VALIDATORS_PAGE_BYTES_MAX)
    }

    /// Asks for the header with a hash.
    pub(crate) fn header_by_hash(&mut self, hash: Hash) -> RequestId {
        // Nobody knows its height, so whoever is there is asked.
        self.single(Part::Named, 1, 1, format!("/header_by_hash?hash=0x{hash}"), HEADER_BYTES_MAX)
    }

    /// Asks for what is known of the blocks from height `low` to `high`, at most [`super::HEADERS_PER_ASK`] of them.
    pub(crate) fn block_metas(&mut self, low: u64, high: u64) -> RequestId {
        let path = format!("/blockchain?minHeight={low}&maxHeight={high}");
        self.single(Part::Metas, low, high, path, HEADERS_BYTES_MAX)
    }

    fn single(&mut self, part: Part, low: u64, high: u64, path: String, answer_bytes_max: u32) -> RequestId {
        let to = if part == Part::Named { To::Any } else { self.who_has(part, low, high) };
        let request = self.open(Want::Single, low, to.clone());
        let ask = Ask::to_read(to, HttpQuestion::Get(path), answer_bytes_max, PATIENCE).for_client();
        self.ask(request, part, ask);
        request
    }

    /// Takes in the answer to such a question.
    pub(crate) fn take_single(&mut self, part: Part, peer: PeerId, reply: Reply<'_>) -> Option<Got> {
        let read = match part {
            Part::Params => json::consensus_params_answer(reply.body)
                .map(|answer| answer.map(|(height, params)| Got::Params(peer, height, Box::new(params)))),
            Part::Members => json::validators_answer(reply.body).map(|answer| answer.map(|page| Got::Page(peer, page))),
            Part::Metas => {
                json::block_metas_answer(reply.body).map(|answer| answer.map(|metas| Got::Metas(peer, metas)))
            }
            _ => json::header_by_hash_answer(reply.body)
                .map(|answer| answer.map(|header| Got::Named(peer, header.map(Box::new)))),
        };
        Some(match read {
            Ok(Ok(got)) => got,
            Ok(Err(error)) => failed(peer, Verdict::Refusing, error.to_string()),
            Err(error) => failed(peer, Verdict::Refusing, error.to_string()),
        })
    }
}
