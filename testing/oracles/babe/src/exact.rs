//! The threshold in large integers: `1 - (1 - c)^θ` with 256 bits behind the point, and the reference's own formula.

use num_bigint::{BigInt, BigUint};
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Bits behind the point. The series below lose a few of them; 128 are wanted.
const BITS: usize = 256;

/// Returns `(1 - (1 - c)^(weight / total)) · 2^128`, rounded down, for `0 < c < 1`.
pub fn threshold(c: (u64, u64), weight: u64, total: u128) -> u128 {
    let one = BigInt::one() << BITS;
    let base = (BigInt::from(c.1 - c.0) << BITS) / BigInt::from(c.1);
    let power = exp(&(ln(&base, &one) * BigInt::from(weight) / BigInt::from(total)), &one);
    ((one - power) >> (BITS - 128)).to_u128().expect("c is below 1")
}

/// Natural logarithm of `x` in (0, 1], both with [`BITS`] bits behind the point: x = m · 2^-k with m in (1/2, 1], and
/// ln m = 2 · artanh((m - 1) / (m + 1)).
fn ln(x: &BigInt, one: &BigInt) -> BigInt {
    let (mut mantissa, mut halvings) = (x.clone(), 0);
    while &mantissa * 2 <= *one {
        mantissa *= 2;
        halvings += 1;
    }
    artanh2(&mantissa, one) + artanh2(&(one / 2), one) * halvings
}

/// ln of `m` by 2 · artanh((m - 1) / (m + 1)).
fn artanh2(m: &BigInt, one: &BigInt) -> BigInt {
    let z = ((m - one) << BITS) / (m + one);
    let square = (&z * &z) >> BITS;
    let (mut term, mut sum, mut n) = (z.clone(), z, 1);
    while !term.is_zero() && term.abs() > BigInt::one() {
        term = (&term * &square) >> BITS;
        n += 2;
        sum += &term / n;
    }
    sum * 2
}

/// The exponential of `x` in [-large, 0]: that of x / 2^k, squared k times.
fn exp(x: &BigInt, one: &BigInt) -> BigInt {
    const SQUARINGS: usize = 32;
    let small = x >> SQUARINGS;
    let (mut term, mut sum, mut n) = (one.clone(), one.clone(), 1);
    while term.abs() > BigInt::one() {
        term = ((&term * &small) >> BITS) / n;
        sum += &term;
        n += 1;
    }
    for _ in 0..SQUARINGS {
        sum = (&sum * &sum) >> BITS;
    }
    sum
}

/// Returns what the reference computes: with the platform's power, and with rationals of large integers behind it.
/// Source: `sc-consensus-babe`, `calculate_primary_threshold`.
pub fn as_reference(c: (u64, u64), weight: u64, total: u128) -> u128 {
    let share = weight as f64 / total as f64;
    let p = BigRational::from_float(1.0 - (1.0 - c.0 as f64 / c.1 as f64).powf(share)).expect("finite");
    let numerator = p.numer().to_biguint().expect("not negative");
    let denominator = p.denom().to_biguint().expect("not negative");
    ((BigUint::one() << 128_usize) * numerator / denominator).to_u128().expect("c is below 1")
}
