//! What is made of answers while they come in, and how much of them is held.

use super::Warp;
use crate::base::{AskId, Hash, PeerId};
use crate::chains::substrate::warp::fragment::Fragment;
use crate::chains::substrate::warp::machine::contract::Action;
use crate::chains::substrate::warp::part::{Answer, Asked, Part, Start};
use crate::chains::substrate::warp::run::WarpError;
use crate::chains::substrate::warp::stream::FRAGMENT_BYTES_MAX;
use core::cmp::Ordering;

/// The most bytes that are taken in before the bounds are looked at again, whatever the driver hands over at once.
const PIECE_BYTES_MAX: usize = 1 << 16;

/// The most bytes of fragments that wait in the first part; one fragment alone may be larger.
pub(super) const FRONT_BYTES_MAX: usize = 2 << 20;

/// The most bytes that all other parts hold: fragments that wait and one that is coming in for each of them.
pub(super) const OTHERS_BYTES_MAX: usize = 4 << 20;

/// The most bytes that the first part holds of a fragment that is coming in: its buffer grows by an eighth.
const INCOMING_BYTES_MAX: usize = (FRAGMENT_BYTES_MAX + PIECE_BYTES_MAX) / 8 * 9;

/// The most bytes of fragments that are coming in or wait for those before them, of all parts. What comes beyond is not
/// kept. So much takes a fragment of [`FRAGMENT_BYTES_MAX`]; with those of Kusama it is a third.
pub const WAITING_BYTES_MAX: usize = OTHERS_BYTES_MAX + FRAGMENT_BYTES_MAX + INCOMING_BYTES_MAX;

impl Warp {
    pub(super) fn hash_told(&mut self, ask: AskId, hash: Option<Hash>) {
        let Some((index, peer)) = self.close(ask) else { return };
        match (hash, self.parts.get_mut(index)) {
            (Some(hash), Some(part)) if part.start == Start::Height => {
                match self.rules.blocks.check(part.start_height, &hash) {
                    Ok(()) => {
                        part.start = Start::Block(hash);
                        self.ask(index, peer);
                    }
                    Err(refused) => self.blame(peer, refused.into()),
                }
            }
            _ => {
                self.strike(peer);
                self.give_up_start(index);
            }
        }
    }

    pub(super) fn received(&mut self, ask: AskId, chunk: &[u8]) {
        for piece in chunk.chunks(PIECE_BYTES_MAX) {
            let Some((index, peer, mut answer)) = self.take_answer(ask) else { return };
            match self.take_in(index, peer, &mut answer, piece) {
                Ok(true) => {
                    if let Some(part) = self.parts.get_mut(index) {
                        part.asked = Asked::Fragments { ask, peer, answer };
                    }
                }
                Ok(false) => {
                    self.free(peer);
                    self.actions.push_back(Action::Cancel(ask));
                }
                Err(error) => {
                    self.actions.push_back(Action::Cancel(ask));
                    self.blame(peer, error);
                }
            }
            // Makes room for the next piece.
            self.verify_on();
        }
    }

    /// Takes in a piece of an answer; `false` if the answer is to be left alone from now on.
    fn take_in(&mut self, index: usize, peer: PeerId, answer: &mut Answer, piece: &[u8]) -> Result<bool, WarpError> {
        answer.stream.receive(piece)?;
        while let Some(fragment) = answer.stream.next_fragment()? {
            if !self.keep(index, peer, answer, fragment)? {
                return Ok(false);
            }
        }
        Ok(self.fits(index, answer, 0))
    }

    pub(super) fn ended(&mut self, ask: AskId) {
        let Some((index, peer, mut answer)) = self.take_answer(ask) else { return };
        self.free(peer);
        match self.take_rest(index, peer, &mut answer) {
            Ok(None) => {}
            Ok(Some(_)) if answer.fragments == 0 => {
                self.strike(peer);
                self.give_up_start(index);
            }
            Ok(Some(finished)) => {
                if let Some(part) = self.parts.get_mut(index) {
                    part.exhausted = finished;
                }
            }
            Err(error) => self.blame(peer, error),
        }
    }

    /// Takes in what an answer still holds; returns whether the peer has no more, or `None` if the rest was left alone.
    fn take_rest(&mut self, index: usize, peer: PeerId, answer: &mut Answer) -> Result<Option<bool>, WarpError> {
        loop {
            match answer.stream.end()? {
                Ok(fragment) => {
                    if !self.keep(index, peer, answer, fragment)? {
                        return Ok(None);
                    }
                }
                Err(finished) => return answer.minimality.end(finished).map(|()| Some(finished)),
            }
        }
    }

    /// Takes the answer out of its part, to be put back unless it is done with.
    fn take_answer(&mut self, ask: AskId) -> Option<(usize, PeerId, Answer)> {
        let index = self.part_of(ask)?;
        let part = self.parts.get_mut(index)?;
        match core::mem::replace(&mut part.asked, Asked::Nothing) {
            Asked::Fragments { peer, answer, .. } => Some((index, peer, answer)),
            other => {
                part.asked = other;
                None
            }
        }
    }

    /// Takes in a fragment of the answer that a part is receiving; `false` if the answer is to be left alone from now on.
    /// An error is the fault of `peer` whatever else is unverified.
    fn keep(&mut self, index: usize, peer: PeerId, answer: &mut Answer, fragment: Fragment) -> Result<bool, WarpError> {
        // What follows belongs to the next part.
        let Some(reached) = self.parts.get(index).filter(|part| !part.complete).map(|part| part.reached) else {
            return Ok(false);
        };
        let (number, hash) = (fragment.block().number, fragment.block().hash);
        self.rules.blocks.check(number, &hash)?;
        answer.minimality.next(&fragment, &self.rules)?;
        match number.cmp(&reached) {
            Ordering::Less => return Err(WarpError::HeightNotAbove { got: number, tip: reached }),
            // The newest justification of a node may be of the very block that it was asked from.
            Ordering::Equal => return Ok(true),
            Ordering::Greater => {}
        }
        if !self.fits(index, answer, fragment.bytes().len()) {
            return Ok(false);
        }
        answer.fragments = answer.fragments.saturating_add(1);
        if let Some(part) = self.parts.get_mut(index) {
            part.keep(peer, fragment);
        }
        Ok(true)
    }

    /// Tells whether part `index`, which is receiving `answer`, may hold a fragment of `bytes` more. Another one than the
    /// first that may not is asked for no more before the parts move up, lest the same bytes come again and again.
    fn fits(&mut self, index: usize, answer: &Answer, bytes: usize) -> bool {
        let others = self.others_bytes().saturating_add(answer.stream.size_bytes()).saturating_add(bytes);
        let Some(part) = self.parts.get_mut(index) else { return false };
        if index == 0 {
            // What waits here moves on before the next piece; one fragment alone must pass, however large.
            return bytes == 0
                || part.waiting.is_empty()
                || part.waiting_bytes.saturating_add(bytes) <= FRONT_BYTES_MAX;
        }
        part.is_parked = others > OTHERS_BYTES_MAX;
        !part.is_parked
    }

    /// Returns the bytes that parts behind the first one hold.
    pub(super) fn others_bytes(&self) -> usize {
        self.parts.iter().skip(1).map(Part::size_bytes).fold(0, usize::saturating_add)
    }
}
