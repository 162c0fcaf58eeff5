//! Light blocks from providers: which routes are asked, how their answers are joined, what is held against whom.
//!
//! Public endpoints sit behind load balancers, so two answers may come from two nodes, one of which has not yet or no
//! longer the height. So a commit and a validator set that do not fit are asked for again before anybody is accused.

mod able;
pub(crate) mod request;
mod retry;
mod sets;
mod single;

use crate::base::{AskId, Hash, Instant, PeerId};
use crate::chains::tendermint::decode::json::{self, Answered, NodeStatus, ValidatorsPage};
use crate::chains::tendermint::sync::ask::able::Gaps;
pub use crate::chains::tendermint::sync::ask::request::{Failed, Got, RequestId};
use crate::chains::tendermint::sync::ask::request::{Part, Request, Want, failed, lying};
use crate::chains::tendermint::sync::ask::sets::SetCache;
use crate::chains::tendermint::types::{Commit, Header, LightBlock, VALIDATORS_MAX, ValidatorSet};
use crate::chains::{Ask, AskFailed, HttpQuestion, Reply, To, Verdict};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

/// The largest answer to `/commit`: 10,000 Ed25519 signatures, or 850 of ML-DSA-65.
pub const COMMIT_BYTES_MAX: u32 = 4 << 20;
/// The largest answer to one page of `/validators`: 100 keys of ML-DSA-65 have 300 KiB.
pub const VALIDATORS_PAGE_BYTES_MAX: u32 = 1 << 20;
/// The most bytes of keys that one validator set may have: 10,000 of Ed25519, or 1,000 of ML-DSA-65.
pub const SET_KEYS_BYTES_MAX: usize = 2 << 20;
/// The largest answer to `/status`.
pub const STATUS_BYTES_MAX: u32 = 64 << 10;
/// The largest answer to `/blockchain`: 20 headers of 2 KiB.
pub const HEADERS_BYTES_MAX: u32 = 256 << 10;
/// How many headers one answer to `/blockchain` holds.
pub const HEADERS_PER_ASK: u64 = 20;
/// Members per page of `/validators`: the most that nodes give.
const PER_PAGE: u32 = 100;
/// Where a node gives smaller pages than it is asked for, at most this many times the pages that its set should need are asked
/// for. How many there are is otherwise the provider's choice, and with it how long one set takes.
pub const SMALL_PAGES_MAX: usize = 4;
/// How often answers that do not join are asked for again.
pub(crate) const JOIN_RETRIES: u8 = 2;
/// After how long an attempt counts as slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
const _: () = assert!(VALIDATORS_MAX / PER_PAGE as usize <= 100);

/// An order to the layer below.
#[derive(Debug)]
pub enum FetchAction {
    /// Ask.
    Ask(AskId, Ask),
    /// Forget an ask.
    Cancel(AskId),
}

/// All requests under way of one chain.
#[derive(Debug, Default)]
pub struct Fetcher {
    /// The time, taken anew at each event.
    pub now: Instant,
    next_id: u64,
    pub(crate) asks: BTreeMap<AskId, (RequestId, Part)>,
    pub(crate) requests: BTreeMap<RequestId, Request>,
    pub(crate) actions: VecDeque<FetchAction>,
    pub(crate) statuses: BTreeMap<PeerId, NodeStatus>,
    gaps: Gaps,
    /// What is held against providers whose answers were of no use while somebody else is asked; taken out after each answer.
    pub(crate) faults: Vec<Failed>,
    /// Validator sets seen, by hash.
    pub sets: SetCache,
    /// Light blocks and signed headers that came in.
    pub blocks_fetched: u64,
}

impl Fetcher {
    /// Asks for a light block. When `eager`, commit and first page of validators are asked for at once.
    pub fn block(&mut self, height: u64, to: To, eager: bool) -> RequestId {
        let request = self.open(Want::Block, height, to);
        self.ask_commit(request);
        if eager {
            self.ask_page(request);
        }
        request
    }

    /// Asks for a header and its commit.
    pub fn signed(&mut self, height: u64, to: To) -> RequestId {
        let request = self.open(Want::Signed, height, to);
        self.ask_commit(request);
        request
    }

    /// Asks for the set with hash `hash`, which signs `height`. Anybody may answer: the hash says whether it is the one.
    pub fn validators(&mut self, height: u64, hash: Hash) -> RequestId {
        let request = self.open(Want::Validators(hash), height, To::Any);
        self.ask_page(request);
        request
    }

    /// Asks for the headers from height `low` to `high`, at most [`HEADERS_PER_ASK`] of them. Whoever says that he has them
    /// may answer: the hash chain says whether they are the ones. Clients alone want them, so nobody is held to it.
    pub fn headers(&mut self, low: u64, high: u64) -> RequestId {
        let to = self.who_has(Part::Headers, low, high);
        let request = self.open(Want::Headers, low, to.clone());
        let question = HttpQuestion::Get(format!("/blockchain?minHeight={low}&maxHeight={high}"));
        let ask = Ask::to_read(to, question, HEADERS_BYTES_MAX, PATIENCE).for_client();
        self.ask(request, Part::Headers, ask);
        request
    }

    /// Asks a provider how it is.
    pub fn status(&mut self, peer: PeerId) -> RequestId {
        let request = self.open(Want::Status, 0, To::Only(peer));
        let question = HttpQuestion::Get("/status".to_string());
        let ask = Ask::to_read(To::Only(peer), question, STATUS_BYTES_MAX, PATIENCE);
        self.ask(request, Part::Status, ask);
        request
    }

    /// Forgets a request.
    pub fn cancel(&mut self, request: RequestId) {
        if let Some(request) = self.requests.remove(&request) {
            for ask in request.asks {
                self.asks.remove(&ask);
                self.actions.push_back(FetchAction::Cancel(ask));
            }
        }
    }

    /// Returns the next order to the layer below.
    pub fn poll(&mut self) -> Option<FetchAction> {
        self.actions.pop_front()
    }

    /// Returns what a provider last said of itself.
    pub fn status_of(&self, peer: PeerId) -> Option<&NodeStatus> {
        self.statuses.get(&peer)
    }

    /// Returns the providers that say that they have heights `low` to `high`, and of which nothing else is known. Before any has
    /// said what it has, as after a restart, that is anybody.
    fn who_has(&self, part: Part, low: u64, high: u64) -> To {
        if self.statuses.is_empty() {
            return To::Any;
        }
        let has = |status: &NodeStatus| status.earliest_height <= low && high <= status.latest_height;
        let said = self.statuses.iter().filter(|(_, status)| has(status)).map(|(peer, _)| *peer);
        To::Among(said.filter(|peer| self.gaps.is_able(*peer, part, low, self.now)).collect())
    }

    /// Notes that a provider did not give headers from height `low` on: it is not asked for them again at once.
    pub fn has_no_headers(&mut self, peer: PeerId, low: u64) {
        self.gaps.found(peer, Part::Headers, low, self.now);
    }

    /// Takes in an answer; returns the request that it completes, and what it came to.
    pub fn replied(&mut self, ask: AskId, peer: PeerId, reply: Reply<'_>) -> Option<(RequestId, Got)> {
        let (id, part) = self.asks.remove(&ask)?;
        let request = self.requests.get_mut(&id)?;
        request.asks.retain(|other| *other != ask);
        let outcome = match part {
            Part::Status => json::status_answer(reply.body).map(|answer| self.take_status(peer, answer)),
            Part::Commit => json::commit_answer(reply.body).map(|answer| self.take_commit(id, peer, answer)),
            Part::Headers => json::blockchain_answer(reply.body).map(|answer| self.take_headers(id, peer, answer)),
            Part::Page => json::validators_answer(reply.body).map(|answer| self.take_page(id, peer, answer)),
            Part::Params | Part::Members | Part::Named | Part::Metas => Ok(self.take_single(part, peer, reply)),
        };
        let outcome = outcome.unwrap_or_else(|error| self.undecodable(id, peer, &error, reply));
        if let (true, Some(Got::Failed(_)), Some(request)) = (part.is_of_clients(), &outcome, self.requests.get(&id)) {
            self.gaps.found(peer, part, request.height, self.now);
        }
        self.close(id, outcome)
    }

    /// Takes in that nobody answers.
    pub fn unanswered(&mut self, ask: AskId, failed: AskFailed) -> Option<(RequestId, Got)> {
        let (id, part) = self.asks.remove(&ask)?;
        let request = self.requests.get_mut(&id)?;
        request.asks.retain(|other| *other != ask);
        let (to, height) = (request.only(), request.height);
        if let Some(peer) = to
            && self.ask_another(id, peer)
        {
            return None;
        }
        let (peer, verdict, why) = match failed.last {
            None => (to, Verdict::Refusing, "no provider can be asked now".to_string()),
            Some(fault) => (Some(fault.peer), fault.verdict, fault.why),
        };
        if let (true, Some(peer)) = (part.is_of_clients(), peer) {
            self.gaps.found(peer, part, height, self.now);
        }
        self.close(id, Some(Got::Failed(Failed { peer, verdict, is_noted: true, why })))
    }

    fn close(&mut self, id: RequestId, outcome: Option<Got>) -> Option<(RequestId, Got)> {
        let got = outcome?;
        self.cancel(id);
        if matches!(got, Got::Block(..) | Got::Signed(_)) {
            self.blocks_fetched = self.blocks_fetched.saturating_add(1);
        }
        Some((id, got))
    }

    fn open(&mut self, want: Want, height: u64, to: To) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        let request = Request {
            want,
            to,
            height,
            asks: Vec::new(),
            signed: None,
            signed_by: None,
            members: Vec::new(),
            members_total: None,
            page_members: None,
            pages_asked: 0,
            givers: Vec::new(),
            retries: JOIN_RETRIES,
            refused_by: Vec::new(),
        };
        self.requests.insert(id, request);
        id
    }

    fn ask(&mut self, request: RequestId, part: Part, ask: Ask) {
        let id = AskId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        if let Some(request) = self.requests.get_mut(&request) {
            request.asks.push(id);
        }
        self.asks.insert(id, (request, part));
        self.actions.push_back(FetchAction::Ask(id, ask));
    }

    pub(crate) fn ask_commit(&mut self, id: RequestId) {
        let Some(request) = self.requests.get(&id) else { return };
        let question = HttpQuestion::Get(format!("/commit?height={}", request.height));
        let ask = Ask::to_read(request.to.clone(), question, COMMIT_BYTES_MAX, PATIENCE);
        self.ask(id, Part::Commit, ask);
    }

    pub(crate) fn ask_page(&mut self, id: RequestId) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        let per_page = request.page_members.unwrap_or(PER_PAGE as usize).max(1);
        let page = request.members.len() / per_page + 1;
        let path = format!("/validators?height={}&page={page}&per_page={per_page}", request.height);
        request.pages_asked = request.pages_asked.saturating_add(1);
        let ask = Ask::to_read(request.to.clone(), HttpQuestion::Get(path), VALIDATORS_PAGE_BYTES_MAX, PATIENCE);
        self.ask(id, Part::Page, ask);
    }

    fn take_status(&mut self, peer: PeerId, answer: Answered<NodeStatus>) -> Option<Got> {
        match answer {
            Err(error) => Some(failed(peer, Verdict::Refusing, error.to_string())),
            Ok(status) => {
                self.statuses.insert(peer, status.clone());
                Some(Got::Status(status))
            }
        }
    }

    fn take_commit(&mut self, id: RequestId, peer: PeerId, answer: Answered<(Header, Commit)>) -> Option<Got> {
        let (header, commit) = match answer {
            Err(error) => return self.node_error(id, peer, &error),
            Ok(signed) => signed,
        };
        let request = self.requests.get_mut(&id)?;
        if header.height != request.height {
            let why = format!("asked for the commit of height {}, it gave {}", request.height, header.height);
            return self.retry(id, peer, why);
        }
        if request.want == Want::Signed {
            return Some(Got::Signed(Box::new((header, commit))));
        }
        request.signed = Some((header, commit));
        request.signed_by = Some(peer);
        request.given_by(peer);
        self.join(id, peer)
    }

    fn take_page(&mut self, id: RequestId, peer: PeerId, answer: Answered<ValidatorsPage>) -> Option<Got> {
        let page = match answer {
            Err(error) => return self.node_error(id, peer, &error),
            Ok(page) => page,
        };
        let request = self.requests.get_mut(&id)?;
        if page.height != request.height || page.validators.is_empty() {
            let (want, got, count) = (request.height, page.height, page.validators.len());
            let why = format!("asked for the validators of height {want}, it gave {count} of height {got}");
            return self.retry(id, peer, why);
        }
        request.given_by(peer);
        let (total, given) = (page.total.min(VALIDATORS_MAX), page.validators.len());
        request.members.extend(page.validators);
        request.members_total = Some(page.total);
        let keys_bytes: usize = request.members.iter().map(|member| member.public_key.as_bytes().len()).sum();
        if keys_bytes > SET_KEYS_BYTES_MAX {
            let why = format!("validator set has {keys_bytes} bytes of keys, at most {SET_KEYS_BYTES_MAX} are taken");
            return Some(failed(peer, Verdict::Refusing, why));
        }
        if request.members.len() < total {
            let page_members = *request.page_members.get_or_insert(given.min(PER_PAGE as usize));
            let pages_max = total.div_ceil(PER_PAGE as usize).saturating_mul(SMALL_PAGES_MAX);
            if given != page_members || request.pages_asked >= pages_max {
                let (got, height) = (request.members.len(), request.height);
                let why = format!(
                    "{} pages of at most {PER_PAGE} validators brought {got} of {total} of height {height}, the last one \
                     {given}; at most {pages_max} pages of one size are asked for",
                    request.pages_asked
                );
                return Some(failed(peer, Verdict::Refusing, why));
            }
            self.ask_page(id);
            return None;
        }
        self.join(id, peer)
    }

    fn take_headers(&mut self, id: RequestId, peer: PeerId, answer: Answered<Vec<Header>>) -> Option<Got> {
        match answer {
            Err(error) => self.node_error(id, peer, &error),
            Ok(mut headers) => {
                let lowest = headers.iter().map(|header| header.height).min().unwrap_or(u64::MAX);
                self.gaps.filled(peer, Part::Headers, lowest);
                headers.sort_by_key(|header| core::cmp::Reverse(header.height));
                Some(Got::Headers(peer, headers))
            }
        }
    }

    /// Completes a request whose parts are all there, from the answers or from the cache.
    fn join(&mut self, id: RequestId, peer: PeerId) -> Option<Got> {
        let request = self.requests.get_mut(&id)?;
        let want = match (request.want, &request.signed) {
            (Want::Validators(hash), _) => hash,
            (_, Some((header, _))) => header.validators_hash,
            (_, None) => return None,
        };
        let is_complete = request.members_total.is_some_and(|total| request.members.len() >= total);
        let set = match self.sets.by_hash(&want) {
            Some(set) => set,
            None if is_complete => match ValidatorSet::new(core::mem::take(&mut request.members)) {
                Err(error) if request.givers.len() < 2 => return Some(lying(peer, error.to_string())),
                Err(error) => return self.misfit(id, peer, error.to_string()),
                Ok(set) if set.hash() != want => {
                    let why = format!("validator set has hash {}, wanted is {want}", set.hash());
                    return self.misfit(id, peer, why);
                }
                Ok(set) => self.sets.keep(Arc::new(set)),
            },
            None => {
                if request.asks.is_empty() {
                    self.ask_page(id);
                }
                return None;
            }
        };
        let request = self.requests.get_mut(&id)?;
        match request.signed.take() {
            Some((header, commit)) => {
                let by = request.signed_by.unwrap_or(peer);
                Some(Got::Block(by, Arc::new(LightBlock { header, commit, validators: set })))
            }
            None => Some(Got::Validators(set)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chains::tendermint::types::Validator;
    use crate::crypto::PublicKey;
    use crate::peers::Question;
    use alloc::string::String;

    const LIAR: PeerId = PeerId(1);
    const HONEST: PeerId = PeerId(2);

    fn commit(validators_hash: &str) -> String {
        let (hash, address) = ("CD".repeat(32), "00".repeat(20));
        let header = format!(
            r#"{{"version":{{"block":"11"}},"chain_id":"c","height":"5","time":"2026-01-01T00:00:00Z","validators_hash":"{validators_hash}","next_validators_hash":"{hash}","proposer_address":"{address}"}}"#
        );
        let id = format!(r#"{{"hash":"{hash}","parts":{{"total":1,"hash":"{hash}"}}}}"#);
        let commit = format!(r#"{{"height":"5","round":0,"block_id":{id},"signatures":[]}}"#);
        format!(r#"{{"result":{{"signed_header":{{"header":{header},"commit":{commit}}}}}}}"#)
    }

    /// Returns a set of one validator, and the page that has it.
    fn validators() -> (ValidatorSet, String) {
        let key = format!("{}=", "A".repeat(43));
        let page = format!(
            r#"{{"result":{{"block_height":"5","validators":[{{"pub_key":{{"type":"tendermint/PubKeyEd25519","value":"{key}"}},"voting_power":"1"}}],"total":"1"}}}}"#
        );
        let key = PublicKey::Ed25519([0; 32]);
        (ValidatorSet::new(alloc::vec![Validator::new(key, 1).unwrap()]).unwrap(), page)
    }

    /// The liar is quick with every commit, the honest one gives the sets: nobody can tell from the misfit who is wrong.
    #[test]
    fn parts_of_several_providers_that_do_not_fit_accuse_nobody() {
        let (set, page) = validators();
        let (honest, lie) = (commit(&set.hash().to_string()), commit(&"AB".repeat(32)));
        let mut fetcher = Fetcher::default();
        let request = fetcher.block(5, To::Any, true);
        let (mut got, mut asked) = (None, Vec::new());
        while let (None, Some(action)) = (&got, fetcher.poll()) {
            let FetchAction::Ask(id, ask) = action else { continue };
            let Question::Http(HttpQuestion::Get(path)) = &ask.question else { panic!("{ask:?}") };
            let is_commit = path.starts_with("/commit");
            let peer = match ask.to {
                To::Only(peer) => peer,
                _ if is_commit => LIAR,
                _ => HONEST,
            };
            asked.push((peer, is_commit));
            let body = if !is_commit {
                &page
            } else if peer == LIAR {
                &lie
            } else {
                &honest
            };
            got = fetcher.replied(id, peer, Reply { status: 200, body: body.as_bytes() });
        }
        let Some((id, Got::Block(by, block))) = got else { panic!("{got:?}") };
        assert_eq!((id, by, block.validators.hash()), (request, HONEST, set.hash()));
        assert_eq!(asked, [(LIAR, true), (HONEST, false), (HONEST, true), (HONEST, false)]);
    }

    /// A provider that is faster than all others and refuses validator sets, which anybody may give.
    #[test]
    fn who_refuses_keeps_nobody_else_from_answering() {
        let (set, page) = validators();
        let status = r#"{"result":{"node_info":{"id":"a","network":"c"},"sync_info":{"latest_block_height":"9","latest_block_time":"2026-01-01T00:00:00Z","earliest_block_height":"1","catching_up":false}}}"#;
        let refusal = r#"{"error":{"code":-32603,"message":"Internal error"}}"#;
        let mut fetcher = Fetcher::default();
        for peer in [LIAR, HONEST] {
            fetcher.status(peer);
            let Some(FetchAction::Ask(id, _)) = fetcher.poll() else { panic!("no ask") };
            fetcher.replied(id, peer, Reply { status: 200, body: status.as_bytes() }).unwrap();
        }
        let request = fetcher.validators(5, set.hash());
        let Some(FetchAction::Ask(id, ask)) = fetcher.poll() else { panic!("no ask") };
        assert_eq!(ask.to, To::Any);
        assert!(fetcher.replied(id, LIAR, Reply { status: 500, body: refusal.as_bytes() }).is_none());
        let Some(FetchAction::Ask(id, ask)) = fetcher.poll() else { panic!("no ask") };
        assert_eq!(ask.to, To::Only(HONEST));
        let got = fetcher.replied(id, HONEST, Reply { status: 200, body: page.as_bytes() });
        assert!(
            matches!(&got, Some((id, Got::Validators(got))) if *id == request && got.hash() == set.hash()),
            "{got:?}"
        );
        // Nobody is left: then it has failed, after the retries that one answer gets.
        fetcher.validators(6, set.hash());
        let mut asked = Vec::new();
        let failed = loop {
            let Some(FetchAction::Ask(id, ask)) = fetcher.poll() else { panic!("no ask") };
            let peer = if ask.to == To::Only(HONEST) { HONEST } else { LIAR };
            asked.push(peer);
            if let Some((_, got)) = fetcher.replied(id, peer, Reply { status: 500, body: refusal.as_bytes() }) {
                break got;
            }
        };
        assert!(matches!(failed, Got::Failed(Failed { verdict: Verdict::Refusing, .. })), "{failed:?}");
        assert_eq!(asked, [LIAR, HONEST, HONEST, HONEST]);
    }

    /// A node gives one validator a page, however many it is asked for. It is asked on, but no more often than is our choice.
    #[test]
    fn small_pages_are_read_on_up_to_a_number_that_is_ours() {
        for (count, is_read) in [(SMALL_PAGES_MAX, true), (SMALL_PAGES_MAX + 1, false)] {
            let key = |index: usize| PublicKey::Ed25519([u8::try_from(index).unwrap(); 32]);
            let set =
                ValidatorSet::new((0..count).map(|index| Validator::new(key(index), 1).unwrap()).collect()).unwrap();
            let mut fetcher = Fetcher::default();
            fetcher.validators(5, set.hash());
            let mut paths = Vec::new();
            let got = loop {
                let Some(FetchAction::Ask(id, ask)) = fetcher.poll() else { panic!("no ask after {paths:?}") };
                let Question::Http(HttpQuestion::Get(path)) = ask.question else { panic!("not a GET") };
                let key = crate::codec::text::to_base64(set.validators()[paths.len()].public_key.as_bytes());
                paths.push(path);
                let page = format!(
                    r#"{{"result":{{"block_height":"5","validators":[{{"pub_key":{{"type":"tendermint/PubKeyEd25519","value":"{key}"}},"voting_power":"1"}}],"total":"{count}"}}}}"#
                );
                if let Some((_, got)) = fetcher.replied(id, HONEST, Reply { status: 200, body: page.as_bytes() }) {
                    break got;
                }
            };
            assert_eq!(paths.len(), SMALL_PAGES_MAX);
            assert_eq!(paths[1], "/validators?height=5&page=2&per_page=1");
            match got {
                Got::Validators(got) => assert!(is_read && got.hash() == set.hash()),
                Got::Failed(failed) => assert!(!is_read && failed.verdict == Verdict::Refusing, "{failed:?}"),
                got => panic!("{got:?}"),
            }
        }
    }
}
