//! Random tries: few different bytes, so that keys share beginnings and lie in each other.

use std::collections::{BTreeMap, BTreeSet};

pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn key(&mut self) -> Vec<u8> {
        let len = match self.below(24) {
            0 => 32 + self.below(40),
            1 => 130 + self.below(140),
            _ => self.below(6),
        };
        let few = [0, 1, 0x10, 0x11, 0x1F, 0xF1, 0xFF];
        let is_any = self.one_in(4);
        // Long keys differ in few places, or nothing would lie below another.
        (0..len)
            .map(|at| match at > 6 && !self.one_in(20) {
                true => 0x22,
                false if is_any => self.next() as u8,
                false => few[self.below(few.len())],
            })
            .collect()
    }

    pub fn value(&mut self) -> Vec<u8> {
        let lens = [0, 1, 2, 5, 20, 28, 29, 30, 31, 32, 33, 34, 64, 100];
        let len = if self.one_in(200) { 4_000 + self.below(2_000) } else { lens[self.below(lens.len())] };
        // Few different ones, so that subtrees and values occur twice.
        let byte = self.below(3) as u8;
        vec![byte; len]
    }

    pub fn map(&mut self) -> Map {
        let most = if self.one_in(20) { 150 } else { 20 };
        let count = self.below(most);
        (0..count).map(|_| (self.key(), self.value())).collect()
    }

    /// Returns a key of the map, one near it, or any.
    pub fn question(&mut self, map: &Map) -> Vec<u8> {
        let any = self.key();
        let Some(near) = map.keys().nth(self.below(map.len())).cloned() else { return any };
        match self.below(6) {
            0 => any,
            1 => near[..self.below(near.len() + 1)].to_vec(),
            2 => [near, any].concat(),
            3 => {
                let mut near = near;
                let at = self.below(near.len());
                near.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << (self.0 % 8));
                near
            }
            _ => near,
        }
    }

    pub fn changes(&mut self, map: &Map) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        let count = 1 + self.below(6);
        let mut changes: BTreeMap<_, _> = BTreeMap::new();
        for _ in 0..count {
            let value = if self.one_in(2) { None } else { Some(self.value()) };
            changes.insert(self.question(map), value);
        }
        if self.one_in(12) {
            // Everything below a prefix goes: branches collapse.
            let prefix = self.question(map);
            let gone: BTreeSet<_> = map.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
            changes.extend(gone.into_iter().map(|key| (key, None)));
        }
        changes
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}
