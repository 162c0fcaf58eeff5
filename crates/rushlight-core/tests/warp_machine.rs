//! The machine that warps over several peers: whatever some of them do, in whatever order things happen.

mod fragments;

use fragments::{Plan, World, encode_answer};
use rushlight_core::base::{AskId, Hash, PeerId, WorkId};
use rushlight_core::chains::substrate::grandpa::BlockId;
use rushlight_core::chains::substrate::header::NumberWidth;
use rushlight_core::chains::substrate::warp::{
    Action, Blame, Event, NO_PROGRESS_MAX, WAITING_BYTES_MAX, WORKS_MAX, Warp, WarpSettings,
};
use rushlight_core::chains::{Done, Work};
use std::collections::BTreeMap;

const PLAN: Plan = Plan { changes: 60, ..Plan::SMALL };
/// Changes at 10, 20, …, 600; the way is split at multiples of 64.
const SETTINGS: WarpSettings = WarpSettings { number_width: NumberWidth::U32, part_blocks: 64, gap_blocks: 4 };

/// What a peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Honest,
    /// Answers with at most three fragments.
    Terse,
    /// Never answers.
    Silent,
    /// Has nothing, whatever it announced.
    Empty,
    /// Names hashes that nobody has.
    WrongSplit,
    /// Follows another chain from genesis on.
    Fork,
    /// Forges the last signature of an answer.
    Forger,
    /// Adds a fragment that announces nothing in the middle.
    Padder,
    /// Swaps the first two fragments.
    Swapper,
    /// Leaves out a set.
    Skipper,
    /// Cuts its answers.
    Cutter,
}

const LIARS: [Kind; 7] =
    [Kind::WrongSplit, Kind::Fork, Kind::Forger, Kind::Padder, Kind::Swapper, Kind::Skipper, Kind::Cutter];

/// What waits to happen.
enum Pending {
    Hash(AskId, Option<Hash>),
    Bytes(AskId, Vec<u8>, usize),
    Failed(AskId),
    Worked(WorkId, Done),
}

struct Net {
    real: World,
    fork: World,
    kinds: BTreeMap<PeerId, Kind>,
    dice: u64,
    pending: Vec<Pending>,
    log: Vec<String>,
    blamed: BTreeMap<PeerId, Blame>,
    finished: Option<u64>,
    asked: BTreeMap<PeerId, u64>,
    waiting_most: usize,
    /// Blocks below a change that the padder proved: they are on the chain, so every node has them.
    padding: BTreeMap<Hash, u64>,
}

impl Net {
    fn new(kinds: &[Kind], seed: u64) -> Self {
        Self {
            real: World::new(PLAN),
            fork: World::new(Plan { fork: 1, ..PLAN }),
            kinds: kinds.iter().zip(1..).map(|(kind, id)| (PeerId(id), *kind)).collect(),
            dice: seed,
            pending: vec![],
            log: vec![],
            blamed: BTreeMap::new(),
            finished: None,
            asked: BTreeMap::new(),
            waiting_most: 0,
            padding: BTreeMap::new(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) as usize % bound
    }

    /// Runs a warp from genesis until nothing is left to do.
    fn run(&mut self) -> Warp {
        let mut warp = Warp::new(self.real.genesis(), SETTINGS);
        for peer in self.kinds.keys().copied().collect::<Vec<_>>() {
            warp.handle(Event::Peer(peer, self.real.finalized()));
            self.take_actions(&mut warp);
        }
        for _ in 0..100_000 {
            if self.pending.is_empty() {
                return warp;
            }
            let next = self.below(self.pending.len());
            match self.pending.swap_remove(next) {
                Pending::Hash(ask, hash) => warp.handle(Event::HashTold(ask, hash)),
                Pending::Failed(ask) => warp.handle(Event::Failed(ask)),
                Pending::Worked(work, done) => warp.handle(Event::Worked(work, done)),
                Pending::Bytes(ask, answer, at) if at == answer.len() => warp.handle(Event::Ended(ask)),
                Pending::Bytes(ask, answer, at) => {
                    let end = answer.len().min(at + 1 + self.below(3_000));
                    self.pending.push(Pending::Bytes(ask, answer.clone(), end));
                    warp.handle(Event::Received(ask, &answer[at..end]));
                }
            }
            self.take_actions(&mut warp);
        }
        panic!("the warp does not come to an end: {:?}", self.log);
    }

    fn take_actions(&mut self, warp: &mut Warp) {
        self.waiting_most = self.waiting_most.max(warp.waiting_bytes());
        while let Some(action) = warp.poll() {
            match action {
                Action::AskHash { ask, peer, height } => {
                    self.log.push(format!("{} names {height}", peer.0));
                    let answer = self.hash_at(self.kinds[&peer], height);
                    self.pending.push(answer.map_or(Pending::Failed(ask), |hash| Pending::Hash(ask, hash)));
                }
                Action::AskFragments { ask, peer, from } => {
                    *self.asked.entry(peer).or_default() += 1;
                    let answer = self.answer(self.kinds[&peer], from);
                    self.pending.push(answer.map_or(Pending::Failed(ask), |bytes| Pending::Bytes(ask, bytes, 0)));
                }
                Action::Cancel(ask) => self.pending.retain(|pending| match pending {
                    Pending::Hash(open, _) | Pending::Bytes(open, ..) | Pending::Failed(open) => *open != ask,
                    Pending::Worked(..) => true,
                }),
                Action::Work(id, work) => {
                    assert!(work.size_bytes() <= Work::BYTES_MAX);
                    self.pending.push(Pending::Worked(id, work.run()));
                    let works = self.pending.iter().filter(|pending| matches!(pending, Pending::Worked(..)));
                    // Those that were given up come back too, so that this is no bound on what came before a lie.
                    assert!(works.count() <= WORKS_MAX * (1 + self.kinds.len()));
                }
                Action::Blame(peer, blame) => {
                    self.log.push(format!("{} is blamed: {blame:?}", peer.0));
                    assert_eq!(self.blamed.insert(peer, blame), None, "a peer is blamed once");
                }
                Action::Progress(head) => {
                    // Whatever happens, nothing is final that is not on the chain.
                    let BlockId { hash, number } = head.block();
                    let known = self.real.number_of(hash).or(self.padding.get(&hash).copied());
                    assert_eq!(known, Some(number));
                    let changes = (number / PLAN.blocks).min(PLAN.changes);
                    assert_eq!(**head.set(), self.real.set(changes));
                    self.log.push(format!("block {}", head.block().number));
                }
                Action::Finished(head) => self.finished = Some(head.block().number),
            }
        }
    }

    /// Returns what a peer says, or `None` where it says nothing.
    fn hash_at(&mut self, kind: Kind, height: u64) -> Option<Option<Hash>> {
        match kind {
            Kind::Silent => None,
            Kind::Empty => Some(None),
            Kind::WrongSplit => Some(Some(Hash([0xbb; 32]))),
            Kind::Fork => Some(Some(self.fork.hash_at(height))),
            _ => Some(Some(self.real.hash_at(height))),
        }
    }

    fn answer(&mut self, kind: Kind, from: Hash) -> Option<Vec<u8>> {
        let start = match self.real.number_of(from).or(self.padding.get(&from).copied()) {
            Some(start) => start,
            // Nobody honest has such a block; its inventor goes on somewhere.
            None if kind == Kind::WrongSplit => 200,
            None => self.fork.number_of(from).filter(|_| kind == Kind::Fork)?,
        };
        let world = if kind == Kind::Fork { &mut self.fork } else { &mut self.real };
        let last = PLAN.changes;
        let first = start / PLAN.blocks;
        let max = if kind == Kind::Terse { 3 } else { 20 };
        let mut sent: Vec<u64> = (first..=last).take(max).collect();
        let finished = sent.last().is_none_or(|index| *index == last);
        let mut fragments: Vec<Vec<u8>> = sent.iter().map(|index| world.fragment(*index)).collect();
        match kind {
            Kind::Silent => return None,
            Kind::Empty => return Some(encode_answer(&[], true)),
            Kind::Forger => {
                if let Some(byte) = fragments.last_mut().and_then(|last| last.iter_mut().nth_back(50)) {
                    *byte ^= 4;
                }
            }
            Kind::Padder => {
                let mut header = world.header(first);
                header.number -= 1;
                header.digest.clear();
                self.padding.insert(header.hash(), header.number);
                fragments.insert(0, world.justified(first, &header));
            }
            Kind::Swapper if fragments.len() > 1 => fragments.swap(0, 1),
            Kind::Skipper if sent.len() > 1 => {
                sent.remove(0);
                fragments.remove(0);
            }
            Kind::Cutter => {
                let mut answer = encode_answer(&fragments, finished);
                answer.truncate(answer.len() - 9);
                return Some(answer);
            }
            _ => {}
        }
        Some(encode_answer(&fragments, finished))
    }
}

#[test]
fn one_honest_peer_is_enough() {
    for kind in [Kind::Honest, Kind::Terse] {
        let mut net = Net::new(&[kind], 1);
        let warp = net.run();
        assert_eq!(net.finished, Some(605), "{:?}", net.log);
        assert_eq!(warp.head().set().id(), 60);
        assert!(net.blamed.is_empty());
        assert!(warp.head().header().is_some());
        // Alone there is nobody to ask for parts, so nothing is asked twice.
        assert!(!net.log.iter().any(|line| line.contains("names")));
    }
}

#[test]
fn several_peers_download_parts_at_once() {
    let mut net = Net::new(&[Kind::Terse; 4], 3);
    net.run();
    assert_eq!(net.finished, Some(605), "{:?}", net.log);
    assert!(net.blamed.is_empty(), "{:?}", net.log);
    assert_eq!(net.asked.len(), 4);
    assert!(net.asked.values().all(|asks| *asks >= 3), "{:?}", net.asked);
    assert!(net.log.iter().filter(|line| line.contains("names")).count() >= 4, "{:?}", net.log);
}

#[test]
fn whatever_liars_do_an_honest_peer_leads_to_the_end_and_is_not_blamed() {
    let mut blamed = BTreeMap::new();
    for seed in 0..150 {
        let mut net = Net::new(&[], seed);
        let count = 2 + net.below(5) as u32;
        let honest = 1 + net.below(count as usize) as u32;
        for id in 1..=count {
            let kind = match net.below(10) {
                _ if id == honest => Kind::Honest,
                0 => Kind::Silent,
                1 => Kind::Empty,
                2 => Kind::Terse,
                _ => LIARS[net.below(LIARS.len())],
            };
            net.kinds.insert(PeerId(id), kind);
        }
        let warp = net.run();
        let told = || format!("seed {seed}, {:?}: {:#?}", net.kinds, net.log);
        assert_eq!(net.finished, Some(605), "{}", told());
        assert_eq!(warp.waiting_bytes(), 0, "{}", told());
        assert!(net.waiting_most <= WAITING_BYTES_MAX);
        for (peer, blame) in &net.blamed {
            let kind = net.kinds[peer];
            assert!(!matches!(kind, Kind::Honest | Kind::Terse), "{peer:?} is honest: {}", told());
            *blamed.entry(format!("{kind:?} {}", matches!(blame, Blame::Wrong(_)))).or_insert(0) += 1;
        }
    }
    // Every kind of liar was caught in a lie, and those who bring nothing were dropped.
    for kind in LIARS.iter().filter(|kind| **kind != Kind::WrongSplit) {
        assert!(blamed.contains_key(&format!("{kind:?} true")), "{kind:?}: {blamed:?}");
    }
    assert!(blamed.contains_key("Silent false") && blamed.contains_key("Empty false"), "{blamed:?}");
}

#[test]
fn a_wrong_split_point_costs_its_peer() {
    let caught = (0..40).filter(|seed| {
        let mut net = Net::new(&[Kind::Terse, Kind::WrongSplit], *seed);
        net.run();
        assert_eq!(net.finished, Some(605), "{:?}", net.log);
        assert!(!net.blamed.contains_key(&PeerId(1)), "{:?}", net.log);
        net.blamed.contains_key(&PeerId(2))
    });
    assert!(caught.count() >= 20);
}

#[test]
fn a_peer_without_progress_is_dropped_after_two_answers() {
    for kind in [Kind::Empty, Kind::Silent] {
        let mut net = Net::new(&[kind], 1);
        net.run();
        assert_eq!(net.finished, None);
        assert_eq!(net.blamed, [(PeerId(1), Blame::NoProgress)].into());
        assert_eq!(net.asked[&PeerId(1)], u64::from(NO_PROGRESS_MAX));
    }
}

#[test]
fn partial_progress_is_kept_and_taken_up_by_others() {
    let mut net = Net::new(&[Kind::Forger], 1);
    let mut warp = net.run();
    // Of twenty fragments the last one is forged.
    assert_eq!((warp.head().block().number, net.finished), (190, None), "{:?}", net.log);
    let after = |warp: &mut Warp, net: &mut Net| {
        net.kinds.insert(PeerId(2), Kind::Honest);
        warp.handle(Event::Peer(PeerId(2), 605));
        net.take_actions(warp);
        assert_eq!(net.pending.len(), 1);
        let Some(Pending::Bytes(ask, answer, 0)) = net.pending.pop() else { panic!("fragments are asked for") };
        warp.handle(Event::Received(ask, &answer));
        warp.handle(Event::Ended(ask));
        net.take_actions(warp);
        let worked = net.pending.iter().position(|pending| matches!(pending, Pending::Worked(..)));
        let Pending::Worked(work, done) = net.pending.swap_remove(worked.expect("signatures are verified")) else {
            unreachable!("it is a work");
        };
        warp.handle(Event::Worked(work, done));
        net.take_actions(warp);
    };
    after(&mut warp, &mut net);
    assert_eq!(warp.head().block().number, 390);
}

#[test]
fn a_peer_that_leaves_or_is_near_is_asked_for_nothing() {
    let mut real = World::new(PLAN);
    let mut warp = Warp::new(real.genesis(), SETTINGS);
    warp.handle(Event::Peer(PeerId(1), SETTINGS.gap_blocks));
    let finished = warp.poll();
    assert!(matches!(finished, Some(Action::Finished(_))), "{finished:?}");
    assert!(warp.poll().is_none());
    warp.handle(Event::Peer(PeerId(1), 605));
    let Some(Action::AskFragments { ask, .. }) = warp.poll() else { panic!("the peer is ahead now") };
    warp.handle(Event::PeerLeft(PeerId(1)));
    let cancelled = warp.poll();
    assert!(matches!(cancelled, Some(Action::Cancel(closed)) if closed == ask), "{cancelled:?}");
    // What comes late is of no ask.
    warp.handle(Event::Received(ask, &real.answer(0, 3)));
    warp.handle(Event::Ended(ask));
    warp.handle(Event::HashTold(ask, None));
    warp.handle(Event::Failed(ask));
    assert!(warp.poll().is_none());
}
