//! The parts of following a Tendermint chain: reading, hashing, the rules without signatures, signatures.
//!
//! `cargo bench --manifest-path bench/Cargo.toml -- NAME`

#[path = "../versus/src/chain.rs"]
mod chain;

use chain::{CHAIN_ID, START_SECONDS};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rushlight_core::base::UnixTime;
use rushlight_core::chains::tendermint::decode::{json, protobuf};
use rushlight_core::chains::tendermint::types::ValidatorSet;
use rushlight_core::chains::tendermint::verify::{self, JudgedAt, Range, Rules};
use std::hint::black_box;
use std::sync::Arc;

const VALIDATORS: usize = 150;

fn reading(c: &mut Criterion) {
    let block = chain::blocks(VALIDATORS, 1).remove(0);
    let (text, bytes) = (chain::to_json(&block), block.to_protobuf());
    let mut group = c.benchmark_group("read a light block");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("JSON", |b| b.iter(|| json::light_block(black_box(text.as_bytes()))));
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("protobuf", |b| b.iter(|| protobuf::light_block(black_box(&bytes))));
    group.finish();
}

fn hashing(c: &mut Criterion) {
    let block = chain::blocks(VALIDATORS, 1).remove(0);
    let mut group = c.benchmark_group("hash");
    group.bench_function("header", |b| b.iter(|| black_box(&block.header).hash()));
    group.bench_function("commit", |b| b.iter(|| black_box(&block.commit).hash()));
    group.bench_function("validator set", |b| {
        let members = || block.validators.validators().to_vec();
        b.iter_batched(members, ValidatorSet::from_sorted, BatchSize::SmallInput);
    });
    group.finish();
}

fn range(c: &mut Criterion) {
    let blocks = chain::blocks(VALIDATORS, 65);
    let first = &blocks[0];
    let trusted = verify::anchor(CHAIN_ID, 1, first.header.hash(), None, first.as_ref().clone()).expect("a good block");
    let (rules, at) = (Rules::default(), JudgedAt::at(UnixTime::new(START_SECONDS + 3_600, 0).expect("a time")));
    let filled = || {
        let mut range = Range::start(&trusted);
        for block in &blocks[1..] {
            range.push_adjacent(Arc::clone(block), &rules, at).expect("a good link");
        }
        range
    };
    let mut group = c.benchmark_group("range of 64 heights");
    group.sample_size(20).throughput(Throughput::Elements(64));
    group.bench_function("links", |b| b.iter(filled));
    group.bench_function("signatures", |b| {
        b.iter_batched(|| filled().seal().0, |work| work.run(), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(tendermint, reading, hashing, range);
criterion_main!(tendermint);
