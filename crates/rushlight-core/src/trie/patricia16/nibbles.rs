//! Paths of half bytes, borrowed ([`Nibbles`]) and owned ([`Path`]).

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

/// A borrowed path: some of the half bytes of a byte string, the high one of a byte first.
#[derive(Clone, Copy, Default)]
pub struct Nibbles<'a> {
    bytes: &'a [u8],
    /// First half byte, counted in `bytes`.
    start: usize,
    /// Behind the last half byte; at most twice the length of `bytes`, at least `start`.
    end: usize,
}

impl<'a> From<&'a [u8]> for Nibbles<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { bytes, start: 0, end: bytes.len().saturating_mul(2) }
    }
}

impl<'a> Nibbles<'a> {
    /// Returns the last `len` half bytes of `bytes`, or all when there are fewer.
    pub fn last_of(bytes: &'a [u8], len: usize) -> Self {
        let end = bytes.len().saturating_mul(2);
        Self { bytes, start: end.saturating_sub(len), end }
    }

    /// Returns the number of half bytes.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Tells whether the path is empty.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Returns the half byte at `at`, which is below 16, if there is one.
    pub fn get(&self, at: usize) -> Option<u8> {
        let position = self.start.checked_add(at).filter(|position| *position < self.end)?;
        let byte = self.bytes.get(position / 2)?;
        Some(if position % 2 == 0 { byte >> 4 } else { byte & 15 })
    }

    /// Returns the path without its first `count` half bytes.
    pub fn skip(self, count: usize) -> Self {
        Self { start: self.start.saturating_add(count).min(self.end), ..self }
    }

    /// Returns the first `count` half bytes, or all when there are fewer.
    pub fn take(self, count: usize) -> Self {
        Self { end: self.start.saturating_add(count).min(self.end), ..self }
    }

    /// Returns the half bytes one after the other.
    pub fn iter(self) -> impl Iterator<Item = u8> + 'a {
        (0..self.len()).filter_map(move |at| self.get(at))
    }

    /// Returns how many half bytes both paths begin with.
    pub fn common_len(self, other: Nibbles<'_>) -> usize {
        let most = self.len().min(other.len());
        if self.start % 2 != other.start % 2 {
            return (0..most).take_while(|at| self.get(*at) == other.get(*at)).count();
        }
        let mut at = 0;
        if self.start % 2 == 1 && most > 0 {
            if self.get(0) != other.get(0) {
                return 0;
            }
            at = 1;
        }
        // Both stand at the beginning of a byte now.
        let ours = self.bytes.get((self.start + at) / 2..).unwrap_or_default();
        let theirs = other.bytes.get((other.start + at) / 2..).unwrap_or_default();
        for (our, their) in ours.iter().zip(theirs).take((most - at).div_ceil(2)) {
            let difference = our ^ their;
            if difference != 0 {
                // The leading zeros say whether the high half is the same.
                return (at + usize::from(difference < 16)).min(most);
            }
            at += 2;
        }
        at.min(most)
    }

    /// Tells whether the path begins with `other`.
    pub fn starts_with(self, other: Nibbles<'_>) -> bool {
        self.common_len(other) == other.len()
    }

    /// Appends the path to `out` as a node holds it: a first half byte of zero where the number is odd.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        let mut rest = self;
        if rest.len() % 2 == 1 {
            out.extend(rest.get(0));
            rest = rest.skip(1);
        }
        if rest.start.is_multiple_of(2) {
            out.extend_from_slice(rest.bytes.get(rest.start / 2..rest.end / 2).unwrap_or_default());
            return;
        }
        // Every byte lies across two of ours.
        let across = rest.bytes.get(rest.start / 2..rest.end.div_ceil(2)).unwrap_or_default();
        out.extend(across.windows(2).map(|pair| match pair {
            [high, low] => high << 4 | low >> 4,
            _ => 0,
        }));
    }
}

impl PartialEq for Nibbles<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.common_len(*other) == self.len()
    }
}

impl Eq for Nibbles<'_> {}

impl Ord for Nibbles<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let common = self.common_len(*other);
        self.get(common).cmp(&other.get(common))
    }
}

impl PartialOrd for Nibbles<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Hexadecimal digits, one per half byte.
impl fmt::Display for Nibbles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|nibble| write!(f, "{nibble:x}"))
    }
}

impl fmt::Debug for Nibbles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An owned path that grows and shrinks at its end.
#[derive(Clone, Default)]
pub struct Path {
    bytes: Vec<u8>,
    len: usize,
}

impl Path {
    /// Returns the path borrowed.
    pub fn as_nibbles(&self) -> Nibbles<'_> {
        Nibbles { bytes: &self.bytes, start: 0, end: self.len }
    }

    /// Returns the number of half bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Tells whether the path is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a half byte; of `nibble` only the lower half counts.
    pub fn push(&mut self, nibble: u8) {
        if self.len.is_multiple_of(2) {
            self.bytes.push(nibble << 4);
        } else if let Some(last) = self.bytes.last_mut() {
            *last |= nibble & 15;
        }
        self.len = self.len.saturating_add(1);
    }

    /// Appends a path.
    pub fn append(&mut self, path: Nibbles<'_>) {
        if self.len.is_multiple_of(2) && path.start.is_multiple_of(2) {
            let bytes = path.bytes.get(path.start / 2..path.end.div_ceil(2)).unwrap_or_default();
            self.bytes.extend_from_slice(bytes);
            if let (1, Some(last)) = (path.end % 2, self.bytes.last_mut()) {
                *last &= 0xF0;
            }
            self.len = self.len.saturating_add(path.len());
            return;
        }
        path.iter().for_each(|nibble| self.push(nibble));
    }

    /// Returns the path and one half byte more, in no more memory than it takes.
    pub(super) fn with(&self, nibble: u8) -> Self {
        let mut bytes = Vec::with_capacity(self.len / 2 + 1);
        bytes.extend_from_slice(&self.bytes);
        let mut path = Self { bytes, len: self.len };
        path.push(nibble);
        path
    }

    /// Shortens the path to its first `len` half bytes.
    pub fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        self.len = len;
        self.bytes.truncate(len.div_ceil(2));
        if let (1, Some(last)) = (len % 2, self.bytes.last_mut()) {
            *last &= 0xF0;
        }
    }

    /// Replaces the path by `path`.
    pub(super) fn set(&mut self, path: Nibbles<'_>) {
        self.bytes.clear();
        self.len = 0;
        self.append(path);
    }

    /// Returns the bytes, or `None` when half of the last one is not there.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        self.len.is_multiple_of(2).then_some(self.bytes)
    }

    /// Returns the bytes; half a byte at the end is filled with zero.
    pub fn padded_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Nibbles<'_>> for Path {
    fn from(nibbles: Nibbles<'_>) -> Self {
        let mut path = Self::default();
        path.append(nibbles);
        path
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_nibbles(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn slice(bytes: &[u8], from: usize, to: usize) -> (Nibbles<'_>, Vec<u8>) {
        let plain: Vec<u8> = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
        let (from, to) = (from.min(plain.len()), to.min(plain.len()));
        let (from, to) = (from.min(to), from.max(to));
        (Nibbles::from(bytes).skip(from).take(to - from), plain[from..to].to_vec())
    }

    proptest! {
        #[test]
        fn paths_behave_as_lists_of_half_bytes(
            a in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 0x10, 0x11, 0xFF]), 0..9),
            b in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 0x10, 0x11, 0xFF]), 0..9),
            cut in prop::array::uniform4(0_usize..18),
        ) {
            let (ours, our_list) = slice(&a, cut[0], cut[1]);
            let (theirs, their_list) = slice(&b, cut[2], cut[3]);
            prop_assert_eq!(ours.iter().collect::<Vec<_>>(), &our_list[..]);
            let common = our_list.iter().zip(&their_list).take_while(|(x, y)| x == y).count();
            prop_assert_eq!(ours.common_len(theirs), common);
            prop_assert_eq!(ours.cmp(&theirs), our_list.cmp(&their_list));
            prop_assert_eq!(ours == theirs, our_list == their_list);
            prop_assert_eq!(ours.starts_with(theirs), our_list.starts_with(&their_list));
            let mut path = Path::from(ours);
            path.append(theirs);
            let both = [our_list.clone(), their_list.clone()].concat();
            prop_assert_eq!(path.as_nibbles().iter().collect::<Vec<_>>(), &both[..]);
            path.truncate(cut[3]);
            path.push(7);
            let shorter: Vec<u8> = both.iter().copied().take(cut[3]).chain([7]).collect();
            prop_assert_eq!(path.as_nibbles().iter().collect::<Vec<_>>(), shorter);
            let mut put = Vec::new();
            ours.put(&mut put);
            prop_assert_eq!(Nibbles::last_of(&put, ours.len()), ours);
            prop_assert_eq!(put.len(), ours.len().div_ceil(2));
        }
    }
}
