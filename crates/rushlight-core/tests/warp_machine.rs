//! The machine that warps over several peers: whatever some of them do, in whatever order things happen.

mod fragments;

use fragments::{Plan, World, block_rules, encode_answer};
use rushlight_core::base::{AskId, Hash, PeerId, WorkId};
use rushlight_core::chains::substrate::grandpa::BlockId;
use rushlight_core::chains::substrate::header::{DigestItem, Header, NumberWidth};
use rushlight_core::chains::substrate::spec::rules::RefusedBlock;
use rushlight_core::chains::substrate::warp::{
    Action, Blame, Event, FRAGMENT_BYTES_MAX, HELD_BYTES_MAX, NO_PROGRESS_MAX, PEERS_MAX, StreamError,
    WAITING_BYTES_MAX, WORKS_MAX, Warp, WarpError, WarpRules, WarpSettings,
};
use rushlight_core::work::{Done, Work};
use std::collections::{BTreeMap, VecDeque};

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
    /// Has what it sends, and announces more than that.
    Boaster,
}

/// What a peer is.
#[derive(Clone, Copy, Debug)]
struct Peer {
    kind: Kind,
    /// The newest block that it has.
    finalized: u64,
    /// The newest block that it says it has.
    announced: u64,
}

const LIARS: [Kind; 7] =
    [Kind::WrongSplit, Kind::Fork, Kind::Forger, Kind::Padder, Kind::Swapper, Kind::Skipper, Kind::Cutter];

/// What waits to happen.
enum Pending {
    /// A peer has this block now and says so.
    Finalized(PeerId, u64),
    Hash(AskId, Option<Hash>),
    Bytes(AskId, Vec<u8>, usize),
    Failed(AskId),
    Worked(WorkId, Done),
}

struct Net {
    real: World,
    fork: World,
    peers: BTreeMap<PeerId, Peer>,
    dice: u64,
    pending: Vec<Pending>,
    log: Vec<String>,
    blamed: BTreeMap<PeerId, Blame>,
    finished: Option<u64>,
    asked: BTreeMap<PeerId, u64>,
    waiting_most: usize,
    /// Blocks between changes that somebody proved: they are on the chain, so every node that is so far has them.
    between: BTreeMap<Hash, u64>,
}

impl Net {
    fn new(kinds: &[Kind], seed: u64) -> Self {
        let finalized = PLAN.blocks * PLAN.changes + PLAN.above;
        let peer = |kind: &Kind| Peer { kind: *kind, finalized, announced: finalized };
        Self {
            real: World::new(PLAN),
            fork: World::new(Plan { fork: 1, ..PLAN }),
            peers: kinds.iter().zip(1..).map(|(kind, id)| (PeerId(id), peer(kind))).collect(),
            dice: seed,
            pending: vec![],
            log: vec![],
            blamed: BTreeMap::new(),
            finished: None,
            asked: BTreeMap::new(),
            waiting_most: 0,
            between: BTreeMap::new(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) as usize % bound
    }

    /// Runs a warp from genesis until nothing is left to do.
    fn run(&mut self) -> Warp {
        let mut warp = Warp::new(self.real.genesis(), SETTINGS, WarpRules::default());
        for (id, peer) in self.peers.clone() {
            warp.handle(Event::Peer(id, peer.announced));
            self.take_actions(&mut warp);
        }
        for _ in 0..100_000 {
            if self.pending.is_empty() {
                return warp;
            }
            let next = self.below(self.pending.len());
            match self.pending.swap_remove(next) {
                Pending::Finalized(peer, number) => {
                    if let Some(known) = self.peers.get_mut(&peer) {
                        (known.finalized, known.announced) = (number, number);
                        warp.handle(Event::Peer(peer, number));
                    }
                }
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
                    let answer = self.hash_at(self.peers[&peer], height);
                    self.pending.push(answer.map_or(Pending::Failed(ask), |hash| Pending::Hash(ask, hash)));
                }
                Action::AskFragments { ask, peer, from } => {
                    *self.asked.entry(peer).or_default() += 1;
                    let answer = self.answer(self.peers[&peer], from);
                    self.pending.push(answer.map_or(Pending::Failed(ask), |bytes| Pending::Bytes(ask, bytes, 0)));
                }
                Action::Cancel(ask) => self.pending.retain(|pending| match pending {
                    Pending::Hash(open, _) | Pending::Bytes(open, ..) | Pending::Failed(open) => *open != ask,
                    Pending::Worked(..) | Pending::Finalized(..) => true,
                }),
                Action::Work(id, work) => {
                    assert!(work.size_bytes() <= Work::BYTES_MAX);
                    self.pending.push(Pending::Worked(id, work.run()));
                    let works = self.pending.iter().filter(|pending| matches!(pending, Pending::Worked(..)));
                    // Those that were given up come back too, so that this is no bound on what came before a lie.
                    assert!(works.count() <= WORKS_MAX * (1 + self.peers.len()));
                }
                Action::Blame(peer, blame) => {
                    self.log.push(format!("{} is blamed: {blame:?}", peer.0));
                    assert_eq!(self.blamed.insert(peer, blame), None, "a peer is blamed once");
                }
                Action::Progress(head) => {
                    // Whatever happens, nothing is final that is not on the chain.
                    let BlockId { hash, number } = head.block();
                    let known = self.real.number_of(hash).or(self.between.get(&hash).copied());
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
    fn hash_at(&mut self, peer: Peer, height: u64) -> Option<Option<Hash>> {
        match peer.kind {
            Kind::Silent => None,
            Kind::Empty => Some(None),
            Kind::WrongSplit => Some(Some(Hash([0xbb; 32]))),
            Kind::Fork => Some(Some(self.fork.hash_at(height))),
            _ => Some((height <= peer.finalized).then(|| self.real.hash_at(height))),
        }
    }

    /// Returns the header of the newest block of a node, and by which set it is justified.
    fn newest(&mut self, is_fork: bool, finalized: u64) -> (u64, Header) {
        let world = if is_fork { &mut self.fork } else { &mut self.real };
        let mut header = world.header(PLAN.changes);
        header.number = finalized;
        if !is_fork {
            self.between.insert(header.hash(), finalized);
        }
        ((finalized / PLAN.blocks).min(PLAN.changes), header)
    }

    fn answer(&mut self, peer: Peer, from: Hash) -> Option<Vec<u8>> {
        let Peer { kind, finalized, .. } = peer;
        let start = match self.real.number_of(from).or(self.between.get(&from).copied()) {
            // It is no finalized block to this node.
            Some(start) if start > finalized => return None,
            Some(start) => start,
            // Nobody honest has such a block; its inventor goes on somewhere.
            None if kind == Kind::WrongSplit => 200.min(finalized),
            None => self.fork.number_of(from).filter(|start| kind == Kind::Fork && *start <= finalized)?,
        };
        let is_fork = kind == Kind::Fork;
        let first = start / PLAN.blocks;
        let changes = (finalized / PLAN.blocks).min(PLAN.changes);
        let max = if kind == Kind::Terse { 3 } else { 20 };
        let mut sent: Vec<u64> = (first..changes).take(max).collect();
        let world = if is_fork { &mut self.fork } else { &mut self.real };
        let mut fragments: Vec<Vec<u8>> = sent.iter().map(|index| world.fragment(*index)).collect();
        let finished = sent.len() < max && sent.last().is_none_or(|last| last + 1 == changes);
        // A node ends with the newest block that it has, unless that is the last change; asked from there it repeats it.
        if start == finalized && changes > 0 && finalized == changes * PLAN.blocks {
            fragments.push(world.fragment(changes - 1));
        } else if finished && sent.last().is_none_or(|last| (last + 1) * PLAN.blocks < finalized) {
            let (set, header) = self.newest(is_fork, finalized);
            let world = if is_fork { &mut self.fork } else { &mut self.real };
            fragments.push(world.justified(set, &header));
            sent.push(changes);
        }
        let world = if is_fork { &mut self.fork } else { &mut self.real };
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
                self.between.insert(header.hash(), header.number);
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
    for seed in 0..180 {
        let mut net = Net::new(&[], seed);
        // In the second half peers are of different heights, and liars say of theirs what they like.
        let has_heights = seed >= 90;
        let count = 2 + net.below(5) as u32;
        let honest = 1 + net.below(count as usize) as u32;
        for id in 1..=count {
            let kind = match net.below(12) {
                _ if id == honest => Kind::Honest,
                0 => Kind::Silent,
                1 => Kind::Empty,
                2 => Kind::Terse,
                3 if has_heights => Kind::Honest,
                4 if has_heights => Kind::Boaster,
                _ => LIARS[net.below(LIARS.len())],
            };
            let finalized = if has_heights { 1 + net.below(605) as u64 } else { 605 };
            let announced = match net.below(4) {
                _ if matches!(kind, Kind::Honest | Kind::Terse) || !has_heights => finalized,
                0 if kind != Kind::Boaster => finalized,
                1 => u64::MAX,
                2 => 1_000_000,
                _ => finalized + net.below(700) as u64,
            };
            let id = PeerId(id);
            net.peers.insert(id, Peer { kind, finalized, announced });
            if has_heights && kind == Kind::Honest && net.below(2) == 0 {
                let later = finalized + net.below(606 - finalized as usize) as u64;
                net.pending.push(Pending::Finalized(id, later));
            }
        }
        let warp = net.run();
        let told = || format!("seed {seed}, {:?}: {:#?}", net.peers, net.log);
        let is_honest = |peer: &Peer| matches!(peer.kind, Kind::Honest | Kind::Terse);
        let highest = net.peers.values().filter(|peer| is_honest(peer)).map(|peer| peer.finalized).max();
        let (highest, finished) = (highest.expect("one is honest"), net.finished.unwrap_or_default());
        assert!(finished <= 605 && finished + SETTINGS.gap_blocks >= highest, "{}", told());
        assert_eq!(finished, warp.head().block().number, "{}", told());
        assert_eq!(warp.waiting_bytes(), 0, "{}", told());
        assert!(net.waiting_most <= WAITING_BYTES_MAX);
        for (peer, blame) in &net.blamed {
            let kind = net.peers[peer].kind;
            assert!(!is_honest(&net.peers[peer]), "{peer:?} is honest: {}", told());
            *blamed.entry(format!("{kind:?} {}", matches!(blame, Blame::Wrong(_)))).or_insert(0) += 1;
        }
    }
    // Every kind of liar was caught in a lie, and those who bring nothing were dropped.
    for kind in LIARS.iter().filter(|kind| **kind != Kind::WrongSplit) {
        assert!(blamed.contains_key(&format!("{kind:?} true")), "{kind:?}: {blamed:?}");
    }
    for kind in ["Silent", "Empty", "Boaster"] {
        assert!(blamed.contains_key(&format!("{kind} false")), "{kind}: {blamed:?}");
    }
    assert!(!blamed.contains_key("Boaster true"), "{blamed:?}");
}

#[test]
fn peers_of_different_heights_are_all_honest() {
    for heights in [[600, 590, 605, 580], [605, 75, 300, 70], [64, 65, 129, 605]] {
        for seed in 0..40 {
            let mut net = Net::new(&[Kind::Honest; 4], seed);
            net.peers.values_mut().zip(heights).for_each(|(peer, finalized)| {
                (peer.finalized, peer.announced) = (finalized, finalized);
            });
            net.run();
            let told = || format!("{heights:?}, seed {seed}: {:#?}", net.log);
            assert!(net.blamed.is_empty(), "{}", told());
            assert!(net.finished.is_some_and(|head| (601..=605).contains(&head)), "{}", told());
        }
    }
}

/// Plays peers that answer at once, before any signature is verified; each has its own newest justified block, and between
/// changes of the set there is nothing else to send. Returns what happened.
fn newest_only(real: &mut World, warp: &mut Warp, finalized: &[u64]) -> Vec<String> {
    let mut numbers: BTreeMap<Hash, u64> = BTreeMap::new();
    let (mut log, mut actions, mut works) = (vec![], VecDeque::new(), VecDeque::new());
    for (height, id) in finalized.iter().zip(1..) {
        warp.handle(Event::Peer(PeerId(id), *height));
    }
    for _ in 0..1_000 {
        actions.extend(core::iter::from_fn(|| warp.poll()));
        match actions.pop_front().or_else(|| works.pop_front()) {
            None => return log,
            Some(Action::Work(id, work)) if !actions.is_empty() => works.push_back(Action::Work(id, work)),
            Some(Action::AskHash { ask, peer, height }) => {
                let has = height <= finalized[peer.0 as usize - 1];
                warp.handle(Event::HashTold(ask, has.then(|| real.hash_at(height))));
            }
            Some(Action::AskFragments { ask, peer, from }) => {
                let start = numbers.get(&from).copied().or_else(|| real.number_of(from)).expect("a block of ours");
                assert!(start < finalized[peer.0 as usize - 1], "{peer:?} does not have what it is asked for");
                let changes = if start < real.plan.blocks { vec![real.fragment(0)] } else { vec![] };
                let mut last = real.header(1);
                last.number = finalized[peer.0 as usize - 1];
                numbers.insert(last.hash(), last.number);
                let fragments = [changes, vec![real.justified(1, &last)]].concat();
                warp.handle(Event::Received(ask, &encode_answer(&fragments, true)));
                warp.handle(Event::Ended(ask));
            }
            Some(Action::Work(id, work)) => warp.handle(Event::Worked(id, work.run())),
            Some(Action::Blame(peer, blame)) => log.push(format!("{} is blamed: {blame:?}", peer.0)),
            Some(Action::Finished(head)) => log.push(format!("finished at {}", head.block().number)),
            Some(Action::Progress(_) | Action::Cancel(_)) => {}
        }
    }
    panic!("the warp does not come to an end: {log:?}");
}

#[test]
fn parts_may_overlap_where_no_set_changes() {
    for heights in [[600, 590, 700, 580], [580, 700, 590, 600], [700, 100, 70, 650], [70, 75, 80, 700]] {
        let mut real = World::new(Plan { blocks: 11, changes: 1, above: 689, ..PLAN });
        let mut warp = Warp::new(real.genesis(), SETTINGS, WarpRules::default());
        assert_eq!(newest_only(&mut real, &mut warp, &heights), ["finished at 700"], "{heights:?}");
    }
}

#[test]
fn who_announces_too_much_makes_no_trouble_for_others() {
    let mut real = World::new(PLAN);
    let mut warp = Warp::new(real.genesis(), SETTINGS, WarpRules::default());
    for (peer, finalized) in [(2, 75), (3, 75), (1, 1_000_000), (4, 75)] {
        warp.handle(Event::Peer(PeerId(peer), finalized));
    }
    // The others take their time; the first one never answers.
    let (mut open, mut log) = (vec![], vec![]);
    let play = |warp: &mut Warp, open: &mut Vec<AskId>, log: &mut Vec<String>| {
        while let Some(action) = warp.poll() {
            match action {
                Action::AskHash { ask, peer: PeerId(1), .. } | Action::AskFragments { ask, peer: PeerId(1), .. } => {
                    warp.handle(Event::Failed(ask));
                }
                Action::AskHash { peer, height, .. } => log.push(format!("{} names {height}", peer.0)),
                Action::AskFragments { ask, .. } => open.push(ask),
                Action::Blame(peer, blame) => log.push(format!("{} is blamed: {blame:?}", peer.0)),
                Action::Work(id, work) => warp.handle(Event::Worked(id, work.run())),
                Action::Finished(head) => log.push(format!("finished at {}", head.block().number)),
                Action::Progress(_) | Action::Cancel(_) => {}
            }
        }
    };
    play(&mut warp, &mut open, &mut log);
    assert_eq!(log, ["3 names 64", "1 is blamed: NoProgress"]);
    assert_eq!(open.len(), 1);
    warp.handle(Event::Received(open[0], &real.answer(0, 7)));
    warp.handle(Event::Ended(open[0]));
    play(&mut warp, &mut open, &mut log);
    assert_eq!(warp.head().block().number, 70);
    assert!(log.iter().all(|line| !line.contains("blamed") || line.starts_with("1 ")), "{log:?}");
}

#[test]
fn peers_that_have_nothing_do_not_keep_out_one_that_has() {
    let mut real = World::new(PLAN);
    let mut warp = Warp::new(real.genesis(), SETTINGS, WarpRules::default());
    for id in 1..=PEERS_MAX as u32 + 9 {
        warp.handle(Event::Peer(PeerId(id), u64::from(id % 3)));
    }
    assert!(matches!(warp.poll(), Some(Action::Finished(head)) if head.block().number == 0));
    assert!(warp.poll().is_none());
    warp.handle(Event::Peer(PeerId(1_000), 605));
    let asked = warp.poll();
    assert!(matches!(asked, Some(Action::AskFragments { peer: PeerId(1_000), .. })), "{asked:?}");
    // Those who claim most drive nobody out that has something: they are asked, and dropped when nothing comes.
    let mut warp = Warp::new(real.genesis(), SETTINGS, WarpRules::default());
    warp.handle(Event::Peer(PeerId(1_000), 605));
    for id in 1..=2 * PEERS_MAX as u32 {
        warp.handle(Event::Peer(PeerId(id), u64::MAX));
    }
    let mut dropped = 0;
    let mut answers = VecDeque::new();
    for _ in 0..10_000 {
        match warp.poll() {
            Some(Action::AskFragments { ask, peer: PeerId(1_000), from }) => answers.push_back((ask, from)),
            Some(Action::AskHash { ask, peer: PeerId(1_000), height }) => {
                warp.handle(Event::HashTold(ask, Some(real.hash_at(height))));
            }
            Some(Action::AskHash { ask, .. } | Action::AskFragments { ask, .. }) => warp.handle(Event::Failed(ask)),
            Some(Action::Work(id, work)) => warp.handle(Event::Worked(id, work.run())),
            Some(Action::Blame(peer, blame)) => {
                assert_eq!(blame, Blame::NoProgress);
                assert_ne!(peer, PeerId(1_000));
                dropped += 1;
            }
            Some(Action::Finished(head)) => {
                assert_eq!((head.block().number, dropped), (605, PEERS_MAX - 1));
                return;
            }
            Some(Action::Progress(_) | Action::Cancel(_)) => {}
            None => {
                let Some((ask, from)) = answers.pop_front() else { panic!("nothing is asked any more") };
                let start = real.number_of(from).expect("a block of ours");
                let answer = real.answer(start, 20);
                warp.handle(Event::Received(ask, &answer));
                warp.handle(Event::Ended(ask));
            }
        }
    }
    panic!("the warp does not come to an end at {}", warp.head().block().number);
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
        net.peers.insert(PeerId(2), Peer { kind: Kind::Honest, finalized: 605, announced: 605 });
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
    let mut warp = Warp::new(real.genesis(), SETTINGS, WarpRules::default());
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

#[test]
fn who_is_on_a_fork_that_the_specification_refuses_is_blamed_for_it() {
    let mut real = World::new(PLAN);
    // The set of the time voted for another block too.
    let other = Header { state_root: Hash([9; 32]), ..real.header(5) };
    let wants = |mut rejected: BTreeMap<PeerId, Blame>| rejected.remove(&PeerId(1));
    let mut run = |rules: WarpRules, first: &[u64], last: &Header| {
        let mut warp = Warp::new(real.genesis(), SETTINGS, rules);
        warp.handle(Event::Peer(PeerId(1), 605));
        let Some(Action::AskFragments { ask, .. }) = warp.poll() else { panic!("fragments are asked for") };
        let mut fragments: Vec<Vec<u8>> = first.iter().map(|index| real.fragment(*index)).collect();
        fragments.push(real.justified(5, last));
        warp.handle(Event::Received(ask, &encode_answer(&fragments, false)));
        warp.handle(Event::Ended(ask));
        let mut blamed = BTreeMap::new();
        while let Some(action) = warp.poll() {
            match action {
                Action::Work(id, work) => warp.handle(Event::Worked(id, work.run())),
                Action::Blame(peer, blame) => drop(blamed.insert(peer, blame)),
                _ => {}
            }
        }
        (warp.head().block().number, blamed)
    };
    let rules = |blocks| WarpRules { blocks, ..WarpRules::default() };
    let honest = World::new(PLAN).block(5).hash;
    let (head, blamed) = run(WarpRules::default(), &[0, 1, 2, 3, 4], &other);
    assert_eq!((head, wants(blamed)), (60, None), "without the specification its votes count");
    let bad = RefusedBlock::Bad { number: 60, hash: other.hash() };
    let (head, blamed) = run(rules(block_rules(&[other.hash()], &[])), &[0, 1, 2, 3, 4], &other);
    assert_eq!((head, wants(blamed)), (0, Some(Blame::Wrong(bad.into()))));
    let fork = RefusedBlock::WrongFork { number: 60, got: other.hash(), want: honest };
    let (head, blamed) = run(rules(block_rules(&[], &[(60, honest)])), &[0, 1, 2, 3, 4], &other);
    assert_eq!((head, wants(blamed)), (0, Some(Blame::Wrong(fork.into()))));
    // Whoever names another block at the height of a fork block is on the fork that was left.
    let mut warp = Warp::new(real.genesis(), SETTINGS, rules(block_rules(&[], &[(64, honest)])));
    (1..=2).for_each(|peer| warp.handle(Event::Peer(PeerId(peer), 605)));
    let asked = core::iter::from_fn(|| warp.poll()).collect::<Vec<_>>();
    let Some(Action::AskHash { ask, peer, height: 64 }) = asked.last() else { panic!("{asked:?}") };
    warp.handle(Event::HashTold(*ask, Some(other.hash())));
    let blamed = core::iter::from_fn(|| warp.poll()).find(|action| matches!(action, Action::Blame(..)));
    let fork = RefusedBlock::WrongFork { number: 64, got: other.hash(), want: honest };
    let Some(Action::Blame(who, why)) = blamed else { panic!("it is not blamed") };
    assert_eq!((who, why), (*peer, Blame::Wrong(fork.into())));
}

/// Eight peers that send large answers, in any order and in pieces of any size.
struct Flood {
    real: World,
    warp: Warp,
    dice: u64,
    known: BTreeMap<Hash, u64>,
    answers: Vec<(AskId, Vec<u8>, usize)>,
    works: Vec<(WorkId, Work)>,
    finished: Option<u64>,
    blamed: Vec<Blame>,
    /// The most bytes that were held in fragments, and altogether.
    most: (usize, usize),
}

impl Flood {
    fn below(&mut self, bound: usize) -> usize {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) as usize % bound
    }

    /// Runs a warp; `answer` gives the answer from behind a block.
    fn run(seed: u64, answer: impl Fn(&mut World, &mut BTreeMap<Hash, u64>, u64) -> Vec<u8>) -> Self {
        // No height at which the way is split is that of a change.
        let mut real = World::new(Plan { blocks: 11, ..PLAN });
        let warp = Warp::new(real.genesis(), SETTINGS, WarpRules::default());
        let mut flood = Self {
            real,
            warp,
            dice: seed,
            known: BTreeMap::new(),
            answers: vec![],
            works: vec![],
            finished: None,
            blamed: vec![],
            most: (0, 0),
        };
        for peer in 1..=8 {
            flood.handle(Event::Peer(PeerId(peer), flood.real.finalized()), &answer);
        }
        while !(flood.answers.is_empty() && flood.works.is_empty()) {
            let next = flood.below(flood.answers.len() + flood.works.len());
            if next < flood.works.len() {
                let (id, work) = flood.works.remove(next);
                flood.handle(Event::Worked(id, work.run()), &answer);
                continue;
            }
            let (ask, bytes, at) = flood.answers.swap_remove(next - flood.works.len());
            if at == bytes.len() {
                flood.handle(Event::Ended(ask), &answer);
                continue;
            }
            let end = bytes.len().min(at + 1 + flood.below(1 << 18) * flood.below(5));
            let piece = bytes[at..end].to_vec();
            flood.answers.push((ask, bytes, end));
            flood.handle(Event::Received(ask, &piece), &answer);
        }
        flood
    }

    fn handle(&mut self, event: Event<'_>, answer: &impl Fn(&mut World, &mut BTreeMap<Hash, u64>, u64) -> Vec<u8>) {
        self.warp.handle(event);
        loop {
            let (waiting, held) = (self.warp.waiting_bytes(), self.warp.size_bytes());
            self.most = (self.most.0.max(waiting), self.most.1.max(held));
            match self.warp.poll() {
                None => return,
                Some(Action::AskHash { ask, height, .. }) => {
                    let hash = self.real.hash_at(height);
                    self.warp.handle(Event::HashTold(ask, Some(hash)));
                }
                Some(Action::AskFragments { ask, from, .. }) => {
                    let start = self.known.get(&from).copied().or_else(|| self.real.number_of(from));
                    let bytes = answer(&mut self.real, &mut self.known, start.expect("a block of ours"));
                    self.answers.push((ask, bytes, 0));
                }
                Some(Action::Cancel(ask)) => self.answers.retain(|(open, ..)| *open != ask),
                Some(Action::Work(id, work)) => self.works.push((id, work)),
                Some(Action::Blame(_, blame)) => self.blamed.push(blame),
                Some(Action::Progress(_)) => {}
                Some(Action::Finished(head)) => self.finished = Some(head.block().number),
            }
        }
    }
}

/// Returns the answer of an honest node whose headers are larger by `padding` of their place.
fn padded(real: &mut World, known: &mut BTreeMap<Hash, u64>, start: u64, padding: impl Fn(u64) -> usize) -> Vec<u8> {
    let (mut fragments, mut bytes) = (vec![], 0);
    let changes = real.plan.changes;
    for index in start / real.plan.blocks..=changes {
        let mut header = real.header(index);
        header.digest.push(DigestItem::Other(vec![7; padding(index)]));
        known.insert(header.hash(), header.number);
        let fragment = real.justified(index, &header);
        bytes += fragment.len();
        if bytes > FRAGMENT_BYTES_MAX {
            return encode_answer(&fragments, false);
        }
        fragments.push(fragment);
    }
    encode_answer(&fragments, true)
}

#[test]
fn what_is_held_is_bounded_however_large_fragments_are() {
    const MIB: usize = 1 << 20;
    for seed in 0..2 {
        // As on Kusama: the first part waits with two mebibytes, all others with four.
        let flood = Flood::run(seed, |real, known, start| padded(real, known, start, |_| 168_000));
        assert_eq!((flood.finished, &*flood.blamed), (Some(665), &[][..]));
        assert!((3 * MIB..7 * MIB).contains(&flood.most.0), "{:?}", flood.most);
        assert!(flood.most.1 < 12 * MIB, "{:?}", flood.most);
        // Larger than any share: each such fragment has to wait until its part is the first one.
        let large = |index| if index % 5 == 4 { 3 * MIB } else { 200_000 };
        let flood = Flood::run(seed, |real, known, start| padded(real, known, start, large));
        assert_eq!((flood.finished, &*flood.blamed), (Some(665), &[][..]));
        assert!((6 * MIB..WAITING_BYTES_MAX).contains(&flood.most.0), "{:?}", flood.most);
        assert!(flood.most.1 <= HELD_BYTES_MAX, "{:?}", flood.most);
        // A fragment that does not end, from all of them.
        let flood = Flood::run(seed, |real, _, _| {
            let votes = [&[0; 44][..], &(65_536_u32 << 2 | 2).to_le_bytes()].concat();
            let fragment = [real.header(0).encode(), votes, vec![0; FRAGMENT_BYTES_MAX + (1 << 20)]].concat();
            encode_answer(&[fragment], true)
        });
        let too_large = Blame::Wrong(WarpError::Stream(StreamError::FragmentTooLarge { index: 0 }));
        assert_eq!((flood.finished, &*flood.blamed), (None, &*vec![too_large; 8]));
        assert!((FRAGMENT_BYTES_MAX..=WAITING_BYTES_MAX).contains(&flood.most.0), "{:?}", flood.most);
        assert!(flood.most.1 <= HELD_BYTES_MAX, "{:?}", flood.most);
    }
}
