//! The choice of the pivot: which height a skipping sync fetches when no block that it already has is trusted.
//!
//! The references always take the same fraction of the gap (`CometBFT` 9/16, `tendermint-rs` 1/2). That is the best
//! there is for a validator set that changes at one unknown height, and wasteful for one that changes steadily: the
//! last halving lands anywhere between half of what could have been skipped and all of it. Here each tried pair of
//! heights tells how fast trusted power is lost; once that predicts what is seen next, the gap is cut into the fewest
//! equal parts that should pass, which may be three or five where halving takes four or eight. As long as it does not
//! predict, as with bursts, tiny sets or poor participation, the gap is halved: then nothing is lost.
//!
//! What earlier walks of the chain have found goes before both ([`Steps`]), those of proofs and of dissenting witnesses
//! among them: a step before a great change is tried at once, and where two known hops lead over the gap, or one leads
//! beyond the first part, its end is the pivot.
//!
//! What is trusted: nothing. A pivot decides how many blocks are fetched, never whether one is accepted; a provider
//! that shows odd shares can only make the sync longer, and every pivot is strictly inside its gap, so it ends.
//! What is left out: candidates that are themselves badly signed.
//! Source of the fractions: `light/client.go` at v0.38.25 (`verifySkippingNumerator`) and
//! `light-client/src/components/scheduler.rs` of tendermint-rs. Figures: `docs/performance.md`.

use crate::chains::tendermint::sync::walk::steps::Steps;

/// A height is a step when the hop that it opened is this many times the gap in which it had been looked for.
const STEP_OPENS_MIN: u64 = 8;

/// One, in the unit of shares.
const ONE_PPM: u64 = 1_000_000;
/// Distances beyond this are counted as this: more heights than any chain has, few enough for products to fit.
const DISTANCE_MAX: u64 = 1 << 40;
/// The reach is kept in this fraction of a height, since a fast rotation reaches over a few heights only.
const REACH_UNIT: u64 = 1 << 16;

/// What is known of one sync about how far trust reaches, and the choice of pivots by it.
///
/// Deterministic, integers only, of constant size. One value serves one walk (one trusted height to one target).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pivots {
    /// The trust level.
    level_ppm: u64,
    /// The share that signs when nobody has left yet: typical participation.
    full_ppm: u64,
    /// The distance at which the share falls to the level, in [`REACH_UNIT`]s; 0 before the first useful sample.
    reach: u64,
    /// How far predictions were off, on average, as a part of the fall from `full_ppm` to the level.
    error_ppm: u64,
    /// How many samples made `reach`, saturating.
    samples: u32,
    /// The pivot chosen last, until it passes or fails.
    chosen: Option<Chosen>,
    /// The pivot that passed last, until the hop from it is known.
    passed: Option<Chosen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chosen {
    pivot: u64,
    trusted: u64,
    gap: u64,
    why: Why,
}

/// What a pivot was chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// A part of the gap.
    Part,
    /// A kept step.
    Step,
    /// A kept hop.
    Hop,
}

impl Pivots {
    /// Returns the state before anything was tried, for a trust level in millionths (333,333 is 1/3; capped at 1).
    pub fn new(trust_level_ppm: u32) -> Self {
        /// Participation as most chains have it, until samples say otherwise.
        const FULL_AT_FIRST_PPM: u64 = 950_000;
        let level_ppm = u64::from(trust_level_ppm).min(ONE_PPM);
        let full_ppm = FULL_AT_FIRST_PPM.max(level_ppm);
        Self { level_ppm, full_ppm, reach: 0, error_ppm: 0, samples: 0, chosen: None, passed: None }
    }

    /// Learns that `share_ppm` millionths of the power trusted at height `from` signed at height `to`.
    ///
    /// Call it once for each tried pair, passed or failed. Pairs with `to` not above `from` say nothing.
    pub fn observe(&mut self, from: u64, to: u64, share_ppm: u32) {
        let distance = to.saturating_sub(from).min(DISTANCE_MAX);
        if distance == 0 {
            return;
        }
        let share_ppm = u64::from(share_ppm).min(ONE_PPM);
        if self.samples == 0 {
            self.observe_first(distance, share_ppm);
        } else {
            self.observe_next(distance, share_ppm);
        }
    }

    /// Learns that height `to` was verified from height `from`.
    pub fn passed(&mut self, steps: &mut Steps, from: u64, to: u64) {
        steps.hop(from, to);
        if let Some(before) = self.passed.take().filter(|before| before.pivot == from) {
            let is_far = to.saturating_sub(from) >= before.gap.saturating_mul(STEP_OPENS_MIN);
            if is_far && before.why == Why::Part {
                steps.keep(from);
            }
        }
        if let Some(chosen) = self.chosen.take_if(|chosen| chosen.pivot == to) {
            if chosen.why == Why::Step {
                steps.tried(to, true);
            }
            self.passed = Some(chosen);
        }
    }

    /// Learns that height `to` cannot be verified from the trusted one.
    pub fn fell_short(&mut self, steps: &mut Steps, to: u64) {
        let Some(chosen) = self.chosen.take_if(|chosen| chosen.pivot == to) else { return };
        match chosen.why {
            Why::Part => {}
            Why::Step => steps.tried(to, false),
            Why::Hop => steps.forget_hop(chosen.trusted),
        }
    }

    /// Returns a height strictly between `trusted` and `failed`, the lowest candidate that does not pass.
    ///
    /// Expects `failed` to be at least two above `trusted` (an adjacent block needs no overlap); if it is not, the
    /// height above `trusted` is returned.
    pub fn choose(&mut self, steps: &Steps, trusted: u64, failed: u64) -> u64 {
        let gap = failed.saturating_sub(trusted);
        let (pivot, why) = match steps.between(trusted, failed) {
            Some(step) => (step, Why::Step),
            None => {
                let part = (gap / self.parts(gap)).clamp(1, gap.saturating_sub(1).max(1));
                (trusted.saturating_add(part), Why::Part)
            }
        };
        let reach = steps.reach(trusted);
        let is_inside = trusted.saturating_add(1) < reach && reach < failed;
        let (pivot, why) =
            if is_inside && (reach > pivot || steps.reach(reach) >= failed) { (reach, Why::Hop) } else { (pivot, why) };
        self.chosen = Some(Chosen { pivot, trusted, gap, why });
        pivot
    }

    /// Returns into how many equal parts to cut `gap`: 2, or more once the reach is known well.
    fn parts(&self, gap: u64) -> u64 {
        /// Fewer samples are a coincidence.
        const SAMPLES_MIN: u32 = 4;
        /// Beyond this error the changes are bursts or chance, and halving is the best search.
        const ERROR_MAX_PPM: u64 = 250_000;
        /// With participation this close to the level every hop is a toss of a coin, whatever its length.
        const MARGIN_MIN_PPM: u64 = 120_000;
        /// How much of the reach is used when predictions are exact.
        const USE_OF_REACH_PPM: u64 = 953_000;
        /// A gap this much longer than a whole number of parts, in millionths of a part, is not given one more part:
        /// one failed pivot costs one fetch, and so does one part.
        const STRETCH_PPM: u64 = 180_000;
        let is_known = self.samples >= SAMPLES_MIN
            && self.error_ppm <= ERROR_MAX_PPM
            && self.full_ppm >= self.level_ppm.saturating_add(MARGIN_MIN_PPM);
        if !is_known {
            return 2;
        }
        let part = scaled(self.reach, USE_OF_REACH_PPM.saturating_sub(self.error_ppm.saturating_mul(3) / 10));
        let gap = u128::from(gap).saturating_mul(u128::from(REACH_UNIT));
        let stretch = u128::from(scaled(part, STRETCH_PPM));
        let parts = gap.saturating_sub(stretch).div_ceil(u128::from(part.max(1)));
        u64::try_from(parts).unwrap_or(u64::MAX).max(2)
    }

    /// The first sample that lies near enough to the level gives the reach.
    fn observe_first(&mut self, distance: u64, share_ppm: u64) {
        /// Less of the fall than this may be mere absence, more may be everybody having left long ago.
        const FALL_PPM: core::ops::RangeInclusive<u64> = 415_000..=1_700_000;
        /// Counted as this far off, so that one sample alone is never believed.
        const ERROR_AT_FIRST_PPM: u64 = 370_000;
        self.full_ppm = self.full_ppm.max(share_ppm);
        let fall_ppm = self.fall_ppm(share_ppm);
        if FALL_PPM.contains(&fall_ppm) && share_ppm.saturating_mul(10) > self.level_ppm.saturating_mul(3) {
            self.reach = ratio(distance.saturating_mul(REACH_UNIT), ONE_PPM, fall_ppm);
            self.error_ppm = ERROR_AT_FIRST_PPM;
            self.samples = 1;
        }
    }

    /// A later sample corrects the reach by how far it is from what the reach predicts: a straight fall.
    fn observe_next(&mut self, distance: u64, share_ppm: u64) {
        /// Up to this part of the reach hardly anybody has left, and the share shows participation.
        const NEAR_PPM: u64 = 400_000;
        /// Beyond this part of the reach a share that is higher than predicted is the tail of a curve, no slower fall.
        const FAR_PPM: u64 = 1_600_000;
        /// How much of its own error a sample at the reach corrects: of participation, the reach, the average error.
        const CORRECTS_FULL_PPM: u64 = 350_000;
        const CORRECTS_REACH_PPM: u64 = 270_000;
        const CORRECTS_ERROR_PPM: u64 = 286_000;
        /// One sample changes the reach by at most this factor either way.
        const REACH_FACTOR_MAX: u64 = 3;
        let predicted_ppm = ratio(distance.saturating_mul(REACH_UNIT), ONE_PPM, self.reach);
        if predicted_ppm < NEAR_PPM {
            let fall = scaled(self.full_ppm.saturating_sub(self.level_ppm), predicted_ppm);
            let full_ppm = toward(self.full_ppm, share_ppm.saturating_add(fall), CORRECTS_FULL_PPM);
            self.full_ppm = full_ppm.min(ONE_PPM).max(self.level_ppm);
        }
        let fall_ppm = self.fall_ppm(share_ppm);
        if predicted_ppm > FAR_PPM && fall_ppm < predicted_ppm {
            return;
        }
        // The nearer a sample is, the less it says of the slope; by the square, as in a least-squares fit.
        let near_ppm = predicted_ppm.min(ONE_PPM);
        let weight_ppm = scaled(near_ppm, near_ppm);
        let off_ppm = fall_ppm.abs_diff(predicted_ppm).min(ONE_PPM);
        self.error_ppm = toward(self.error_ppm, off_ppm, scaled(weight_ppm, CORRECTS_ERROR_PPM));
        // `reach / (1 ± change)`: the slope is what is corrected.
        let change_ppm = ratio(scaled(weight_ppm, CORRECTS_REACH_PPM), off_ppm, predicted_ppm.max(ONE_PPM * 3 / 10));
        let slope_ppm = if fall_ppm > predicted_ppm {
            ONE_PPM.saturating_add(change_ppm)
        } else {
            ONE_PPM.saturating_sub(change_ppm)
        };
        let slope_ppm = slope_ppm.clamp(ONE_PPM / REACH_FACTOR_MAX, ONE_PPM * REACH_FACTOR_MAX);
        self.reach = ratio(self.reach, ONE_PPM, slope_ppm).clamp(1, DISTANCE_MAX.saturating_mul(REACH_UNIT));
        self.samples = self.samples.saturating_add(1);
    }

    /// Returns how far the share has fallen from full participation: 0 not at all, a million down to the level.
    fn fall_ppm(&self, share_ppm: u64) -> u64 {
        /// A smaller margin is drowned by chance; it is counted as this.
        const MARGIN_LEAST_PPM: u64 = 100_000;
        let full_ppm = self.full_ppm.max(self.level_ppm.saturating_add(MARGIN_LEAST_PPM));
        ratio(full_ppm.saturating_sub(share_ppm), ONE_PPM, full_ppm.saturating_sub(self.level_ppm))
    }
}

/// Returns `value` times `by`, divided by `of`, saturating; `of` 0 is counted as 1.
fn ratio(value: u64, by: u64, of: u64) -> u64 {
    u64::try_from(u128::from(value).saturating_mul(u128::from(by)) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

/// Returns `value` times `part_ppm` millionths.
fn scaled(value: u64, part_ppm: u64) -> u64 {
    ratio(value, part_ppm, ONE_PPM)
}

/// Returns `value`, moved by `part_ppm` millionths of the way to `aim`.
fn toward(value: u64, aim: u64, part_ppm: u64) -> u64 {
    let way = scaled(value.abs_diff(aim), part_ppm);
    if aim > value { value.saturating_add(way) } else { value.saturating_sub(way) }
}
