//! The threshold below which an output of the random function wins a primary slot.
//!
//! The reference computes `p = 1 - (1 - c)^θ` in double precision, θ the author's share of the weight, and then `p · 2^128`
//! exactly. A double times a power of two is a shift of its mantissa, so no arithmetic of large numbers is needed here.
//!
//! The one inexact step is the power. The reference takes the platform's, which is not correctly rounded and differs in
//! the last bit from system to system; this takes the one of `libm`, which is the same instructions on every platform, and
//! is within one unit of the last place as well. Two such results differ by at most 2^-52, so a claim is judged differently
//! with a probability of 2^-52 a slot, and nobody can search for one: an author has one output a slot. The oracle in
//! `testing/oracles/babe` bounds the difference by a computation in large integers.
//!
//! Source: `sc-consensus-babe` 0.60, `authorship.rs`, `calculate_primary_threshold`.

/// Bits of a double's mantissa behind its leading one.
const MANTISSA_BITS: u32 = 52;
/// What is added to the exponent of a double.
const EXPONENT_BIAS: i32 = 1_023;

/// Returns the threshold for an author of `weight` among authors of weight `total`; an output below it wins.
///
/// Nothing wins where the reference would divide by 0 or stop: a denominator or a weight of 0, and `c` beyond 1.
#[expect(clippy::cast_precision_loss, reason = "as the reference: rounded to the nearest double")]
pub fn primary_threshold(c: (u64, u64), weight: u64, total: u128) -> u128 {
    if c.1 == 0 || weight == 0 || total == 0 {
        return 0;
    }
    let c = c.0 as f64 / c.1 as f64;
    let share = weight as f64 / total as f64;
    let p = 1.0 - libm::pow(1.0 - c, share);
    if p >= 1.0 {
        return u128::MAX;
    }
    // Also for what is no number.
    if p > 0.0 { times_two_to_the_128(p) } else { 0 }
}

/// Returns `p · 2^128`, rounded down, of a `p` between 0 and 1, both excluded.
#[expect(clippy::cast_possible_wrap, reason = "an exponent has 11 bits")]
fn times_two_to_the_128(p: f64) -> u128 {
    let bits = p.to_bits();
    let exponent = (bits >> MANTISSA_BITS) as i32;
    // A subnormal has no leading one; it is far below 2^-128.
    let mantissa = u128::from(bits & ((1 << MANTISSA_BITS) - 1) | 1 << MANTISSA_BITS);
    // p = mantissa · 2^(exponent - bias - 52); below 1, so that the shift to the left is at most 75.
    let shift = exponent.saturating_sub(EXPONENT_BIAS).saturating_sub(MANTISSA_BITS as i32).saturating_add(128);
    match u32::try_from(shift) {
        Ok(left) => mantissa.checked_shl(left).unwrap_or(u128::MAX),
        Err(_) => mantissa.checked_shr(shift.unsigned_abs()).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_scaled_exactly() {
        assert_eq!(times_two_to_the_128(0.5), 1 << 127);
        assert_eq!(times_two_to_the_128(0.75), 3 << 126);
        assert_eq!(times_two_to_the_128(1.0 - f64::EPSILON / 2.0), u128::MAX << 75);
        assert_eq!(times_two_to_the_128(2.0_f64.powi(-128)), 1);
        assert_eq!(times_two_to_the_128(2.0_f64.powi(-127) * 1.75), 3);
        assert_eq!(times_two_to_the_128(2.0_f64.powi(-129)), 0);
        assert_eq!(times_two_to_the_128(f64::MIN_POSITIVE / 4.0), 0);
    }

    #[test]
    fn a_lone_author_wins_a_share_of_c() {
        // (1 - 1/4)^1 is exact.
        assert_eq!(primary_threshold((1, 4), 1, 1), 1 << 126);
        assert_eq!(primary_threshold((1, 4), 77, 77), 1 << 126);
        // Half the weight each: 1 - sqrt(1/4).
        assert_eq!(primary_threshold((3, 4), 1, 2), 1 << 127);
    }

    #[test]
    fn nothing_is_won_where_the_reference_stops() {
        assert_eq!(primary_threshold((1, 0), 1, 1), 0);
        assert_eq!(primary_threshold((1, 4), 0, 1), 0);
        assert_eq!(primary_threshold((1, 4), 1, 0), 0);
        assert_eq!(primary_threshold((0, 4), 1, 1), 0);
        assert_eq!(primary_threshold((5, 4), 1, 2), 0, "a power of a negative number is none");
        assert_eq!(primary_threshold((4, 4), 1, 2), u128::MAX);
    }

    proptest::proptest! {
        #[test]
        fn more_weight_never_wins_less(c in 1..100_u64, weight in 1..1_000_u64, more in 0..1_000_u64) {
            let total = 2_000;
            let (low, high) = (primary_threshold((c, 100), weight, total), primary_threshold((c, 100), weight + more, total));
            proptest::prop_assert!(low <= high);
            proptest::prop_assert!(low > 0);
        }
    }
}
