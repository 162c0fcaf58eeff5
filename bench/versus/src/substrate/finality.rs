//! Headers, justifications and warp fragments.
//!
//! Compared functions: `HeaderRef::decode` with `header::decode`, alone and with what a client then reads of a header, for
//! ours decodes an engine's item when it is asked for and theirs all of them before; `JustificationRef::decode`, `Proofs::push` and `Work::run`
//! with `finality::verify::verify_justification`, which decodes too; `FragmentStream`, `Run` and `Work::run` with
//! `header::decode_partial`, `decode_partial_grandpa_justification` and `verify_justification` for each fragment, as their
//! warp sync does. Theirs counts authorities by number, ours by weight.

#[path = "../../../../crates/rushlight-core/tests/fragments/mod.rs"]
mod fragments;

use super::recorded;
use crate::measure::{cpu, in_turns, live_bytes, peak_bytes};
use crate::report::Row;
use fragments::{Plan, World, encode_answer};
use rushlight_core::base::{AskId, Hash, PeerId, WorkId};
use rushlight_core::work::{Outcome, Work};
use rushlight_core::chains::substrate::grandpa::{AuthoritySet, JustificationRef, Proofs};
use rushlight_core::chains::substrate::header::grandpa::Log;
use rushlight_core::chains::substrate::header::{DigestItem, HeaderRef, NumberWidth};
use rushlight_core::chains::substrate::warp::{
    Action, Event, FragmentStream, Run, Warp, WarpRules, WarpSettings, verify_proof,
};
use rushlight_core::codec::scale::put_compact;
use smoldot::finality::decode::decode_partial_grandpa_justification;
use smoldot::finality::verify::{JustificationVerifyConfig, verify_justification};
use smoldot::header;
use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::time::Duration;

const WIDTH: NumberWidth = NumberWidth::U32;
const FRAGMENTS: u64 = 100;

/// Returns every row.
pub fn rows(is_quick: bool) -> Vec<Row> {
    let rounds = if is_quick { 3 } else { 15 };
    let mut rows = headers(rounds);
    rows.extend([300, 600, 1_000].map(|authorities| justification(authorities, rounds)));
    rows.extend(hundred_fragments(if is_quick { 1 } else { 5 }));
    rows
}

fn plan(authorities: u64, new: u64, changes: u64) -> Plan {
    let votes = authorities - (authorities - 1) / 3;
    Plan { authorities, new, votes, blocks: 2_400, changes, above: 10, babe: true, fork: 0 }
}

fn headers(rounds: usize) -> Vec<Row> {
    let small = recorded("real/header-polkadot-512271.scale").map(|large| {
        let large_row = header_row("header decode, epoch change of Polkadot", &large, rounds);
        let items: Vec<_> = HeaderRef::decode(&large, WIDTH).expect("a header").to_header().digest;
        let mut small = HeaderRef::decode(&large, WIDTH).expect("a header").to_header();
        // An ordinary header is the same one without what it announces.
        small.digest = items.into_iter().filter(|item| !matches!(item, DigestItem::Consensus(..))).collect();
        let small = small.encode();
        let used = |name, bytes| used_header_row(name, bytes, rounds);
        let used =
            [used("header decode and use, ordinary", &small), used("the same of Polkadot's epoch change", &large)];
        [header_row("header decode, ordinary", &small, rounds), large_row].into_iter().chain(used).collect::<Vec<_>>()
    });
    small.into_iter().flatten().collect()
}

fn header_row(name: &str, bytes: &[u8], rounds: usize) -> Row {
    let repeat = |decode: &dyn Fn()| cpu(|| (0..10_000).for_each(|_| decode())).1 / 10_000;
    let ours = || {
        black_box(HeaderRef::decode(black_box(bytes), WIDTH).expect("a header"));
    };
    let theirs = || {
        black_box(header::decode(black_box(bytes), 4).expect("a header"));
    };
    let (ours, theirs) = in_turns(rounds, 1, || repeat(&ours), || repeat(&theirs));
    Row::new(format!("{name}, {} bytes", bytes.len()), ours * 1_000, theirs * 1_000, 2.0).per("ns")
}

/// Reads what a client looks at in each header: the author's slot, the seal, the announced epoch and set, and every
/// authority in them. Ours decodes these here and theirs before, so that this row compares the same work.
fn used_header_row(name: &str, bytes: &[u8], rounds: usize) -> Row {
    assert_eq!(our_use(bytes), their_use(bytes), "both read the same");
    let read = |read: fn(&[u8]) -> Seen| {
        black_box(read(black_box(bytes)));
    };
    let repeat = |by: fn(&[u8]) -> Seen| cpu(|| (0..10_000).for_each(|_| read(by))).1 / 10_000;
    let ours = || repeat(our_use);
    let theirs = || repeat(their_use);
    let (ours, theirs) = in_turns(rounds, 1, ours, theirs);
    Row::new(format!("{name}, {} bytes", bytes.len()), ours * 1_000, theirs * 1_000, 2.0).per("ns")
}

/// Slot, length of the seal, sums over the authorities of BABE and of GRANDPA.
type Seen = (u64, usize, u64, u64);

fn sum<'a>(authorities: impl Iterator<Item = (&'a [u8; 32], u64)>) -> u64 {
    authorities.fold(0, |sum, (key, weight)| sum + weight + u64::from(key[0]))
}

fn our_use(bytes: &[u8]) -> Seen {
    let header = HeaderRef::decode(bytes, WIDTH).expect("a header");
    let slot = header.babe_pre_digest().expect("one claim").expect("a claim").slot;
    let seal = header.digest().last().map_or(0, |item| match item {
        DigestItem::Seal(_, signature) => signature.len(),
        _ => 0,
    });
    let epoch = header.babe_announced_epoch().expect("one epoch");
    let set = header.grandpa_logs().find_map(|log| match log {
        Log::ScheduledChange(change) => Some(change.next_authorities),
        _ => None,
    });
    let babe = epoch.map_or(0, |epoch| sum(epoch.epoch.authorities.iter()));
    (slot, seal, babe, set.map_or(0, |set| sum(set.iter())))
}

fn their_use(bytes: &[u8]) -> Seen {
    let header = header::decode(bytes, 4).expect("a header");
    let slot = header.digest.babe_pre_runtime().expect("a claim").slot_number();
    let seal = header.digest.babe_seal().map_or(0, |seal| seal.len());
    let epoch = header.digest.babe_epoch_information();
    let set = header.digest.logs().find_map(|item| match item {
        header::DigestItemRef::GrandpaConsensus(header::GrandpaConsensusLogRef::ScheduledChange(change)) => {
            Some(change.next_authorities)
        }
        _ => None,
    });
    let babe = epoch.map_or(0, |(epoch, _)| sum(epoch.authorities.map(|of| (of.public_key, of.weight))));
    (slot, seal, babe, set.map_or(0, |set| sum(set.map(|of| (of.public_key, of.weight.get())))))
}

fn justification(authorities: u64, rounds: usize) -> Row {
    let mut world = World::new(plan(authorities, 0, 1));
    let (set, fragment) = (world.set(0), world.fragment(0));
    let header = world.header(0).encode();
    let bytes = &fragment[header.len()..];
    let ours = || {
        let justification = JustificationRef::decode(bytes, WIDTH).expect("a justification");
        let mut proofs = Proofs::start(Hash::default());
        proofs.push(&justification, justification.target(), &set).expect("the rules hold");
        assert!(proofs.verify_in_place().1.is_none());
    };
    let keys = keys(&set);
    let (ours, theirs) = in_turns(rounds, 1, || cpu(ours).1, || cpu(|| verify_theirs(bytes, 0, &keys)).1);
    Row::new(format!("justification of {authorities} authorities, {} votes", world.plan.votes), ours, theirs, 1.0)
}

fn keys(set: &AuthoritySet) -> Vec<[u8; 32]> {
    set.list().iter().map(|authority| authority.key).collect()
}

fn verify_theirs(justification: &[u8], authorities_set_id: u64, keys: &[[u8; 32]]) {
    let authorities_list = keys.iter().map(|key| key.as_slice());
    let config = JustificationVerifyConfig {
        justification,
        block_number_bytes: 4,
        authorities_set_id,
        authorities_list,
        randomness_seed: [7; 32],
    };
    verify_justification(config).expect("the justification holds");
}

fn hundred_fragments(rounds: usize) -> Vec<Row> {
    // Without the epochs of BABE, so that all of them fit into one answer.
    let mut world = World::new(Plan { babe: false, ..plan(1_000, 100, FRAGMENTS) });
    let genesis = world.genesis();
    let fragments: Vec<_> = (0..FRAGMENTS).map(|index| world.fragment(index)).collect();
    let answer = encode_answer(&fragments, true);
    let first = keys(genesis.set());
    let ours = || {
        let (head, finished) = verify_proof(&genesis, &answer, WIDTH, &WarpRules::default()).expect("the proof holds");
        assert!(finished && head.set().id() == FRAGMENTS);
    };
    let theirs = || {
        let mut keys = first.clone();
        for (fragment, set_id) in fragments.iter().zip(0..) {
            let (header, rest) = header::decode_partial(fragment, 4).expect("a header");
            let (_, behind) = decode_partial_grandpa_justification(rest, 4).expect("a justification");
            verify_theirs(&rest[..rest.len() - behind.len()], set_id, &keys);
            keys = header
                .digest
                .logs()
                .find_map(|item| match item {
                    header::DigestItemRef::GrandpaConsensus(header::GrandpaConsensusLogRef::ScheduledChange(
                        change,
                    )) => Some(change.next_authorities.map(|authority| *authority.public_key).collect()),
                    _ => None,
                })
                .expect("a change");
        }
    };
    let name = "100 fragments of 1,000 authorities, 10 % of the keys new in each";
    let (our_time, their_time) = in_turns(rounds, 1, || cpu(ours).1, || cpu(theirs).1);
    let two = || {
        let (works, links) = cpu(|| works(&genesis, &answer));
        // Whichever is free takes the next, as the driver's threads do.
        let waiting = std::sync::Mutex::new(works.into_iter());
        let run = || {
            let next = || waiting.lock().expect("nobody panics").next();
            cpu(|| {
                while let Some(work) = next() {
                    assert!(work.run().outcome() == Outcome::Valid)
                }
            })
            .1
        };
        let halves = std::thread::scope(|scope| {
            let second = scope.spawn(run);
            [run(), second.join().expect("the thread ends")]
        });
        links + halves[0].max(halves[1])
    };
    let (two, one) = in_turns(rounds, 1, two, || cpu(ours).1);
    vec![
        Row::new(format!("{name}, one thread"), our_time, their_time, 1.5),
        Row::new(format!("{name}: ours on two threads (the longer one) and on one"), two, one, 1.7),
    ]
}

/// Returns the works of a whole answer.
fn works(genesis: &rushlight_core::chains::substrate::warp::VerifiedHead, answer: &[u8]) -> Vec<Work> {
    let mut stream = FragmentStream::new(WIDTH);
    stream.receive(answer).expect("it fits");
    let (mut run, mut works) = (Run::start(genesis, &WarpRules::default()), Vec::new());
    while let Ok(fragment) = stream.end().expect("the answer is honest") {
        run.push(&fragment, PeerId(0)).expect("the rules hold");
        if run.is_full() {
            works.push(run.seal().0);
        }
    }
    works.push(run.seal().0);
    works
}

/// What the core holds; what the generator holds is not counted.
#[derive(Default)]
struct Meter {
    live: isize,
    peak: isize,
}

impl Meter {
    fn core<T>(&mut self, action: impl FnOnce() -> T) -> T {
        let before = live_bytes() as isize;
        let (result, peak) = peak_bytes(action);
        self.peak = self.peak.max(self.live + peak as isize);
        self.live += live_bytes() as isize - before;
        result
    }
}

/// An answer that is being sent: its fragments are signed when their turn comes.
struct Sending {
    ask: AskId,
    next: u64,
    end: u64,
    is_finished: bool,
    bytes: Vec<u8>,
    sent: usize,
}

/// A warp sync and what a driver with two workers keeps for it.
struct Driven {
    warp: Warp,
    meter: Meter,
    world: World,
    /// Place of what follows a block, by its hash.
    index_of: BTreeMap<Hash, u64>,
    hashes: VecDeque<(AskId, Hash)>,
    sending: VecDeque<Sending>,
    works: VecDeque<(WorkId, Work)>,
    finished: Option<u64>,
    bytes: u64,
    verifying: Duration,
}

impl Driven {
    /// Passes an event on; at most one work waits while answers come in.
    fn handle(&mut self, event: Event<'_>) {
        let Self { warp, meter, .. } = self;
        meter.core(|| warp.handle(event));
        loop {
            while let Some(action) = self.meter.core(|| self.warp.poll()) {
                match action {
                    Action::AskHash { ask, height, .. } => {
                        let hash = self.world.hash_at(height);
                        self.index_of.insert(hash, height / self.world.plan.blocks);
                        self.hashes.push_back((ask, hash));
                    }
                    Action::AskFragments { ask, from, .. } => {
                        let (next, all) = (self.index_of[&from], self.world.plan.changes + 1);
                        let end = all.min(next + 48);
                        let mut bytes = vec![];
                        put_compact(&mut bytes, end - next);
                        self.sending.push_back(Sending { ask, next, end, is_finished: end == all, bytes, sent: 0 });
                    }
                    Action::Cancel(ask) => self.sending.retain(|answer| answer.ask != ask),
                    Action::Work(id, work) => self.works.push_back((id, work)),
                    Action::Progress(head) => self.meter.core(|| drop(head)),
                    Action::Finished(head) => self.finished = Some(head.block().number),
                    Action::Blame(peer, blame) => panic!("peer {} is honest: {blame:?}", peer.0),
                }
            }
            if self.works.len() <= usize::from(!self.sending.is_empty()) {
                return;
            }
            if let Some((id, work)) = self.works.pop_front() {
                let (done, time) = cpu(|| self.meter.core(|| work.run()));
                self.verifying += time;
                self.meter.core(|| self.warp.handle(Event::Worked(id, done)));
            }
        }
    }

    /// Answers until nothing is asked any more, all peers in turns, in pieces of 64 KiB.
    fn answer_all(&mut self) {
        loop {
            if let Some((ask, hash)) = self.hashes.pop_front() {
                self.handle(Event::HashTold(ask, Some(hash)));
                continue;
            }
            let Some(mut answer) = self.sending.pop_front() else { return };
            let ask = answer.ask;
            if answer.sent == answer.bytes.len() {
                if answer.next > answer.end {
                    self.handle(Event::Ended(ask));
                    continue;
                }
                answer.sent = 0;
                answer.bytes = if answer.next == answer.end {
                    vec![answer.is_finished.into()]
                } else {
                    let header = self.world.header(answer.next);
                    self.index_of.insert(header.hash(), answer.next + 1);
                    self.world.justified(answer.next, &header)
                };
                answer.next += 1;
            }
            let end = answer.bytes.len().min(answer.sent + (1 << 16));
            let piece = answer.bytes[answer.sent..end].to_vec();
            answer.sent = end;
            self.bytes += piece.len() as u64;
            self.sending.push_back(answer);
            self.handle(Event::Received(ask, &piece));
        }
    }
}

/// Warps over `fragments` fragments of Kusama's size from `peers` peers at once, streamed and signed while they are asked
/// for, and prints how much memory the core took at most.
pub fn memory(fragments: u64, peers: u32) {
    let mut world = World::new(Plan { votes: 700, ..plan(1_000, 10, fragments) });
    let genesis = world.genesis();
    let index_of = [(genesis.block().hash, 0)].into();
    let mut meter = Meter::default();
    let warp = meter.core(|| Warp::new(genesis, WarpSettings::default(), WarpRules::default()));
    let mut driven = Driven {
        warp,
        meter,
        world,
        index_of,
        hashes: VecDeque::new(),
        sending: VecDeque::new(),
        works: VecDeque::new(),
        finished: None,
        bytes: 0,
        verifying: Duration::ZERO,
    };
    let finalized = driven.world.finalized();
    (1..=peers).for_each(|peer| driven.handle(Event::Peer(PeerId(peer), finalized)));
    driven.answer_all();
    println!("{fragments} fragments from {peers} peers, {:.1} MB received", driven.bytes as f64 / 1e6);
    println!("the head is block {:?} of {finalized}", driven.finished);
    println!("signatures verified in {:.1} s of processor time", driven.verifying.as_secs_f64());
    println!("the core held at most {:.1} MB; wanted are less than 20", driven.meter.peak as f64 / 1e6);
}
