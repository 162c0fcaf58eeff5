//! Each rule of verification and of reading, broken once: what is said must name the rule, what we got and what is wanted.
#![cfg(feature = "tendermint")]

mod verify_chain;

use expect_test::{Expect, expect};
use rushlight_core::base::UnixTime;
use rushlight_core::chains::tendermint::bundle::Hops;
use rushlight_core::chains::tendermint::decode::{DecodeError, json, protobuf};
use rushlight_core::chains::tendermint::types::{
    Address, BlockId, CommitSig, Header, LightBlock, PartSetHeader, Signature, TOTAL_POWER_MAX, VALIDATORS_MAX,
    Validator, ValidatorSet, ValidatorSetError, Version, Vote,
};
use rushlight_core::chains::tendermint::verify::{self, Range, Rules, TrustLevel, VerifiedBlock, VerifyError};
use rushlight_core::crypto::{KeyKind, PublicKey, sha256};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use verify_chain::{CHAIN_ID, Key, Signers, anchor, at, chain, header, rules, time, to_json};

/// Returns the variants that the enum `name` has in its source.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let body = source.split(&format!("pub enum {name} {{")).nth(1).unwrap().split("\n}").next().unwrap();
    let is_variant = |line: &&str| line.starts_with("    ") && line[4..].starts_with(|c: char| c.is_ascii_uppercase());
    let word = |line: &str| line.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap().to_string();
    body.lines().filter(is_variant).map(word).collect()
}

/// What was said in each case, and which variants were met.
#[derive(Default)]
struct Table {
    text: String,
    met: BTreeSet<String>,
}

impl Table {
    fn row<T: Debug, E: Debug + ToString>(&mut self, case: &str, result: Result<T, E>) {
        let said = match result {
            Ok(_) => "accepted".to_string(),
            Err(error) => {
                self.met.extend(format!("{error:?}").split(|c: char| !c.is_alphanumeric()).take(1).map(str::to_string));
                error.to_string()
            }
        };
        self.text.push_str(&format!("{case}: {said}\n"));
    }

    fn check(&self, want: Expect, source: &str, name: &str) {
        want.assert_eq(&self.text);
        let missing: Vec<String> = variants(source, name).difference(&self.met).cloned().collect();
        assert!(missing.is_empty(), "no case for {name}::{missing:?}");
    }
}

/// Four validators of one set through height 5; heights 1, 2, 5 are what most cases need.
struct World {
    four: Signers,
    blocks: Vec<LightBlock>,
    trusted: VerifiedBlock,
}

fn world() -> World {
    let four = Signers::equal(0..4, 10);
    let blocks = chain(&[&four; 5]);
    let trusted = anchor(&blocks[0], &four);
    World { four, blocks, trusted }
}

impl World {
    /// Returns the block at `height` with its header changed and signed again by everybody.
    fn forged(&self, height: usize, change: impl FnOnce(&mut Header)) -> LightBlock {
        let mut header = self.blocks[height - 1].header.clone();
        change(&mut header);
        self.four.block(header)
    }

    /// Returns the block at `height` with something changed and nothing signed again.
    fn altered(&self, height: usize, change: impl FnOnce(&mut LightBlock)) -> LightBlock {
        let mut block = self.blocks[height - 1].clone();
        change(&mut block);
        block
    }

    fn adjacent(&self, block: LightBlock) -> Result<VerifiedBlock, VerifyError> {
        verify::adjacent(&self.trusted, Arc::new(block), &rules(), at(60))
    }

    fn skipping(&self, block: LightBlock) -> Result<VerifiedBlock, VerifyError> {
        verify::skipping(&self.trusted, Arc::new(block), &rules(), at(60))
    }
}

fn vote(block: &mut LightBlock, index: usize) -> &mut Vote {
    match &mut block.commit.signatures[index] {
        CommitSig::Commit(vote) | CommitSig::Nil(vote) => vote,
        CommitSig::Absent => panic!("vote {index} is absent"),
    }
}

#[test]
fn each_rule_of_verification_has_its_error() {
    let w = world();
    let strangers = Signers::equal(100..104, 10);
    let mut table = Table::default();
    table.row("the next block", w.adjacent(w.blocks[1].clone()));
    table.row("a skip", w.skipping(w.blocks[4].clone()));
    table.row("of another chain", w.adjacent(w.forged(2, |h| h.chain_id = "other-chain".into())));
    table.row("of another protocol", w.adjacent(w.forged(2, |h| h.version.block = 12)));
    table.row("commit for another height", w.adjacent(w.altered(2, |b| b.commit.height = 3)));
    table.row("a height left out", w.adjacent(w.blocks[2].clone()));
    table.row("back to the same height", w.skipping(w.blocks[0].clone()));
    table.row("time stands still", w.adjacent(w.forged(2, |h| h.time = time(1))));
    table.row(
        "from the future",
        w.adjacent(w.forged(2, |h| h.time = UnixTime::new(time(1).seconds() + 70, 0).unwrap())),
    );
    let late = verify::adjacent(&w.trusted, Arc::new(w.blocks[1].clone()), &rules(), at(3_600));
    table.row("trust has ended", late);
    let both = w.altered(2, |b| b.commit.height = 3);
    let late = verify::adjacent(&w.trusted, Arc::new(both), &rules(), at(3_600));
    table.row("commit for another height, once trust has ended", late);
    table.row("a field changed", w.adjacent(w.altered(2, |b| b.header.app_hash = vec![9])));
    table.row("another set", w.adjacent(w.altered(2, |b| b.validators = Arc::clone(&strangers.set))));
    table.row("another next set", w.trusted.clone().with_next_validators(Arc::clone(&strangers.set)));
    let theirs = strangers.block(header(2, Some(&w.blocks[0]), &strangers, &strangers));
    table.row("a set that was not announced", w.adjacent(theirs));
    table.row("on another block", w.adjacent(w.forged(2, |h| h.last_block_id = Some(w.blocks[3].commit.block_id))));
    table.row("on no block", w.adjacent(w.forged(2, |h| h.last_block_id = None)));
    let other_parts = |h: &mut Header| {
        let id = w.blocks[0].commit.block_id;
        h.last_block_id = Some(BlockId { parts: w.blocks[3].commit.block_id.parts, ..id });
    };
    table.row("on other parts", w.adjacent(w.forged(2, other_parts)));
    table.row("a signature fewer", w.adjacent(w.altered(2, |b| drop(b.commit.signatures.pop()))));
    table.row("a vote twice", w.adjacent(w.altered(2, |b| b.commit.signatures[2] = b.commit.signatures[1].clone())));
    table.row("a vote at another place", w.adjacent(w.altered(2, |b| vote(b, 1).validator_address = Address([7; 20]))));
    table.row("half is absent", w.adjacent(w.altered(2, |b| b.commit.signatures[..2].fill(CommitSig::Absent))));
    let skip_by_strangers = strangers.block(header(5, Some(&w.blocks[3]), &strangers, &strangers));
    table.row("a skip to strangers", w.skipping(skip_by_strangers));
    let two = Signers::equal(0..2, 10);
    let one = chain(&[&w.four, &two])[0].clone();
    let no_basis = verify::anchor(CHAIN_ID, 1, one.header.hash(), None, one).unwrap();
    table.row("a skip without a basis", verify::skipping(&no_basis, Arc::new(w.blocks[4].clone()), &rules(), at(60)));
    table.row("a bad signature", w.adjacent(w.altered(2, |b| vote(b, 1).timestamp = UnixTime::EPOCH)));
    table
        .row("a short signature", w.adjacent(w.altered(2, |b| vote(b, 0).signature = Signature::from_bytes(&[1; 63]))));
    let long = w.altered(2, |b| vote(b, 3).signature = Signature::from_bytes(&[1; 65]));
    table.row("a long signature behind two thirds", w.adjacent(long));
    let mut other = Range::start(&w.trusted);
    let (work, _) = Range::start(&w.trusted).seal();
    other.push_adjacent(Arc::new(w.blocks[1].clone()), &rules(), at(60)).unwrap();
    let (_, sealed) = other.seal();
    let released = sealed.release(&w.trusted, work.run(), &rules(), at(60)).map_err(|refused| refused.error);
    table.row("the work of other headers", released);
    let (work, sealed) = Range::start(&w.trusted).seal();
    let second = w.adjacent(w.blocks[1].clone()).unwrap();
    let released = sealed.release(&second, work.run(), &rules(), at(60)).map_err(|refused| refused.error);
    table.row("from another trusted header", released);
    let first = || w.blocks[0].clone();
    let hash = first().header.hash();
    table.row("checkpoint of another height", verify::anchor(CHAIN_ID, 2, hash, None, first()));
    table.row("checkpoint of another hash", verify::anchor(CHAIN_ID, 1, sha256(b"other"), None, first()));
    table.row("checkpoint of another time", verify::anchor(CHAIN_ID, 1, hash, Some(time(3)), first()));
    let later = anchor(&w.blocks[2], &w.four).to_header();
    table.row("backwards", verify::backwards(&later, w.blocks[1].header.clone()));
    table.row("backwards to another", verify::backwards(&later, w.blocks[0].header.clone()));
    let early = w.forged(2, |h| h.time = time(3));
    let on_early = w.four.block(header(3, Some(&early), &w.four, &w.four));
    table.row("backwards in time", verify::backwards(&anchor(&on_early, &w.four).to_header(), early.header));
    let source = include_str!("../src/chains/tendermint/verify/error.rs");
    table.check(expect![[r#"
        the next block: accepted
        a skip: accepted
        of another chain: header is of chain "other-chain", wanted is "test-chain"
        of another protocol: header has block protocol 12, wanted is 11
        commit for another height: commit is for height 3, the header has 2
        a height left out: header has height 3, wanted is 2, the one after the trusted header
        back to the same height: header has height 1, wanted is more than the trusted 1
        time stands still: header has time 2023-11-14T22:13:30Z, wanted is after that of the trusted header, 2023-11-14T22:13:30Z
        from the future: header has time 2023-11-14T22:14:40Z, which is not before 2023-11-14T22:14:40Z (now and the allowed clock drift); check this machine's clock
        trust has ended: trust in the header at height 1 of 2023-11-14T22:13:30Z expired at 2023-11-14T23:13:30Z, now is 2023-11-14T23:13:30Z; a new checkpoint is needed
        commit for another height, once trust has ended: commit is for height 3, the header has 2
        a field changed: header has hash E4AF1D40F38DDCFD6527181D25BE5DE3F9DACEE0E3CFF50ED1B952CF7CA19502, the commit is for 648F1B3B8D859AD17D8EFF45A8C2FFC11111B766B4DEA8844C0ED5966A5DBED4
        another set: validator set has hash 3CD4B897BD4FE1038F3E0467D8198F302E32B7BE9C92FB77B74E162DD8BAE0EF, the header names 036CE4B09A533A85DF2DBEC7CF2A70BD1679A39EC5EE2093AC647746EA9E3663
        another next set: next validator set has hash 3CD4B897BD4FE1038F3E0467D8198F302E32B7BE9C92FB77B74E162DD8BAE0EF, the header names 036CE4B09A533A85DF2DBEC7CF2A70BD1679A39EC5EE2093AC647746EA9E3663
        a set that was not announced: header names validator set 3CD4B897BD4FE1038F3E0467D8198F302E32B7BE9C92FB77B74E162DD8BAE0EF, the header before announced 036CE4B09A533A85DF2DBEC7CF2A70BD1679A39EC5EE2093AC647746EA9E3663
        on another block: header follows on block 6F8CC6D6B3E4C4AE579AE4D2133A7B205749135493831AFD58F2F1AA97A6885B, the trusted one is D2EC1361688142D790A84A42F94A7FB1E4BB49B2A973680B25E291DEA04943C2
        on no block: header follows on block 0000000000000000000000000000000000000000000000000000000000000000, the trusted one is D2EC1361688142D790A84A42F94A7FB1E4BB49B2A973680B25E291DEA04943C2
        on other parts: header follows on parts AD75768E93891567BD6DBFA0458ACDE8808224A81555C2C6AB611B798B87DF6C, those committed are 5F3C4CE72BE759ED305D3AD5291450C47ACCFB16EC5497E85900F8D4B4300761
        a signature fewer: commit has 3 signatures, the validator set has 4 members
        a vote twice: validator 55475F5ECDBAD18A54E473DB64C221A61D34CF2D votes twice in one commit, at 1 and 2
        a vote at another place: signature 1 is by 0707070707070707070707070707070707070707, the validator at that place is 55475F5ECDBAD18A54E473DB64C221A61D34CF2D
        half is absent: power for the block is 20, wanted is more than 26 (two thirds of 40)
        a skip to strangers: trusted power that signed is 0, wanted is more than 13 (trust level 1/3 of 40)
        a skip without a basis: the validator set after trusted height 1 is not known; fetch it first
        a bad signature: signature 1 of the commit at height 2: signature does not match key and message
        a short signature: signature 0 has 63 bytes, the validator's key makes 64
        a long signature behind two thirds: signature 3 has 65 bytes, the validator's key makes 64
        the work of other headers: the finished work had the input 75F80A646C62F9B6369AECC38AD0E05621F7F05FFD0A06C271EDAD2E28FC99D3, expected A1F7C86BCF3D5AD1D6120071045D592468CB0E4DDC6DC9DCBB541E9A1477B216
        from another trusted header: the headers follow on the trusted header D2EC1361688142D790A84A42F94A7FB1E4BB49B2A973680B25E291DEA04943C2, not on 648F1B3B8D859AD17D8EFF45A8C2FFC11111B766B4DEA8844C0ED5966A5DBED4
        checkpoint of another height: block has height 1, the checkpoint 2
        checkpoint of another hash: block has hash D2EC1361688142D790A84A42F94A7FB1E4BB49B2A973680B25E291DEA04943C2, the checkpoint D9298A10D1B0735837DC4BD85DAC641B0F3CEF27A47E5D53A54F2F3F5B2FCFFA; compare the checkpoint with a source you trust
        checkpoint of another time: block has time 2023-11-14T22:13:30Z, the checkpoint 2023-11-14T22:13:50Z
        backwards: accepted
        backwards to another: header at height 1 has hash D2EC1361688142D790A84A42F94A7FB1E4BB49B2A973680B25E291DEA04943C2, the header after it names 648F1B3B8D859AD17D8EFF45A8C2FFC11111B766B4DEA8844C0ED5966A5DBED4
        backwards in time: header has time 2023-11-14T22:13:50Z, wanted is before that of the header after it, 2023-11-14T22:13:50Z
    "#]], source, "VerifyError");
}

#[test]
fn each_rule_of_sets_has_its_error() {
    let member = |number, power| Validator::new(Key::new(KeyKind::Ed25519, number).public(), power).unwrap();
    let mut table = Table::default();
    table.row("nobody", ValidatorSet::new(Vec::new()));
    let many = (0..=VALIDATORS_MAX as u64).map(|number| {
        let key = PublicKey::from_bytes(KeyKind::Ed25519, &sha256(&number.to_le_bytes()).0).unwrap();
        Validator::new(key, 1).unwrap()
    });
    table.row("too many", ValidatorSet::new(many.collect()));
    table.row("no power", ValidatorSet::new(vec![member(1, 0)]));
    table.row("just the power allowed", ValidatorSet::new(vec![member(1, TOTAL_POWER_MAX - 1), member(2, 1)]));
    table.row("too much power", ValidatorSet::new(vec![member(1, TOTAL_POWER_MAX), member(2, 1)]));
    table.row("power that overflows", ValidatorSet::new(vec![member(1, u64::MAX), member(2, u64::MAX)]));
    table.row("a key twice", ValidatorSet::new(vec![member(1, 5), member(2, 6), member(1, 7)]));
    let not_a_point = PublicKey::from_bytes(KeyKind::Secp256k1Eth, &[2; 33].map(|_| 0xff)).unwrap();
    table.row("a key off its curve", Validator::new(not_a_point, 1));
    table.row("out of order", ValidatorSet::from_sorted(vec![member(1, 5), member(2, 6)]));
    let mut block = to_json(&world().blocks[0]);
    block["validator_set"]["validators"][2]["address"] = json!("00".repeat(20));
    let wrong = json::light_block(block.to_string().as_bytes()).map_err(|error| match error {
        DecodeError::ValidatorSet(error) => error,
        other => panic!("{other}"),
    });
    table.row("an address that is not the key's", wrong);
    let source = include_str!("../src/chains/tendermint/types/validators.rs");
    table.check(expect![[r#"
        nobody: validator set is empty
        too many: validator set has 10001 members, at most 10000 are allowed
        no power: validator 55475F5ECDBAD18A54E473DB64C221A61D34CF2D has power 0, wanted is more
        just the power allowed: accepted
        too much power: validator set has more power than 1152921504606846975
        power that overflows: validator set has more power than 1152921504606846975
        a key twice: validator 55475F5ECDBAD18A54E473DB64C221A61D34CF2D is twice in the set
        a key off its curve: validator 0 has a key that is not valid
        out of order: validator 1 is out of order; wanted is power descending, then address ascending
        an address that is not the key's: validator address is 0000000000000000000000000000000000000000, its key gives 7131C5510DEE4A2EC0D9D0BDD694F53A0B816CF9
    "#]], source, "ValidatorSetError");
}

/// Reads the first block of the world with the value at `pointer` replaced, or taken out.
fn with(pointer: &str, value: Option<Value>) -> Result<LightBlock, DecodeError> {
    let mut block = to_json(&world().blocks[1]);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = block.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Some(value)) => drop(members.insert(name.to_string(), value)),
        (Value::Object(members), None) => drop(members.remove(name).unwrap()),
        (other, _) => panic!("{pointer} in {other}"),
    }
    json::light_block(block.to_string().as_bytes())
}

#[test]
fn each_rule_of_reading_has_its_error() {
    const HEADER: &str = "/signed_header/header";
    const COMMIT: &str = "/signed_header/commit";
    const VOTE: &str = "/signed_header/commit/signatures/1";
    const MEMBER: &str = "/validator_set/validators/1";
    let mut table = Table::default();
    let mut cases: Vec<(&str, String, Option<Value>)> = vec![
        ("as it is", format!("{HEADER}/unknown_member"), Some(json!("is skipped"))),
        ("no header", HEADER.into(), None),
        ("header is null", HEADER.into(), Some(Value::Null)),
        ("no commit", COMMIT.into(), None),
        ("chain id is a number", format!("{HEADER}/chain_id"), Some(json!(7))),
        ("chain id is empty", format!("{HEADER}/chain_id"), Some(json!(""))),
        ("chain id is long", format!("{HEADER}/chain_id"), Some(json!("c".repeat(51)))),
        ("height 0", format!("{HEADER}/height"), Some(json!("0"))),
        ("height -1", format!("{HEADER}/height"), Some(json!("-1"))),
        ("height 2^63", format!("{HEADER}/height"), Some(json!("9223372036854775808"))),
        ("height with a plus", format!("{HEADER}/height"), Some(json!("+2"))),
        ("height as a number", format!("{HEADER}/height"), Some(json!(2))),
        ("height as a fraction", format!("{HEADER}/height"), Some(json!(2.5))),
        ("time", format!("{HEADER}/time"), Some(json!("yesterday"))),
        ("time with an offset", format!("{HEADER}/time"), Some(json!("2023-11-14T22:13:50+01:00"))),
        ("hash is short", format!("{HEADER}/validators_hash"), Some(json!("AB"))),
        ("hash is no hex", format!("{HEADER}/data_hash"), Some(json!("zz".repeat(32)))),
        ("application hash is long", format!("{HEADER}/app_hash"), Some(json!("AB".repeat(257)))),
        ("id without parts", format!("{HEADER}/last_block_id/parts"), Some(Value::Null)),
        ("id of 0 parts", format!("{COMMIT}/block_id/parts/total"), Some(json!(0))),
        ("commit for nothing", format!("{COMMIT}/block_id"), Some(json!({ "hash": "" }))),
        ("negative round", format!("{COMMIT}/round"), Some(json!(-1))),
        ("round 2^31", format!("{COMMIT}/round"), Some(json!(2_147_483_648_u64))),
        ("flag 0", format!("{VOTE}/block_id_flag"), Some(json!(0))),
        ("flag 4", format!("{VOTE}/block_id_flag"), Some(json!(4))),
        ("absent with a signature", format!("{VOTE}/block_id_flag"), Some(json!(1))),
        ("vote without a time", format!("{VOTE}/timestamp"), None),
        ("vote without an address", format!("{VOTE}/validator_address"), Some(json!(""))),
        ("vote without a signature", format!("{VOTE}/signature"), Some(Value::Null)),
        ("signature is no base64", format!("{VOTE}/signature"), Some(json!("!".repeat(88)))),
        ("signature is long", format!("{VOTE}/signature"), Some(json!("AAAA".repeat(1_104)))),
        ("negative power", format!("{MEMBER}/voting_power"), Some(json!("-10"))),
        ("key is short", format!("{MEMBER}/pub_key/value"), Some(json!("AAAA"))),
        ("no validators", "/validator_set/validators".into(), Some(json!([]))),
    ];
    for (case, kind) in [("BLS", "cometbft/PubKeyBls12_381"), ("sr25519", "tendermint/PubKeySr25519")] {
        cases.push((case, format!("{MEMBER}/pub_key/type"), Some(json!(kind))));
    }
    let one = to_json(&world().blocks[1])["signed_header"]["commit"]["signatures"][0].clone();
    cases.push(("too many votes", format!("{COMMIT}/signatures"), Some(json!(vec![one; VALIDATORS_MAX + 1]))));
    for (case, pointer, value) in cases {
        table.row(case, with(&pointer, value));
    }
    let bytes = world().blocks[1].to_protobuf();
    table.row("protobuf", protobuf::light_block(&bytes));
    table.row("protobuf cut off", protobuf::light_block(&bytes[..bytes.len() - 1]));
    table.row("protobuf of nothing", protobuf::light_block(&[]));
    let source = include_str!("../src/chains/tendermint/decode/mod.rs");
    table.check(expect![[r#"
        as it is: accepted
        no header: signed_header.header is missing
        header is null: signed_header.header is missing
        no commit: signed_header.commit is missing
        chain id is a number: light block is not JSON of the expected shape at line 1 column 1212
        chain id is empty: header.chain_id has 0 bytes, wanted are 1 to 50
        chain id is long: header.chain_id has 51 bytes, wanted are 1 to 50
        height 0: header.height is 0, wanted is 1 to 9223372036854775807
        height -1: header.height is -1, wanted is 1 to 9223372036854775807
        height 2^63: header.height is 9223372036854775808, wanted is 1 to 9223372036854775807
        height with a plus: light block is not JSON of the expected shape at line 1 column 1483
        height as a number: accepted
        height as a fraction: light block is not JSON of the expected shape at line 1 column 1482
        time: header.time: time is not of the form 2006-01-02T15:04:05.999999999Z
        time with an offset: header.time: time is not of the form 2006-01-02T15:04:05.999999999Z
        hash is short: header.validators_hash: text holds 1 bytes, the field has 32
        hash is no hex: header.data_hash: text is not hex
        application hash is long: header.app_hash has 257 bytes, wanted are at most 256
        id without parts: header.last_block_id is incomplete: it needs both a hash and a part set header, or neither
        id of 0 parts: commit.block_id has 0 parts, wanted are 1 to 4294967295
        commit for nothing: commit.block_id is incomplete: it needs both a hash and a part set header, or neither
        negative round: commit.round is -1, wanted is 0 to 2147483647
        round 2^31: commit.round is 2147483648, wanted is 0 to 2147483647
        flag 0: commit signature 1 has flag 0, wanted is 1 (absent), 2 (commit) or 3 (nil)
        flag 4: commit signature 1 has flag 4, wanted is 1 (absent), 2 (commit) or 3 (nil)
        absent with a signature: commit signature 1 is absent but has an address, a signature or a time
        vote without a time: commit.signatures.timestamp is missing
        vote without an address: commit.signatures.validator_address has 0 bytes, wanted are 20
        vote without a signature: commit.signatures.signature has 0 bytes, wanted are 1 to 3309
        signature is no base64: commit.signatures.signature: text is not base64
        signature is long: commit.signatures.signature has 3312 bytes, wanted are 1 to 3309
        negative power: validator.voting_power is -10, wanted is 0 to 9223372036854775807
        key is short: validator.pub_key: text holds 3 bytes, the field has 32
        no validators: validator set is empty
        BLS: validator key is of type BLS12-381, which is not supported: no released node can run it
        sr25519: validator key is of type "tendermint/PubKeySr25519", known are ed25519, secp256k1, secp256k1eth and ML-DSA-65
        too many votes: commit.signatures has 10001 entries, at most 10000 are allowed
        protobuf: accepted
        protobuf cut off: light block: message ends within a field
        protobuf of nothing: signed_header is missing
    "#]], source, "DecodeError");
}

#[test]
fn each_rule_of_trust_levels_has_its_error() {
    let mut table = Table::default();
    for text in ["1/3", "2/3", "1/1", "0/0", "1/0", "4/3", "1/4", "0/1", "3333/10000", "1", "a/b", "-1/3"] {
        table.row(text, TrustLevel::from_text(text));
    }
    table.row("2^64-1 of 2^64-1", TrustLevel::new(u64::MAX, u64::MAX));
    table.row("2^64-1 of 1", TrustLevel::new(u64::MAX, 1));
    table.row("1 of 2^64-1", TrustLevel::new(1, u64::MAX));
    let source = include_str!("../src/chains/tendermint/verify/trust.rs");
    table.check(
        expect![[r#"
        1/3: accepted
        2/3: accepted
        1/1: accepted
        0/0: trust level 0/0 is not a fraction
        1/0: trust level 1/0 is not a fraction
        4/3: trust level 4/3 is above 1
        1/4: trust level 1/4 is below 1/3, the least that is secure
        0/1: trust level 0/1 is below 1/3, the least that is secure
        3333/10000: trust level 3333/10000 is below 1/3, the least that is secure
        1: accepted
        a/b: trust level is not of the form 1/3
        -1/3: trust level is not of the form 1/3
        2^64-1 of 2^64-1: accepted
        2^64-1 of 1: trust level 18446744073709551615/1 is above 1
        1 of 2^64-1: trust level 1/18446744073709551615 is below 1/3, the least that is secure
    "#]],
        source,
        "TrustLevelError",
    );
}

// One test for each advisory that concerns headers.

/// CVE-2020-15091, and that evidence needs every signature (CometBFT 1749).
#[test]
fn a_bad_signature_behind_two_thirds_fails_only_the_full_check() {
    let w = world();
    let block = w.altered(2, |b| vote(b, 3).signature = Signature::from_bytes(&[1; 64]));
    assert_eq!(verify::commit_light(CHAIN_ID, &block.validators, &block.commit).map(|power| power.counted), Ok(30));
    let full = verify::commit_in_full(CHAIN_ID, &block.validators, &block.commit);
    assert!(matches!(full, Err(VerifyError::BadSignature { index: 3, .. })), "{full:?}");
    assert!(w.adjacent(block).is_ok());
}

/// GHSA-f3w5-v9xx-rp8p, the part that one header shows: a height ahead has to lie about its time, back or forth.
#[test]
fn a_forward_lunatic_header_is_refused_by_its_time() {
    let w = world();
    let past = w.forged(5, |h| h.time = UnixTime::new(time(1).seconds() - 1, 0).unwrap());
    assert!(matches!(w.skipping(past), Err(VerifyError::TimeNotAfter { .. })));
    let ahead = UnixTime::new(time(1).seconds() + 3_000, 0).unwrap();
    let signed = w.forged(5, |h| h.time = ahead);
    assert!(matches!(w.skipping(signed.clone()), Err(VerifyError::FromTheFuture { .. })));
    // That verdict accuses nobody, so it is said of what is signed as the rules want and of nothing else.
    let of_strangers = |height, last| {
        let strangers = Signers::equal(50..54, 10);
        let header = Header { time: ahead, ..header(height, last, &strangers, &strangers) };
        strangers.block(header)
    };
    assert!(matches!(w.skipping(of_strangers(5, None)), Err(VerifyError::NotEnoughTrust { .. })));
    assert!(matches!(w.adjacent(of_strangers(2, Some(&w.blocks[0]))), Err(VerifyError::SetNotAnnounced { .. })));
    let mut unsigned = signed;
    vote(&mut unsigned, 0).signature = Signature::from_bytes(&[1; 64]);
    assert!(matches!(w.skipping(unsigned), Err(VerifyError::BadSignature { index: 0, .. })));
}

/// tendermint-rs before 0.28 did not compare chain ids.
#[test]
fn sign_bytes_are_those_of_the_trusted_chain() {
    let w = world();
    let other = w.altered(2, |b| {
        let mut commit = b.commit.clone();
        (0..4).for_each(|index| w.four.sign_one("other-chain", &mut commit, index));
        b.commit = commit;
    });
    assert!(matches!(w.adjacent(other), Err(VerifyError::BadSignature { index: 0, .. })));
    let named = w.forged(2, |h| h.chain_id = "other-chain".into());
    assert!(matches!(w.adjacent(named), Err(VerifyError::ChainId { .. })));
}

/// tendermint-rs 650.
#[test]
fn a_commit_of_absent_votes_finalises_nothing() {
    let w = world();
    let absent = w.altered(2, |b| b.commit.signatures.fill(CommitSig::Absent));
    assert!(matches!(w.adjacent(absent), Err(VerifyError::TooLittlePower { got: 0, .. })));
    let none = w.altered(2, |b| b.commit.signatures.clear());
    assert!(matches!(w.adjacent(none), Err(VerifyError::SignatureCount { got: 0, want: 4 })));
}

/// Votes for no block finalise nothing either, however well they are signed.
#[test]
fn nil_votes_finalise_nothing() {
    let w = world();
    let nil = w.altered(2, |b| {
        for index in 0..4 {
            let vote = vote(b, index).clone();
            b.commit.signatures[index] = CommitSig::Nil(vote);
            w.four.sign_one(CHAIN_ID, &mut b.commit, index);
        }
    });
    assert!(matches!(w.adjacent(nil), Err(VerifyError::TooLittlePower { got: 0, .. })));
}

/// tendermint-rs 652: a liar's huge set costs hashes and sums, and not one signature check.
#[test]
fn a_liar_with_a_huge_set_does_not_make_us_check_signatures() {
    let w = world();
    let crowd: Vec<Validator> = (0..VALIDATORS_MAX as u64)
        .map(|number| {
            let key = PublicKey::from_bytes(KeyKind::Ed25519, &sha256(&number.to_le_bytes()).0).unwrap();
            Validator::new(key, 1).unwrap()
        })
        .collect();
    let crowd = Arc::new(ValidatorSet::new(crowd).unwrap());
    let mut header = w.blocks[4].header.clone();
    header.validators_hash = crowd.hash();
    let votes = crowd.validators().iter().map(|member| {
        let signature = Signature::from_bytes(&[1; 64]);
        CommitSig::Commit(Vote { validator_address: member.address, timestamp: time(5), signature })
    });
    let mut commit = w.four.commit(&header);
    commit.signatures = votes.collect();
    // Junk signatures everywhere, and the refusal is about trust: none of them was looked at.
    let refused = w.skipping(LightBlock { header, commit, validators: crowd });
    assert!(matches!(refused, Err(VerifyError::NotEnoughTrust { got: 0, .. })), "{refused:?}");
}

/// An attacker may list the addresses of trusted validators in a set of his own, and sign with his own keys alone. What they are
/// said to have voted counts as overlap only with their signatures, also where two thirds of the new set signed without them.
#[test]
fn addresses_without_signatures_are_no_overlap() {
    let w = world();
    let members = |own: u64| {
        let old = (0..4).map(|number| (Key::new(KeyKind::Ed25519, number), 10));
        let own = (100..100 + own).map(|number| (Key::new(KeyKind::Ed25519, number), 1_000));
        Signers::of(&old.chain(own).collect::<Vec<_>>())
    };
    let both = members(2);
    let honest = both.block(header(5, Some(&w.blocks[3]), &both, &both));
    assert!(w.skipping(honest.clone()).is_ok());
    let mut junk = honest;
    let is_old = |address: &Address| w.four.set.validators().iter().any(|member| member.address == *address);
    for index in 0..junk.commit.signatures.len() {
        let vote = vote(&mut junk, index);
        if is_old(&vote.validator_address) {
            vote.signature = Signature::from_bytes(&[1; 64]);
        }
    }
    // Two thirds of the new set did sign, which is what a full node's light check is content with.
    assert!(verify::commit_light(CHAIN_ID, &junk.validators, &junk.commit).is_ok());
    let refused = w.skipping(junk);
    assert!(matches!(refused, Err(VerifyError::BadSignature { .. })), "{refused:?}");
}

/// A clock's drift excuses headers from the future alone: every header of the past is older than any drift.
#[test]
fn headers_long_past_are_accepted_while_trust_lasts() {
    let w = world();
    for seconds in [60, 300, 301, 3_599] {
        let accepted = verify::adjacent(&w.trusted, Arc::new(w.blocks[1].clone()), &rules(), at(seconds));
        assert!(accepted.is_ok(), "{seconds} s: {accepted:?}");
    }
}

/// ISA-2025-003: one key three times, in the set or in the commit, counts once or not at all.
#[test]
fn a_validator_counts_once() {
    let key = Key::new(KeyKind::Ed25519, 1).public();
    let three = vec![Validator::new(key, 10).unwrap(); 3];
    assert!(matches!(ValidatorSet::new(three), Err(ValidatorSetError::Duplicate { .. })));
    let w = world();
    let copied = w.altered(5, |b| {
        let first = b.commit.signatures[0].clone();
        b.commit.signatures.fill(first);
    });
    let refused = w.skipping(copied.clone());
    assert!(matches!(refused, Err(VerifyError::DoubleVote { first: 0, second: 3, .. })), "{refused:?}");
    assert!(verify::commit_light(CHAIN_ID, &copied.validators, &copied.commit).is_err());
}

/// ASA-2024-009: nothing that no hash covers may matter.
#[test]
fn priorities_and_proposer_do_not_matter() {
    let w = world();
    let plain = json::light_block(to_json(&w.blocks[1]).to_string().as_bytes()).unwrap();
    let mut other = to_json(&w.blocks[1]);
    for (index, member) in other["validator_set"]["validators"].as_array_mut().unwrap().iter_mut().enumerate() {
        member["proposer_priority"] = json!((index as i64 * 1_000_000 - 7).to_string());
    }
    other["validator_set"]["proposer"] = other["validator_set"]["validators"][3].clone();
    assert_eq!(json::light_block(other.to_string().as_bytes()).unwrap(), plain);
}

/// GHSA-c32p-wcqj-j677: valid signatures under each other's addresses would forge the header's time.
#[test]
fn votes_under_exchanged_addresses_are_refused() {
    let w = world();
    let exchanged = w.altered(2, |b| {
        let (first, second) = (vote(b, 0).validator_address, vote(b, 1).validator_address);
        vote(b, 0).validator_address = second;
        vote(b, 1).validator_address = first;
    });
    assert!(matches!(w.adjacent(exchanged.clone()), Err(VerifyError::VotePlace { index: 0, .. })));
    assert!(verify::commit_in_full(CHAIN_ID, &exchanged.validators, &exchanged.commit).is_err());
    // Also behind two thirds, where no signature is looked at.
    let behind = w.altered(2, |b| vote(b, 3).validator_address = Address([1; 20]));
    assert!(matches!(w.adjacent(behind), Err(VerifyError::VotePlace { index: 3, .. })));
}

/// Vote extensions of 0.38 are signed apart.
#[test]
fn vote_extensions_do_not_alter_a_commit() {
    let w = world();
    let mut extended = to_json(&w.blocks[1]);
    for vote in extended["signed_header"]["commit"]["signatures"].as_array_mut().unwrap() {
        vote["extension"] = json!("AAAA");
        vote["extension_signature"] = json!("AAAA");
    }
    let block = json::light_block(extended.to_string().as_bytes()).unwrap();
    assert_eq!(block, w.blocks[1]);
    assert!(w.adjacent(block).is_ok());
}

/// CometBFT 1715: an address that is not the key's would credit one validator's vote to another.
#[test]
fn addresses_are_those_of_the_keys() {
    let swapped = with("/validator_set/validators/0/address", Some(json!("11".repeat(20))));
    assert!(matches!(swapped, Err(DecodeError::ValidatorSet(ValidatorSetError::WrongAddress { .. }))));
    assert!(with("/validator_set/validators/0/address", None).is_ok(), "what is not claimed is derived");
}

/// CometBFT 575 and its like: any shape is answered with an error, never with a panic.
#[test]
fn empty_shapes_are_errors() {
    for text in ["", "{}", "[]", "null", "7", "{\"result\":null}", "{\"result\":{\"signed_header\":null}}"] {
        assert!(json::commit_answer(text.as_bytes()).is_err(), "{text}");
        assert!(json::validators_answer(text.as_bytes()).is_err(), "{text}");
        assert!(json::light_block(text.as_bytes()).is_err(), "{text}");
    }
    let nobody = "{\"result\":{\"signed_header\":{\"header\":null,\"commit\":null}}}";
    assert!(matches!(json::commit_answer(nobody.as_bytes()), Err(DecodeError::Missing { .. })));
}

/// Each field is bounded when it is read; so is the header.
#[test]
fn the_largest_header_has_the_bytes_that_are_promised() {
    let id = BlockId { hash: sha256(b"block"), parts: PartSetHeader { total: u32::MAX, hash: sha256(b"parts") } };
    let mut largest = header(2, None, &Signers::equal(0..4, 10), &Signers::equal(0..4, 10));
    largest.version = Version { block: u64::MAX, app: u64::MAX };
    largest.chain_id = "x".repeat(50);
    largest.height = i64::MAX as u64;
    largest.time = UnixTime::from_rfc3339("0001-01-01T00:00:00.999999999Z").unwrap();
    largest.last_block_id = Some(id);
    for hash in [
        &mut largest.last_commit_hash,
        &mut largest.data_hash,
        &mut largest.consensus_hash,
        &mut largest.last_results_hash,
        &mut largest.evidence_hash,
    ] {
        *hash = Some(sha256(b"hash"));
    }
    largest.app_hash = vec![0xff; 32];
    let usual = largest.to_protobuf().len();
    assert!(usual <= 626, "{usual} is more than CometBFT's MaxHeaderBytes");
    largest.app_hash = vec![0xff; 256];
    assert_eq!(largest.to_protobuf().len(), Header::BYTES_MAX);
}

/// Malleability: adding the group's order to s gives other bytes for the same vote; ZIP-215 wants the one below it.
#[test]
fn a_signature_has_one_s() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let key = Key::new(KeyKind::Ed25519, 1);
    let mut signature = key.sign(b"message");
    assert_eq!(key.public().verify(b"message", &signature), Ok(()));
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert!(key.public().verify(b"message", &signature).is_err());
}

/// Long range attacks: at the start of a step, at its end, and however far the header is.
#[test]
fn nothing_is_accepted_once_trust_has_ended() {
    let w = world();
    for seconds in [3_600, 3_601, 100_000] {
        for block in &w.blocks[1..] {
            let refused = verify::skipping(&w.trusted, Arc::new(block.clone()), &rules(), at(seconds));
            assert!(matches!(refused, Err(VerifyError::TrustExpired { .. })), "{seconds} {refused:?}");
        }
    }
    let mut range = Range::start(&w.trusted);
    for block in &w.blocks[1..] {
        range.push_adjacent(Arc::new(block.clone()), &rules(), at(3_599)).unwrap();
    }
    let (work, sealed) = range.seal();
    let refused = sealed.release(&w.trusted, work.run(), &rules(), at(3_600)).unwrap_err();
    assert!(matches!(refused.error, VerifyError::TrustExpired { .. }), "trust ended while signatures were checked");
    let short = Rules { trusting_period: Duration::ZERO, ..rules() };
    assert!(verify::adjacent(&w.trusted, Arc::new(w.blocks[1].clone()), &short, at(0)).is_err());
}

/// Nothing of a range is released when one signature in it is bad, and the error names it.
#[test]
fn a_bad_signature_holds_back_its_whole_range() {
    let w = world();
    for (height, index) in [(2, 0), (3, 2), (5, 1)] {
        let mut range = Range::start(&w.trusted);
        for block in &w.blocks[1..] {
            let mut block = block.clone();
            if block.header.height == height {
                vote(&mut block, index).signature = Signature::from_bytes(&[1; 64]);
            }
            range.push_adjacent(Arc::new(block), &rules(), at(60)).unwrap();
        }
        let (work, sealed) = range.seal();
        let refused = sealed.release(&w.trusted, work.run(), &rules(), at(60)).unwrap_err();
        assert_eq!(refused.height, height);
        assert!(matches!(refused.error, VerifyError::BadSignature { index: bad, .. } if bad == index), "{refused:?}");
    }
}

/// Parser differentials: what two parsers could read in two ways is refused, what both read alike is one value.
#[test]
fn json_has_one_meaning() {
    let w = world();
    let text = to_json(&w.blocks[1]).to_string();
    let read = |text: &str| json::light_block(text.as_bytes());
    assert_eq!(read(&text).unwrap(), w.blocks[1]);
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        read(&text.replacen(from, to, 1))
    };
    assert!(read(&format!("{text} {{}}")).is_err(), "trailing data");
    assert!(read(&format!(" {text}\n")).is_ok(), "white space");
    assert!(replaced("\"height\":\"2\"", "\"height\":\"2\",\"height\":\"3\"").is_err(), "a member twice");
    assert!(
        replaced("\"parts\":", "\"part_set_header\":{\"total\":1,\"hash\":\"\"},\"parts\":").is_err(),
        "both spellings"
    );
    assert_eq!(replaced("\"parts\":", "\"part_set_header\":").unwrap(), w.blocks[1]);
    assert_eq!(replaced("\"height\":\"2\"", "\"height\":2").unwrap(), w.blocks[1]);
    let hash = w.blocks[1].header.validators_hash.to_string();
    assert_eq!(replaced(&hash, &hash.to_lowercase()).unwrap(), w.blocks[1]);
    let signature = to_json(&w.blocks[1])["signed_header"]["commit"]["signatures"][0]["signature"].clone();
    let signature = signature.as_str().unwrap();
    assert!(replaced(signature, signature.trim_end_matches('=')).is_err(), "base64 without padding");
    assert!(replaced(signature, &format!("{signature}\\n")).is_err(), "base64 with a line end");
}

#[test]
fn blocks_kept_for_a_bundle_are_bounded_by_its_bytes() {
    let w = world();
    let block = || w.trusted.clone();
    let mut hops = Hops::start(block());
    let one = hops.push(block(), 0).unwrap_err() / 2;
    assert!(one > 500, "{one} bytes of a step with four validators");
    assert_eq!(hops.push(block(), 2 * one), Ok(()));
    assert_eq!(hops.push(block(), 2 * one), Err(3 * one));
    assert_eq!(hops.into_blocks().len(), 2);
}
