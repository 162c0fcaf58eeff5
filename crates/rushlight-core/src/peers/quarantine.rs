//! What is held against a peer, and for how long it is not asked because of it.
//!
//! Verdicts are counted apart. A peer goes into quarantine when it has as many strikes of one verdict as that verdict
//! allows; strikes are forgotten one by one with time. Each further quarantine for the same verdict lasts twice as long,
//! up to a bound, until the peer has behaved for eight times as long as it was out. After a quarantine the peer is on
//! its last chance for every verdict.

use super::Verdict;
use crate::base::{Instant, PeerId, Seed};
use crate::crypto::Sha256;
use alloc::collections::BTreeMap;
use core::time::Duration;

/// A strike is forgotten after this time.
pub const STRIKE_AGE: Duration = Duration::from_secs(60);
/// A `Retry-After` is honoured up to this time; else a peer could take itself out of the user's hands for ever.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// A `Retry-After` of less counts as this.
pub const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
/// A quarantine that ends early, because every peer is out, lasts at least this long…
pub const EARLY_MIN: Duration = Duration::from_millis(500);
/// …and at most this long.
pub const EARLY_MAX: Duration = Duration::from_secs(10);
/// Trust is regained after so many times the length of the last quarantine.
const GOOD_CONDUCT_FACTOR: u32 = 8;
/// So many answers make good for one refusal.
const ANSWERS_PER_REFUSAL: u64 = 4;
/// So many answers halve the next quarantine for slowness or refusing.
const ANSWERS_PER_DOUBLING: u64 = 16;
/// A quarantine doubles at most so many times.
const DOUBLINGS_MAX: u32 = 16;

/// How a verdict is dealt with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sentence {
    /// So many strikes put the peer into quarantine.
    pub strikes_max: u32,
    /// How long the first quarantine lasts.
    pub first: Duration,
    /// How long a quarantine lasts at most, before jitter.
    pub longest: Duration,
    /// What a strike adds to the peer's cost, in hundredths of its answer time.
    pub cost: u64,
}

/// Returns how `verdict` is dealt with: who lies is out at once and for long; who is slow may be fast in a moment; who
/// is pruned or behind is still of use to others.
pub(super) fn sentence(verdict: Verdict) -> Sentence {
    let secs = Duration::from_secs;
    match verdict {
        Verdict::Slow => Sentence { strikes_max: 3, first: secs(5), longest: secs(300), cost: 50 },
        Verdict::Behind => Sentence { strikes_max: 6, first: secs(10), longest: secs(300), cost: 10 },
        Verdict::Pruned => Sentence { strikes_max: 8, first: secs(10), longest: secs(600), cost: 10 },
        // Which no number of strikes reaches.
        Verdict::AnotherForm => Sentence { strikes_max: u32::MAX, first: secs(0), longest: secs(0), cost: 50 },
        Verdict::Refusing => Sentence { strikes_max: 3, first: secs(10), longest: secs(600), cost: 100 },
        Verdict::Lying => Sentence { strikes_max: 1, first: secs(600), longest: secs(86_400), cost: 400 },
    }
}

/// A quarantine under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quarantine {
    /// What for.
    pub verdict: Verdict,
    /// When it began.
    pub since: Instant,
    /// When it ends.
    pub until: Instant,
    /// The peer itself asked for it with `Retry-After`, so it is not cut short.
    pub is_asked_for: bool,
}

impl Quarantine {
    /// Returns when it may end if nobody else is there to be asked: after a quarter of its time, within [`EARLY_MIN`]
    /// and [`EARLY_MAX`]. `None` for liars, who serve their time: no answer is better than asking a liar.
    pub(super) fn early_end(&self) -> Option<Instant> {
        if self.verdict == Verdict::Lying {
            return None;
        }
        if self.is_asked_for {
            return Some(self.until);
        }
        let quarter = self.until.since(self.since) / 4;
        Some(self.since.after(quarter.clamp(EARLY_MIN, EARLY_MAX)).min(self.until))
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Strikes {
    count: u32,
    at: Instant,
    doublings: u32,
    good_at: Instant,
    total: u64,
}

/// What is held against one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    strikes: BTreeMap<Verdict, Strikes>,
    quarantine: Option<Quarantine>,
    quarantines: u64,
    answers: u64,
}

const VERDICTS: [Verdict; 6] =
    [Verdict::Slow, Verdict::Behind, Verdict::Pruned, Verdict::AnotherForm, Verdict::Refusing, Verdict::Lying];

impl Record {
    /// Returns the quarantine under way.
    pub(super) fn quarantine(&self) -> Option<Quarantine> {
        self.quarantine
    }

    /// Returns how often each verdict was held against the peer.
    pub(super) fn faults(&self) -> BTreeMap<Verdict, u64> {
        self.strikes.iter().filter(|(_, strikes)| strikes.total > 0).map(|(v, strikes)| (*v, strikes.total)).collect()
    }

    /// Holds `verdict` against the peer; returns the quarantine if it begins one or makes the present one graver.
    pub(super) fn strike(
        &mut self,
        now: Instant,
        verdict: Verdict,
        retry_after: Option<Duration>,
        jitter: Jitter<'_>,
    ) -> Option<Quarantine> {
        let sentence = sentence(verdict);
        let strikes = self.strikes.entry(verdict).or_default();
        strikes.count = remembered(strikes, now).saturating_add(1);
        strikes.at = now;
        strikes.total = strikes.total.saturating_add(1);
        let is_enough = strikes.count >= sentence.strikes_max || retry_after.is_some();
        let is_graver = self.quarantine.is_none_or(|present| verdict > present.verdict);
        if !is_enough || !is_graver {
            return None;
        }
        if now >= strikes.good_at {
            strikes.doublings = 0;
        }
        let is_asked_for = retry_after.is_some();
        // A peer that refuses again right after the time it asked for wants more time than it says.
        let (first, longest) = match retry_after {
            Some(wanted) => (wanted.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX), RETRY_AFTER_MAX),
            None => (sentence.first, sentence.longest),
        };
        let length = first.saturating_mul(1 << strikes.doublings.min(DOUBLINGS_MAX)).min(longest);
        strikes.doublings = strikes.doublings.saturating_add(1).min(DOUBLINGS_MAX);
        self.quarantines = self.quarantines.saturating_add(1);
        // Jitter keeps the peers of a network that failed at once from being asked again at once.
        let length = length.saturating_add(jitter.up_to(length / 4, self.quarantines));
        let until = now.after(length);
        strikes.good_at = until.after(length.saturating_mul(GOOD_CONDUCT_FACTOR));
        let quarantine = Quarantine { verdict, since: now, until, is_asked_for };
        self.quarantine = Some(quarantine);
        Some(quarantine)
    }

    /// Takes back strikes because the peer has answered: each answer one for slowness, every fourth one for refusing,
    /// every sixteenth a doubling of both, so that a peer that loses some answers and gives most is not shut out.
    ///
    /// What a family holds against answers themselves is not made good by answering: there time alone helps, and a peer
    /// of whose answers more than one in four is refused has no gain from giving them.
    pub(super) fn answered(&mut self, now: Instant) {
        self.answers = self.answers.wrapping_add(1);
        let forgives = [(Verdict::Slow, true), (Verdict::Refusing, self.answers.is_multiple_of(ANSWERS_PER_REFUSAL))];
        for (verdict, is_forgiven) in forgives {
            let Some(strikes) = self.strikes.get_mut(&verdict) else { continue };
            if is_forgiven {
                strikes.count = remembered(strikes, now).saturating_sub(1);
                strikes.at = now;
            }
            if self.answers.is_multiple_of(ANSWERS_PER_DOUBLING) {
                strikes.doublings = strikes.doublings.saturating_sub(1);
            }
        }
    }

    /// Ends the quarantine at `end` at the latest.
    pub(super) fn shorten(&mut self, end: Instant) {
        if let Some(quarantine) = &mut self.quarantine {
            quarantine.until = quarantine.until.min(end);
        }
    }

    /// Ends the quarantine. The peer is on its last chance: one more strike of any verdict and it is out again.
    pub(super) fn readmit(&mut self, now: Instant) {
        self.quarantine = None;
        for verdict in VERDICTS {
            let strikes = self.strikes.entry(verdict).or_default();
            let strikes_max = sentence(verdict).strikes_max;
            if strikes_max < u32::MAX {
                strikes.count = strikes_max.saturating_sub(1);
                strikes.at = now;
            }
        }
    }

    /// Returns what the strikes not yet forgotten add to the peer's cost, in hundredths of its answer time.
    pub(super) fn cost(&self, now: Instant) -> u64 {
        self.strikes.iter().fold(0, |sum: u64, (verdict, strikes)| {
            sum.saturating_add(u64::from(remembered(strikes, now)).saturating_mul(sentence(*verdict).cost))
        })
    }
}

fn remembered(strikes: &Strikes, now: Instant) -> u32 {
    let forgotten = now.since(strikes.at).as_secs() / STRIKE_AGE.as_secs();
    strikes.count.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
}

/// Spreads quarantines over time: a hash of the node's seed, the peer and the number of its quarantine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter<'a> {
    pub seed: &'a Seed,
    pub peer: PeerId,
}

impl Jitter<'_> {
    fn up_to(&self, most: Duration, nth: u64) -> Duration {
        let mut hash = Sha256::default();
        hash.update(b"rushlight/peers/quarantine");
        hash.update(self.seed.exposed());
        hash.update(&self.peer.0.to_be_bytes());
        hash.update(&nth.to_be_bytes());
        let [a, b, c, d, e, f, g, h, ..] = *hash.finish().as_bytes();
        let drawn = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let most_ns = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(drawn.checked_rem(most_ns).unwrap_or(0))
    }
}
