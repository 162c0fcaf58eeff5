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
use rushlight_core::chains::substrate::spec::light_sync_state::{
    DelayKind, ForkTreeNode, GrandpaAuthority, GrandpaAuthoritySet, LightSyncState, LightSyncStateError, PendingChange,
};
use rushlight_core::chains::substrate::state::tree::TreeError;
use rushlight_core::chains::substrate::state::{
    ANNOUNCED_MAX, Advanced, AlongError, Announced, ChainState, FINALITY_PATH_MAX, FinalityError, ForcedChanges,
    HEADERS_BYTES_MAX, ImportError, Settings, SnapshotError, Start, StartError, StartFromError, UNFINALIZED_MAX,
};
use rushlight_core::chains::substrate::warp::{VerifiedHead, WarpRules, verify_proof};
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

/// The same chain after a restart.
fn again(chain: &ChainState, settings: Settings) -> ChainState {
    ChainState::from_snapshot(&chain.to_snapshot(), genesis().hash(), NumberWidth::U32, settings).unwrap()
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

/// A justification of `target` by `voters` as set `set_id`.
fn justification(target: BlockId, set_id: u64, voters: &[u8]) -> Vec<u8> {
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
    bytes
}

/// What `voters` as set `set_id` finalize.
fn votes(target: BlockId, set_id: u64, voters: &[u8]) -> VerifiedFinality {
    let bytes = justification(target, set_id, voters);
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
    let mut chain = again(&chain, settings());
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

/// Anybody can make a set of any number: what counts is who is in it.
#[test]
fn a_set_of_strangers_with_the_right_number_finalizes_nothing() {
    let mut chain = chain();
    let blocks = grow(&mut chain, &genesis(), 1, &[NOTHING, NOTHING]);
    let strangers = votes(block(&blocks[1]), SET, &[7]);
    let (got, want) = (set(SET, &[7]).digest(), chain.authority_set().unwrap().digest());
    assert_eq!(chain.finalize(&strangers), Err(FinalityError::OtherMembers { set_id: SET, got, want }));
    let along: Vec<Vec<u8>> = blocks.iter().map(Header::encode).collect();
    let along: Vec<&[u8]> = along.iter().map(Vec::as_slice).collect();
    assert!(chain.finalize_along(&strangers, &along).is_err());
    assert_eq!(chain.finalized().number, 0);
    chain.finalize(&votes(block(&blocks[1]), SET, &[0, 1, 2])).unwrap();
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
    let again = again(&parachain, settings());
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

/// Appends `count` blocks that tell nothing; returns the last one.
fn stall(chain: &mut ChainState, from: &Header, fork: u8, count: usize) -> Header {
    let mut tip = from.clone();
    for _ in 0..count {
        tip = child(&tip, fork, NOTHING);
        chain.import(&tip.encode(), None).unwrap();
    }
    tip
}

fn encoded(headers: &[Header]) -> Vec<Vec<u8>> {
    headers.iter().map(Header::encode).collect()
}

fn along(chain: &mut ChainState, finality: &VerifiedFinality, headers: &[Header]) -> Result<Advanced, AlongError> {
    let headers = encoded(headers);
    chain.finalize_along(finality, &headers.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

const OLD: &[u8] = &[0, 1, 2];

#[test]
fn a_stall_does_not_fill_the_memory_and_the_best_block_is_followed() {
    let mut chain = chain();
    let tip = stall(&mut chain, &genesis(), 1, UNFINALIZED_MAX + 100);
    assert_eq!((chain.tree().len(), chain.best()), (UNFINALIZED_MAX, block(&tip)));
    let advanced = chain.finalize(&votes(block(&tip), SET, OLD)).unwrap();
    assert_eq!((advanced.finalized.len(), chain.finalized()), (UNFINALIZED_MAX, block(&tip)));
}

/// A set that ended must not finalize what came after it, however long nothing was final.
#[test]
fn a_stall_of_any_length_loses_no_change_of_the_set() {
    let mut chain = chain();
    let tells = [Tells::Scheduled(&[3, 4], 0), NOTHING, Tells::Scheduled(&[5], 3), NOTHING, NOTHING, NOTHING];
    let blocks = grow(&mut chain, &genesis(), 1, &tells);
    let tip = stall(&mut chain, &blocks[5], 1, UNFINALIZED_MAX + 10);
    assert_eq!((chain.next_set_change(), chain.tree().len()), (Some(1), UNFINALIZED_MAX));
    let change_first = |mandatory| Err(FinalityError::ChangeFirst { mandatory, number: tip.number });
    assert_eq!(chain.finalize(&votes(block(&tip), SET, OLD)), change_first(1));
    assert!(chain.finalize(&votes(block(&blocks[0]), SET, OLD)).unwrap().changes_set);
    // The block that announced with a delay is kept, and so is the one with which that change is made.
    assert_eq!(chain.next_set_change(), Some(6));
    assert_eq!(chain.finalize(&votes(block(&tip), SET + 1, &[3, 4])), change_first(6));
    assert!(chain.finalize(&votes(block(&blocks[5]), SET + 1, &[3, 4])).unwrap().changes_set);
    assert_eq!(chain.best(), block(&tip));
    chain.finalize(&votes(block(&tip), SET + 2, &[5])).unwrap();
    assert_eq!(chain.finalized(), block(&tip));
}

/// More sessions than are kept: the lowest changes are kept, and nothing is finalized across those that are not.
#[test]
fn a_stall_over_many_sessions_goes_on_where_its_changes_end() {
    let mut chain = chain();
    let tells: Vec<_> = (0..400).map(|n| if n % 4 == 3 { Tells::Scheduled(OLD, 0) } else { NOTHING }).collect();
    let blocks = grow(&mut chain, &genesis(), 1, &tells);
    assert_eq!(chain.best(), block(&blocks[399]));
    let mut set_id = SET;
    while let Some(number) = chain.next_set_change() {
        assert_eq!(number % 4, 0);
        chain.finalize(&votes(block(&blocks[number as usize - 1]), set_id, OLD)).unwrap();
        set_id += 1;
    }
    // The last one that was kept below the gap; what stood above it is fetched again.
    let reached = chain.finalized();
    let session = 4 * (ANNOUNCED_MAX as u64 - 1);
    assert!((session..=4 * ANNOUNCED_MAX as u64).contains(&reached.number), "{reached:?}");
    let below_the_gap = chain.best().number;
    assert_eq!((below_the_gap - reached.number, chain.tree().len()), (3, 3));
    for header in &blocks[below_the_gap as usize..] {
        chain.import(&header.encode(), None).unwrap();
    }
    while let Some(number) = chain.next_set_change() {
        chain.finalize(&votes(block(&blocks[number as usize - 1]), set_id, OLD)).unwrap();
        set_id += 1;
    }
    assert_eq!((chain.finalized(), set_id), (block(&blocks[399]), SET + 100));
}

/// Forgotten changes are not passed over by a set that votes on; along the headers it may go on.
#[test]
fn nothing_is_finalized_across_a_change_that_was_forgotten() {
    let mut chain = chain();
    // Forced changes far ahead wait for their block and end no set, so they do not stop finality by themselves.
    let tells = vec![Tells::Forced(&[4], 9_000, 0); ANNOUNCED_MAX + 9];
    let blocks = grow(&mut chain, &genesis(), 1, &tells);
    let tip = stall(&mut chain, &blocks[ANNOUNCED_MAX + 8], 1, 3);
    let across = votes(block(&tip), SET, OLD);
    let refused = chain.finalize(&across).unwrap_err();
    assert!(matches!(refused, FinalityError::Forgotten { number, .. } if number == tip.number), "{refused}");
    let tail: Vec<Header> = (0..3)
        .scan(blocks[ANNOUNCED_MAX + 8].clone(), |at, _| {
            *at = child(at, 1, NOTHING);
            Some(at.clone())
        })
        .collect();
    // More than are kept would wait behind it: no chain that can be finalized has so many.
    let too_many = along(&mut chain, &across, &[blocks.clone(), tail].concat()).unwrap_err();
    let got = ANNOUNCED_MAX + 9;
    let want = FinalityError::TooManyAnnounced { number: tip.number, got, max: ANNOUNCED_MAX };
    assert_eq!(too_many, AlongError::Finality(want));
    let half = &blocks[ANNOUNCED_MAX / 2];
    chain.finalize(&votes(block(half), SET, OLD)).unwrap();
    assert_eq!((chain.finalized(), chain.best().number >= half.number), (block(half), true));
}

/// One author may seal any number of blocks for one slot; where nobody checks authors, anyone may.
#[test]
fn whatever_fills_the_tree_the_next_block_has_a_place_and_the_best_chain_stays() {
    let mut chain = chain();
    let honest = grow(&mut chain, &genesis(), 1, &[NOTHING, Tells::Scheduled(&[3, 4], 0), NOTHING]);
    let large = |parent: &Header, fork| Header {
        digest: vec![DigestItem::Other(vec![0; (4 << 20) - 1_000])],
        ..child(parent, fork, NOTHING)
    };
    let mut best = honest[2].clone();
    let mut heights = 0;
    for round in 0..6_u8 {
        // Headers of four megabytes; announcements; small siblings: all before the block that honest authors build on.
        for fork in 100..105 {
            chain.import(&large(&best, fork + 5 * round).encode(), None).unwrap();
        }
        for fork in 0..ANNOUNCED_MAX as u8 {
            chain.import(&child(&best, fork, Tells::Scheduled(&[round + 5], 0)).encode(), None).unwrap();
        }
        let next = child(&best, 201, NOTHING);
        assert!(!chain.import(&next.encode(), None).unwrap().dropped.contains(&next.hash()));
        let after = child(&next, 201, NOTHING);
        assert!(chain.import(&after.encode(), None).unwrap().is_best);
        best = after;
        heights += 2;
        let bytes: usize = chain.tree().contents().map(|block| block.header().len()).sum();
        let changes = chain.tree().contents().filter(|block| block.announced().is_some()).count();
        assert!(bytes <= HEADERS_BYTES_MAX && changes <= ANNOUNCED_MAX, "{bytes} bytes, {changes} changes");
    }
    // More siblings of one slot than the tree has places.
    for number in 0..=UNFINALIZED_MAX as u32 {
        let mut root = [7; 32];
        root[..4].copy_from_slice(&number.to_le_bytes());
        chain.import(&Header { state_root: Hash(root), ..child(&best, 1, NOTHING) }.encode(), None).unwrap();
    }
    let next = child(&best, 201, NOTHING);
    chain.import(&next.encode(), None).unwrap();
    best = child(&next, 201, NOTHING);
    assert!(chain.import(&best.encode(), None).unwrap().is_best);
    assert_eq!(chain.tree().len(), UNFINALIZED_MAX);
    heights += 2;
    assert_eq!((chain.best().number, chain.next_set_change()), (3 + heights, Some(2)));
    assert!(chain.finalize(&votes(block(&honest[1]), SET, OLD)).unwrap().changes_set);
    chain.finalize(&votes(block(&best), SET + 1, &[3, 4])).unwrap();
    assert_eq!(chain.finalized(), block(&best));
}

/// Where authors are not checked, the longest chain is whose it may; finality decides, and its headers always get through.
#[test]
fn finality_gets_through_along_its_headers_whatever_fills_the_tree() {
    let mut chain = chain();
    stall(&mut chain, &genesis(), 66, UNFINALIZED_MAX + 5);
    let mut headers = vec![child(&genesis(), 1, NOTHING)];
    for _ in 0..UNFINALIZED_MAX + 20 {
        headers.push(child(headers.last().unwrap(), 1, NOTHING));
    }
    let finality = votes(block(&headers[9]), SET, OLD);
    let not_above = FinalityError::NotAbove { hash: headers[9].hash(), number: 10, finalized: 0 };
    assert_eq!(chain.finalize(&finality), Err(not_above));
    // Block by block it gets in too, in the face of a longer chain.
    for header in &headers[..5] {
        chain.import(&header.encode(), None).unwrap();
    }
    let advanced = along(&mut chain, &finality, &headers[5..10]).unwrap();
    // The first four were folded on the way.
    let hashes: Vec<Hash> = headers[4..10].iter().map(Header::hash).collect();
    assert_eq!((advanced.finalized, chain.finalized(), chain.best()), (hashes, block(&headers[9]), block(&headers[9])));
    assert_eq!((chain.tree().len(), advanced.pruned.len()), (0, UNFINALIZED_MAX - 1));
    assert_eq!(chain.header(&headers[9].hash()), Some(&*headers[9].encode()));
    // A way longer than the tree.
    let last = headers.last().unwrap();
    along(&mut chain, &votes(block(last), SET, OLD), &headers[10..]).unwrap();
    assert_eq!(chain.finalized(), block(last));
    // What is in the tree and above the block stays.
    let more = grow(&mut chain, last, 1, &[NOTHING; 4]);
    along(&mut chain, &votes(block(&more[1]), SET, OLD), &more[..2]).unwrap();
    assert_eq!((chain.finalized(), chain.best(), chain.tree().len()), (block(&more[1]), block(&more[3]), 2));
}

#[test]
fn headers_along_which_nothing_is_finalized_are_refused_by_the_broken_rule() {
    let mut chain = chain();
    let mut way = vec![child(&genesis(), 1, NOTHING)];
    for tells in [NOTHING, Tells::Scheduled(&[3, 4], 1), NOTHING, NOTHING] {
        way.push(child(way.last().unwrap(), 1, tells));
    }
    let finality = |header: &Header| votes(block(header), SET, OLD);
    let mut refused =
        |finality: &VerifiedFinality, headers: &[Header]| along(&mut chain, finality, headers).unwrap_err();
    let not_above = FinalityError::NotAbove { hash: way[1].hash(), number: 2, finalized: 0 };
    assert_eq!(refused(&finality(&way[1]), &[]), AlongError::Finality(not_above));
    assert_eq!(refused(&finality(&way[1]), &way[1..2]), AlongError::Finality(not_above));
    let other_end = AlongError::OtherEnd { got: way[1].hash(), want: way[2].hash() };
    assert_eq!(refused(&finality(&way[2]), &way[..2]), other_end);
    let gap = AlongError::Gap { index: 1, got: way[1].hash(), want: way[0].hash() };
    assert_eq!(refused(&finality(&way[2]), &[way[0].clone(), way[2].clone()]), gap);
    let other_number = votes(BlockId { hash: way[1].hash(), number: 7 }, SET, OLD);
    assert_eq!(refused(&other_number, &way[..2]), AlongError::Finality(FinalityError::Number { got: 7, want: 2 }));
    let leaping = Header { number: 5, ..way[0].clone() };
    let why = ImportError::Tree(TreeError::Number { got: 5, parent: 0 });
    assert_eq!(refused(&finality(&leaping), std::slice::from_ref(&leaping)), AlongError::Header { index: 0, why });
    let other_set = FinalityError::OtherSet { got: SET + 1, want: SET };
    assert_eq!(refused(&votes(block(&way[4]), SET + 1, &[3, 4]), &way), AlongError::Finality(other_set));
    let too_many = vec![way[0].clone(); FINALITY_PATH_MAX + 1];
    let want = AlongError::TooMany { got: FINALITY_PATH_MAX + 1, max: FINALITY_PATH_MAX };
    assert_eq!(refused(&finality(&way[0]), &too_many), want);
    // Changes on the way count as those in the tree do.
    let change_first = FinalityError::ChangeFirst { mandatory: 4, number: 5 };
    assert_eq!(refused(&finality(&way[4]), &way), AlongError::Finality(change_first));
    assert!(chain.finalize_along(&finality(&way[0]), &[&[1]]).is_err());
    assert!(along(&mut chain, &finality(&way[3]), &way[..4]).unwrap().changes_set);
    along(&mut chain, &votes(block(&way[4]), SET + 1, &[3, 4]), &way[4..]).unwrap();
    assert_eq!(chain.finalized(), block(&way[4]));
}

/// Epochs go on along headers whose seals nobody looks at, for votes prove them.
#[test]
fn the_state_of_authorship_goes_on_along_headers() {
    let author = "ab".repeat(32);
    let consensus = format!(r#"{{"aura":{{"genesis_authorities":["0x{author}"],"slot_duration_ms":2000}}}}"#);
    let consensus = GenesisConsensus::from_json(&consensus).unwrap();
    let start = Start { authorship: consensus.authorship, ..start() };
    let mut chain = ChainState::new(start, Settings { consensus: consensus.config, ..settings() }).unwrap();
    let slot = |slot: u64| DigestItem::PreRuntime(EngineId::AURA, slot.to_le_bytes().to_vec());
    let change = [&[1, 4][..], &[7; 32]].concat();
    let digest = vec![slot(9), DigestItem::Consensus(EngineId::AURA, change)];
    let first = Header { digest, ..child(&genesis(), 1, NOTHING) };
    let early = Header { digest: vec![slot(9)], ..child(&first, 1, NOTHING) };
    let why = AuthorshipError::Aura(AuraError::SlotNotAfterParent { got: 9, parent: 9, equal_slots: false });
    let refused = along(&mut chain, &votes(block(&early), SET, OLD), &[first.clone(), early]);
    assert_eq!(refused, Err(AlongError::Header { index: 1, why: ImportError::Authorship(why) }));
    along(&mut chain, &votes(block(&first), SET, OLD), &[first]).unwrap();
    let AuthorshipState::Aura(state) = chain.authorship() else { panic!("no AURA state") };
    assert_eq!((state.slot(), state.authorities()), (9, &[[7; 32]][..]));
}

/// The block that announced a forced change is taken in again after a restart, and must not make it again.
#[test]
fn a_forced_change_that_was_made_is_made_once() {
    let mut chain = chain();
    let tells = [Tells::Scheduled(&[5], 3), Tells::Forced(&[3, 4], 1, 0), NOTHING, NOTHING];
    let blocks = grow(&mut chain, &genesis(), 1, &tells);
    assert_eq!(chain.authority_set(), Some(&set(SET + 1, &[3, 4])));
    let mut chain = again(&chain, settings());
    assert_eq!(chain.to_snapshot(), again(&chain, settings()).to_snapshot());
    for header in &blocks {
        assert!(!chain.import(&header.encode(), None).unwrap().forces_set);
    }
    assert_eq!(chain.authority_set(), Some(&set(SET + 1, &[3, 4])));
    // What it voided stays void.
    assert_eq!(chain.next_set_change(), None);
    let other = grow(&mut chain, &genesis(), 2, &[NOTHING; 2]);
    let refused = chain.finalize(&votes(block(&other[1]), SET + 1, &[3, 4]));
    assert!(matches!(refused, Err(FinalityError::OtherFork { .. })), "{refused:?}");
    chain.finalize(&votes(block(&blocks[3]), SET + 1, &[3, 4])).unwrap();
    assert_eq!(chain.authority_set(), Some(&set(SET + 1, &[3, 4])));
}

/// As in the reference, which forgets what is pending with the change that it makes and takes the next one.
#[test]
fn forced_changes_follow_one_another() {
    let mut chain = chain();
    let mut tells = vec![NOTHING; 12];
    tells[1] = Tells::Forced(&[3, 4], 2, 0);
    // Pending with the first one, so it is forgotten with it.
    tells[2] = Tells::Forced(&[9], 5, 0);
    tells[6] = Tells::Forced(&[5, 6], 1, 0);
    let blocks = grow(&mut chain, &genesis(), 1, &tells);
    assert_eq!(chain.authority_set(), Some(&set(SET + 2, &[5, 6])));
    // On another fork nobody follows it.
    let fork = [&[NOTHING; 8][..], &[Tells::Forced(&[8], 0, 0)]].concat();
    let fork = grow(&mut chain, &blocks[0], 2, &fork);
    assert_eq!(chain.authority_set(), Some(&set(SET + 2, &[5, 6])));
    let other = votes(block(&fork[8]), SET + 2, &[5, 6]);
    assert_eq!(
        chain.finalize(&other),
        Err(FinalityError::OtherFork { hash: fork[8].hash(), forced: blocks[6].hash() })
    );
    chain.finalize(&votes(block(&blocks[11]), SET + 2, &[5, 6])).unwrap();
}

/// Once its block is final the announcement was voted for, and needs no other word.
#[test]
fn a_forced_change_announced_by_a_final_block_is_made_in_its_time() {
    let vouched = Settings { forced: ForcedChanges::Vouched, ..settings() };
    let mut chain = ChainState::new(start(), vouched.clone()).unwrap();
    let blocks = grow(&mut chain, &genesis(), 1, &[Tells::Forced(&[3, 4], 3, 0), NOTHING]);
    chain.finalize(&votes(block(&blocks[1]), SET, OLD)).unwrap();
    let mut chain = again(&chain, vouched);
    let more = grow(&mut chain, &blocks[1], 1, &[NOTHING]);
    assert_eq!(chain.authority_set(), Some(&set(SET, OLD)));
    let last = child(&more[0], 1, NOTHING);
    assert!(chain.import(&last.encode(), None).unwrap().forces_set);
    assert_eq!(chain.authority_set(), Some(&set(SET + 1, &[3, 4])));
    // A scheduled change that is made first leaves nothing to force, and so does finality that overtakes it.
    for tells in [[Tells::Forced(&[3], 3, 0), Tells::Scheduled(&[5], 0)], [Tells::Forced(&[3], 3, 1), NOTHING]] {
        let settings = Settings { forced: ForcedChanges::Vouched, ..settings() };
        let mut chain = ChainState::new(start(), settings).unwrap();
        let mut blocks = grow(&mut chain, &genesis(), 1, &tells);
        let finalized = if matches!(tells[1], Tells::Nothing) {
            blocks.extend(grow(&mut chain, &blocks[1].clone(), 1, &[NOTHING; 3]));
            4
        } else {
            1
        };
        chain.finalize(&votes(block(&blocks[finalized]), SET, OLD)).unwrap();
        grow(&mut chain, blocks.last().unwrap(), 1, &[NOTHING; 6]);
        assert_ne!(chain.authority_set().unwrap().list(), set(0, &[3]).list());
    }
}

/// As in the reference: a change waits for the one that was announced before it, whatever its own block.
#[test]
fn scheduled_changes_are_made_in_the_order_of_their_announcement() {
    let mut chain = chain();
    let mut tells = vec![NOTHING; 12];
    tells[0] = Tells::Scheduled(&[3], 9);
    tells[1] = Tells::Scheduled(&[4], 2);
    let blocks = grow(&mut chain, &genesis(), 1, &tells);
    assert_eq!(chain.next_set_change(), Some(10));
    chain.finalize(&votes(block(&blocks[6]), SET, OLD)).unwrap();
    let mut chain = again(&chain, settings());
    for header in &blocks[7..] {
        chain.import(&header.encode(), None).unwrap();
    }
    assert_eq!(chain.next_set_change(), Some(10));
    // The reference cannot go on there either: the second change is overdue.
    let both = votes(block(&blocks[9]), SET, OLD);
    assert_eq!(chain.finalize(&both), Err(FinalityError::TwoChanges { number: 10 }));
    chain.finalize(&votes(block(&blocks[8]), SET, OLD)).unwrap();
}

/// A snapshot from before the user told who may author must not turn the check off.
#[test]
fn a_state_of_another_engine_or_width_is_refused() {
    let consensus = format!(r#"{{"aura":{{"genesis_authorities":["0x{}"]}}}}"#, "ab".repeat(32));
    let consensus = GenesisConsensus::from_json(&consensus).unwrap();
    let aura = Settings { consensus: consensus.config, ..settings() };
    let want = StartError::OtherEngine { state: "not checked", settings: "AURA" };
    assert_eq!(ChainState::new(start(), aura.clone()).err(), Some(want));
    let read = |width, settings| ChainState::from_snapshot(&chain().to_snapshot(), genesis().hash(), width, settings);
    assert_eq!(read(NumberWidth::U32, aura.clone()).err(), Some(SnapshotError::Start(want)));
    let other = StartError::OtherWidth { got: 4, want: 8 };
    assert_eq!(read(NumberWidth::new(8).unwrap(), settings()).err(), Some(SnapshotError::Start(other)));
    // The other way round blocks would be taken in that the snapshot's authors did not seal.
    let sealed = ChainState::new(Start { authorship: consensus.authorship, ..start() }, aura).unwrap().to_snapshot();
    let other = ChainState::from_snapshot(&sealed, genesis().hash(), NumberWidth::U32, settings()).err();
    let want = StartError::OtherEngine { state: "AURA", settings: "not checked" };
    assert_eq!(other, Some(SnapshotError::Start(want)));
}

fn listed(voters: &[u8]) -> Vec<GrandpaAuthority> {
    authorities(voters).iter().map(|member| GrandpaAuthority { key: member.key, weight: member.weight }).collect()
}

fn pending(header: &Header, delay: u64, voters: &[u8], kind: DelayKind) -> PendingChange {
    PendingChange { authorities: listed(voters), delay, number: header.number, hash: header.hash(), kind }
}

fn node(change: PendingChange, parent: Option<usize>) -> ForkTreeNode<PendingChange> {
    ForkTreeNode { hash: change.hash, number: change.number, value: change, parent }
}

/// A checkpoint of `header`, behind which `voters` vote.
fn checkpoint(
    header: &Header,
    scheduled: Vec<ForkTreeNode<PendingChange>>,
    forced: Vec<PendingChange>,
) -> LightSyncState {
    let grandpa = GrandpaAuthoritySet { set_id: SET, authorities: listed(OLD), scheduled, forced, set_changes: None };
    LightSyncState {
        header: header.encode(),
        number: header.number,
        hash: header.hash(),
        babe_epoch_changes: None,
        babe_weight: None,
        grandpa: Some(grandpa),
    }
}

fn from_checkpoint(checkpoint: &LightSyncState) -> Result<ChainState, StartFromError> {
    let (consensus, start) = Start::at_checkpoint(genesis().hash(), NumberWidth::U32, checkpoint, None)?;
    Ok(ChainState::new(start, Settings { consensus, forced: ForcedChanges::Vouched, ..settings() }).unwrap())
}

#[test]
fn a_checkpoint_tells_the_changes_that_are_pending() {
    let mut blocks = vec![child(&genesis(), 1, NOTHING)];
    for _ in 0..9 {
        blocks.push(child(blocks.last().unwrap(), 1, NOTHING));
    }
    let late = DelayKind::Finalized;
    // Announced at block 2 for block 7, at block 3 for block 9; the finalized block is 4.
    let scheduled = vec![
        node(pending(&blocks[1], 5, &[3], late), None),
        node(pending(&blocks[2], 6, &[4], late), Some(0)),
        // Above the finalized block: it is announced again when that block is taken in.
        node(pending(&blocks[5], 9, &[6], late), Some(1)),
    ];
    let mut chain = from_checkpoint(&checkpoint(&blocks[3], scheduled.clone(), vec![])).unwrap();
    assert_eq!((chain.finalized(), chain.next_set_change()), (block(&blocks[3]), Some(7)));
    for header in &blocks[4..] {
        chain.import(&header.encode(), None).unwrap();
    }
    let early = votes(block(&blocks[8]), SET, OLD);
    assert_eq!(chain.finalize(&early), Err(FinalityError::ChangeFirst { mandatory: 7, number: 9 }));
    assert!(chain.finalize(&votes(block(&blocks[6]), SET, OLD)).unwrap().changes_set);
    assert_eq!(chain.next_set_change(), Some(9));
    assert!(chain.finalize(&votes(block(&blocks[8]), SET + 1, &[3])).unwrap().changes_set);
    assert_eq!(chain.authority_set(), Some(&set(SET + 2, &[4])));
    // A forced one is made with its block; one on a dead fork whose block is past is not.
    let best = DelayKind::Best { median_last_finalized: 0 };
    let forced = vec![pending(&blocks[1], 1, &[8], best), pending(&blocks[2], 3, &[5], best)];
    let mut chain = from_checkpoint(&checkpoint(&blocks[3], vec![], forced.clone())).unwrap();
    chain.import(&blocks[4].encode(), None).unwrap();
    assert_eq!(chain.authority_set(), Some(&set(SET, OLD)));
    assert!(chain.import(&blocks[5].encode(), None).unwrap().forces_set);
    assert_eq!(chain.authority_set(), Some(&set(SET + 1, &[5])));
    // Two that may both be on the way cannot be told apart, nor can scheduled ones on two forks.
    let two = vec![pending(&blocks[1], 9, &[8], best), forced[1].clone()];
    let two_forks = StartFromError::TwoForks { first: 2, second: 3, number: 4 };
    assert_eq!(from_checkpoint(&checkpoint(&blocks[3], vec![], two.clone())).err(), Some(two_forks.clone()));
    let apart = vec![scheduled[0].clone(), ForkTreeNode { parent: None, ..scheduled[1].clone() }];
    assert_eq!(from_checkpoint(&checkpoint(&blocks[3], apart, vec![])).err(), Some(two_forks));
    // The finalized block's own is the one that is on the way.
    let own = from_checkpoint(&checkpoint(&blocks[2], vec![], two)).unwrap();
    assert_eq!(own.finalized(), block(&blocks[2]));
    let far = vec![node(pending(&blocks[1], u64::MAX, &[3], late), None)];
    let want = StartFromError::Delay { number: 2, delay: u64::MAX };
    assert_eq!(from_checkpoint(&checkpoint(&blocks[3], far, vec![])).err(), Some(want));
    let nobody = vec![node(pending(&blocks[1], 5, &[], late), None)];
    assert!(matches!(from_checkpoint(&checkpoint(&blocks[3], nobody, vec![])), Err(StartFromError::Set(_))));
    let slotless =
        LightSyncState { babe_epoch_changes: Some(Default::default()), ..checkpoint(&blocks[3], vec![], vec![]) };
    assert_eq!(from_checkpoint(&slotless).err(), Some(StartFromError::Checkpoint(LightSyncStateError::NoSlot)));
}

#[test]
fn a_chain_goes_on_where_a_warp_sync_came_to() {
    let first = child(&genesis(), 1, Tells::Scheduled(&[3, 4], 0));
    let last = child(&first, 1, NOTHING);
    let mut answer = vec![8];
    for (header, set_id, voters) in [(&first, SET, OLD), (&last, SET + 1, &[3, 4][..])] {
        answer.extend(header.encode());
        answer.extend(justification(block(header), set_id, voters));
    }
    answer.push(1);
    let trusted = VerifiedHead::trusted(block(&genesis()), set(SET, OLD));
    let (head, finished) = verify_proof(&trusted, &answer, NumberWidth::U32, &WarpRules::default()).unwrap();
    assert!(finished);
    let unchecked = AuthorshipState::Unchecked(Unchecked::NoConfig);
    let at = |head: &VerifiedHead, header: Vec<u8>| {
        Start::at_head(genesis().hash(), NumberWidth::U32, head, header, unchecked.clone())
    };
    let header = head.header().unwrap().to_vec();
    let mut chain = ChainState::new(at(&head, header).unwrap(), settings()).unwrap();
    assert_eq!((chain.finalized(), chain.authority_set()), (block(&last), Some(&set(SET + 1, &[3, 4]))));
    let more = grow(&mut chain, &last, 1, &[NOTHING]);
    chain.finalize(&votes(block(&more[0]), SET + 1, &[3, 4])).unwrap();
    // A head of a block that the user trusts has no header: it must be that block's.
    let other = StartFromError::OtherHeader { got: last.hash(), want: genesis().hash() };
    assert_eq!(at(&trusted, last.encode()).err(), Some(other));
    assert!(matches!(at(&head, vec![1]), Err(StartFromError::Header(_))));
    let nobody = DigestItem::Consensus(EngineId::GRANDPA, vec![1, 0, 3, 0, 0, 0]);
    let nobody = Header { digest: vec![nobody], ..child(&genesis(), 1, NOTHING) };
    let head = VerifiedHead::trusted(block(&nobody), set(SET, OLD));
    assert!(matches!(at(&head, nobody.encode()), Err(StartFromError::Announced(ImportError::Announced { .. }))));
    // What the block itself announces with a delay is pending behind it; without one it is made.
    for (tells, next) in [(Tells::Scheduled(&[5], 3), Some(4)), (Tells::Scheduled(&[5], 0), None)] {
        let header = child(&genesis(), 1, tells);
        let head = VerifiedHead::trusted(block(&header), set(SET, OLD));
        let chain = ChainState::new(at(&head, header.encode()).unwrap(), settings()).unwrap();
        assert_eq!(chain.next_set_change(), next);
    }
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
    let read = |bytes: &[u8], genesis| {
        ChainState::from_snapshot(bytes, genesis, NumberWidth::U32, settings()).map(|chain| chain.finalized())
    };
    assert_eq!(read(&snapshot, genesis), Ok(chain().finalized()));
    assert_eq!(read(&[], genesis), Err(SnapshotError::Truncated));
    assert_eq!(read(&[2; 20], genesis), Err(SnapshotError::Truncated));
    assert_eq!(read(&[1; 60], genesis), Err(SnapshotError::Version { got: 1 }));
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
    let mut voteless = [&[2][..], genesis.as_bytes(), &[4]].concat();
    put_byte_string(&mut voteless, &self::genesis().encode());
    voteless.extend([1, 0, 0, 0, 2, 0]);
    assert!(matches!(read(&sealed(&voteless), genesis), Err(SnapshotError::Set(_))));
    let mut headless = [&[2][..], genesis.as_bytes(), &[4]].concat();
    put_byte_string(&mut headless, &[7]);
    headless.extend([0, 2, 0]);
    assert!(matches!(read(&sealed(&headless), genesis), Err(SnapshotError::Start(_))));
}
