//! Queries for headers below the checkpoint: from the index, or when the walk gets there.

use crate::base::{Hash, Now, QueryId};
use crate::chains::Action;
use crate::chains::tendermint::snapshot::History;
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::ask::Got;
use crate::chains::tendermint::sync::below::{HISTORY_HEIGHTS_MAX, HashWanted, Waiting, Wanted, hash_at};
use crate::chains::tendermint::verify;
use crate::rpc::QueryError;
use crate::rpc::limits::QUERIES_WAITING_MAX;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// How many queries for heights below the checkpoint are looked up at once: without a bound clients could use up all the asks
/// that the sync itself needs.
pub const LOOKUPS_MAX: usize = 16;
/// How many heights are walked for one query: 1,000 answers of providers. Who wants more asks again, and the walk goes on
/// where it was; else one call of a few bytes could have providers send gigabytes.
pub const QUERY_HEIGHTS_MAX: u64 = 20_000;
/// How long a query waits for the walk.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(30);

impl TendermintChain {
    /// Answers queries that have waited long enough; the walk goes on without them.
    pub(crate) fn tick_backwards(&mut self, now: Now) {
        self.answer_undone(|waiting| now.instant >= waiting.ends);
    }

    /// Answers those for whom the walk is not to go on with how far it is.
    fn answer_undone(&mut self, is_undone: impl Fn(&Waiting) -> bool) {
        let waiting = core::mem::take(&mut self.backwards.waiting);
        let (undone, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_undone);
        self.backwards.waiting = waiting;
        let lowest = self.backwards.history.as_ref().map_or(self.spec.trust.height, History::lowest);
        let because = self.backwards.hindrance.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        for Waiting { query, height, .. } in undone {
            let why = format!("walked back along the hash chain to {lowest}{because}; ask again to go on to {height}");
            self.answer(query, Err(QueryError::NotSynced { why }));
        }
    }

    /// Answers with the header at `height` below the checkpoint, now or when the walk is there.
    /// # Errors
    /// [`QueryError`], when it is not looked for.
    pub(crate) fn header_below(&mut self, id: QueryId, height: u64, now: Now) -> Result<(), QueryError> {
        let waiting = self.backwards.waiting.len().saturating_add(self.lookups_count());
        if waiting >= QUERIES_WAITING_MAX {
            return Err(QueryError::Busy { waiting });
        }
        let checkpoint = self.spec.trust.height;
        if checkpoint.saturating_sub(height) > HISTORY_HEIGHTS_MAX {
            return Err(QueryError::BelowCheckpoint { height, checkpoint });
        }
        if let Some(earliest) = self.nobody_has(height) {
            return Err(QueryError::NoProvider { why: format!("none has heights below {earliest}") });
        }
        let lowest = self.backwards.history.as_ref().map_or(checkpoint, History::lowest);
        let reach = height.max(lowest.saturating_sub(QUERY_HEIGHTS_MAX));
        let ends = now.instant.after(WAIT_MAX);
        self.backwards.waiting.push(Waiting { query: id, height, reach, ends });
        self.answer_waiting();
        self.go_backwards(now);
        Ok(())
    }

    /// Stops working on a query whose client has left. A load that is under way still counts until it is there.
    pub(crate) fn forget_lookup(&mut self, id: QueryId) {
        self.backwards.waiting.retain(|waiting| waiting.query != id);
        let request = self.backwards.lookups.iter().find(|(_, (query, ..))| *query == id).map(|(request, _)| *request);
        if let Some(request) = request {
            self.backwards.lookups.remove(&request);
            self.desk.fetcher.cancel(request);
            self.answer_waiting();
        }
        for wanted in self.backwards.loads.values_mut() {
            if let Wanted::Hash(wanted) = wanted
                && wanted.query == Some(id)
            {
                wanted.query = None;
            }
        }
    }

    /// Drops the blobs that the snapshot which has just been saved no longer names.
    pub(crate) fn drop_superseded(&mut self) {
        for blob in core::mem::take(&mut self.backwards.dropping) {
            // What was forgotten and walked again may have the same blob again.
            let is_named = self.backwards.history().is_some_and(|history| history.chunks.contains(&blob));
            if !is_named && !self.backwards.superseded.contains(&blob) {
                self.desk.actions.push_back(Action::Drop(blob));
            }
        }
    }

    /// Finds the hash of a height in the index, then its header.
    fn look_up(&mut self, id: QueryId, height: u64) {
        let missing = || Err(QueryError::NoProvider { why: format!("the index has no height {height}") });
        let Some(history) = &self.backwards.history else { return self.answer(id, missing()) };
        let offset = history.top.saturating_sub(height);
        let chunk = usize::try_from(offset / History::CHUNK_HEIGHTS).unwrap_or(usize::MAX);
        let is_open = chunk.saturating_add(1) == history.chunks.len();
        let Some(blob) = history.chunks.get(chunk).copied() else { return self.answer(id, missing()) };
        if let Some(bytes) = self.backwards.open_chunk.as_ref().filter(|_| is_open) {
            let hash = hash_at(bytes, offset % History::CHUNK_HEIGHTS);
            return self.fetch_by_hash(id, height, hash);
        }
        let wanted = HashWanted { query: Some(id), height, blob, chunk, offset: offset % History::CHUNK_HEIGHTS };
        let load = self.backwards.load(Wanted::Hash(wanted));
        self.desk.actions.push_back(Action::Load(load, blob));
    }

    pub(crate) fn fetch_by_hash(&mut self, id: QueryId, height: u64, hash: Option<Hash>) {
        let Some(hash) = hash else {
            let why = format!("the index has no hash of height {height}");
            return self.answer(id, Err(QueryError::NoProvider { why }));
        };
        let request = self.desk.fetcher.headers(height, height);
        self.backwards.lookups.insert(request, (id, height, hash));
    }

    fn lookups_count(&self) -> usize {
        self.backwards.loads.len().saturating_add(self.backwards.lookups.len())
    }

    /// Looks up those heights that the walk has passed, as far as there is room.
    pub(crate) fn answer_waiting(&mut self) {
        let Some(lowest) = self.backwards.history.as_ref().map(History::lowest) else { return };
        self.answer_undone(|waiting| waiting.reach >= lowest && waiting.height < lowest);
        while self.lookups_count() < LOOKUPS_MAX {
            let ready = self.backwards.waiting.iter().position(|waiting| waiting.height >= lowest);
            let Some(ready) = ready else { return };
            let Waiting { query, height, .. } = self.backwards.waiting.remove(ready);
            self.look_up(query, height);
        }
    }

    pub(crate) fn looked_up(&mut self, id: QueryId, height: u64, hash: Hash, got: Got, now: Now) {
        let answer = match got {
            Got::Headers(peer, headers) => match headers.into_iter().next() {
                Some(header) => match verify::by_hash(&self.spec.chain_id, height, hash, header) {
                    Ok(header) => {
                        let proven = self.proven_header(&header);
                        Ok((header, proven))
                    }
                    Err(error) => {
                        let why = error.to_string();
                        self.backwards_fault(peer, why.clone(), now);
                        Err(QueryError::NoProvider { why })
                    }
                },
                None => Err(QueryError::NoProvider { why: format!("nobody gave the header of height {height}") }),
            },
            Got::Failed(failed) => {
                self.errand_failed(&failed, now.instant);
                Err(QueryError::NoProvider { why: failed.why })
            }
            _ => Err(QueryError::NoProvider { why: "the header did not come".to_string() }),
        };
        self.give_header(id, answer);
        self.answer_waiting();
    }
}
