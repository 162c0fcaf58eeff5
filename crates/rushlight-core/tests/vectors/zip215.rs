//! The small-order cases of ZIP-215, generated from its definition.
//!
//! The eight points of small order have fourteen encodings between them: their canonical ones, and those whose y is not
//! below the field's prime or whose sign bit belongs to x = 0. Every pair of them as key and as R, with s = 0, is valid
//! for every message, because the equation is multiplied by the cofactor 8. Single and batch must both say so: a client
//! with stricter rules would not follow a chain on which such a key signs.
//! Source: <https://zips.z.cash/zip-0215>.

use rushlight_core::crypto::batch::SignatureBatch;
use rushlight_core::crypto::{KeyKind, PublicKey};
use std::collections::BTreeSet;

/// A number below 2^256, least significant limb first; enough arithmetic to find the points again.
type Number = [u64; 4];

/// 2^255 - 19.
const PRIME: Number = [u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1];

fn from_bytes(bytes: [u8; 32]) -> Number {
    let mut number = [0; 4];
    for (limb, chunk) in number.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(chunk.try_into().unwrap());
    }
    number
}

fn to_bytes(number: Number) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(number) {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

fn add(a: Number, b: Number) -> Number {
    let (mut sum, mut carry) = ([0; 4], 0_u128);
    for index in 0..4 {
        let wide = u128::from(a[index]) + u128::from(b[index]) + carry;
        sum[index] = wide as u64;
        carry = wide >> 64;
    }
    assert_eq!(carry, 0);
    sum
}

fn subtract(a: Number, b: Number) -> Option<Number> {
    let (mut difference, mut borrow) = ([0; 4], false);
    for index in 0..4 {
        let (low, under) = a[index].overflowing_sub(b[index]);
        let (low, under_again) = low.overflowing_sub(u64::from(borrow));
        difference[index] = low;
        borrow = under || under_again;
    }
    (!borrow).then_some(difference)
}

fn reduce(mut a: Number) -> Number {
    while let Some(less) = subtract(a, PRIME) {
        a = less;
    }
    a
}

fn plus(a: Number, b: Number) -> Number {
    reduce(add(a, b))
}

fn minus(a: Number, b: Number) -> Number {
    reduce(add(a, subtract(PRIME, b).unwrap()))
}

fn times(a: Number, b: Number) -> Number {
    let mut product = [0; 4];
    for bit in (0..255).rev() {
        product = plus(product, product);
        if b[bit / 64] >> (bit % 64) & 1 == 1 {
            product = plus(product, a);
        }
    }
    product
}

fn power(base: Number, exponent: Number) -> Number {
    let mut result = [1, 0, 0, 0];
    for bit in (0..255).rev() {
        result = times(result, result);
        if exponent[bit / 64] >> (bit % 64) & 1 == 1 {
            result = times(result, base);
        }
    }
    result
}

fn inverse(a: Number) -> Number {
    power(a, subtract(PRIME, [2, 0, 0, 0]).unwrap())
}

fn halved(a: Number) -> Number {
    let mut half = [0; 4];
    for index in 0..4 {
        half[index] = a[index] >> 1 | a.get(index + 1).map_or(0, |next| next << 63);
    }
    half
}

/// Returns a root of `a` if it is a square (p = 5 mod 8).
fn square_root(a: Number) -> Option<Number> {
    let eighth = halved(halved(halved(add(PRIME, [3, 0, 0, 0]))));
    let fourth = halved(halved(subtract(PRIME, [1, 0, 0, 0]).unwrap()));
    let candidate = power(a, eighth);
    let turned = times(candidate, power([2, 0, 0, 0], fourth));
    [candidate, turned].into_iter().find(|root| times(*root, *root) == a)
}

fn curve_constant() -> Number {
    let numerator = minus([0; 4], [121_665, 0, 0, 0]);
    times(numerator, inverse([121_666, 0, 0, 0]))
}

/// A point of the curve -x² + y² = 1 + d x² y².
type Point = (Number, Number);

fn sum((x1, y1): Point, (x2, y2): Point) -> Point {
    let cross = times(curve_constant(), times(times(x1, x2), times(y1, y2)));
    let one = [1, 0, 0, 0];
    let x = times(plus(times(x1, y2), times(y1, x2)), inverse(plus(one, cross)));
    let y = times(plus(times(y1, y2), times(x1, x2)), inverse(minus(one, cross)));
    (x, y)
}

/// Returns the eight points of small order: the multiples of a point of order eight, 8 y⁴ d … found by doubling.
fn torsion() -> Vec<Point> {
    // A point of order 8 doubles to one of order 4, which has y = 0: so y² = -x², and with the curve's equation
    // d y⁴ + 2 y² - 1 = 0, that is y² = (-1 + sqrt(1 + d)) / d or the other root, whichever is a square.
    let (one, d) = ([1, 0, 0, 0], curve_constant());
    let root = square_root(plus(one, d)).expect("1 + d is a square");
    let y = [minus(root, one), minus(minus([0; 4], root), one)]
        .into_iter()
        .find_map(|numerator| square_root(times(numerator, inverse(d))))
        .expect("one of the two is a square");
    let x = square_root(minus([0; 4], times(y, y))).expect("-1 is a square");
    let generator = (x, y);
    let mut points = vec![([0; 4], one)];
    for _ in 1..8 {
        points.push(sum(*points.last().unwrap(), generator));
    }
    assert_eq!(sum(*points.last().unwrap(), generator), points[0], "the order is 8");
    points
}

/// Returns every encoding that decodes to a point of small order under ZIP-215.
fn encodings() -> BTreeSet<[u8; 32]> {
    let mut encodings = BTreeSet::new();
    for (x, y) in torsion() {
        // y itself, and y plus the prime where that still has 255 bits.
        let high = add(y, PRIME);
        let ys = [Some(y), (high[3] >> 63 == 0).then_some(high)];
        for y in ys.into_iter().flatten() {
            let signs: &[u8] = if x == [0; 4] { &[0, 1] } else { &[(x[0] & 1) as u8] };
            for sign in signs {
                let mut bytes = to_bytes(y);
                bytes[31] |= sign << 7;
                encodings.insert(bytes);
            }
        }
    }
    encodings
}

#[test]
fn all_196_small_order_signatures_hold_alone_and_in_a_batch() {
    let encodings = encodings();
    assert_eq!(encodings.len(), 14);
    let canonical = encodings.iter().filter(|bytes| {
        let mut y = **bytes;
        let sign = y[31] >> 7;
        y[31] &= 0x7f;
        let y = from_bytes(y);
        subtract(y, PRIME).is_none() && !(sign == 1 && (y == [1, 0, 0, 0] || add(y, [1, 0, 0, 0]) == PRIME))
    });
    assert_eq!(canonical.count(), 8, "eight points, eight canonical encodings");

    let message = b"Zcash";
    let (mut alone, mut whole) = (0, SignatureBatch::new());
    for key in &encodings {
        for r in &encodings {
            let key = PublicKey::from_bytes(KeyKind::Ed25519, key).unwrap();
            let signature = [*r, [0; 32]].concat();
            assert_eq!(key.verify(message, &signature), Ok(()), "key {key:?} r {r:02x?}");
            let mut pair = SignatureBatch::new();
            for _ in 0..3 {
                pair.push(&key, message, &signature);
            }
            pair.end_group();
            assert_eq!(pair.verify().outcome(), Ok(()), "three times key {key:?} r {r:02x?}");
            whole.push(&key, message, &signature);
            whole.end_group();
            alone += 1;
        }
    }
    assert_eq!(alone, 196);
    assert_eq!(whole.verify().outcome(), Ok(()));
    println!("ZIP-215: {alone} of {alone} small-order cases hold, alone and in batches");
}

#[test]
fn a_bad_signature_among_the_small_order_ones_is_named_in_a_batch() {
    let encodings: Vec<[u8; 32]> = encodings().into_iter().collect();
    for bad in [0, 1, 97, 195] {
        let mut batch = SignatureBatch::new();
        for (index, (key, r)) in encodings.iter().flat_map(|key| encodings.iter().map(move |r| (key, r))).enumerate() {
            let key = PublicKey::from_bytes(KeyKind::Ed25519, key).unwrap();
            let mut signature = [*r, [0; 32]].concat();
            // s = 1: the equation now asks for the base point to have small order.
            signature[32] = u8::from(index == bad);
            assert_eq!(key.verify(b"Zcash", &signature).is_ok(), index != bad);
            batch.push(&key, b"Zcash", &signature);
            batch.end_group();
        }
        assert_eq!(batch.verify().outcome().map_err(|bad| bad.group), Err(bad));
    }
}
