//! What providers cannot do: kinds of questions that one did not answer are not put to it again for a while.
//!
//! A node without an index, one that has pruned more than it says, a gateway that knows half of the routes: none of them
//! is at fault, and each is of use for everything else. Nor is it a way to be asked for nothing: the while grows.

use crate::base::{Instant, PeerId};
use crate::chains::tendermint::sync::ask::request::Part;
use alloc::collections::BTreeMap;
use core::time::Duration;

/// For how long a kind of question is not put to a provider for the first time; each further time twice as long…
const UNASKED_FIRST: Duration = Duration::from_secs(1);
/// …but at most this long.
const UNASKED_MAX: Duration = Duration::from_secs(600);
/// After this long without a further failure it counts as the first time.
const FORGIVEN_AFTER: Duration = Duration::from_secs(3_600);
/// The time doubles at most this many times.
const DOUBLINGS_MAX: u32 = 16;

/// Gaps of providers, by provider and kind of question: as many as there are providers times kinds.
#[derive(Debug, Default)]
pub(crate) struct Gaps(BTreeMap<(PeerId, Part), Gap>);

#[derive(Debug)]
struct Gap {
    /// Heights up to this one.
    up_to: u64,
    until: Instant,
    times: u32,
}

impl Gaps {
    /// Notes that a provider did not answer a kind of question for `height`.
    pub(crate) fn found(&mut self, peer: PeerId, part: Part, height: u64, now: Instant) {
        let gap = self.0.entry((peer, part)).or_insert(Gap { up_to: height, until: now, times: 0 });
        if now >= gap.until.after(FORGIVEN_AFTER) {
            gap.times = 0;
        }
        // What was asked at the same time fails at the same time.
        if now >= gap.until {
            gap.until = now.after(UNASKED_FIRST.saturating_mul(1 << gap.times.min(DOUBLINGS_MAX)).min(UNASKED_MAX));
            gap.times = gap.times.saturating_add(1);
            gap.up_to = height;
        }
        gap.up_to = gap.up_to.max(height);
    }

    /// Notes that a provider answered a kind of question for `height`.
    pub(crate) fn filled(&mut self, peer: PeerId, part: Part, height: u64) {
        if self.0.get(&(peer, part)).is_some_and(|gap| height <= gap.up_to) {
            self.0.remove(&(peer, part));
        }
    }

    /// Tells whether a kind of question for `height` may be put to a provider.
    pub(crate) fn is_able(&self, peer: PeerId, part: Part, height: u64, now: Instant) -> bool {
        self.0.get(&(peer, part)).is_none_or(|gap| now >= gap.until || height > gap.up_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_while_grows_and_ends_when_the_provider_answers() {
        let (mut gaps, peer) = (Gaps::default(), PeerId(1));
        let at = |seconds| Instant(0).after(Duration::from_secs(seconds));
        gaps.found(peer, Part::Headers, 100, at(0));
        gaps.found(peer, Part::Headers, 120, at(0));
        let able = |gaps: &Gaps, height, seconds| gaps.is_able(peer, Part::Headers, height, at(seconds));
        assert_eq!([able(&gaps, 120, 0), able(&gaps, 121, 0), able(&gaps, 120, 1)], [false, true, true]);
        assert!(gaps.is_able(peer, Part::Commit, 100, at(0)));
        gaps.found(peer, Part::Headers, 100, at(1));
        assert_eq!([able(&gaps, 100, 2), able(&gaps, 110, 2), able(&gaps, 100, 3)], [false, true, true]);
        for _ in 0..40 {
            let until = gaps.0[&(peer, Part::Headers)].until;
            gaps.found(peer, Part::Headers, 100, until);
        }
        let gap = &gaps.0[&(peer, Part::Headers)];
        assert!(!gaps.is_able(peer, Part::Headers, 100, Instant(gap.until.0 - 1)));
        let last = gap.until;
        gaps.found(peer, Part::Headers, 100, last);
        assert_eq!(gaps.0[&(peer, Part::Headers)].until, last.after(UNASKED_MAX));
        gaps.filled(peer, Part::Headers, 101);
        assert!(!gaps.is_able(peer, Part::Headers, 100, last));
        gaps.filled(peer, Part::Headers, 100);
        assert!(gaps.is_able(peer, Part::Headers, 100, last));
    }
}
