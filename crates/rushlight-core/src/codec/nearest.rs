//! What a misspelt word was probably meant to be.

use alloc::vec::Vec;

/// The longest word for which the nearest one is looked for, in bytes: who wrote more did not mistype one of ours.
pub const WORD_BYTES_MAX: usize = 64;

/// Returns the one of `known` that is nearest to `word`, whatever its case, if it is near enough to have been meant.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    known
        .into_iter()
        .map(|candidate| (edits(lower.as_bytes(), candidate.to_ascii_lowercase().as_bytes()), candidate))
        .min()
        .filter(|(edits, candidate)| *edits <= candidate.len() / 4 + 1)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, replaced, or swapped with their neighbour to make `b` of `a`.
fn edits(a: &[u8], b: &[u8]) -> usize {
    // Rows of the table of distances between the beginnings of both: the one before the last, and the last.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = Vec::with_capacity(last.len());
        row.push(i);
        for j in 1..=b.len() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX);
            let (own, other) = (a.get(i - 1), b.get(j - 1));
            let replaced = at(&last, j - 1).saturating_add(usize::from(own != other));
            let shifted = at(&last, j).min(at(&row, j - 1)).saturating_add(1);
            let is_swapped = i > 1 && j > 1 && own == b.get(j - 2) && a.get(i - 2) == other;
            let swapped = if is_swapped { at(&before, j - 2).saturating_add(1) } else { usize::MAX };
            row.push(replaced.min(shifted).min(swapped));
        }
        before = core::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, want) in [
            ("", "", 0),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("hash", "hsah", 1),
            ("ab", "ba", 1),
            ("provider", "providers", 1),
        ] {
            assert_eq!(edits(a.as_bytes(), b.as_bytes()), want, "{a} {b}");
            assert_eq!(edits(b.as_bytes(), a.as_bytes()), want, "{b} {a}");
        }
    }

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        let known = ["family", "providers", "trusting_period", "name"];
        for (word, want) in [
            ("provider", Some("providers")),
            ("Providers", Some("providers")),
            ("trustingperiod", Some("trusting_period")),
            ("nmae", Some("name")),
            ("fmaily", Some("family")),
            ("witness", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), want, "{word:?}");
        }
        assert_eq!(nearest(&"x".repeat(WORD_BYTES_MAX + 1), [&*"x".repeat(WORD_BYTES_MAX)]), None);
    }
}
