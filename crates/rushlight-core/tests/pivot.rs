//! How many blocks a skipping sync fetches with [`Pivots`], beside the fixed fractions of the reference clients, over
//! a thousand seeded histories of validator sets. Every count is of blocks fetched, the target included.
//!
//! All take part in the same loop, the one of `verifySkipping` (`light/client.go`, v0.38.25): blocks once fetched are
//! tried again, highest first, before a new one is fetched; and all skip from the *next* validator set of the trusted
//! block, which is kinder to the references than their own rule. `tendermint-rs` itself finds a block again only at the
//! very same height, so it is measured as it is, too, on one sync of each history.
//!
//! A rotation is one history, synced between `SYNCS` pairs of heights. One sync is not compared with one sync: where
//! everything changes at one height, which fraction meets it first is luck, and the references differ among themselves
//! by several times.
//!
//! Ours is counted twice: as one client that keeps what it found from sync to sync, as the engine does, and as a new
//! client for each sync, which no bound of the worst history holds for. `PIVOT_SEED_FIRST` moves the thousand seeds
//! elsewhere; figures are in `docs/performance.md`.

use rushlight_core::chains::tendermint::sync::walk::{pivot::Pivots, steps::Steps};
use std::collections::{BTreeMap, BTreeSet};

const MILLION: u64 = 1_000_000;
const ROTATIONS: u64 = 1_000;
/// Pairs of heights between which each history is synced: the whole of it, and at least a quarter.
const SYNCS: u64 = 64;
/// Sets per history; changes that would be more are made several at a height.
const SETS_MAX: u64 = 2_500;

/// Deterministic random numbers: splitmix64.
struct Random(u64);
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }
    /// log-uniform
    fn scale(&mut self, low: f64, high: f64) -> f64 {
        let unit = self.below(MILLION) as f64 / MILLION as f64;
        low * (high / low).powf(unit)
    }
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

const KINDS: [&str; 12] = [
    "random replacement",
    "sliding window",
    "bursts, whole set",
    "bursts, part of the set",
    "epochs",
    "power reshuffles",
    "quiet, then fast",
    "regimes",
    "outages",
    "tiny ranges",
    "one burst",
    "mixed",
];

struct History {
    seed: u64,
    length: u64,
    level_ppm: u64,
    starts: Vec<u64>,
    /// by id, ascending
    sets: Vec<Vec<(u32, u64)>>,
    presence_ppm_least: u64,
    outage_blocks: u64,
    outage_ppm: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Power {
    Equal,
    Uniform,
    Steep,
}

struct Maker {
    random: Random,
    power: Power,
    next_id: u32,
    set: Vec<(u32, u64)>,
    bench: Vec<(u32, u64)>,
}
impl Maker {
    fn member(&mut self) -> (u32, u64) {
        let id = self.next_id;
        self.next_id += 1;
        let power = match self.power {
            Power::Equal => 100,
            Power::Uniform => self.random.between(1, 200),
            Power::Steep => self.random.scale(1.0, 5_000.0) as u64 + 1,
        };
        (id, power)
    }
    fn replace_random(&mut self) {
        let at = self.random.below(self.set.len() as u64) as usize;
        self.set.remove(at);
        let member = self.member();
        self.set.push(member);
    }
    fn replace_oldest(&mut self) {
        self.set.remove(0);
        let member = self.member();
        self.set.push(member);
    }
    fn replace_share(&mut self, ppm: u64) {
        let count = (self.set.len() as u64 * ppm / MILLION).max(1);
        for _ in 0..count {
            self.replace_random();
        }
    }
    /// a drift of powers, the largest of the pool are the set
    fn reshuffle(&mut self, count: usize) {
        let mut pool: Vec<(u32, u64)> = self.set.drain(..).chain(self.bench.drain(..)).collect();
        let changes = 1 + pool.len() / 10;
        for _ in 0..changes {
            let at = self.random.below(pool.len() as u64) as usize;
            let factor = self.random.scale(25.0, 400.0) as u64;
            pool[at].1 = (pool[at].1 * factor / 100).clamp(1, 100_000);
        }
        pool.sort_by_key(|&(id, power)| (std::cmp::Reverse(power), id));
        self.bench = pool.split_off(count);
        pool.sort_unstable();
        self.set = pool;
    }
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Random(mix(seed ^ 0x5eed));
        let kind = (seed % KINDS.len() as u64) as usize;
        let count = random.between(4, 175) as usize;
        let power = random.pick(&[Power::Equal, Power::Uniform, Power::Uniform, Power::Steep]);
        let level_ppm = random.pick(&[333_333, 333_333, 333_333, 500_000, 666_666]);
        let mut length = random.scale(1_000.0, 100_000.0) as u64;
        let presence_ppm_least = random.pick(&[1_000_000, 980_000, 950_000, 900_000, 750_000]);
        let hops = random.scale(2.0, 150.0);
        if kind == 9 {
            length = random.scale(2.0, 80.0) as u64;
        }
        let mut m = Maker { random, power, next_id: 0, set: vec![], bench: vec![] };
        m.set = (0..count).map(|_| m.member()).collect();
        let mut history = Self {
            seed,
            length,
            level_ppm,
            starts: vec![],
            sets: vec![],
            presence_ppm_least,
            outage_blocks: 0,
            outage_ppm: 0,
        };
        let need = (MILLION - level_ppm) as f64 / MILLION as f64;
        // replacements over the whole length
        let total = (hops * count as f64 * need).max(1.0) as u64;
        let smooth = |m: &mut Maker, h: &mut History, from: u64, to: u64, total: u64, how: u8| {
            let events = total.min(SETS_MAX).min(to - from).max(1);
            let mut done = 0;
            for i in 0..events {
                let at = from + (to - from) * i / events;
                let due = total * (i + 1) / events;
                while done < due {
                    match how {
                        0 => m.replace_random(),
                        _ => m.replace_oldest(),
                    }
                    done += 1;
                }
                h.push(at.max(1), &m.set);
            }
        };
        match kind {
            0 => smooth(&mut m, &mut history, 0, length, total, 0),
            1 => smooth(&mut m, &mut history, 0, length, total, 1),
            2 | 3 | 10 => {
                let bursts = if kind == 10 { 1 } else { m.random.scale(2.0, 40.0) as u64 };
                let mut at: Vec<u64> = (0..bursts).map(|_| m.random.between(2, length)).collect();
                at.sort_unstable();
                history.push(1, &m.set);
                for h in at {
                    let ppm = if kind == 3 { m.random.between(200_000, 800_000) } else { MILLION };
                    if kind == 3 {
                        m.replace_share(ppm)
                    } else {
                        for _ in 0..count {
                            m.replace_oldest()
                        }
                    }
                    history.push(h, &m.set);
                }
            }
            4 => {
                // a share of the set every epoch
                let share = m.random.between(50_000, 400_000);
                let per_hop = need * MILLION as f64 / share as f64;
                let epochs = ((hops * per_hop) as u64).clamp(1, SETS_MAX).min(length);
                for i in 0..epochs {
                    m.replace_share(share);
                    history.push((length * i / epochs).max(1), &m.set);
                }
            }
            5 => {
                m.bench = (0..3 * count).map(|_| m.member()).collect();
                let events = (hops * 60.0) as u64;
                let events = events.clamp(1, SETS_MAX).min(length);
                for i in 0..events {
                    m.reshuffle(count);
                    history.push((length * i / events).max(1), &m.set);
                }
            }
            6 => {
                let from = m.random.between(length / 4, length * 9 / 10);
                let to = m.random.between(from + 1, length + 1);
                history.push(1, &m.set);
                let how = m.random.below(2) as u8;
                smooth(&mut m, &mut history, from, to, total, how);
            }
            7 => {
                let regimes = m.random.between(2, 8);
                for i in 0..regimes {
                    let (from, to) = (length * i / regimes, length * (i + 1) / regimes);
                    let hops = m.random.scale(0.3, 30.0);
                    let total = (hops * count as f64 * need).max(1.0) as u64;
                    let how = m.random.below(2) as u8;
                    smooth(&mut m, &mut history, from, to.max(from + 1), total, how);
                }
            }
            8 => {
                history.presence_ppm_least = m.random.between(700_000, 950_000);
                history.outage_blocks = m.random.between(10, 2_000);
                history.outage_ppm = m.random.between(20_000, 200_000);
                let how = m.random.below(2) as u8;
                smooth(&mut m, &mut history, 0, length, total, how);
            }
            9 => {
                let hops = m.random.scale(2.0, 20.0);
                let total = (hops * count as f64 * need).max(1.0) as u64;
                let how = m.random.below(2) as u8;
                smooth(&mut m, &mut history, 0, length.max(2), total, how);
            }
            _ => {
                // smooth with bursts in between
                let parts = m.random.between(2, 10);
                for i in 0..parts {
                    let (from, to) = (length * i / parts, length * (i + 1) / parts);
                    let how = m.random.below(2) as u8;
                    smooth(&mut m, &mut history, from, to, (total / parts).max(1), how);
                    if m.random.below(2) == 0 {
                        let ppm = m.random.between(300_000, MILLION);
                        m.replace_share(ppm);
                    }
                }
            }
        }
        history
    }
    fn push(&mut self, at: u64, set: &[(u32, u64)]) {
        if self.starts.is_empty() {
            self.starts.push(0);
            self.sets.push(set.to_vec());
        }
        if self.starts.last() == Some(&at) {
            self.starts.pop();
            self.sets.pop();
        }
        self.starts.push(at);
        self.sets.push(set.to_vec());
    }
    fn set(&self, height: u64) -> &[(u32, u64)] {
        let index = self.starts.partition_point(|&start| start <= height);
        &self.sets[index.saturating_sub(1)]
    }
    fn is_present(&self, id: u32, height: u64) -> bool {
        let own =
            self.presence_ppm_least + mix(self.seed ^ mix(u64::from(id))) % (MILLION + 1 - self.presence_ppm_least);
        let drawn = mix(mix(self.seed ^ u64::from(id)) ^ height) % MILLION;
        let out = self.outage_blocks > 0
            && mix(mix(self.seed.wrapping_add(77) ^ u64::from(id)) ^ (height / self.outage_blocks)) % MILLION
                < self.outage_ppm;
        drawn < own && !out
    }
    /// always more than 2/3
    fn signers(&self, height: u64) -> Vec<u32> {
        let set = self.set(height);
        let total: u64 = set.iter().map(|m| m.1).sum();
        let mut absent = 0;
        let mut signers = Vec::with_capacity(set.len());
        for &(id, power) in set {
            if !self.is_present(id, height) && (absent + power) * 3 < total {
                absent += power;
            } else {
                signers.push(id);
            }
        }
        signers
    }
}

struct Chain<'a> {
    history: &'a History,
    signers: BTreeMap<u64, Vec<u32>>,
    shares: BTreeMap<(u64, u64), u32>,
}
impl Chain<'_> {
    /// share of the power of the set after `from` that signed at `to`
    fn share_ppm(&mut self, from: u64, to: u64) -> u32 {
        let history = self.history;
        let signers = self.signers.entry(to).or_insert_with(|| history.signers(to));
        *self.shares.entry((from, to)).or_insert_with(|| {
            let trusted = history.set(from + 1);
            let (mut total, mut signed, mut next) = (0, 0, 0);
            for &(id, power) in trusted {
                total += power;
                while signers.get(next).is_some_and(|&s| s < id) {
                    next += 1;
                }
                if signers.get(next) == Some(&id) {
                    signed += power;
                }
            }
            (signed * MILLION / total) as u32
        })
    }
    fn passes(&mut self, from: u64, to: u64) -> (bool, u32) {
        let share = self.share_ppm(from, to);
        (to == from + 1 || u64::from(share) > self.history.level_ppm, share)
    }
    fn sync(&mut self, trusted: u64, target: u64, how: &mut dyn Chooser) -> u64 {
        let mut current = trusted;
        let mut candidates = vec![target];
        let mut fetched = 1;
        let mut depth = 0;
        loop {
            let to = candidates[depth];
            let (passes, share) = self.passes(current, to);
            how.observe(current, to, share);
            how.tried(current, to, passes);
            if passes {
                if depth == 0 {
                    return fetched;
                }
                current = to;
                candidates.truncate(depth);
                depth = 0;
                continue;
            }
            depth += 1;
            if depth == candidates.len() {
                let failed = candidates[depth - 1];
                let pivot = how.choose(current, failed);
                assert!(current < pivot && pivot < failed, "pivot {pivot} of {current}..{failed}");
                candidates.push(pivot);
                fetched += 1;
            }
        }
    }
    /// tendermint-rs: the target again after each success, halves of what is left, blocks found again only at equal heights
    fn sync_tendermint_rs(&mut self, trusted: u64, target: u64) -> u64 {
        let (mut current, mut at) = (trusted, target);
        let mut store = BTreeSet::new();
        loop {
            store.insert(at);
            if self.passes(current, at).0 {
                current = at;
                if current == target {
                    return store.len() as u64;
                }
                at = target;
            } else {
                at = current + (at + 1 - current) / 2;
            }
        }
    }
}
trait Chooser {
    fn observe(&mut self, _from: u64, _to: u64, _share_ppm: u32) {}
    fn tried(&mut self, _from: u64, _to: u64, _is_passed: bool) {}
    fn choose(&mut self, trusted: u64, failed: u64) -> u64;
}
struct Sixteenths(u64);
impl Chooser for Sixteenths {
    fn choose(&mut self, trusted: u64, failed: u64) -> u64 {
        trusted + (failed - trusted) * self.0 / 16
    }
}
/// Ours: what a walk learns, and what the chain's walks have found together.
struct Ours<'a>(Pivots, &'a mut Steps);
impl Chooser for Ours<'_> {
    fn observe(&mut self, from: u64, to: u64, share_ppm: u32) {
        self.0.observe(from, to, share_ppm);
    }
    fn tried(&mut self, from: u64, to: u64, is_passed: bool) {
        if is_passed { self.0.passed(self.1, from, to) } else { self.0.fell_short(self.1, to) }
    }
    fn choose(&mut self, trusted: u64, failed: u64) -> u64 {
        self.0.choose(self.1, trusted, failed)
    }
}

/// What one rotation cost, summed over its syncs.
struct Outcome {
    seed: u64,
    /// By one client that keeps its steps.
    ours: u64,
    /// By a client that begins anew with each sync.
    ours_anew: u64,
    nine_sixteenths: u64,
    half: u64,
    /// Of the first sync alone.
    ours_first: u64,
    tendermint_rs_first: u64,
}

fn rotation(seed: u64) -> Outcome {
    let history = History::new(seed);
    let mut chain = Chain { history: &history, signers: BTreeMap::new(), shares: BTreeMap::new() };
    let mut random = Random(mix(seed + 12_345));
    let mut sum =
        Outcome { seed, ours: 0, ours_anew: 0, nine_sixteenths: 0, half: 0, ours_first: 0, tendermint_rs_first: 0 };
    let mut steps = Steps::default();
    for nth in 0..SYNCS {
        let (trusted, target) = if nth == 0 {
            (1, history.length.max(3))
        } else {
            let span = random.between((history.length / 4).max(2), history.length.max(2));
            let trusted = random.between(1, history.length.saturating_sub(span).max(1));
            (trusted, trusted + span)
        };
        let pivots = || Pivots::new(history.level_ppm as u32);
        sum.ours += chain.sync(trusted, target, &mut Ours(pivots(), &mut steps));
        let ours = chain.sync(trusted, target, &mut Ours(pivots(), &mut Steps::default()));
        sum.ours_anew += ours;
        sum.nine_sixteenths += chain.sync(trusted, target, &mut Sixteenths(9));
        sum.half += chain.sync(trusted, target, &mut Sixteenths(8));
        if nth == 0 {
            sum.ours_first = ours;
            sum.tendermint_rs_first = chain.sync_tendermint_rs(trusted, target);
        }
    }
    sum
}

/// Compares two counts of each rotation: prints, and returns the medians and the ratios in thousandths, ascending.
fn compare(name: &str, outcomes: &[Outcome], of: Count, reference: Count) -> (u64, u64, Vec<(u64, u64)>) {
    let middle = |count: Count| {
        let mut blocks: Vec<u64> = outcomes.iter().map(count).collect();
        blocks.sort_unstable();
        blocks[blocks.len() / 2]
    };
    let (ours, theirs) = (middle(of), middle(reference));
    let mut ratios: Vec<_> =
        outcomes.iter().map(|outcome| (of(outcome) * 1_000 / reference(outcome), outcome.seed)).collect();
    ratios.sort_unstable();
    let total = |count: Count| outcomes.iter().map(count).sum::<u64>();
    let (worst, seed) = ratios[ratios.len() - 1];
    println!(
        "{name}: median {ours} blocks against {theirs}; all {} blocks against {}; ratio median {}/1000, worst \
         {worst}/1000 (seed {seed}); fewer in {}, as many in {}, more than 1.1x in {} of {} rotations",
        total(of),
        total(reference),
        ratios[ratios.len() / 2].0,
        outcomes.iter().filter(|outcome| of(outcome) < reference(outcome)).count(),
        outcomes.iter().filter(|outcome| of(outcome) == reference(outcome)).count(),
        ratios.iter().filter(|ratio| ratio.0 > 1_100).count(),
        ratios.len(),
    );
    (ours, theirs, ratios)
}
type Count = fn(&Outcome) -> u64;

#[test]
fn fewer_blocks_are_fetched_than_by_fixed_fractions() {
    let first = std::env::var("PIVOT_SEED_FIRST").map_or(0, |seed| seed.parse().unwrap());
    let outcomes: Vec<_> = (first..first + ROTATIONS).map(rotation).collect();
    compare("1/2, against 9/16", &outcomes, |o| o.half, |o| o.nine_sixteenths);
    compare("9/16, against 1/2", &outcomes, |o| o.nine_sixteenths, |o| o.half);
    let references: [(&str, Count); 2] = [("1/2", |outcome| outcome.half), ("9/16", |outcome| outcome.nine_sixteenths)];
    for (reference, theirs_by) in references {
        let (ours, theirs, ratios) =
            compare(&format!("one client, against {reference}"), &outcomes, |o| o.ours, theirs_by);
        assert!(ours < theirs, "median {ours}, with {reference} {theirs}");
        let (worst, seed) = ratios[ratios.len() - 1];
        assert!(worst <= 1_100, "seed {seed}: {worst}/1000 of the blocks of {reference}");

        let (ours, theirs, _) = compare(&format!("anew, against {reference}"), &outcomes, |o| o.ours_anew, theirs_by);
        assert!(ours < theirs, "anew: median {ours}, with {reference} {theirs}");
    }

    let first = |of: Count| outcomes.iter().map(of).sum::<u64>();
    let (ours, theirs) = (first(|outcome| outcome.ours_first), first(|outcome| outcome.tendermint_rs_first));
    println!("against tendermint-rs as it is, one sync each: {ours} blocks, theirs {theirs}");
    assert!(ours < theirs);
}

#[test]
fn a_height_before_a_great_change_is_found_once() {
    // Everything changes after height 700: the blocks up to it and those behind it share no signer.
    let passes = |from: u64, to: u64| (from >= 700) == (to > 700) || to == from + 1;
    let fetches = |steps: &mut Steps, from: u64, target: u64| {
        let mut pivots = Pivots::new(333_333);
        let (mut current, mut candidates, mut fetched) = (from, vec![target], 1);
        while current < target {
            let reached = candidates.iter().position(|to| passes(current, *to));
            for to in &candidates[..reached.unwrap_or(candidates.len())] {
                pivots.fell_short(steps, *to);
            }
            match reached {
                Some(at) => {
                    pivots.passed(steps, current, candidates[at]);
                    current = candidates[at];
                    candidates.truncate(at);
                }
                None => {
                    candidates.push(pivots.choose(steps, current, candidates[candidates.len() - 1]));
                    fetched += 1;
                }
            }
        }
        fetched
    };
    let mut steps = Steps::default();
    assert_eq!(fetches(&mut steps, 1, 1_000), 10, "the target, and halvings until height 700 is met");
    assert_eq!(fetches(&mut steps, 1, 1_000), 2, "the target and height 700");
    assert_eq!(fetches(&mut steps, 350, 900), 2, "also between other heights");
    assert_eq!(fetches(&mut steps, 1, 650), 1, "and not where it is not on the way");
}

#[test]
fn pivots_are_inside_the_gap_whatever_was_observed() {
    let mut random = Random(7);
    let edges = [0, 1, 2, 3, 1 << 20, 1 << 40, u64::MAX - 2, u64::MAX - 1, u64::MAX];
    for _ in 0..2_000 {
        let (mut pivots, mut steps) = (Pivots::new(random.next() as u32), Steps::default());
        for _ in 0..20 {
            let from = random.pick(&edges).saturating_add(random.below(9));
            let to = if random.below(3) == 0 { random.pick(&edges) } else { from.saturating_add(random.below(99)) };
            let share = if random.below(2) == 0 { random.next() as u32 } else { random.below(MILLION) as u32 };
            pivots.observe(from, to, share);
            let (trusted, failed) = (random.pick(&edges), random.pick(&edges));
            let pivot = pivots.choose(&steps, trusted, failed);
            match random.below(3) {
                0 => pivots.fell_short(&mut steps, pivot),
                1 => pivots.passed(&mut steps, trusted, pivot),
                _ => pivots.passed(&mut steps, pivot, random.pick(&edges)),
            }
            if failed > trusted.saturating_add(1) {
                assert!(trusted < pivot && pivot < failed, "{pivot} of {trusted}..{failed} by {pivots:?}");
            }
        }
    }
}

#[test]
fn a_steady_fall_is_cut_into_equal_parts_and_a_cliff_is_halved() {
    let mut steady = Pivots::new(333_333);
    for from in 0..30_u64 {
        // Everybody signs, and the level is reached after 100 heights.
        steady.observe(from * 90, from * 90 + 90, 400_000);
        steady.observe(from * 90, from * 90 + 10, 933_333);
    }
    assert_eq!(steady.choose(&Steps::default(), 5_000, 5_270), 5_090, "three parts, where halving takes four");
    let mut cliff = Pivots::new(333_333);
    for from in 0..30_u64 {
        cliff.observe(from * 90, from * 90 + 45, 1_000_000);
        cliff.observe(from * 90, from * 90 + 90, 0);
    }
    assert_eq!(cliff.choose(&Steps::default(), 5_000, 5_270), 5_135);
}
