//! Which peer is asked for which part of the way, and what is made of the answers.
//!
//! The way up to the announced finalized block is split at evenly spaced heights. A peer names the hash at such a height,
//! and the same peer is asked for the fragments from there: its word is not believed, it only says where to begin. Each
//! part is verified as soon as the set of its predecessor is known; where the two do not meet, the peer of the part lied
//! about its beginning, and the part is asked of another one. So a wrong split point costs its peer and never correctness.
//!
//! Several works may be under way, each from the set that the one before announces. While any is, nobody is blamed for a
//! fragment that does not fit: the fault may lie in what is not verified yet.

mod answers;
mod assign;
mod contract;

use crate::base::{AskId, PeerId, WorkId};
use crate::chains::substrate::grandpa::VerifyError;
use crate::chains::substrate::warp::part::{Asked, Part};
use crate::chains::substrate::warp::rules::WarpRules;
use crate::chains::substrate::warp::run::{
    LINKS_BYTES_MAX, RUN_BYTES_MAX, Released, Run, SealedRun, VerifiedHead, WarpError,
};
use crate::work::Done;
use alloc::collections::{BTreeMap, VecDeque};

pub use answers::WAITING_BYTES_MAX;
pub use contract::{Action, Blame, Event, WarpSettings};

/// How many answers without progress a peer may give in a row.
pub const NO_PROGRESS_MAX: u8 = 2;

/// The most parts that are downloaded or wait at the same time.
pub const PARTS_MAX: usize = 8;

/// The most works under way.
pub const WORKS_MAX: usize = 2;

/// The most peers that are known. One that is ahead takes the place of one that is not; where all are ahead it is passed
/// over until it is announced again.
pub const PEERS_MAX: usize = 64;

/// The most bytes that a warp sync holds, whatever peers send: fragments that wait, a run that is being filled, the sets of
/// works under way, and the head. A driver holds up to [`WORKS_MAX`] works of its own beside.
pub const HELD_BYTES_MAX: usize = WAITING_BYTES_MAX + RUN_BYTES_MAX + (WORKS_MAX + 1) * LINKS_BYTES_MAX;

#[derive(Debug)]
struct Peer {
    finalized: u64,
    answers_without_progress: u8,
    busy: bool,
}

/// A work under way.
#[derive(Debug)]
struct Sent {
    id: WorkId,
    sealed: SealedRun,
    done: Option<Done>,
}

/// A warp sync.
#[derive(Debug)]
pub struct Warp {
    settings: WarpSettings,
    rules: WarpRules,
    /// The highest block that is final.
    head: VerifiedHead,
    peers: BTreeMap<PeerId, Peer>,
    /// In order of height; the first one is being verified.
    parts: VecDeque<Part>,
    run: Run,
    /// Who sent the last fragment of the run.
    tip_source: Option<PeerId>,
    works: VecDeque<Sent>,
    /// What waits first does not follow what is not verified yet. It is looked at again when everything is: each look costs
    /// as much as its votes are many, and every piece of an answer would be an occasion.
    is_stuck: bool,
    actions: VecDeque<Action>,
    asks: u64,
    works_sent: u64,
    finished: bool,
}

impl Warp {
    /// Returns a warp sync from `trusted` that knows no peer, on a chain with `rules`.
    pub fn new(trusted: VerifiedHead, settings: WarpSettings, rules: WarpRules) -> Self {
        Self {
            settings,
            run: Run::start(&trusted, &rules),
            rules,
            head: trusted,
            peers: BTreeMap::new(),
            parts: VecDeque::new(),
            tip_source: None,
            works: VecDeque::new(),
            is_stuck: false,
            actions: VecDeque::new(),
            asks: 0,
            works_sent: 0,
            finished: false,
        }
    }

    /// Returns the highest block that is final.
    pub fn head(&self) -> &VerifiedHead {
        &self.head
    }

    /// Returns how many bytes of fragments are held that are coming in or wait for others: at most [`WAITING_BYTES_MAX`].
    pub fn waiting_bytes(&self) -> usize {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.size_bytes()))
    }

    /// Returns how many bytes are held altogether, works that are with the driver not counted: less than [`HELD_BYTES_MAX`].
    pub fn size_bytes(&self) -> usize {
        let works = self.works.iter().map(|sent| sent.sealed.size_bytes()).fold(0, usize::saturating_add);
        let verified = works.saturating_add(self.run.size_bytes()).saturating_add(self.head.size_bytes());
        verified.saturating_add(self.waiting_bytes())
    }

    /// Returns the next thing to do; to be drained to `None` after every [`Warp::handle`].
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Takes in what happened. Never fails: nothing that a peer does is the caller's error.
    pub fn handle(&mut self, event: Event<'_>) {
        match event {
            Event::Peer(peer, finalized) => self.peer_said(peer, finalized),
            Event::PeerLeft(peer) => self.forget(peer),
            Event::HashTold(ask, hash) => self.hash_told(ask, hash),
            Event::Received(ask, chunk) => self.received(ask, chunk),
            Event::Ended(ask) => self.ended(ask),
            Event::Failed(ask) => {
                if let Some((part, peer)) = self.close(ask) {
                    self.strike(peer);
                    self.give_up_start(part);
                }
            }
            Event::Worked(work, done) => self.worked(work, done),
        }
        self.go_on();
    }

    fn peer_said(&mut self, peer: PeerId, finalized: u64) {
        if self.peers.len() >= PEERS_MAX && !self.peers.contains_key(&peer) {
            // Who announces nothing new is never asked, so never dropped: it would keep out all others for good. Who does
            // is left in, lest those that announce most drive out all others.
            let enough = self.head.block().number.saturating_add(self.settings.gap_blocks);
            let idle = self.peers.iter().filter(|(_, known)| !known.busy && known.finalized <= enough);
            let lowest = idle.min_by_key(|(_, known)| known.finalized).map(|(id, _)| *id);
            let Some(lowest) = lowest.filter(|_| finalized > enough) else { return };
            self.peers.remove(&lowest);
        }
        let entry = self.peers.entry(peer).or_insert(Peer { finalized, answers_without_progress: 0, busy: false });
        entry.finalized = entry.finalized.max(finalized);
        self.finished &= finalized <= self.head.block().number.saturating_add(self.settings.gap_blocks);
    }

    fn worked(&mut self, id: WorkId, done: Done) {
        let Some(sent) = self.works.iter_mut().find(|sent| sent.id == id) else { return };
        sent.done = Some(done);
        // Works come back in any order and are released in theirs: each starts where the one before ends.
        while let Some(Sent { done: Some(_), .. }) = self.works.front() {
            if let Some(Sent { sealed, done: Some(done), .. }) = self.works.pop_front() {
                self.release(sealed, done);
            }
        }
    }

    fn release(&mut self, sealed: SealedRun, done: Done) {
        let Released { head, peers, refused } = sealed.release(done);
        for peer in peers {
            if let Some(peer) = self.peers.get_mut(&peer) {
                peer.answers_without_progress = 0;
            }
        }
        if let Some(head) = head {
            self.head = head.clone();
            self.actions.push_back(Action::Progress(head));
        }
        if let Some((peer, error)) = refused {
            self.fall_back();
            // Signatures that were not verified are not the peer's fault; the way is gone again.
            if !matches!(error, WarpError::Finality { why: VerifyError::NotDone(_), .. }) {
                self.blame(peer, error);
            }
        }
    }

    /// Goes back to the highest block that is final: what was built on unverified fragments is worth nothing.
    fn fall_back(&mut self) {
        self.works.clear();
        self.run = Run::start(&self.head, &self.rules);
        self.tip_source = None;
        self.cancel(0);
        self.begin_anew(0);
    }

    /// Verifies what waits at the front, as far as works may be under way.
    fn verify_on(&mut self) {
        self.is_stuck &= !(self.works.is_empty() && self.run.is_empty());
        loop {
            if self.is_stuck {
                self.send_run();
                return;
            }
            if self.run.is_full() && !self.send_run() {
                return;
            }
            let Some(front) = self.parts.front_mut() else { break };
            if let Some((peer, fragment)) = front.waiting.front() {
                let peer = *peer;
                match self.run.push(fragment, peer) {
                    Ok(()) => {
                        front.take();
                        self.tip_source = Some(peer);
                    }
                    // Each peer ends with its own newest block, so one part may end above where the next one does.
                    Err(WarpError::HeightNotAbove { .. }) if self.works.is_empty() && self.run.is_empty() => {
                        front.take();
                    }
                    Err(error) if self.works.is_empty() && self.run.is_empty() => self.blame(peer, error),
                    // The fault may lie in what is not verified yet.
                    Err(_) => self.is_stuck = true,
                }
            } else {
                let is_verified = self.works.is_empty() && self.run.is_empty();
                let is_passed = is_verified && front.end.is_some_and(|end| end < self.run.tip().number);
                if !front.complete && !is_passed {
                    break;
                }
                self.cancel(0);
                self.parts.pop_front();
                self.parts.iter_mut().for_each(|part| part.is_parked = false);
            }
        }
        let more_is_coming = self.parts.front().is_some_and(|front| matches!(front.asked, Asked::Fragments { .. }));
        if !more_is_coming {
            self.send_run();
        }
    }

    /// Sends off the signatures of the run, if there are any; returns whether the run is empty now.
    fn send_run(&mut self) -> bool {
        if !self.run.is_empty() && self.works.len() < WORKS_MAX {
            let (work, sealed) = self.run.seal();
            self.works_sent = self.works_sent.saturating_add(1);
            let id = WorkId(self.works_sent);
            self.works.push_back(Sent { id, sealed, done: None });
            self.actions.push_back(Action::Work(id, work));
        }
        self.run.is_empty()
    }

    /// Holds a provable lie against `peer`: it is asked no more, and what it sent and nobody verified is dropped.
    fn blame(&mut self, peer: PeerId, error: WarpError) {
        // One that left or was dropped before is gone already.
        if self.peers.contains_key(&peer) {
            self.forget(peer);
            self.actions.push_back(Action::Blame(peer, Blame::Wrong(error)));
        }
        for index in 0..self.parts.len() {
            if self.parts.get(index).is_some_and(|part| part.is_from(peer)) {
                self.begin_anew(index);
            }
        }
    }

    /// Begins a part anew, the first one at the tip of the run.
    fn begin_anew(&mut self, index: usize) {
        let tip = (index == 0).then(|| self.run.tip().number);
        if let Some(part) = self.parts.get_mut(index) {
            part.begin_anew(tip);
        }
    }

    /// Counts an answer that brought nothing.
    fn strike(&mut self, peer: PeerId) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        entry.answers_without_progress = entry.answers_without_progress.saturating_add(1);
        if entry.answers_without_progress >= NO_PROGRESS_MAX {
            self.forget(peer);
            self.actions.push_back(Action::Blame(peer, Blame::NoProgress));
        }
    }

    /// Asks `peer` no more.
    fn forget(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        for index in 0..self.parts.len() {
            if self.parts.get(index).and_then(Part::open_ask).is_some_and(|(_, asked)| asked == peer) {
                self.cancel(index);
            }
        }
    }

    /// Closes the ask of a part, if one is open.
    fn cancel(&mut self, index: usize) {
        let Some(part) = self.parts.get_mut(index) else { return };
        if let Some((ask, peer)) = part.open_ask() {
            part.asked = Asked::Nothing;
            self.actions.push_back(Action::Cancel(ask));
            self.free(peer);
        }
    }

    /// Notes that an ask is closed; returns its part and its peer.
    fn close(&mut self, ask: AskId) -> Option<(usize, PeerId)> {
        let index = self.part_of(ask)?;
        let part = self.parts.get_mut(index)?;
        let (_, peer) = part.open_ask()?;
        part.asked = Asked::Nothing;
        self.free(peer);
        Some((index, peer))
    }

    fn free(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.busy = false;
        }
    }

    fn part_of(&self, ask: AskId) -> Option<usize> {
        self.parts.iter().position(|part| part.open_ask().is_some_and(|(open, _)| open == ask))
    }
}
