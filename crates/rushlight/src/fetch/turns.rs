//! Turns for large bodies: how many of them may be read at once, so that memory has a bound.
//!
//! Whoever sends slowly holds a turn for long. So a chain has turns of its own, which no other chain's providers can hold,
//! and of these a provider has one at most.

use rushlight_core::base::{ChainId, PeerId};
use rushlight_core::peers::Share;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// How many large bodies of one chain are read at once.
pub(crate) const LARGE_BODIES_PER_CHAIN_MAX: usize = 2;
/// How many large bodies of one provider are read at once.
const LARGE_BODIES_PER_PEER_MAX: usize = 1;

/// The turns of all chains. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<Pots>>);

#[derive(Debug, Default)]
struct Pots {
    chains: BTreeMap<ChainId, Arc<Semaphore>>,
    peers: BTreeMap<PeerId, Arc<Semaphore>>,
}

/// A turn; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_peer: OwnedSemaphorePermit,
    _of_chain: OwnedSemaphorePermit,
}

impl Turns {
    fn pots(&self, share: Share) -> (Arc<Semaphore>, Arc<Semaphore>) {
        // Nothing within panics, and semaphores are whole at any time.
        let mut pots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Chains come and go; a pot that nobody holds is made anew.
        pots.chains.retain(|_, pot| Arc::strong_count(pot) > 1);
        pots.peers.retain(|_, pot| Arc::strong_count(pot) > 1);
        let of_peer = pots.peers.entry(share.peer).or_insert_with(|| pot(LARGE_BODIES_PER_PEER_MAX));
        let of_peer = Arc::clone(of_peer);
        let of_chain = pots.chains.entry(share.chain).or_insert_with(|| pot(LARGE_BODIES_PER_CHAIN_MAX));
        (of_peer, Arc::clone(of_chain))
    }

    /// Waits for a turn; `held` is called with `true` when it has to wait, and with `false` when that is over.
    pub(super) async fn turn(&self, share: Share, held: &impl Fn(bool)) -> Option<Turn> {
        let (of_peer, of_chain) = self.pots(share);
        let at_once = |pot: &Arc<Semaphore>| Arc::clone(pot).try_acquire_owned();
        let peer_permit = match at_once(&of_peer) {
            Ok(of_peer) => match at_once(&of_chain) {
                Ok(of_chain) => return Some(Turn { _of_peer: of_peer, _of_chain: of_chain }),
                Err(_) => Ok(of_peer),
            },
            Err(error) => Err(error),
        };
        held(true);
        let of_peer = match peer_permit {
            Ok(permit) => permit,
            Err(TryAcquireError::Closed) => return None,
            Err(TryAcquireError::NoPermits) => of_peer.acquire_owned().await.ok()?,
        };
        let of_chain = of_chain.acquire_owned().await.ok()?;
        held(false);
        Some(Turn { _of_peer: of_peer, _of_chain: of_chain })
    }
}

fn pot(turns: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(turns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(chain: u32, peer: u32) -> Share {
        Share { chain: ChainId(chain), peer: PeerId(peer) }
    }

    /// Providers of four chains hold all their turns: a fifth chain's answer is not held up.
    #[tokio::test]
    async fn what_one_chain_holds_another_does_not_miss() {
        let (turns, mut held) = (Turns::default(), Vec::new());
        let at_once = |is_held: bool| assert!(!is_held, "it has to wait");
        for peer in 0..8 {
            held.push(turns.turn(share(peer / 2, peer), &at_once).await.unwrap());
        }
        held.push(turns.turn(share(4, 8), &at_once).await.unwrap());
        held.push(turns.turn(share(4, 9), &at_once).await.unwrap());
    }

    /// One provider holds one turn at most, so that another one of its chain has the other.
    #[tokio::test]
    async fn one_provider_does_not_hold_all_turns_of_its_chain() {
        let turns = Turns::default();
        let first = turns.turn(share(0, 0), &|_| {}).await.unwrap();
        let (told_to, mut told) = tokio::sync::mpsc::unbounded_channel();
        let again = tokio::spawn({
            let turns = turns.clone();
            async move { turns.turn(share(0, 0), &|is_held| told_to.send(is_held).unwrap()).await.unwrap() }
        });
        assert_eq!(told.recv().await, Some(true));
        turns.turn(share(0, 1), &|is_held| assert!(!is_held, "it has to wait")).await.unwrap();
        drop(first);
        assert_eq!(told.recv().await, Some(false));
        drop(again.await.unwrap());
        let pots = |turns: &Turns| turns.0.lock().unwrap().chains.len();
        turns.turn(share(7, 7), &|_| {}).await.unwrap();
        assert_eq!(pots(&turns), 1, "what nobody holds is forgotten");
    }
}
