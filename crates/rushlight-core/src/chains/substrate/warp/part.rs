//! A part of the way: fragments from one height up to another, asked of one peer at a time.

use super::fragment::Fragment;
use super::proof::Minimality;
use super::stream::FragmentStream;
use crate::base::{AskId, Hash, PeerId};
use crate::chains::substrate::header::NumberWidth;
use alloc::collections::VecDeque;

/// Where a part begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At the last block that is verified or about to be.
    Tip,
    /// At a height whose hash is to be asked for.
    Height,
    /// At a block that a peer named; nobody has verified it.
    Block(Hash),
}

/// What a peer was asked for.
#[derive(Debug)]
pub(super) enum Asked {
    Nothing,
    Hash { ask: AskId, peer: PeerId },
    Fragments { ask: AskId, peer: PeerId, answer: Answer },
}

/// An answer that is coming in.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) stream: FragmentStream,
    pub(super) minimality: Minimality,
    /// Fragments above the part's start.
    pub(super) fragments: usize,
}

impl Answer {
    pub(super) fn new(width: NumberWidth) -> Self {
        Self { stream: FragmentStream::new(width), minimality: Minimality::default(), fragments: 0 }
    }
}

/// A part of the way.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) start: Start,
    pub(super) start_height: u64,
    /// The part is complete with the first fragment above this height, which the next part begins with too.
    pub(super) end: Option<u64>,
    pub(super) asked: Asked,
    /// Whose word the beginning is, or what waits.
    pub(super) source: Option<PeerId>,
    /// Fragments that wait for those before them.
    pub(super) waiting: VecDeque<(PeerId, Fragment)>,
    pub(super) waiting_bytes: usize,
    /// Height of the last fragment received.
    pub(super) reached: u64,
    pub(super) complete: bool,
    /// The peer said that it has nothing more.
    pub(super) exhausted: bool,
    /// There was no room for what came; to be asked for again when the parts have moved up.
    pub(super) is_parked: bool,
}

impl Part {
    pub(super) fn new(start: Start, start_height: u64) -> Self {
        Self {
            start,
            start_height,
            end: None,
            asked: Asked::Nothing,
            source: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            reached: start_height,
            complete: false,
            exhausted: false,
            is_parked: false,
        }
    }

    /// Begins anew: at the run's tip, whose number is given, or without one where the first peer was asked to begin. What came
    /// is dropped; where the part ends stays.
    pub(super) fn begin_anew(&mut self, tip: Option<u64>) {
        let (start, height) = tip.map_or((Start::Height, self.start_height), |tip| (Start::Tip, tip));
        *self = Self { end: self.end, ..Self::new(start, height) };
    }

    /// Keeps a fragment until those before it are known.
    pub(super) fn keep(&mut self, peer: PeerId, fragment: Fragment) {
        let block = fragment.block();
        self.waiting_bytes = self.waiting_bytes.saturating_add(fragment.bytes().len());
        self.waiting.push_back((peer, fragment));
        (self.start, self.source) = (Start::Block(block.hash), Some(peer));
        self.reached = block.number;
        self.complete = self.end.is_some_and(|end| block.number > end);
    }

    /// Returns the fragment that waits longest.
    pub(super) fn take(&mut self) -> Option<(PeerId, Fragment)> {
        let taken = self.waiting.pop_front()?;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(taken.1.bytes().len());
        Some(taken)
    }

    /// Tells whether the part's beginning is the word of `peer`, or something that waits was sent by it.
    pub(super) fn is_from(&self, peer: PeerId) -> bool {
        self.source == Some(peer) || self.waiting.iter().any(|(sender, _)| *sender == peer)
    }

    /// Tells whether a peer could be asked for more of this part.
    pub(super) fn wants_peer(&self) -> bool {
        !self.complete && matches!(self.asked, Asked::Nothing)
    }

    /// Returns the ask that is open and the peer that it is put to.
    pub(super) fn open_ask(&self) -> Option<(AskId, PeerId)> {
        match &self.asked {
            Asked::Nothing => None,
            Asked::Hash { ask, peer } | Asked::Fragments { ask, peer, .. } => Some((*ask, *peer)),
        }
    }

    /// Returns the bytes that are held.
    pub(super) fn size_bytes(&self) -> usize {
        match &self.asked {
            Asked::Fragments { answer, .. } => self.waiting_bytes.saturating_add(answer.stream.size_bytes()),
            _ => self.waiting_bytes,
        }
    }
}
