//! Backwards: headers below the checkpoint, by the hash that each header carries of the one before it.
//!
//! No signature and no trusting period is needed: the hash chain does not expire. Hashes go into an index of blobs, so
//! the walk is resumed after a restart and a height that was walked over once is proven by one fetch.

pub(crate) mod descend;
pub(crate) mod lookup;

use crate::base::{Hash, Instant, LoadId, Now, PeerId, QueryId};
use crate::chains::tendermint::snapshot::History;
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::ask::{Failed, Got, HEADERS_PER_ASK, RequestId};
use crate::chains::tendermint::types::Header;
use crate::chains::tendermint::verify::{self, VerifiedHeader};
use crate::chains::{Action, Verdict};
use crate::crypto::sha256;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// The most heights below the checkpoint that are indexed: 32 bytes each on the disk.
pub const HISTORY_HEIGHTS_MAX: u64 = 16 << 20;
/// How many requests for headers are under way at once.
const ASKS_MAX: usize = 6;
/// After how long a failed request is made again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The walk below the checkpoint, and who waits for it.
#[derive(Debug, Default)]
pub struct Backwards {
    pub(crate) history: Option<History>,
    /// The index as far as its blobs were put: what a snapshot may hold.
    pub(crate) kept: Option<History>,
    /// Hashes of the last, unfinished chunk; `None` when it has to be read back first.
    pub(crate) open_chunk: Option<Vec<u8>>,
    /// The lowest header walked to; `None` when it is not at hand after a restart.
    pub(crate) lowest: Option<VerifiedHeader>,
    pub(crate) anchoring: Option<RequestId>,
    /// Requests by the highest height they ask for.
    pub(crate) asked: BTreeMap<RequestId, (u64, u64)>,
    pub(crate) arrived: BTreeMap<u64, (PeerId, Vec<Header>)>,
    pub(crate) loads: BTreeMap<LoadId, Wanted>,
    pub(crate) lookups: BTreeMap<RequestId, (QueryId, u64, Hash)>,
    /// Who waits for the walk. It goes on as long as somebody does.
    pub(crate) waiting: Vec<Waiting>,
    /// Why the walk does not get on, as far as it is known.
    pub(crate) hindrance: Option<String>,
    pub(crate) next_load: u64,
    pub(crate) pause_until: Option<Instant>,
    pub(crate) unsaved: u64,
    /// Blobs that the next snapshot no longer names.
    pub(crate) superseded: Vec<Hash>,
    /// Blobs that the snapshot on its way to the disk no longer names; dropped once it is there, and not by the arrival of
    /// one that was made before.
    pub(crate) dropping: Vec<Hash>,
}

/// A query that waits for the walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) query: QueryId,
    pub(crate) height: u64,
    /// How far down is walked for this query.
    pub(crate) reach: u64,
    pub(crate) ends: Instant,
}

#[derive(Debug)]
pub(crate) enum Wanted {
    /// The unfinished chunk, to go on with: this blob.
    OpenChunk(Hash),
    /// The hash of one height, for a query.
    Hash(HashWanted),
}

/// A hash that is read from the index for a query. The index may have been forgotten, and walked anew, before it comes: so
/// it is noted where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashWanted {
    /// Who waits for it; `None` when the client has left.
    pub(crate) query: Option<QueryId>,
    pub(crate) height: u64,
    /// The blob, and its place in the index.
    pub(crate) blob: Hash,
    pub(crate) chunk: usize,
    /// The place in the blob.
    pub(crate) offset: u64,
}

impl Backwards {
    /// Returns the walk as a snapshot holds it.
    pub fn resume(history: Option<History>) -> Self {
        Self { kept: history.clone(), history, ..Self::default() }
    }

    /// Returns what a snapshot keeps.
    pub fn history(&self) -> Option<&History> {
        self.kept.as_ref()
    }

    /// Tells whether the index names this blob, or a snapshot does that may still be on the disk.
    pub fn names_blob(&self, blob: &Hash) -> bool {
        let histories = [&self.history, &self.kept].into_iter().flatten();
        let mut chunks = histories.flat_map(|history| &history.chunks);
        chunks.any(|chunk| chunk == blob) || self.superseded.contains(blob) || self.dropping.contains(blob)
    }

    /// Tells whether the walk waits for this request.
    pub fn waits_for_request(&self, request: RequestId) -> bool {
        self.anchoring == Some(request) || self.asked.contains_key(&request) || self.lookups.contains_key(&request)
    }

    /// Returns when the walk wants to go on.
    pub fn deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.ends).chain(self.pause_until).min()
    }

    /// Returns how far down the walk goes; `None` when nobody waits for it.
    fn floor(&self) -> Option<u64> {
        let is_below = |reach: &u64| self.history.as_ref().is_none_or(|history| *reach < history.lowest());
        self.waiting.iter().map(|waiting| waiting.reach).min().filter(is_below)
    }

    /// Ends a pause whose time is over, also while the walk cannot go on: its deadline would stay in the past.
    pub(crate) fn end_pause(&mut self, now: Instant) {
        self.pause_until = self.pause_until.filter(|until| now < *until);
    }

    pub(crate) fn load(&mut self, wanted: Wanted) -> LoadId {
        let id = LoadId(self.next_load);
        self.next_load = self.next_load.saturating_add(1);
        self.loads.insert(id, wanted);
        id
    }

    /// Goes back to the chunks before `chunk`, which the store has lost: what was in it is walked again.
    pub(crate) fn forget_from(&mut self, chunk: usize) {
        let history = self.history.take().filter(|_| chunk > 0).map(|mut history| {
            history.chunks.truncate(chunk);
            let chunks = u64::try_from(history.chunks.len()).unwrap_or(0);
            history.count = history.count.min(chunks.saturating_mul(History::CHUNK_HEIGHTS));
            history
        });
        self.kept.clone_from(&history);
        self.history = history;
        self.open_chunk = None;
        self.lowest = None;
    }
}

impl TendermintChain {
    pub(crate) fn backwards_loaded(&mut self, load: LoadId, blob: Option<&[u8]>, now: Now) {
        match (self.backwards.loads.remove(&load), blob) {
            (Some(Wanted::OpenChunk(blob)), bytes) => {
                // The index may have been forgotten meanwhile; then this is another chunk than the one to go on with.
                let chunks = self.backwards.history.as_ref().map_or(&[][..], |history| &history.chunks);
                let is_last = chunks.last() == Some(&blob);
                match bytes.filter(|_| is_last) {
                    Some(bytes) => self.backwards.open_chunk = Some(bytes.to_vec()),
                    None if is_last => {
                        let last = chunks.len().saturating_sub(1);
                        self.drop_backwards_asks();
                        self.backwards.forget_from(last);
                    }
                    None => {}
                }
            }
            (Some(Wanted::Hash(wanted)), Some(bytes)) => {
                if let Some(query) = wanted.query {
                    self.fetch_by_hash(query, wanted.height, hash_at(bytes, wanted.offset));
                }
            }
            (Some(Wanted::Hash(HashWanted { query, height, blob, chunk, .. })), None) => {
                let named = self.backwards.history.as_ref().and_then(|history| history.chunks.get(chunk));
                if named == Some(&blob) {
                    // The store has lost a blob: nothing else can vouch for the heights below it.
                    self.drop_backwards_asks();
                    self.backwards.forget_from(chunk);
                }
                if let Some(query) = query
                    && let Err(error) = self.header_below(query, height, now)
                {
                    self.answer(query, Err(error));
                }
            }
            (None, _) => {}
        }
        self.answer_waiting();
        self.go_backwards(now);
    }

    /// Asks for what the walk needs next.
    pub(crate) fn go_backwards(&mut self, now: Now) {
        let Some(floor) = self.backwards.floor() else { return self.rest_backwards() };
        self.backwards.end_pause(now.instant);
        if self.backwards.pause_until.is_some() {
            return;
        }
        if self.backwards.anchoring.is_some() || self.is_reading_open_chunk() {
            return;
        }
        let Some(lowest) = self.backwards.lowest.as_ref().map(VerifiedHeader::height) else {
            return self.begin_backwards();
        };
        let asked_to = self.backwards.asked.values().map(|(low, _)| *low);
        let arrived_to = self.backwards.arrived.iter().map(|(high, (_, headers))| {
            high.saturating_add(1).saturating_sub(u64::try_from(headers.len()).unwrap_or(0))
        });
        let mut low = asked_to.chain(arrived_to).min().unwrap_or(lowest);
        while self.backwards.asked.len() < ASKS_MAX && self.backwards.arrived.len() < ASKS_MAX && low > floor {
            let high = low.saturating_sub(1);
            low = high.saturating_sub(HEADERS_PER_ASK.saturating_sub(1)).max(floor).max(1);
            let request = self.desk.fetcher.headers(low, high);
            self.backwards.asked.insert(request, (low, high));
        }
    }

    /// Stops the walk, for which nobody waits any more; what was walked is kept.
    fn rest_backwards(&mut self) {
        if let Some(request) = self.backwards.anchoring.take() {
            self.desk.fetcher.cancel(request);
        }
        self.drop_backwards_asks();
        self.backwards.pause_until = None;
        if self.adoption.is_none() {
            self.save_history();
        }
    }

    fn is_reading_open_chunk(&self) -> bool {
        self.backwards.loads.values().any(|wanted| matches!(wanted, Wanted::OpenChunk(_)))
    }

    /// Gets hold of the header that the walk starts from: the checkpoint's, or the lowest of the index.
    fn begin_backwards(&mut self) {
        let (height, blob) = match &self.backwards.history {
            None => (self.spec.trust.height, None),
            Some(history) => (history.lowest(), history.chunks.last().copied()),
        };
        if let (Some(blob), None) = (blob, &self.backwards.open_chunk) {
            let load = self.backwards.load(Wanted::OpenChunk(blob));
            self.desk.actions.push_back(Action::Load(load, blob));
            return;
        }
        self.backwards.anchoring = Some(self.desk.fetcher.headers(height, height));
    }

    fn anchor_hash(&self) -> (u64, Option<Hash>) {
        match &self.backwards.history {
            None => (self.spec.trust.height, Some(self.spec.trust.hash)),
            Some(history) => {
                let last = history.count.saturating_sub(1) % History::CHUNK_HEIGHTS;
                (history.lowest(), self.backwards.open_chunk.as_ref().and_then(|bytes| hash_at(bytes, last)))
            }
        }
    }

    pub(crate) fn backwards_got(&mut self, request: RequestId, got: Got, now: Now) {
        if let Some((id, height, hash)) = self.backwards.lookups.remove(&request) {
            return self.looked_up(id, height, hash, got, now);
        }
        let is_anchor = self.backwards.anchoring == Some(request);
        let range = self.backwards.asked.remove(&request);
        match got {
            Got::Headers(peer, headers) if is_anchor => {
                self.backwards.anchoring = None;
                let (height, hash) = self.anchor_hash();
                let header = headers.into_iter().next();
                let verified = header.zip(hash).map(|(h, hash)| verify::by_hash(&self.spec.chain_id, height, hash, h));
                match verified {
                    Some(Ok(lowest)) => self.backwards.lowest = Some(lowest),
                    Some(Err(error)) => self.backwards_fault(peer, error.to_string(), now),
                    None => self.backwards_fault(peer, format!("it gave no header of height {height}"), now),
                }
            }
            Got::Headers(peer, headers) => {
                let Some((low, high)) = range else { return };
                let is_whole = u64::try_from(headers.len()).ok() == Some(high.saturating_sub(low).saturating_add(1))
                    && headers.iter().zip((low..=high).rev()).all(|(header, height)| header.height == height);
                if is_whole {
                    self.backwards.arrived.insert(high, (peer, headers));
                    self.link_backwards(now);
                } else {
                    // A node that no longer has the lower ones gives the others.
                    self.desk.fetcher.has_no_headers(peer, low);
                    let why = format!("asked for headers {low} to {high}, it gave {} others", headers.len());
                    self.is_hindered(&Failed::by(peer, Verdict::Refusing, why), now);
                }
            }
            Got::Failed(failed) => {
                self.backwards.anchoring = self.backwards.anchoring.filter(|id| *id != request);
                self.is_hindered(&failed, now);
            }
            _ => {}
        }
        self.go_backwards(now);
    }

    fn is_hindered(&mut self, failed: &Failed, now: Now) {
        self.errand_failed(failed, now.instant);
        self.backwards.hindrance = Some(failed.why.clone());
        self.backwards.pause_until = Some(now.instant.after(RETRY_AFTER));
    }

    pub(crate) fn backwards_fault(&mut self, peer: PeerId, why: String, now: Now) {
        self.fault(&Failed::by(peer, Verdict::Lying, why), now.instant);
    }

    /// Links what has arrived to the lowest header, and indexes it.
    fn link_backwards(&mut self, now: Now) {
        while let Some(lowest) = self.backwards.lowest.clone() {
            let high = lowest.height().saturating_sub(1);
            let Some((peer, headers)) = self.backwards.arrived.remove(&high) else { break };
            let mut later = lowest;
            for header in headers {
                match verify::backwards(&later, header) {
                    Ok(verified) => {
                        self.index(&verified);
                        later = verified;
                    }
                    Err(error) => {
                        // Whoever gave these headers; another one is asked for the same heights.
                        self.backwards.lowest = Some(later);
                        self.drop_backwards_asks();
                        return self.backwards_fault(peer, error.to_string(), now);
                    }
                }
            }
            self.backwards.lowest = Some(later);
            self.backwards.hindrance = None;
        }
        self.answer_waiting();
    }

    fn drop_backwards_asks(&mut self) {
        self.backwards.arrived.clear();
        for request in core::mem::take(&mut self.backwards.asked).into_keys() {
            self.desk.fetcher.cancel(request);
        }
    }

    fn index(&mut self, header: &VerifiedHeader) {
        let backwards = &mut self.backwards;
        let top = header.height();
        let history = backwards.history.get_or_insert(History { top, count: 0, chunks: Vec::new() });
        let is_chunk_full = history.count.is_multiple_of(History::CHUNK_HEIGHTS);
        if is_chunk_full {
            if let Some(bytes) = backwards.open_chunk.take() {
                let hash = sha256(&bytes);
                if let Some(last) = history.chunks.last_mut() {
                    *last = hash;
                }
                self.desk.actions.push_back(Action::Put(hash, bytes));
            }
            history.chunks.push(Hash::default());
        }
        let chunk = backwards.open_chunk.get_or_insert_with(Vec::new);
        chunk.extend_from_slice(header.hash().as_bytes());
        history.count = history.count.saturating_add(1);
        backwards.unsaved = backwards.unsaved.saturating_add(1);
        self.desk.headers_verified = self.desk.headers_verified.saturating_add(1);
        if is_chunk_full && history.count > 1 {
            self.save_history();
        }
    }

    /// Puts the open chunk and has the snapshot saved, unless a save is on its way: the next one takes it along.
    fn save_history(&mut self) {
        let (Some(history), Some(bytes)) = (&mut self.backwards.history, &self.backwards.open_chunk) else { return };
        if self.backwards.unsaved == 0 {
            return;
        }
        let hash = sha256(bytes);
        if let Some(last) = history.chunks.last_mut() {
            let old = core::mem::replace(last, hash);
            if old != hash && old != Hash::default() {
                self.backwards.superseded.push(old);
            }
        }
        self.desk.actions.push_back(Action::Put(hash, bytes.clone()));
        self.backwards.kept.clone_from(&self.backwards.history);
        if self.adoption.is_none()
            && let Some(head) = self.head.clone()
        {
            self.backwards.unsaved = 0;
            self.save_head(head, self.head_witnesses);
        }
    }
}

/// Returns the hash at an offset into a chunk.
pub(crate) fn hash_at(chunk: &[u8], offset: u64) -> Option<Hash> {
    let start = usize::try_from(offset).ok()?.checked_mul(Hash::LEN)?;
    Hash::from_slice(chunk.get(start..start.checked_add(Hash::LEN)?)?)
}
