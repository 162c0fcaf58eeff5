//! Rushlight against `tendermint-light-client-verifier`, one thread unless said otherwise, every validator signing.
//!
//! Both start from decoded values. Ours builds the validator set within the measured time, because building it hashes it;
//! theirs hashes the sets when it verifies.

use crate::chain::{self, CHAIN_ID, START_SECONDS};
use crate::measure::{cpu, in_turns, peak_bytes};
use crate::report::Row;
use ::tendermint::block::Header as TheirHeader;
use ::tendermint::block::signed_header::SignedHeader;
use ::tendermint::chain::Id as TheirChainId;
use ::tendermint::validator::Set as TheirSet;
use rushlight_core::base::UnixTime;
use rushlight_core::chains::tendermint::decode::json;
use rushlight_core::chains::tendermint::types::{LightBlock, ValidatorSet};
use rushlight_core::chains::tendermint::verify::{self, JudgedAt, Range, Rules, Sealed, VerifiedBlock};
use rushlight_core::work::{Done, Work};
use serde::Deserialize;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::types::{Time, TrustThreshold, TrustedBlockState, UntrustedBlockState};
use tendermint_light_client_verifier::{ProdVerifier, Verdict, Verifier};

const RANGE_HEIGHTS: u64 = 1_000;
const RANGE_VALIDATORS: usize = 150;
const BATCH_HEIGHTS: usize = 256;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A block as they read it, from the same text.
#[derive(Deserialize)]
struct Theirs {
    signed_header: SignedHeader,
    validator_set: TheirSet,
}

fn rules() -> Rules {
    Rules { trusting_period: WEEK, ..Rules::default() }
}

fn now_seconds() -> i64 {
    START_SECONDS + 24 * 3_600
}

fn at() -> JudgedAt {
    JudgedAt::at(UnixTime::new(now_seconds(), 0).expect("a time"))
}

fn trusted(block: &LightBlock) -> VerifiedBlock {
    verify::anchor(CHAIN_ID, block.header.height, block.header.hash(), None, block.clone()).expect("the first block")
}

/// Returns a block whose set is still to be built, so that building it can be measured.
fn loose(block: &LightBlock) -> impl FnOnce() -> Arc<LightBlock> + use<> {
    let (header, commit) = (block.header.clone(), block.commit.clone());
    let members = block.validators.validators().to_vec();
    move || {
        let validators = Arc::new(ValidatorSet::from_sorted(members).expect("a set"));
        Arc::new(LightBlock { header, commit, validators })
    }
}

struct TheirRun {
    blocks: Vec<Theirs>,
    chain_id: TheirChainId,
    options: Options,
    now: Time,
}

impl TheirRun {
    fn of(blocks: &[Arc<LightBlock>]) -> Self {
        let read = |block: &Arc<LightBlock>| {
            serde_json::from_str::<Theirs>(&chain::to_json(block)).expect("the JSON of CometBFT")
        };
        Self {
            blocks: blocks.iter().map(read).collect(),
            chain_id: CHAIN_ID.parse().expect("a chain id"),
            options: Options {
                trust_threshold: TrustThreshold::ONE_THIRD,
                trusting_period: WEEK,
                clock_drift: Duration::from_secs(10),
            },
            now: Time::from_unix_timestamp(now_seconds(), 0).expect("a time"),
        }
    }

    fn verify(&self, trusted: usize, untrusted: usize) {
        let (trusted, untrusted) = (&self.blocks[trusted], &self.blocks[untrusted]);
        let header = &trusted.signed_header.header;
        let trusted = TrustedBlockState {
            chain_id: &self.chain_id,
            header_time: header.time,
            height: header.height,
            next_validators: &trusted.validator_set,
            next_validators_hash: header.next_validators_hash,
        };
        let untrusted = UntrustedBlockState {
            signed_header: &untrusted.signed_header,
            validators: &untrusted.validator_set,
            next_validators: None,
        };
        let verdict = ProdVerifier::default().verify_update_header(untrusted, trusted, &self.options, self.now);
        assert_eq!(verdict, Verdict::Success);
    }
}

/// Verifies one block from another, by both.
fn one_header(name: String, blocks: &[Arc<LightBlock>], target: usize, want: f64) -> Row {
    let trusted = trusted(&blocks[0]);
    let theirs = TheirRun::of(&[Arc::clone(&blocks[0]), Arc::clone(&blocks[target])]);
    let repeats = (600 / blocks[0].validators.len()).clamp(4, 50) as u32;
    let (ours, theirs) = in_turns(
        21,
        repeats,
        || {
            let block = loose(&blocks[target]);
            cpu(|| verify::skipping(&trusted, block(), &rules(), at()).expect("a good block")).1
        },
        || cpu(|| theirs.verify(0, 1)).1,
    );
    Row::new(name, ours, theirs, want)
}

struct Cut {
    works: Vec<(Work, Sealed)>,
}

/// Checks all links of the range and cuts it into works.
fn cut(trusted: &VerifiedBlock, blocks: Vec<impl FnOnce() -> Arc<LightBlock>>) -> Cut {
    let mut range = Range::start(trusted);
    let mut works = Vec::new();
    for block in blocks {
        range.push_adjacent(block(), &rules(), at()).expect("a good link");
        if range.is_full() || range.len() >= BATCH_HEIGHTS {
            works.push(range.seal());
        }
    }
    if !range.is_empty() {
        works.push(range.seal());
    }
    Cut { works }
}

fn release(trusted: &VerifiedBlock, finished: Vec<(Done, Sealed)>) -> u64 {
    let mut trusted = trusted.clone();
    for (done, sealed) in finished {
        let released = sealed.release(&trusted, done, &rules(), at()).expect("good signatures");
        trusted = released.into_iter().next_back().expect("a block");
    }
    trusted.height()
}

fn range_rows(rows: &mut Vec<Row>, rounds: usize) {
    let blocks = chain::blocks(RANGE_VALIDATORS, RANGE_HEIGHTS + 1);
    let first = trusted(&blocks[0]);
    let theirs = TheirRun::of(&blocks);
    let loose_all = || blocks[1..].iter().map(|block| loose(block)).collect::<Vec<_>>();

    let (ours, their_time) = in_turns(
        rounds,
        1,
        || {
            let blocks = loose_all();
            let (height, time) = cpu(|| {
                let cut = cut(&first, blocks);
                let finished = cut.works.into_iter().map(|(work, sealed)| (work.run(), sealed)).collect();
                release(&first, finished)
            });
            assert_eq!(height, RANGE_HEIGHTS + 1);
            time
        },
        || cpu(|| (1..blocks.len()).for_each(|index| theirs.verify(index - 1, index))).1,
    );
    rows.push(Row::new(
        format!("range of {RANGE_HEIGHTS} headers, {RANGE_VALIDATORS} validators, 1 thread"),
        ours,
        their_time,
        4.0,
    ));

    // Ours alone, on two threads against one: the links are checked in turn, the works run side by side. What counts is
    // the processor time of the longer thread, because on a machine that others use the clock counts their work too.
    let mut clock = Vec::new();
    let on_threads = |threads: usize, clock: &mut Vec<(usize, Duration)>| {
        let blocks = loose_all();
        let start = Instant::now();
        let (cut, links) = cpu(|| cut(&first, blocks));
        let (works, sealed): (Vec<Work>, Vec<Sealed>) = cut.works.into_iter().unzip();
        let mut queues: Vec<Vec<(usize, Work)>> = (0..threads).map(|_| Vec::new()).collect();
        for (index, work) in works.into_iter().enumerate() {
            queues[index % threads].push((index, work));
        }
        let run = |queue: Vec<(usize, Work)>| {
            cpu(|| queue.into_iter().map(|(index, work)| (index, work.run())).collect::<Vec<_>>())
        };
        let finished: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = queues.into_iter().map(|queue| scope.spawn(|| run(queue))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
        });
        let longest = finished.iter().map(|(_, time)| *time).max().unwrap_or_default();
        let mut done: Vec<(usize, Done)> = finished.into_iter().flat_map(|(done, _)| done).collect();
        done.sort_by_key(|(index, _)| *index);
        let finished = done.into_iter().map(|(_, done)| done).zip(sealed).collect();
        let (height, released) = cpu(|| release(&first, finished));
        assert_eq!(height, RANGE_HEIGHTS + 1);
        clock.push((threads, start.elapsed()));
        links + longest + released
    };
    let shared = std::cell::RefCell::new(&mut clock);
    let (two, one) =
        in_turns(2 * rounds + 1, 1, || on_threads(2, *shared.borrow_mut()), || on_threads(1, *shared.borrow_mut()));
    let name = "the same on 2 threads against our own 1, processor time of the longest path";
    rows.push(Row::new(name.into(), two, one, 1.7));
    let fastest =
        |threads| clock.iter().filter(|(of, _)| *of == threads).map(|(_, time)| *time).min().unwrap_or_default();
    rows.push(Row::new(
        "the same by the clock, fastest of all turns (needs two idle cores)".into(),
        fastest(2),
        fastest(1),
        1.7,
    ));

    let mut largest = (0, 0);
    for (work, _) in cut(&first, loose_all()).works {
        let input = work.size_bytes();
        let (_, beside) = peak_bytes(|| black_box(work.run()));
        largest = largest.max((input + beside, input));
    }
    rows.push(Row::bytes(
        "largest work: its input, and with all that it allocates".into(),
        largest.1,
        largest.0,
        Work::BYTES_MAX,
    ));
}

fn hashes_and_decoding(rows: &mut Vec<Row>) {
    let blocks = chain::blocks(RANGE_VALIDATORS, 2);
    let text = chain::to_json(&blocks[1]);
    let theirs: Theirs = serde_json::from_str(&text).expect("the JSON of CometBFT");
    assert_eq!(theirs.signed_header.header.hash().as_bytes(), blocks[1].header.hash().as_bytes());
    assert_eq!(theirs.validator_set.hash().as_bytes(), blocks[1].validators.hash().as_bytes());

    let their_header: &TheirHeader = &theirs.signed_header.header;
    let (ours, time) = in_turns(
        41,
        2_000,
        || cpu(|| black_box(black_box(&blocks[1].header).hash())).1,
        || cpu(|| black_box(black_box(their_header).hash())).1,
    );
    rows.push(Row::new("header hash".into(), ours, time, 1.0));

    let members = blocks[1].validators.validators();
    let (ours, time) = in_turns(
        41,
        100,
        || {
            let members = members.to_vec();
            cpu(|| black_box(ValidatorSet::from_sorted(members)).is_ok()).1
        },
        || cpu(|| black_box(black_box(&theirs.validator_set).hash())).1,
    );
    rows.push(Row::new(
        format!("validator-set hash, {RANGE_VALIDATORS} validators (ours: with building the set)"),
        ours,
        time,
        1.0,
    ));

    let (ours, time) = in_turns(
        41,
        20,
        || cpu(|| black_box(json::light_block(black_box(text.as_bytes()))).is_ok()).1,
        || cpu(|| black_box(serde_json::from_str::<Theirs>(black_box(&text))).is_ok()).1,
    );
    rows.push(Row::new(
        format!("JSON decoding of a light block, {RANGE_VALIDATORS} validators ({} KB)", text.len() / 1024),
        ours,
        time,
        1.0,
    ));
}

/// Measures everything; `quick` leaves the long range out.
pub fn rows(quick: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for validators in [1, 10, 50, 100, 150] {
        let blocks = chain::blocks(validators, 2);
        let want = if validators >= 50 { 1.8 } else { 1.0 };
        rows.push(one_header(format!("adjacent header, {validators} validators"), &blocks, 1, want));
    }
    let blocks = chain::blocks(RANGE_VALIDATORS, 101);
    rows.push(one_header(format!("skip of 100 heights, {RANGE_VALIDATORS} validators, same set"), &blocks, 100, 1.0));
    hashes_and_decoding(&mut rows);
    if !quick {
        range_rows(&mut rows, 5);
    }
    rows
}
