//! Which peer is asked for what next.

use super::answers::{FRONT_BYTES_MAX, OTHERS_BYTES_MAX};
use super::{PARTS_MAX, Peer, Warp, WarpSettings};
use crate::base::{AskId, PeerId};
use crate::chains::substrate::warp::machine::contract::Action;
use crate::chains::substrate::warp::part::{Answer, Asked, Part, Start};
use alloc::vec::Vec;

impl Warp {
    /// Tells whether part `index` may be asked for more.
    fn has_room(&self, index: usize) -> bool {
        let Some(part) = self.parts.get(index) else { return false };
        if index == 0 {
            return part.waiting_bytes < FRONT_BYTES_MAX;
        }
        !part.is_parked && self.others_bytes() < OTHERS_BYTES_MAX
    }

    /// Verifies, ends, and puts the next asks.
    pub(super) fn go_on(&mut self) {
        self.verify_on();
        for index in 0..self.parts.len() {
            let is_complete = self.parts.get(index).is_some_and(|part| part.complete);
            if is_complete || (index == 0 && !self.has_room(0)) {
                self.cancel(index);
            }
        }
        let head = self.head.block().number;
        let wanted = |peer: &Peer, settings: &WarpSettings| peer.finalized > head.saturating_add(settings.gap_blocks);
        let nothing_unverified = self.works.is_empty() && self.run.is_empty();
        if nothing_unverified && !self.peers.is_empty() && !self.peers.values().any(|peer| wanted(peer, &self.settings))
        {
            (0..self.parts.len()).for_each(|index| self.cancel(index));
            self.parts.clear();
            if !core::mem::replace(&mut self.finished, true) {
                self.actions.push_back(Action::Finished(self.head.clone()));
            }
            return;
        }
        self.drop_unreachable();
        let idle = self.peers.iter().filter(|(_, peer)| !peer.busy && wanted(peer, &self.settings));
        let idle: Vec<(PeerId, u64)> = idle.map(|(id, peer)| (*id, peer.finalized)).collect();
        for (peer, finalized) in idle {
            self.employ(peer, finalized);
        }
    }

    /// Drops the last parts that begin above what anybody announces: who announced more is gone.
    fn drop_unreachable(&mut self) {
        let highest = self.peers.values().map(|peer| peer.finalized).max().unwrap_or_default();
        let gap = self.settings.gap_blocks;
        let is_unreachable = |part: &Part| {
            part.waiting.is_empty() && part.wants_peer() && part.start_height.saturating_add(gap) >= highest
        };
        while self.parts.len() > 1 && self.parts.back().is_some_and(is_unreachable) {
            self.parts.pop_back();
            if let Some(last) = self.parts.back_mut() {
                (last.end, last.complete) = (None, false);
            }
        }
    }

    /// Finds something to ask `peer` for.
    fn employ(&mut self, peer: PeerId, finalized: u64) {
        if self.parts.is_empty() {
            self.parts.push_back(Part::new(Start::Tip, self.run.tip().number));
        }
        for index in 0..self.parts.len() {
            if self.has_room(index) && self.may_ask(index, peer, finalized) {
                return self.ask(index, peer);
            }
        }
        let Some(last) = self.parts.back_mut() else { return };
        if self.settings.part_blocks == 0 || last.complete {
            return;
        }
        let reached = last.reached.max(last.start_height);
        let height = (reached / self.settings.part_blocks).saturating_add(1).saturating_mul(self.settings.part_blocks);
        let far = height.saturating_add(self.settings.gap_blocks) < finalized;
        if far && self.parts.len() < PARTS_MAX && self.others_bytes() < OTHERS_BYTES_MAX {
            if let Some(last) = self.parts.back_mut() {
                last.end = Some(height);
            }
            self.parts.push_back(Part::new(Start::Height, height));
            self.ask(self.parts.len().saturating_sub(1), peer);
        }
    }

    /// Tells whether `peer`, which announced `finalized`, can be asked for the next of part `index`. What one peer said and
    /// nobody verified is no question for another one, who could not answer it, and neither is what lies above its own
    /// finalized block, however high others claim to be.
    fn may_ask(&mut self, index: usize, peer: PeerId, finalized: u64) -> bool {
        let gap = self.settings.gap_blocks;
        let verified = self.works.is_empty() && self.run.is_empty();
        let (tip, peers) = (self.run.tip().number, &self.peers);
        let Some(part) = self.parts.get_mut(index).filter(|part| part.wants_peer()) else { return false };
        if part.waiting.is_empty() {
            let gone = part.source.is_none_or(|source| !peers.contains_key(&source));
            if index == 0 {
                part.start = Start::Tip;
                part.reached = tip;
                // Who has nothing more is asked again only where it announced more than it then had.
                part.exhausted &= !verified;
                return verified || (self.tip_source == Some(peer) && !part.exhausted);
            }
            if gone {
                (part.start, part.source) = (Start::Height, None);
            }
        }
        let has_start = index == 0 || part.start_height.saturating_add(gap) < finalized;
        has_start && !part.exhausted && part.source.is_none_or(|source| source == peer)
    }

    /// Puts the next ask of part `index` to `peer`.
    pub(super) fn ask(&mut self, index: usize, peer: PeerId) {
        let (width, tip) = (self.settings.number_width, self.run.tip().hash);
        let Some(part) = self.parts.get_mut(index) else { return };
        self.asks = self.asks.saturating_add(1);
        let ask = AskId(self.asks);
        let from = match part.start {
            Start::Height => None,
            Start::Tip => Some(tip),
            Start::Block(hash) => Some(hash),
        };
        part.source = Some(peer);
        let action = match from {
            None => {
                part.asked = Asked::Hash { ask, peer };
                Action::AskHash { ask, peer, height: part.start_height }
            }
            Some(from) => {
                part.asked = Asked::Fragments { ask, peer, answer: Answer::new(width) };
                Action::AskFragments { ask, peer, from }
            }
        };
        self.actions.push_back(action);
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.busy = true;
        }
    }

    /// Begins a part anew after an answer that brought nothing: its beginning may have been wrong.
    pub(super) fn give_up_start(&mut self, index: usize) {
        if self.parts.get(index).is_some_and(|part| part.waiting.is_empty()) {
            self.begin_anew(index);
        }
    }
}
