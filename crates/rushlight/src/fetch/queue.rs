//! Which fetch is made next: each chain has a share of the connections, and within it each provider.
//!
//! Providers that never answer hold a connection for as long as anybody has patience. Without shares those of one chain
//! could hold all there are, and every other chain would stand still.

use rushlight_core::base::{ChainId, FetchId};
use rushlight_core::peers::{Fetch, Share};
use std::collections::{BTreeMap, VecDeque};
use tokio::task::AbortHandle;

/// This many fetches of one chain run at once whatever other chains do…
const FETCHES_PER_CHAIN_MIN: usize = 4;
/// …and one of each provider whatever others do. Beyond that all chains share this many.
pub(crate) const FETCHES_SHARED_MAX: usize = 32;

/// Fetches that wait and fetches that run.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<ChainId, VecDeque<(FetchId, Fetch)>>,
    running: BTreeMap<FetchId, (Share, AbortHandle)>,
    /// The chain that had its turn last.
    last: ChainId,
}

impl Queue {
    /// Has a fetch wait for its turn.
    pub(crate) fn push(&mut self, id: FetchId, fetch: Fetch) {
        self.waiting.entry(fetch.share.chain).or_default().push_back((id, fetch));
    }

    /// Takes out the next fetch that may be made, chain by chain in turns.
    pub(crate) fn next(&mut self) -> Option<(FetchId, Fetch)> {
        let chains: Vec<ChainId> = self.waiting.keys().copied().collect();
        let after = chains.iter().position(|chain| *chain > self.last).unwrap_or(0);
        for chain in chains.iter().cycle().skip(after).take(chains.len()) {
            let place = self.waiting.get(chain)?.iter().position(|(_, fetch)| self.has_room(fetch.share));
            let Some(place) = place else { continue };
            let waiting = self.waiting.get_mut(chain)?;
            let next = waiting.remove(place);
            if waiting.is_empty() {
                self.waiting.remove(chain);
            }
            self.last = *chain;
            return next;
        }
        None
    }

    fn has_room(&self, share: Share) -> bool {
        let count = |is_it: &dyn Fn(&Share) -> bool| self.running.values().filter(|(of, _)| is_it(of)).count();
        count(&|of| of.peer == share.peer) == 0
            || count(&|of| of.chain == share.chain) < FETCHES_PER_CHAIN_MIN
            || self.running.len() < FETCHES_SHARED_MAX
    }

    /// Notes that a fetch is made.
    pub(crate) fn started(&mut self, id: FetchId, share: Share, task: AbortHandle) {
        self.running.insert(id, (share, task));
    }

    /// Notes that a fetch is over.
    pub(crate) fn ended(&mut self, id: FetchId) {
        self.running.remove(&id);
    }

    /// Tells whether a fetch waits.
    pub(crate) fn is_waiting(&self, id: FetchId) -> bool {
        self.waiting.values().flatten().any(|(waiting, _)| *waiting == id)
    }

    /// Gives up a fetch, wherever it stands.
    pub(crate) fn cancel(&mut self, id: FetchId) {
        for waiting in self.waiting.values_mut() {
            waiting.retain(|(other, _)| *other != id);
        }
        self.waiting.retain(|_, waiting| !waiting.is_empty());
        if let Some((_, task)) = self.running.remove(&id) {
            task.abort();
        }
    }

    /// Gives up all fetches.
    pub(crate) fn abort(&mut self) {
        self.waiting.clear();
        for (_, task) in std::mem::take(&mut self.running).into_values() {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rushlight_core::base::PeerId;
    use rushlight_core::peers::Method;
    use std::time::Duration;

    fn push(queue: &mut Queue, id: u64, chain: u32, peer: u32) {
        let share = Share { chain: ChainId(chain), peer: PeerId(peer) };
        let fetch = Fetch {
            share,
            url: String::new(),
            method: Method::Get,
            body_bytes_max: 1,
            timeout: Duration::from_secs(1),
        };
        queue.push(FetchId(id), fetch);
    }

    /// Starts all that may start; returns them as chain and peer.
    fn start(queue: &mut Queue) -> Vec<(u32, u32)> {
        let mut started = Vec::new();
        while let Some((id, fetch)) = queue.next() {
            queue.started(id, fetch.share, tokio::spawn(std::future::pending::<()>()).abort_handle());
            started.push((fetch.share.chain.0, fetch.share.peer.0));
        }
        started
    }

    /// Four chains of providers that never answer; a fifth comes later.
    #[tokio::test]
    async fn silent_providers_hold_up_no_other_chain_and_no_other_provider() {
        let mut queue = Queue::default();
        for id in 0..160_u32 {
            push(&mut queue, id.into(), id % 4, id % 16);
        }
        assert_eq!(start(&mut queue).len(), FETCHES_SHARED_MAX);
        for id in 200..220 {
            push(&mut queue, id, 4, 100);
        }
        // Another provider of a chain that is held up.
        push(&mut queue, 300, 0, 101);
        push(&mut queue, 301, 0, 101);
        assert_eq!(start(&mut queue), [(4, 100), (0, 101), (4, 100), (4, 100), (4, 100)]);
        assert!(queue.is_waiting(FetchId(301)) && !queue.is_waiting(FetchId(300)));
        queue.ended(FetchId(300));
        assert_eq!(start(&mut queue), [(0, 101)]);
        queue.cancel(FetchId(204));
        assert!(!queue.is_waiting(FetchId(204)));
        queue.abort();
        assert!(queue.next().is_none());
    }

    #[tokio::test]
    async fn chains_take_turns() {
        let mut queue = Queue::default();
        for id in 0..6 {
            push(&mut queue, id, u32::try_from(id / 3).unwrap(), 0);
        }
        assert_eq!(start(&mut queue), [(1, 0), (0, 0), (1, 0), (0, 0), (1, 0), (0, 0)]);
    }
}
