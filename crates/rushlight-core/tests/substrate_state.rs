//! The state of a Substrate chain through its public API: blocks of made-up chains, votes with real signatures.
#![cfg(feature = "substrate")]

use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::authorship::aura::AuraError;
use rushlight_core::chains::substrate::authorship::{
    AuthorshipError, AuthorshipState, ConsensusConfig, GenesisConsensus, Unchecked,
};
use rushlight_core::chains::substrate::grandpa::{
    Authority, AuthoritySet, BlockId, JustificationRef, Proofs, VerifiedFinality,
};
use rushlight_core::chains::substrate::header::{DigestItem, EngineId, Header, NumberWidth};
use rushlight_core::chains::substrate::spec::Spec;
use rushlight_core::chains::substrate::state::tree::{TreeError, UNFINALIZED_MAX};
use rushlight_core::chains::substrate::state::{
    ANNOUNCED_MAX, Advanced, Announced, ChainState, FinalityError, ForcedChanges, HEADERS_BYTES_MAX, ImportError,
    Settings, SnapshotError, Start, StartError,
};
use rushlight_core::codec::scale::{put_byte_string, put_compact};
use rushlight_core::crypto::blake2b::blake2b_256;
use std::sync::Arc;

const SET: u64 = 7;

fn key(voter: u8) -> SigningKey {
    SigningKey::from([voter + 1; 32])
}

fn authorities(voters: &[u8]) -> Vec<Authority> {
    let authority = |voter: &u8| Authority { key: VerificationKeyBytes::from(&key(*voter)).into(), weight: 1 };
    voters.iter().map(authority).collect()
}

fn set(id: u64, voters: &[u8]) -> AuthoritySet {
    AuthoritySet::new(id, authorities(voters)).unwrap()
}

/// What a block tells GRANDPA.
#[derive(Clone, Copy)]
enum Tells<'a> {
    Nothing,
    /// Another set after so many blocks.
    Scheduled(&'a [u8], u32),
    /// The same, forced: with the height that is taken for agreed.
    Forced(&'a [u8], u32, u32),
}

fn child(parent: &Header, fork: u8, tells: Tells<'_>) -> Header {
    let list = |voters: &[u8]| set(0, voters).encode_list();
    let log = match tells {
        Tells::Nothing => None,
        Tells::Scheduled(voters, delay) => Some([vec![1], list(voters), delay.to_le_bytes().to_vec()].concat()),
        Tells::Forced(voters, delay, median) => {
            Some([vec![2], median.to_le_bytes().to_vec(), list(voters), delay.to_le_bytes().to_vec()].concat())
        }
    };
    Header {
        parent_hash: parent.hash(),
        number: parent.number + 1,
        state_root: Hash([fork; 32]),
        extrinsics_root: Hash([0; 32]),
        digest: log.map(|log| DigestItem::Consensus(EngineId::GRANDPA, log)).into_iter().collect(),
    }
}

fn block(header: &Header) -> BlockId {
    BlockId { hash: header.hash(), number: header.number }
}

fn genesis() -> Header {
    let zero = Hash([0; 32]);
    Header { parent_hash: zero, number: 0, state_root: zero, extrinsics_root: zero, digest: vec![] }
}

fn start() -> Start {
    Start {
        genesis: genesis().hash(),
        width: NumberWidth::U32,
        header: genesis().encode(),
        authorship: AuthorshipState::Unchecked(Unchecked::NoConfig),
        set: Some(set(SET, &[0, 1, 2])),
        announced: vec![],
    }
}

fn settings() -> Settings {
    let consensus = ConsensusConfig::Unchecked(Unchecked::NoConfig);
    Settings { consensus, rules: Arc::default(), forced: ForcedChanges::Imported }
}

fn chain() -> ChainState {
    ChainState::new(start(), settings()).unwrap()
}

/// Appends `count` blocks to `chain`, the first of them with `tells`; returns them.
fn grow(chain: &mut ChainState, from: &Header, fork: u8, tells: &[Tells<'_>]) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for tells in tells {
        let header = child(headers.last().unwrap_or(from), fork, *tells);
        chain.import(&header.encode(), None).unwrap();
        headers.push(header);
    }
    headers
}

/// What `voters` as set `set_id` finalize.
fn votes(target: BlockId, set_id: u64, voters: &[u8]) -> VerifiedFinality {
    let vote = [&target.hash.0[..], &(target.number as u32).to_le_bytes()].concat();
    let message = [&[1][..], &vote, &1_u64.to_le_bytes(), &set_id.to_le_bytes()].concat();
    let mut bytes = [&1_u64.to_le_bytes()[..], &vote].concat();
    put_compact(&mut bytes, voters.len() as u64);
    for voter in voters {
        let key = key(*voter);
        bytes.extend_from_slice(&vote);
        bytes.extend_from_slice(&<[u8; 64]>::from(key.sign(&message)));
        bytes.extend_from_slice(&<[u8; 32]>::from(VerificationKeyBytes::from(&key)));
    }
    put_compact(&mut bytes, 0);
    let justification = JustificationRef::decode(&bytes, NumberWidth::U32).unwrap();
    let mut proofs = Proofs::start(Hash::default());
    proofs.push(&justification, target, &set(set_id, voters)).unwrap();
    let (verified, refused) = proofs.verify_in_place();
    assert_eq!(refused, None);
    verified[0]
}

const NOTHING: Tells<'static> = Tells::Nothing;

#[test]
fn finality_moves_along_one_chain_and_prunes_the_others() {
    let mut chain = chain();
    let a = grow(&mut chain, &genesis(), 1, &[NOTHING; 4]);
    let b = grow(&mut chain, &a[0], 2, &[NOTHING; 2]);
    assert_eq!(chain.best(), block(&a[3]));
    assert_eq!(chain.header(&b[1].hash()), Some(&*b[1].encode()));
    assert_eq!(chain.parent(&b[1].hash()), Some(b[0].hash()));
    let advanced = chain.finalize(&votes(block(&a[1]), SET, &[0, 1, 2])).unwrap();
    let mut pruned = vec![b[0].hash(), b[1].hash()];
    pruned.sort();
    let want = Advanced { finalized: vec![a[0].hash(), a[1].hash()], pruned, changes_set: false };
    assert_eq!(advanced, want);
    assert_eq!((chain.finalized(), chain.best(), chain.tree().len()), (block(&a[1]), block(&a[3]), 2));
    let stale = FinalityError::NotAbove { hash: a[1].hash(), number: 2, finalized: 2 };
    assert_eq!(chain.finalize(&votes(block(&a[1]), SET, &[0, 1, 2])), Err(stale));
    let pruned = FinalityError::NotAbove { hash: b[1].hash(), number: 3, finalized: 2 };
    assert_eq!(chain.finalize(&votes(block(&b[1]), SET, &[0, 1, 2])), Err(pruned));
}

#[test]
fn a_scheduled_change_is_made_with_the_finality_of_its_block() {
    let mut chain = chain();
    let blocks = grow(&mut chain, &genesis(), 1, &[NOTHING, Tells::Scheduled(&[3, 4], 2), NOTHING, NOTHING, NOTHING]);
    assert_eq!(chain.next_set_change(), Some(4));
    // An author who announces keys of his own must not finalize with them.
    let forged = votes(block(&blocks[4]), SET + 1, &[3, 4]);
    assert_eq!(chain.finalize(&forged), Err(FinalityError::OtherSet { got: SET + 1, want: SET }));
    let across = votes(block(&blocks[4]), SET, &[0, 1, 2]);
    assert_eq!(chain.finalize(&across), Err(FinalityError::ChangeFirst { mandatory: 4, number: 5 }));
    // The announcement becomes final first, and survives a restart.
    assert!(!chain.finalize(&votes(block(&blocks[2]), SET, &[0, 1, 2])).unwrap().changes_set);
    let mut chain = ChainState::from_snapshot(&chain.to_snapshot(), genesis().hash(), settings()).unwrap();
    assert_eq!(chain.next_set_change(), Some(4));
    for header in &blocks[3..] {
        chain.import(&header.encode(), None).unwrap();
    }
    assert_eq!(chain.finalize(&across), Err(FinalityError::ChangeFirst { mandatory: 4, number: 5 }));
    assert!(chain.finalize(&votes(block(&blocks[3]), SET, &[0, 1, 2])).unwrap().changes_set);
    assert_eq!(chain.authority_set(), Some(&set(SET + 1, &[3, 4])));
    assert_eq!(chain.next_set_change(), None);
    assert_eq!(chain.finalize(&across), Err(FinalityError::OtherSet { got: SET, want: SET + 1 }));
    chain.finalize(&forged).unwrap();
    assert_eq!(chain.finalized(), block(&blocks[4]));
}

/// Every block ends a set: finality of such chains stopped in another client, and that of others with each change.
#[test]
fn sets_of_one_block_each_are_followed() {
    let mut chain = chain();
    let voters: [&[u8]; 3] = [&[3], &[4, 5], &[0, 1, 2]];
    let mut tip = genesis();
    let mut waiting = Vec::new();
    for step in 0..30 {
        tip = child(&tip, 1, Tells::Scheduled(voters[step % 3], 0));
        chain.import(&tip.encode(), None).unwrap();
        waiting.push(block(&tip));
        // Finality lags behind by up to four blocks and catches up block by block, for no set votes across the end of its own.
        if step % 5 == 4 {
            for target in waiting.drain(..) {
                let now = target.number.checked_sub(2).map_or(&[0, 1, 2][..], |last| voters[last as usize % 3]);
                let set_id = chain.authority_set().unwrap().id();
                assert!(chain.finalize(&votes(target, set_id, now)).unwrap().changes_set);
            }
            assert_eq!(chain.finalized(), block(&tip));
            assert_eq!(chain.authority_set().unwrap().id(), SET + tip.number);
        }
    }
}

#[test]
fn two_changes_with_one_block_stop_finality_as_in_the_reference() {
    let mut chain = chain();
    let tells = [Tells::Scheduled(&[3], 1), Tells::Scheduled(&[4], 0), NOTHING];
    let blocks = grow(&mut chain, &genesis(), 1, &tells);
    let both = votes(block(&blocks[1]), SET, &[0, 1, 2]);
    assert_eq!(chain.finalize(&both), Err(FinalityError::TwoChanges { number: 2 }));
}

#[test]
fn a_forced_change_voids_what_was_scheduled_and_holds_on_its_own_fork() {
    let mut chain = chain();
    let a = grow(&mut chain, &genesis(), 1, &[Tells::Scheduled(&[5], 9), Tells::Forced(&[3, 4], 2, 0), NOTHING]);
    assert_eq!(chain.authority_set(), Some(&set(SET, &[0, 1, 2])));
    let b = grow(&mut chain, &a[0], 2, &[NOTHING; 3]);
    let last = child(&a[2], 1, NOTHING);
    assert!(chain.import(&last.encode(), None).unwrap().forces_set);
    assert_eq!(chain.authority_set(), Some(&set(SET + 1, &[3, 4])));
    assert_eq!(chain.next_set_change(), None);
    let other = votes(block(&b[1]), SET + 1, &[3, 4]);
    assert_eq!(chain.finalize(&other), Err(FinalityError::OtherFork { hash: b[1].hash(), forced: a[1].hash() }));
    // Also a block below the announcement, which was not final yet, is finalized by the new set.
    chain.finalize(&votes(block(&a[0]), SET + 1, &[3, 4])).unwrap();
    chain.finalize(&votes(block(&last), SET + 1, &[3, 4])).unwrap();
    assert_eq!(chain.finalized(), block(&last));
}

#[test]
fn a_forced_change_that_nobody_vouches_for_is_not_made() {
    let settings = Settings { forced: ForcedChanges::Vouched, ..settings() };
    let mut chain = ChainState::new(start(), settings).unwrap();
    let mut blocks = grow(&mut chain, &genesis(), 1, &[Tells::Forced(&[3], 0, 0)]);
    blocks.extend(grow(&mut chain, &blocks[0].clone(), 1, &[NOTHING; 50]));
    assert_eq!(chain.authority_set(), Some(&set(SET, &[0, 1, 2])));
    // What the runtime takes for agreed comes first, whatever the rule.
    let mut chain = self::chain();
    grow(&mut chain, &genesis(), 1, &[Tells::Scheduled(&[5], 1), Tells::Forced(&[3, 4], 1, 2), NOTHING, NOTHING]);
    assert_eq!(chain.authority_set(), Some(&set(SET, &[0, 1, 2])));
}

#[test]
fn finality_from_elsewhere_is_another_matter_than_votes() {
    let mut voted = chain();
    let blocks = grow(&mut voted, &genesis(), 1, &[NOTHING; 2]);
    assert_eq!(voted.finalize_from_elsewhere(&blocks[1].hash()), Err(FinalityError::ByVotes));
    let mut parachain = ChainState::new(Start { set: None, ..start() }, settings()).unwrap();
    let blocks = grow(&mut parachain, &genesis(), 1, &[NOTHING; 2]);
    assert_eq!(parachain.finalize(&votes(block(&blocks[0]), SET, &[0])), Err(FinalityError::Elsewhere));
    assert_eq!(parachain.finalize_from_elsewhere(&blocks[1].hash()).unwrap().finalized.len(), 2);
    let unknown = FinalityError::NotAbove { hash: Hash([1; 32]), number: 0, finalized: 2 };
    assert_eq!(parachain.finalize_from_elsewhere(&Hash([1; 32])), Err(unknown));
    let again = ChainState::from_snapshot(&parachain.to_snapshot(), genesis().hash(), settings()).unwrap();
    assert_eq!((again.finalized(), again.authority_set()), (block(&blocks[1]), None));
}

#[test]
fn blocks_that_break_a_rule_are_refused_by_it() {
    let mut chain = chain();
    let blocks = grow(&mut chain, &genesis(), 1, &[NOTHING; 2]);
    let refused = |chain: &mut ChainState, header: &Header| chain.import(&header.encode(), None).unwrap_err();
    assert!(matches!(chain.import(&[1], None), Err(ImportError::Header(_))));
    let known = TreeError::Known { hash: blocks[0].hash() };
    assert_eq!(refused(&mut chain, &blocks[0]), ImportError::Tree(known));
    let orphan = Header { parent_hash: Hash([3; 32]), ..blocks[0].clone() };
    let unknown = TreeError::UnknownParent { number: 1, parent: Hash([3; 32]), finalized: 0 };
    assert_eq!(refused(&mut chain, &orphan), ImportError::Tree(unknown));
    let leaping = Header { number: 9, ..child(&blocks[1], 1, NOTHING) };
    assert_eq!(refused(&mut chain, &leaping), ImportError::Tree(TreeError::Number { got: 9, parent: 2 }));
    let empty = child(&blocks[1], 1, Tells::Scheduled(&[0], 0));
    let DigestItem::Consensus(_, log) = &empty.digest[0] else { unreachable!() };
    let weightless = [&log[..2 + 32], &[0; 8], &log[2 + 40..]].concat();
    let empty = Header { digest: vec![DigestItem::Consensus(EngineId::GRANDPA, weightless)], ..empty };
    assert!(matches!(refused(&mut chain, &empty), ImportError::Announced { number: 3, .. }));
    let wide = NumberWidth::new(8).unwrap();
    let mut far = ChainState::new(Start { width: wide, ..start() }, settings()).unwrap();
    let log = [vec![1], set(0, &[0]).encode_list(), u64::MAX.to_le_bytes().to_vec()].concat();
    let header =
        Header { digest: vec![DigestItem::Consensus(EngineId::GRANDPA, log)], ..child(&genesis(), 1, NOTHING) };
    assert_eq!(refused(&mut far, &header), ImportError::Delay { number: 1, delay: u64::MAX });
}

/// Who may author is asked of every block, before it takes a place in the tree.
#[test]
fn blocks_of_authors_without_a_claim_are_not_taken_in() {
    let consensus = GenesisConsensus::from_json(&format!(
        r#"{{"aura":{{"genesis_authorities":["0x{}"],"slot_duration_ms":2000}}}}"#,
        "ab".repeat(32)
    ))
    .unwrap();
    let start = Start { authorship: consensus.authorship, ..start() };
    let settings = Settings { consensus: consensus.config, ..settings() };
    let mut chain = ChainState::new(start, settings).unwrap();
    let refused = chain.import(&child(&genesis(), 1, NOTHING).encode(), None).unwrap_err();
    assert_eq!(refused, ImportError::Authorship(AuthorshipError::Aura(AuraError::NoSlot)));
    assert!(chain.tree().is_empty());
}

/// A vote names hash and number; whoever signs a hash with another number does not move finality to that number.
#[test]
fn votes_that_name_another_number_than_the_block_has_finalize_nothing() {
    let mut chain = chain();
    let blocks = grow(&mut chain, &genesis(), 1, &[NOTHING; 2]);
    let elsewhere = BlockId { hash: blocks[1].hash(), number: 7 };
    let refused = chain.finalize(&votes(elsewhere, SET, &[0, 1, 2]));
    assert_eq!(refused, Err(FinalityError::Number { got: 7, want: 2 }));
    assert_eq!(chain.finalized(), block(&genesis()));
}

#[test]
fn blocks_that_the_specification_names_are_refused() {
    let bad = child(&genesis(), 9, NOTHING);
    let spec = format!(
        r#"{{"name":"x","id":"x","bootNodes":[],"genesis":{{"stateRootHash":"0x{}"}},"badBlocks":["{:#x}"],
            "forkBlocks":[[0,"{:#x}"]]}}"#,
        "00".repeat(32),
        bad.hash(),
        genesis().hash()
    );
    let rules = Arc::new(Spec::from_json(&spec).unwrap().rules);
    let settings = Settings { rules, ..settings() };
    let mut chain = ChainState::new(start(), settings.clone()).unwrap();
    assert!(matches!(chain.import(&bad.encode(), None), Err(ImportError::Refused(_))));
    let other = Header { state_root: Hash([1; 32]), ..genesis() };
    let start = Start { genesis: other.hash(), header: other.encode(), ..start() };
    assert!(matches!(ChainState::new(start, settings), Err(StartError::Refused(_))));
}

#[test]
fn a_stall_of_finality_does_not_fill_the_memory() {
    // Blocks: the window moves.
    let mut chain = chain();
    let mut tip = genesis();
    for _ in 0..UNFINALIZED_MAX + 100 {
        tip = child(&tip, 1, NOTHING);
        chain.import(&tip.encode(), None).unwrap();
    }
    assert_eq!((chain.tree().len(), chain.best()), (UNFINALIZED_MAX, block(&tip)));
    let advanced = chain.finalize(&votes(block(&tip), SET, &[0, 1, 2])).unwrap();
    assert_eq!((advanced.finalized.len(), chain.finalized()), (UNFINALIZED_MAX, block(&tip)));
    // Bytes of headers.
    let mut chain = self::chain();
    let mut large = child(&genesis(), 1, NOTHING);
    large.digest = vec![DigestItem::Other(vec![0; 3 << 20])];
    for fork in 0..5 {
        large.state_root = Hash([fork; 32]);
        chain.import(&large.encode(), None).unwrap();
    }
    large.state_root = Hash([9; 32]);
    let got = 6 * large.encode().len();
    let full = ImportError::Full { finalized: 0, got, max: HEADERS_BYTES_MAX };
    assert_eq!(chain.import(&large.encode(), None), Err(full));
    // Announced sets.
    let mut chain = self::chain();
    let tells = [Tells::Scheduled(&[3], 1); ANNOUNCED_MAX];
    let blocks = grow(&mut chain, &genesis(), 1, &tells);
    let one_more = child(&blocks[ANNOUNCED_MAX - 1], 1, tells[0]);
    let full = ImportError::FullOfChanges { finalized: 0, got: ANNOUNCED_MAX + 1, max: ANNOUNCED_MAX };
    assert_eq!(chain.import(&one_more.encode(), None), Err(full));
}

#[test]
fn a_start_that_does_not_hold_together_is_refused() {
    let new = |start: Start| ChainState::new(start, settings()).err();
    assert!(matches!(new(Start { header: vec![1], ..start() }), Some(StartError::Header(_))));
    let other = StartError::OtherGenesis { got: genesis().hash(), want: Hash([1; 32]) };
    assert_eq!(new(Start { genesis: Hash([1; 32]), ..start() }), Some(other));
    let change = |number, effective| Announced {
        number,
        hash: Hash([1; 32]),
        effective,
        forced: None,
        set: Arc::new(set(SET + 1, &[3])),
    };
    assert_eq!(new(Start { announced: vec![change(0, 4), change(0, 9)], ..start() }), None);
    for announced in [vec![change(1, 4)], vec![change(0, 0)]] {
        assert!(matches!(new(Start { announced, ..start() }), Some(StartError::Announced { index: 0, .. })));
    }
    let announced = vec![change(0, 4); ANNOUNCED_MAX + 1];
    let too_many = StartError::TooManyAnnounced { got: ANNOUNCED_MAX + 1, max: ANNOUNCED_MAX };
    assert_eq!(new(Start { announced, ..start() }), Some(too_many));
}

#[test]
fn a_snapshot_that_is_not_one_is_refused_by_the_broken_rule() {
    let genesis = genesis().hash();
    let snapshot = chain().to_snapshot();
    let read =
        |bytes: &[u8], genesis| ChainState::from_snapshot(bytes, genesis, settings()).map(|chain| chain.finalized());
    assert_eq!(read(&snapshot, genesis), Ok(chain().finalized()));
    assert_eq!(read(&[], genesis), Err(SnapshotError::Truncated));
    assert_eq!(read(&[1; 20], genesis), Err(SnapshotError::Truncated));
    assert_eq!(read(&[2; 60], genesis), Err(SnapshotError::Version { got: 2 }));
    let huge = vec![1; (64 << 20) + 1];
    assert_eq!(read(&huge, genesis), Err(SnapshotError::TooLarge { got: huge.len() }));
    let want = Hash([9; 32]);
    assert_eq!(read(&snapshot, want), Err(SnapshotError::OtherChain { got: genesis, want }));
    // Every flipped bit is found: by the checksum, or because the version is another one.
    for bit in 0..snapshot.len() * 8 {
        let mut damaged = snapshot.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = read(&damaged, genesis).unwrap_err();
        assert!(matches!(error, SnapshotError::Checksum { .. } | SnapshotError::Version { .. }), "{error}");
    }
    // Whoever computes the checksum anew still has to write what holds together.
    let content = &snapshot[..snapshot.len() - 32];
    let sealed = |content: &[u8]| [content, blake2b_256(content).as_bytes()].concat();
    let width = 33;
    for (at, byte, want) in [(width, 0, SnapshotError::Width { got: 0 }), (width, 9, SnapshotError::Width { got: 9 })] {
        let mut changed = content.to_vec();
        changed[at] = byte;
        assert_eq!(read(&sealed(&changed), genesis), Err(want));
    }
    for len in 1..content.len() {
        assert!(read(&sealed(&content[..len]), genesis).is_err(), "{len} bytes");
    }
    assert!(matches!(read(&sealed(&[content, &[0]].concat()), genesis), Err(SnapshotError::Scale(_))));
    let mut voteless = [&[1][..], genesis.as_bytes(), &[4]].concat();
    put_byte_string(&mut voteless, &self::genesis().encode());
    voteless.extend([1, 0, 0, 0, 2, 0]);
    assert!(matches!(read(&sealed(&voteless), genesis), Err(SnapshotError::Set(_))));
    let mut headless = [&[1][..], genesis.as_bytes(), &[4]].concat();
    put_byte_string(&mut headless, &[7]);
    headless.extend([0, 2, 0]);
    assert!(matches!(read(&sealed(&headless), genesis), Err(SnapshotError::Start(_))));
}
