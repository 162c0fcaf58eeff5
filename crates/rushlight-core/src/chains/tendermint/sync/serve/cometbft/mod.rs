//! CometBFT's own methods, as far as verified headers reach: what wallets and scripts ask a node, answered from proof.
//!
//! Every answer begins with a verified header: at hand, walked up to, or reached by the hash chain. What else stands in an
//! answer is fetched and shown only where a hash of that header covers it: the set by `validators_hash`, the commit by the
//! set's signatures, two parameters by `consensus_hash`, blocks below by the hash chain. What no hash covers is passed on,
//! and the method's row names the fields that are not.
//!
//! Source: CometBFT `rpc/core`, v0.38.25 and v0.40.0.

mod call;
mod rows;
mod write;

pub(crate) use call::Calls;
pub(crate) use rows::METHODS;
pub(crate) use write::rushlight_header;

use self::call::{Call, PROVIDERS_MAX, Stage, Wants};
use crate::base::{Now, QueryId, WorkId};
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::ask::{Failed, Got, HEADERS_PER_ASK, RequestId};
use crate::chains::tendermint::verify::{self, SealedCommit, VerifiedHeader};
use crate::chains::{To, Verdict};
use crate::rpc::{Proven, QueryAnswer, QueryError};
use crate::work::Done;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The most members that a page of a set has, and how many it has unless the client says otherwise.
const PER_PAGE_MAX: u64 = 100;
const PER_PAGE_DEFAULT: u64 = 30;

impl TendermintChain {
    /// Begins a call that needs the header of a height, the head's when `None`.
    pub(crate) fn begin_call(
        &mut self,
        id: QueryId,
        height: Option<u64>,
        wants: Wants,
        now: Now,
    ) -> Result<Option<QueryAnswer>, QueryError> {
        let head = self.trusted_head()?;
        // The set of the next block stands in the head: a node knows it as well.
        if let Wants::Validators { page, per_page, .. } = wants
            && height == Some(head.height().saturating_add(1))
        {
            let wants = Wants::Validators { next: true, page, per_page };
            let (header, proven) = (head.to_header(), self.proven(head));
            return self.go_on_with(id, Call::new(wants), header, proven);
        }
        // It waits before its header is looked for: that may be found, or found to be nowhere, at once.
        self.calls.wait(id, Call::new(wants));
        match self.find_header(id, height, now) {
            Ok(None) => Ok(None),
            Err(error) => Err(error),
            Ok(Some(header)) => {
                let Some(call) = self.calls.take(id) else { return Ok(None) };
                let proven = self.proven_header(&header);
                self.go_on_with(id, call, header, proven)
            }
        }
    }

    /// Begins a call that names a header by its hash: somebody has to say which height that is.
    pub(crate) fn begin_named(&mut self, id: QueryId, wants: Wants) -> Result<Option<QueryAnswer>, QueryError> {
        let head = self.trusted_head()?;
        let Wants::Named(hash) = wants else { return Ok(None) };
        let known = (head.hash() == hash).then_some(head).or_else(|| self.kept.by_hash(hash));
        if let Some(known) = known {
            let (header, proven) = (known.to_header(), self.proven(known));
            return Ok(Some(write::header(&header, proven)));
        }
        let request = self.desk.fetcher.header_by_hash(hash);
        self.calls.wait(id, Call { stage: Stage::Name(request), ..Call::new(wants) });
        Ok(None)
    }

    /// Answers a query that waited for a header, or goes on with it.
    pub(crate) fn give_header(&mut self, id: QueryId, header: Result<(VerifiedHeader, Proven), QueryError>) {
        let answer = match (header, self.calls.take(id)) {
            (Err(error), _) => Err(error),
            (Ok((header, proven)), None) => Ok(Some(write::rushlight_header(&header, proven))),
            (Ok((header, proven)), Some(call)) => self.go_on_with(id, call, header, proven),
        };
        match answer {
            Ok(None) => {}
            Ok(Some(answer)) => self.answer(id, Ok(answer)),
            Err(error) => self.answer(id, Err(error)),
        }
    }

    /// Fetches what a call wants beyond its header, or answers with what is at hand.
    fn go_on_with(
        &mut self,
        id: QueryId,
        call: Call,
        header: VerifiedHeader,
        proven: Proven,
    ) -> Result<Option<QueryAnswer>, QueryError> {
        let height = header.height();
        let fetcher = &mut self.desk.fetcher;
        let stage = match &call.wants {
            Wants::Header => return Ok(Some(write::header(&header, proven))),
            Wants::Named(hash) if header.hash() == *hash => return Ok(Some(write::header(&header, proven))),
            // Another header is final at this height, so the one asked for is in no block.
            Wants::Named(_) => return Ok(Some(write::no_header(proven))),
            Wants::Commit => {
                // What a walk left unchecked of a block that is kept are votes that it did not need.
                let known = self.known_at(height).filter(|block| block.hash() == header.hash());
                match known.map(|block| SealedCommit::begin(&header, Arc::new(block.block().clone()))) {
                    Some(Ok((work, sealed))) => {
                        let work = self.desk.send(work, sealed.signatures());
                        Stage::Tally(work, Box::new(sealed), None)
                    }
                    Some(Err(_)) | None => Stage::Block(self.desk.fetcher.block(height, To::Any, true)),
                }
            }
            Wants::Validators { next, page, per_page } => {
                let (of, hash) = match next {
                    true => (height.saturating_add(1), header.header().next_validators_hash),
                    false => (height, header.header().validators_hash),
                };
                match fetcher.sets.by_hash(&hash) {
                    None => Stage::Set(fetcher.validators(of, hash), of),
                    Some(set) => {
                        let page = write::page_of(set.len(), *page, *per_page)?;
                        Stage::Page { request: fetcher.page(of, height, page.number, page.members_max), of, set, page }
                    }
                }
            }
            Wants::ConsensusParams => Stage::Params(fetcher.consensus_params(height)),
            Wants::Blocks { lowest } => {
                let low = (*lowest).max(1).max(height.saturating_sub(HEADERS_PER_ASK.saturating_sub(1)));
                if low > height {
                    let why = format!("min height {low} can't be greater than max height {height}");
                    return Err(QueryError::NoProvider { why });
                }
                Stage::Metas(fetcher.block_metas(low, height), low)
            }
        };
        self.calls.wait(id, Call { stage, header: Some((header, proven)), ..call });
        Ok(None)
    }

    /// Takes in what a request of a call came to.
    pub(crate) fn call_got(&mut self, request: RequestId, got: Got, now: Now) {
        let Some((id, call)) = self.calls.take_by_request(request) else { return };
        let answer = self.take_part(id, call, got, now);
        self.settle_call(id, answer);
    }

    /// Takes in the signatures of a commit.
    pub(crate) fn call_worked(&mut self, work: WorkId, done: Done, now: Now) {
        let Some((id, Call { stage, header, wants, providers_left })) = self.calls.take_by_work(work) else { return };
        let (Stage::Tally(_, sealed, peer), Some((header, proven))) = (stage, header) else { return };
        let answer = match sealed.release(done) {
            Ok(block) => {
                let is_canonical = self.head.as_ref().is_some_and(|head| head.height() > block.height());
                Ok(Some(write::commit(&block, is_canonical, proven)))
            }
            Err(error) => {
                let why = error.to_string();
                if let Some(peer) = peer {
                    self.errand_failed(&Failed::by(peer, Verdict::Lying, why.clone()), now.instant);
                }
                // Another provider may have votes that hold.
                let request = self.desk.fetcher.block(header.height(), To::Any, true);
                let call = Call { stage: Stage::Block(request), header: Some((header, proven)), wants, providers_left };
                match providers_left.checked_sub(1) {
                    Some(providers_left) => {
                        self.calls.wait(id, Call { providers_left, ..call });
                        Ok(None)
                    }
                    None => {
                        self.desk.fetcher.cancel(request);
                        Err(QueryError::NoProvider { why })
                    }
                }
            }
        };
        self.settle_call(id, answer);
    }

    fn settle_call(&mut self, id: QueryId, answer: Result<Option<QueryAnswer>, QueryError>) {
        match answer {
            Ok(None) => {}
            Ok(Some(answer)) => self.answer(id, Ok(answer)),
            Err(error) => self.answer(id, Err(error)),
        }
    }

    fn take_part(&mut self, id: QueryId, call: Call, got: Got, now: Now) -> Result<Option<QueryAnswer>, QueryError> {
        match (got, &call.stage, &call.header) {
            (Got::Named(_, Some(header)), Stage::Name(_), _) => {
                let Wants::Named(hash) = call.wants else { return Ok(None) };
                if header.hash() != hash {
                    return self.try_again(id, call, "a provider gave a header with another hash".to_string());
                }
                self.begin_call(id, Some(header.height), Wants::Named(hash), now)
            }
            (Got::Named(_, None), ..) => {
                Err(QueryError::NoProvider { why: "no provider has a header with this hash".to_string() })
            }
            (Got::Block(peer, block), Stage::Block(_), Some((header, _))) => match SealedCommit::begin(header, block) {
                Ok((work, sealed)) => {
                    let work = self.desk.send(work, sealed.signatures());
                    self.calls.wait(id, Call { stage: Stage::Tally(work, Box::new(sealed), Some(peer)), ..call });
                    Ok(None)
                }
                Err(error) => self.try_again(id, call, error.to_string()),
            },
            (Got::Validators(set), Stage::Set(_, of), _) => {
                let Wants::Validators { page, per_page, .. } = call.wants else { return Ok(None) };
                let page = write::page_of(set.len(), page, per_page)?;
                let of = *of;
                let height = call.header.as_ref().map_or(of, |(header, _)| header.height());
                let request = self.desk.fetcher.page(of, height, page.number, page.members_max);
                self.calls.wait(id, Call { stage: Stage::Page { request, of, set, page }, ..call });
                Ok(None)
            }
            (Got::Page(_, told), Stage::Page { set, page, of, .. }, Some((_, proven))) => {
                match write::validators(*of, set, page, &told, proven.clone()) {
                    Some(answer) => Ok(Some(answer)),
                    None => self.try_again(id, call, "a provider gave another page than the set has".to_string()),
                }
            }
            (Got::Params(_, height, params), Stage::Params(_), Some((header, proven))) => {
                if height != header.height() || Some(params.hash()) != header.header().consensus_hash {
                    return self.try_again(id, call, format!("the parameters given for height {height} are others"));
                }
                Ok(Some(write::consensus_params(height, &params, proven.clone())))
            }
            (Got::Metas(_, metas), Stage::Metas(_, low), Some((header, proven))) => {
                let top = self.known_at(header.height()).map(|block| block.block().commit.block_id);
                let last = self.head.as_ref().map_or(header.height(), verify::VerifiedBlock::height);
                match write::blocks(header, *low, metas, top, last, proven.clone()) {
                    Ok(answer) => Ok(Some(answer)),
                    Err(why) => self.try_again(id, call, why),
                }
            }
            (Got::Failed(failed), ..) => self.try_again(id, call, failed.why),
            _ => self.try_again(id, call, "something else came than was asked for".to_string()),
        }
    }

    /// Asks somebody else: who gave what is of no use is not asked the same again for a while.
    fn try_again(&mut self, id: QueryId, call: Call, why: String) -> Result<Option<QueryAnswer>, QueryError> {
        let Some(left) = call.providers_left.checked_sub(1) else { return Err(QueryError::NoProvider { why }) };
        let fetcher = &mut self.desk.fetcher;
        let height = call.header.as_ref().map_or(0, |(header, _)| header.height());
        let stage = match call.stage {
            Stage::Name(_) => match &call.wants {
                Wants::Named(hash) => Stage::Name(fetcher.header_by_hash(*hash)),
                _ => return Err(QueryError::NoProvider { why }),
            },
            Stage::Block(_) => Stage::Block(fetcher.block(height, To::Any, true)),
            Stage::Page { of, set, page, .. } => {
                Stage::Page { request: fetcher.page(of, height, page.number, page.members_max), of, set, page }
            }
            Stage::Params(_) => Stage::Params(fetcher.consensus_params(height)),
            Stage::Metas(_, low) => Stage::Metas(fetcher.block_metas(low, height), low),
            Stage::Header | Stage::Set(..) | Stage::Tally(..) => return Err(QueryError::NoProvider { why }),
        };
        self.calls.wait(id, Call { stage, providers_left: left.min(PROVIDERS_MAX), ..call });
        Ok(None)
    }

    /// Stops working on a call whose client has left, or whose chain has stopped.
    pub(crate) fn forget_call(&mut self, id: QueryId) {
        let Some(call) = self.calls.take(id) else { return };
        match call.stage.waits_for() {
            (Some(request), _) => self.desk.fetcher.cancel(request),
            (_, Some(work)) => self.desk.cancel_work(work),
            (None, None) => {}
        }
    }

    /// Answers with what the chain says of itself, as a node does.
    pub(crate) fn node_status(&self) -> Result<QueryAnswer, QueryError> {
        let head = self.trusted_head()?;
        let earliest = self.kept.by_hash(self.spec.trust.hash).or_else(|| self.kept.blocks().first()).unwrap_or(head);
        let latest = self.primary.and_then(|primary| self.desk.fetcher.status_of(primary));
        let target = latest.map_or(head.height(), |status| status.latest_height);
        Ok(write::status(head, earliest, target, self.proven(head)))
    }

    /// Answers that the client is there.
    pub(crate) fn health(&self) -> QueryAnswer {
        QueryAnswer::unproven("{}")
    }

    /// Answers every call that there is, now that the chain has stopped.
    pub(crate) fn refuse_calls(&mut self) {
        let Err(error) = self.trusted_head().map(|_| ()) else { return };
        let ids: Vec<QueryId> = self.calls.fetching();
        for id in ids {
            self.forget_call(id);
            self.answer(id, Err(error.clone()));
        }
    }
}
