//! Checkpoints of four relay chains over two years: each is read, holds together, and continues the one before.
//!
//! Data: `testing/vectors/substrate-checkpoints`, with a README saying from what and how.
#![cfg(feature = "substrate")]

use expect_test::expect;
use rushlight_core::chains::substrate::authorship::{AuthorshipState, at_checkpoint};
use rushlight_core::chains::substrate::header::HeaderRef;
use rushlight_core::chains::substrate::spec::light_sync_state::{LightSyncState, OtherHistory};
use rushlight_core::chains::substrate::spec::{Spec, SpecError};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::io::Read;
use std::fmt::Write;

const PACKED: &[u8] = include_bytes!("../../../testing/vectors/substrate-checkpoints/checkpoints.jsonl.zst");

fn specs() -> Vec<Spec> {
    let mut stream = StreamingDecoder::new(PACKED).expect("the file is zstd");
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        match stream.read(&mut buffer).expect("the file is whole") {
            0 => break,
            len => bytes.extend_from_slice(&buffer[..len]),
        }
    }
    let text = String::from_utf8(bytes).expect("the file is text");
    text.lines().map(|line| Spec::from_json(line).expect("a checkpoint that a package ships is readable")).collect()
}

fn checkpoint(spec: &Spec) -> &LightSyncState {
    spec.light_sync_state.as_ref().expect("every specification has a checkpoint")
}

#[test]
fn every_checkpoint_holds_together() {
    let mut lines = String::new();
    for spec in specs() {
        let state = checkpoint(&spec);
        let header = HeaderRef::decode(&state.header, spec.number_width).unwrap();
        assert_eq!((header.number(), header.hash()), (state.number, state.hash));
        let set = state.grandpa.as_ref().unwrap();
        let changes = set.set_changes.as_ref().unwrap();
        // Every set since genesis is listed, so the heights of all warp-sync fragments are known beforehand.
        assert_eq!(changes.len() as u64, set.set_id);
        assert!(changes.iter().zip(0..).all(|((set_id, _), place)| *set_id == place));
        assert!(set.authorities.iter().all(|authority| authority.weight == 1));
        let (_, authorship) = at_checkpoint(state, spec.number_width, None).unwrap();
        let AuthorshipState::Babe(babe) = authorship else { panic!("{}: no BABE state", spec.id) };
        let (current, next) = (babe.current_epoch(), babe.next_epoch().unwrap());
        assert!((current.start_slot..current.end_slot()).contains(&babe.slot()));
        assert_eq!((next.index, next.start_slot), (current.index + 1, current.end_slot()));
        assert_eq!(current.config, next.config);
        assert!(babe.primary_slots() > 0 && babe.primary_slots() < state.number);
        let (number, set_id, members, authors) =
            (state.number, set.set_id, set.authorities.len(), current.authorities.len());
        let genesis = format!("{:x}", spec.genesis_hash().unwrap());
        let id = &spec.id;
        writeln!(lines, "{id} {} #{number} set {set_id} of {members}, {authors} authors", &genesis[..8]).unwrap();
    }
    expect![[r#"
        ksmcc3 b0a8d493 #22287117 set 8681 of 1000, 1000 authors
        ksmcc3 b0a8d493 #22703335 set 8864 of 1000, 1000 authors
        ksmcc3 b0a8d493 #24674337 set 9601 of 1000, 1000 authors
        ksmcc3 b0a8d493 #26970109 set 10562 of 1000, 1000 authors
        ksmcc3 b0a8d493 #28676288 set 11357 of 1000, 1000 authors
        ksmcc3 b0a8d493 #30149414 set 11977 of 1000, 1000 authors
        ksmcc3 b0a8d493 #32235590 set 12822 of 1000, 1000 authors
        ksmcc3 b0a8d493 #34457420 set 13623 of 700, 700 authors
        paseo 77afd619 #2703363 set 808 of 93, 93 authors
        paseo 77afd619 #5027876 set 1490 of 138, 138 authors
        paseo 77afd619 #6748898 set 1997 of 149, 149 authors
        paseo 77afd619 #8236712 set 2413 of 150, 150 authors
        paseo 77afd619 #10347533 set 2933 of 153, 153 authors
        paseo 374057be #254785 set 57 of 56, 56 authors
        polkadot 91b171bb #19892916 set 1881 of 297, 297 authors
        polkadot 91b171bb #20308159 set 1932 of 297, 297 authors
        polkadot 91b171bb #22285759 set 2166 of 297, 297 authors
        polkadot 91b171bb #24612848 set 2457 of 500, 500 authors
        polkadot 91b171bb #26331555 set 2720 of 600, 600 authors
        polkadot 91b171bb #27818351 set 2948 of 600, 600 authors
        polkadot 91b171bb #29924177 set 3267 of 600, 600 authors
        polkadot 91b171bb #32191275 set 3533 of 600, 600 authors
        westend2 e143f238 #19954387 set 7578 of 17, 17 authors
        westend2 e143f238 #20365393 set 7694 of 18, 18 authors
        westend2 e143f238 #22328549 set 8254 of 18, 18 authors
        westend2 e143f238 #24644326 set 8933 of 18, 18 authors
        westend2 e143f238 #26358172 set 9354 of 19, 19 authors
        westend2 e143f238 #27770308 set 9736 of 19, 19 authors
        westend2 e143f238 #29781960 set 10226 of 20, 20 authors
        westend2 e143f238 #32057689 set 10855 of 20, 20 authors
    "#]]
    .assert_eq(&lines);
}

#[test]
fn each_continues_the_one_before_unless_the_chain_was_reset() {
    let specs = specs();
    let (mut continued, mut reset) = (0, 0);
    for pair in specs.windows(2) {
        let [early, late] = pair else { continue };
        if early.id != late.id {
            continue;
        }
        let (genesis, other) = (early.genesis_hash().unwrap(), late.genesis_hash().unwrap());
        let (early, late) = (checkpoint(early), checkpoint(late));
        if genesis == other {
            continued += 1;
            assert_eq!(Spec::check_genesis(other, genesis), Ok(()));
            assert_eq!(late.check_continues(early), Ok(()));
            let changes = |state: &LightSyncState| state.grandpa.clone().unwrap().set_changes.unwrap();
            assert!(changes(late).starts_with(&changes(early)), "the earlier list is a prefix of the later one");
            assert!(late.babe_weight > early.babe_weight);
        } else {
            reset += 1;
            assert_eq!(Spec::check_genesis(other, genesis), Err(SpecError::OtherGenesis { got: other, want: genesis }));
            // Two chains of one id: neither is taken for a later state of the other.
            assert!(matches!(late.check_continues(early), Err(OtherHistory::Below { .. })));
            assert!(matches!(early.check_continues(late), Err(OtherHistory::SetChange { set_id: 0, .. })));
        }
    }
    assert_eq!((continued, reset), (specs.len() - 4 - reset, 1));
}

#[test]
fn a_changed_byte_of_a_checkpoint_is_noticed_or_changes_it() {
    // Of the smallest checkpoint every bit of header and set: nothing panics, nothing is read as the same.
    let specs = specs();
    let smallest = specs.iter().min_by_key(|spec| checkpoint(spec).header.len()).unwrap();
    let state = checkpoint(smallest);
    let mut refused = 0;
    for bit in 0..state.header.len() * 8 {
        let mut header = state.header.clone();
        header[bit / 8] ^= 1 << (bit % 8);
        let parts = rushlight_core::chains::substrate::spec::light_sync_state::LightSyncStateParts {
            header: Some(header),
            ..Default::default()
        };
        match LightSyncState::decode(parts, smallest.number_width) {
            Ok(bent) => assert_ne!(bent.hash, state.hash),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0);
}
