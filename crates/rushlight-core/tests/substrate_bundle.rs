//! Bundles of Substrate chains: what a good one proves, and each rule broken once.
#![cfg(feature = "substrate")]

mod fragments;

use fragments::{Plan, World, block_rules};
use rushlight_core::base::Hash;
use rushlight_core::bundle::{
    Anchor, BUNDLE_BYTES_MAX, Bundle, BundleError, Checkpoint, CheckpointError, FamilyName, Section, SectionKind,
    StartError,
};
use rushlight_core::chains::substrate::NAME;
use rushlight_core::chains::substrate::bundle::{
    self, BundleRefused, Proof, ProvenValue, StateClaim, StateKey, StateRefused, VALUES_BYTES_MAX, VerifiedBundle,
};
use rushlight_core::chains::substrate::grandpa::{AuthoritySet, SetError};
use rushlight_core::chains::substrate::header::{Header, NumberWidth};
use rushlight_core::chains::substrate::spec::rules::RefusedBlock;
use rushlight_core::chains::substrate::warp::{WarpError, WarpRules};
use rushlight_core::codec::scale::{ScaleError, put_byte_string, put_compact};
use rushlight_core::trie::patricia16::{ProofError, StateVersion, VerifiedProof, nodes};

const WIDTH: NumberWidth = NumberWidth::U32;

/// A chain of three changes above the checkpoint and a newest block with `state_root`, and the block below that.
struct Chain {
    anchor: Vec<u8>,
    set: AuthoritySet,
    fragments: Vec<Vec<u8>>,
    newest: Header,
    parent: Header,
}

fn chain(state_root: Hash) -> Chain {
    let mut world = World::new(Plan { changes: 4, ..Plan::SMALL });
    let anchor = world.header(0).encode();
    let set = world.set(1);
    let mut fragments: Vec<Vec<u8>> = (1..4).map(|index| world.fragment(index)).collect();
    let mut newest = world.header(4);
    let parent = Header { number: newest.number - 1, state_root, ..newest.clone() };
    newest.parent_hash = parent.hash();
    newest.state_root = state_root;
    fragments.push(world.justified(4, &newest));
    Chain { anchor, set, fragments, newest, parent }
}

fn checkpoint(chain: &Chain) -> Checkpoint {
    bundle::checkpoint("made-up", &chain.anchor, &chain.set, WIDTH).unwrap()
}

/// A trie with inline and hashed values and one child trie, as nodes.
fn state() -> (Hash, Vec<Vec<u8>>) {
    let mut all = Vec::new();
    let child = [(&b"inside"[..], &b"of the child"[..])];
    let child = nodes(StateVersion::V1, child, |node| all.push(node.to_vec())).unwrap();
    let large = vec![7; 500];
    let entries = [
        (&b":child_storage:default:names"[..], &child.0[..]),
        (&b"balance"[..], &b"1000"[..]),
        (&b"code"[..], &large),
        (&b"other"[..], &b"unrelated"[..]),
    ];
    let root = nodes(StateVersion::V1, entries, |node| all.push(node.to_vec())).unwrap();
    (root, all)
}

fn key(key: &[u8]) -> StateKey {
    StateKey { child: None, key: key.to_vec() }
}

fn of_child(name: &[u8], key: &[u8]) -> StateKey {
    StateKey { child: Some(name.to_vec()), key: key.to_vec() }
}

fn bundle_of(chain: &Chain, ancestors: &[Vec<u8>], state: &[StateClaim]) -> Bundle {
    let (anchor, set, fragments) = (&*chain.anchor, &chain.set, &*chain.fragments);
    let proof = Proof { width: WIDTH, anchor, set, fragments, ancestors, state };
    Bundle::decode(&bundle::encode(&checkpoint(chain), &proof).unwrap()).unwrap()
}

fn verify(bundle: &Bundle, checkpoint: &Checkpoint) -> Result<VerifiedBundle, BundleRefused> {
    bundle::verify(bundle, checkpoint, &WarpRules::default())
}

#[test]
fn blocks_that_the_specification_names_are_refused() {
    let chain = chain(Hash([5; 32]));
    let bundle = bundle_of(&chain, &[chain.parent.encode()], &[]);
    let refused = |bad: &[Hash], forks: &[(u64, Hash)]| {
        let rules = WarpRules { blocks: block_rules(bad, forks), ..WarpRules::default() };
        bundle::verify(&bundle, &checkpoint(&chain), &rules).map(drop)
    };
    let (mut world, parent) = (World::new(Plan { changes: 4, ..Plan::SMALL }), chain.parent.hash());
    let (anchor, between) = (world.block(0), world.block(2));
    assert_eq!(refused(&[Hash([9; 32])], &[(30, between.hash), (44, parent)]), Ok(()));
    let bad = |hash, number| RefusedBlock::Bad { number, hash };
    let want = BundleRefused::Block { index: 0, why: bad(anchor.hash, 10) };
    assert_eq!(refused(&[anchor.hash], &[]), Err(want));
    assert_eq!(refused(&[between.hash], &[]), Err(BundleRefused::Warp(bad(between.hash, 30).into())));
    assert_eq!(refused(&[parent], &[]), Err(BundleRefused::Block { index: 5, why: bad(parent, 44) }));
    let fork = refused(&[], &[(30, parent)]);
    let why = RefusedBlock::WrongFork { number: 30, got: between.hash, want: parent };
    assert_eq!(fork, Err(BundleRefused::Warp(why.into())));
}

#[test]
fn a_bundle_proves_a_header_and_what_stands_and_does_not_stand_under_it() {
    let (root, all) = state();
    let chain = chain(root);
    let keys =
        vec![key(b"code"), key(b"nothing"), of_child(b"names", b"inside"), of_child(b"none", b"x"), key(b"balance")];
    let proof = VerifiedProof::from_nodes(root, all.iter().map(Vec::as_slice)).unwrap();
    let claim = StateClaim::of(keys, &proof).unwrap();
    let verified = verify(&bundle_of(&chain, &[], &[claim]), &checkpoint(&chain)).unwrap();
    assert_eq!(verified.header(), chain.newest.encode());
    assert_eq!((verified.block().hash, verified.block().number), (chain.newest.hash(), chain.newest.number));
    assert_eq!((verified.state_root(), verified.authority_set().id()), (root, 4));
    let value = |key, value: Option<&[u8]>| ProvenValue { key, value: value.map(<[u8]>::to_vec) };
    let want = [
        value(key(b"balance"), Some(b"1000")),
        value(key(b"code"), Some(&[7; 500])),
        value(key(b"nothing"), None),
        value(of_child(b"names", b"inside"), Some(b"of the child")),
        value(of_child(b"none", b"x"), None),
    ];
    assert_eq!(verified.values(), want);
    // The parent has no justification of its own; its child names it.
    let below = bundle_of(&chain, &[chain.parent.encode()], &[]);
    assert_eq!(verify(&below, &checkpoint(&chain)).unwrap().block().hash, chain.parent.hash());
    // Nothing but the checkpoint's own block.
    let only = Chain { fragments: vec![], ..chain };
    let verified = verify(&bundle_of(&only, &[], &[]), &checkpoint(&only)).unwrap();
    assert_eq!((verified.header(), verified.authority_set().id()), (&*only.anchor, 1));
}

/// Returns why the bundle of `chain` is refused when its sections are changed.
fn refused(chain: &Chain, change: impl FnOnce(&mut Vec<Section>)) -> BundleRefused {
    let mut bundle = bundle_of(chain, &[], &[]);
    change(&mut bundle.sections);
    verify(&bundle, &checkpoint(chain)).unwrap_err()
}

fn step(kind: u8, content: &[u8]) -> Section {
    Section { kind: SectionKind::Step, content: [&[kind], content].concat() }
}

#[test]
fn each_broken_rule_of_the_steps_has_its_error() {
    let chain = chain(Hash([5; 32]));
    assert_eq!(refused(&chain, |sections| drop(sections.remove(0))), BundleRefused::Start(StartError::NoCheckpoint));
    let twice = refused(&chain, |sections| sections.insert(1, sections[0].clone()));
    assert_eq!(twice, BundleRefused::Start(StartError::TwoCheckpoints));
    let cut = refused(&chain, |sections| sections[0].content.truncate(30));
    assert!(matches!(cut, BundleRefused::Start(StartError::Checkpoint(CheckpointError::Checksum { .. }))), "{cut}");
    let of_moon = Checkpoint {
        family: FamilyName::of("moon"),
        anchor: Anchor::new("1767225600.000000000"),
        ..checkpoint(&chain)
    };
    let mut bundle_of_moon = bundle_of(&chain, &[], &[]);
    bundle_of_moon.sections[0] = Section::checkpoint(&of_moon).unwrap();
    let other_family = StartError::Checkpoint(CheckpointError::OtherFamily { got: FamilyName::of("moon"), want: NAME });
    assert_eq!(verify(&bundle_of_moon, &of_moon), Err(BundleRefused::Start(other_family)));
    let other = Checkpoint { chain_id: "other".into(), ..checkpoint(&chain) };
    let error = verify(&bundle_of(&chain, &[], &[]), &other).unwrap_err();
    let want = Box::new(other);
    assert_eq!(error, BundleRefused::Start(StartError::OtherCheckpoint { got: Box::new(checkpoint(&chain)), want }));
    assert_eq!(refused(&chain, |sections| sections.truncate(1)), BundleRefused::NoAnchor);
    assert_eq!(refused(&chain, |sections| drop(sections.remove(1))), BundleRefused::NoAnchor);
    let cut = refused(&chain, |sections| sections[1].content.truncate(40));
    assert!(matches!(cut, BundleRefused::Step { index: 0, why: ScaleError::Truncated { .. } }), "{cut}");
    assert_eq!(refused(&chain, |sections| sections[1].content[1] = 9), BundleRefused::Width { got: 9 });
    let narrow = refused(&chain, |sections| sections[1].content[2 + 2 + 32] = 3);
    assert!(matches!(narrow, BundleRefused::Header { index: 0, .. }), "{narrow}");
    let forged = refused(&chain, |sections| sections[1].content[40] ^= 1);
    assert!(matches!(forged, BundleRefused::AnchorHeader { got_number: 10, want_number: 10, .. }), "{forged}");
    // Whoever could bring his own authorities could prove anything.
    let usurped = refused(&chain, |sections| *sections[1].content.last_mut().unwrap() ^= 1);
    assert!(matches!(usurped, BundleRefused::AnchorAuthorities { .. }), "{usurped}");
    let voteless = refused(&chain, |sections| {
        let mut anchor = vec![4];
        put_byte_string(&mut anchor, &chain.anchor);
        anchor.push(0);
        sections[1] = step(0, &anchor);
    });
    assert_eq!(voteless, BundleRefused::Set(SetError::NoVoters { id: 1 }));
    let stray = refused(&chain, |sections| sections.push(step(7, &[])));
    assert_eq!(stray, BundleRefused::StepKind { index: 5, kind: 7 });
    let late = refused(&chain, |sections| {
        let last = sections.pop().unwrap();
        sections.push(step(2, &[]));
        sections.push(last);
    });
    assert!(matches!(late, BundleRefused::Header { index: 4, .. }), "{late}");
    let junk = refused(&chain, |sections| sections[2] = step(1, &[1, 2, 3]));
    assert!(matches!(junk, BundleRefused::Fragment { index: 1, .. }), "{junk}");
    let longer = refused(&chain, |sections| sections[2].content.push(1));
    assert!(matches!(longer, BundleRefused::Fragment { index: 1, .. }), "{longer}");
    let unsigned = refused(&chain, |sections| {
        let len = sections[5].content.len();
        sections[5].content[len - 60] ^= 1;
    });
    assert!(matches!(unsigned, BundleRefused::Warp(WarpError::Finality { .. })), "{unsigned}");
    let jump = refused(&chain, |sections| drop(sections.remove(3)));
    assert!(matches!(jump, BundleRefused::Warp(WarpError::Finality { number: 40, .. })), "{jump}");
    let twice = refused(&chain, |sections| sections.insert(2, sections[2].clone()));
    assert_eq!(twice, BundleRefused::NotAbove { index: 2, number: 20 });
    let mut padded = self::chain(Hash([5; 32]));
    let mut world = World::new(Plan { changes: 4, ..Plan::SMALL });
    let between = Header { number: 15, digest: vec![], ..world.header(1) };
    padded.fragments.insert(0, world.justified(1, &between));
    let padded = verify(&bundle_of(&padded, &[], &[]), &checkpoint(&padded));
    assert_eq!(padded, Err(BundleRefused::Warp(WarpError::NotMinimal { number: 15 })));
    let stranger = refused(&chain, |sections| sections.push(step(2, &chain.newest.encode())));
    assert!(matches!(stranger, BundleRefused::NotTheParent { index: 5, child: 45, .. }), "{stranger}");
}

/// Returns why a state section with this content is refused under `root`.
fn state_refused(root: Hash, content: Vec<u8>) -> StateRefused {
    let chain = chain(root);
    match refused(&chain, |sections| sections.push(Section { kind: SectionKind::State, content })) {
        BundleRefused::State { index: 0, why } => why,
        other => panic!("{other}"),
    }
}

fn claim(keys: &[&[u8]], nodes: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    put_compact(&mut out, keys.len() as u64);
    for key in keys {
        out.push(0);
        put_byte_string(&mut out, key);
    }
    put_compact(&mut out, nodes.len() as u64);
    nodes.iter().for_each(|node| put_byte_string(&mut out, node));
    out
}

#[test]
fn each_broken_rule_of_the_state_has_its_error() {
    let (root, all) = state();
    let proof = VerifiedProof::from_nodes(root, all.iter().map(Vec::as_slice)).unwrap();
    let good = StateClaim::of(vec![key(b"balance"), key(b"other")], &proof).unwrap();
    let nodes: Vec<&[u8]> = good.nodes.iter().map(Vec::as_slice).collect();
    let keys: [&[u8]; 2] = [b"balance", b"other"];
    let chain = chain(root);
    let mut bundle = bundle_of(&chain, &[], &[]);
    bundle.sections.push(Section { kind: SectionKind::State, content: claim(&keys, &nodes) });
    assert_eq!(verify(&bundle, &checkpoint(&chain)).unwrap().values().len(), 2);

    assert!(matches!(state_refused(root, vec![]), StateRefused::Scale(ScaleError::Truncated { .. })));
    assert!(matches!(
        state_refused(root, claim(&keys, &[b"no root"])),
        StateRefused::Proof(ProofError::RootMissing { .. })
    ));
    for unordered in [[keys[1], keys[0]], [keys[0], keys[0]]] {
        assert_eq!(state_refused(root, claim(&unordered, &nodes)), StateRefused::KeyOrder { index: 1 });
    }
    let no_code: Vec<&[u8]> = all.iter().filter(|node| node.len() < 400).map(Vec::as_slice).collect();
    assert!(matches!(state_refused(root, claim(&[b"code"], &no_code)), StateRefused::Incomplete { index: 0, .. }));
    let mut more = nodes.clone();
    more.push(b"a node that nobody asked for, of some length");
    let superfluous = state_refused(root, claim(&keys, &more));
    assert_eq!(superfluous, StateRefused::NotMinimal { got: nodes.len() + 1, needed: nodes.len() });
    let mut twice = nodes.clone();
    twice.push(nodes[0]);
    let twice = state_refused(root, claim(&keys, &twice));
    assert_eq!(twice, StateRefused::NotMinimal { got: nodes.len(), needed: nodes.len() });
    let broken = [0xff; 40];
    let broken_root = rushlight_core::crypto::blake2b::blake2b_256(&broken);
    assert!(matches!(state_refused(broken_root, claim(&keys, &[&broken])), StateRefused::Lookup(_)));
    assert!(matches!(
        StateClaim::of(vec![key(b"code")], &VerifiedProof::from_nodes(root, no_code.iter().copied()).unwrap()),
        Err(StateRefused::Incomplete { index: 0, .. })
    ));
}

#[test]
fn what_fits_no_bundle_is_not_written() {
    let chain = chain(Hash([5; 32]));
    let ancestors = vec![vec![0; 1 << 20]; 33];
    let (anchor, set, fragments) = (&*chain.anchor, &chain.set, &*chain.fragments);
    let proof = Proof { width: WIDTH, anchor, set, fragments, ancestors: &ancestors, state: &[] };
    let refused = bundle::encode(&checkpoint(&chain), &proof).unwrap_err();
    assert!(matches!(refused, BundleRefused::Container(BundleError::TooLarge { got }) if got > BUNDLE_BYTES_MAX));
}

#[test]
fn one_large_value_under_many_keys_does_not_fill_the_memory() {
    let large = vec![9; 1 << 20];
    let names: Vec<[u8; 2]> = (0..40_u16).map(u16::to_be_bytes).collect();
    let mut all = Vec::new();
    let entries = names.iter().map(|name| (&name[..], &large[..]));
    let root = nodes(StateVersion::V1, entries, |node| all.push(node.to_vec())).unwrap();
    let keys: Vec<&[u8]> = names.iter().map(|name| &name[..]).collect();
    let mut ordered: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    ordered.sort_by_key(|node| rushlight_core::crypto::blake2b::blake2b_256(node));
    ordered.dedup();
    let got = VALUES_BYTES_MAX + (1 << 20);
    assert_eq!(state_refused(root, claim(&keys, &ordered)), StateRefused::ValuesTooLarge { index: 32, got });
}
