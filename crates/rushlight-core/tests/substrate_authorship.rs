//! Authorship of BABE and AURA blocks: chains that are good, and one broken block for every rule.
#![cfg(feature = "substrate")]

use merlin::Transcript;
use rushlight_core::base::{Hash, UnixTime};
use rushlight_core::chains::substrate::authorship::aura::{AuraConfig, AuraError, AuraScheme, AuraState};
use rushlight_core::chains::substrate::authorship::babe::{
    BabeAuthority, BabeConfig, BabeError, BabeState, EpochConfig, SlotKind, primary_threshold,
};
use rushlight_core::chains::substrate::authorship::{
    AuthorshipError, AuthorshipState, ConsensusConfig, Unchecked, VerifiedAuthorship, verify,
};
use rushlight_core::chains::substrate::header::babe::{AllowedSlots, Claim, PreDigest, Vrf};
use rushlight_core::chains::substrate::header::{
    DigestError, DigestItem, EngineId, Header, HeaderRef, NumberWidth, Seal,
};
use rushlight_core::crypto::SignatureError;
use rushlight_core::crypto::blake2b::blake2b_256_of;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};

type Item = DigestItem<Vec<u8>>;
type Outcome = Result<(VerifiedAuthorship, AuthorshipState), AuthorshipError>;

const RANDOMNESS: [u8; 32] = [7; 32];
const EPOCH_LENGTH: u64 = 10;
const RULES: EpochConfig = EpochConfig { c: (1, 2), allowed_slots: AllowedSlots::PrimaryAndSecondaryVrf };

fn keypair(name: u8) -> Keypair {
    MiniSecretKey::from_bytes(&[name; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

fn authorities() -> Vec<BabeAuthority> {
    (0..3).map(|name| BabeAuthority { key: keypair(name).public.to_bytes(), weight: 1 }).collect()
}

fn config(rules: EpochConfig) -> BabeConfig {
    BabeConfig { slot_duration_ms: Some(2_000), epoch_length: EPOCH_LENGTH, rules }
}

fn genesis() -> AuthorshipState {
    AuthorshipState::Babe(BabeState::at_genesis(&config(RULES), authorities(), RANDOMNESS))
}

fn judge(parent: &AuthorshipState, header: &Header) -> Outcome {
    let bytes = header.encode();
    let header = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
    verify(parent, &header, &ConsensusConfig::Babe(config(RULES)), None)
}

fn refusal(parent: &AuthorshipState, header: &Header) -> BabeError {
    match judge(parent, header) {
        Err(AuthorshipError::Babe(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

/// A claim to a slot, still without anything else of the block.
#[derive(Clone, Copy)]
struct Slot {
    slot: u64,
    epoch: u64,
    randomness: [u8; 32],
    kind: SlotKind,
    author: u8,
    index: u32,
}

impl Slot {
    /// The author whose turn `slot` is, claiming it as secondary.
    fn secondary(slot: u64, epoch: u64, kind: SlotKind) -> Self {
        let author = whose_turn(&RANDOMNESS, slot);
        Self { slot, epoch, randomness: RANDOMNESS, kind, author, index: author.into() }
    }

    /// The first slot from `slot` on that somebody wins, before `end`.
    fn primary(slot: u64, end: u64, epoch: u64) -> Option<Self> {
        (slot..end).find_map(|slot| {
            let author = (0..3).find(|author| wins(*author, slot, epoch))?;
            let kind = SlotKind::Primary;
            Some(Self { slot, epoch, randomness: RANDOMNESS, kind, author, index: author.into() })
        })
    }

    fn pre_digest(&self) -> Item {
        let (output, proof, _) = keypair(self.author).vrf_sign(transcript(&self.randomness, self.slot, self.epoch));
        let (output, proof) = (output.to_preout().to_bytes(), proof.to_bytes());
        let vrf = Vrf { output: &output, proof: &proof };
        let claim = match self.kind {
            SlotKind::Primary => Claim::Primary(vrf),
            SlotKind::SecondaryPlain => Claim::SecondaryPlain,
            SlotKind::SecondaryVrf => Claim::SecondaryVrf(vrf),
        };
        let claim = PreDigest { authority_index: self.index, slot: self.slot, claim };
        DigestItem::PreRuntime(EngineId::BABE, claim.encode())
    }

    /// A block with these items between claim and seal.
    fn block(&self, items: &[Item]) -> Header {
        sealed([&[self.pre_digest()], items].concat(), self.author)
    }
}

fn unsealed(digest: Vec<Item>) -> Header {
    Header { parent_hash: Hash([1; 32]), number: 5, state_root: Hash([2; 32]), extrinsics_root: Hash([3; 32]), digest }
}

fn sealed(digest: Vec<Item>, author: u8) -> Header {
    let mut header = unsealed(digest);
    let signature = keypair(author).sign_simple(b"substrate", header.hash().as_bytes()).to_bytes().to_vec();
    header.digest.push(DigestItem::Seal(EngineId::BABE, signature));
    header
}

fn transcript(randomness: &[u8; 32], slot: u64, epoch: u64) -> Transcript {
    let mut transcript = Transcript::new(b"BABE");
    transcript.append_u64(b"slot number", slot);
    transcript.append_u64(b"current epoch", epoch);
    transcript.append_message(b"chain randomness", randomness);
    transcript
}

fn wins(author: u8, slot: u64, epoch: u64) -> bool {
    let output = keypair(author).vrf_create_hash(transcript(&RANDOMNESS, slot, epoch));
    u128::from_le_bytes(output.make_bytes(b"substrate-babe-vrf")) < primary_threshold(RULES.c, 1, 3)
}

/// Another way to the author: the hash as two halves.
fn whose_turn(randomness: &[u8; 32], slot: u64) -> u8 {
    let Hash(hash) = blake2b_256_of(&[randomness, &slot.to_le_bytes()]);
    let half = |bytes: &[u8]| u128::from_be_bytes(bytes.try_into().unwrap()) % 3;
    // 2^128 leaves 1 when it is divided by 3.
    u8::try_from((half(&hash[..16]) + half(&hash[16..])) % 3).unwrap()
}

fn next_epoch(keys: &[u8], randomness: [u8; 32]) -> Item {
    let mut bytes = vec![1, u8::try_from(keys.len()).unwrap() << 2];
    for name in keys {
        bytes.extend(keypair(*name).public.to_bytes());
        bytes.extend(1_u64.to_le_bytes());
    }
    bytes.extend(randomness);
    DigestItem::Consensus(EngineId::BABE, bytes)
}

fn next_config(c: (u64, u64), allowed_slots: u8) -> Item {
    let mut bytes = vec![3, 1];
    bytes.extend(c.0.to_le_bytes());
    bytes.extend(c.1.to_le_bytes());
    bytes.push(allowed_slots);
    DigestItem::Consensus(EngineId::BABE, bytes)
}

fn announcement() -> Item {
    next_epoch(&[0, 1, 2], RANDOMNESS)
}

/// The state behind a first block in slot 100: epoch 0 from slot 100, epoch 1 from slot 110.
fn begun() -> AuthorshipState {
    let first = Slot::secondary(100, 0, SlotKind::SecondaryVrf).block(&[announcement()]);
    judge(&genesis(), &first).unwrap().1
}

fn babe(state: &AuthorshipState) -> &BabeState {
    match state {
        AuthorshipState::Babe(state) => state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn slots_are_claimed_won_and_counted() {
    let mut state = begun();
    assert_eq!((babe(&state).slot(), babe(&state).current_epoch().start_slot), (100, 100));
    assert_eq!(babe(&state).next_epoch().map(|epoch| (epoch.index, epoch.start_slot)), Some((1, 110)));
    let won = Slot::primary(101, 110, 0).expect("half of the slots are won by somebody");
    let (author, next) = judge(&state, &won.block(&[])).unwrap();
    let VerifiedAuthorship::Babe(claim) = author else { panic!("{author:?}") };
    assert_eq!((claim.slot(), claim.kind(), claim.authority_index()), (won.slot, SlotKind::Primary, won.index));
    assert_eq!((claim.author(), author.weight()), (keypair(won.author).public.to_bytes(), 1));
    state = next;
    assert_eq!(babe(&state).primary_slots(), 1);
    // The second epoch begins in its third slot, and the rules change with it for the third epoch.
    let second = Slot::secondary(112, 1, SlotKind::SecondaryVrf);
    let (author, next) = judge(&state, &second.block(&[announcement(), next_config((1, 4), 1)])).unwrap();
    assert_eq!((author.weight(), author.slot()), (0, Some(112)));
    let third = babe(&next).next_epoch().unwrap();
    let rules = EpochConfig { c: (1, 4), allowed_slots: AllowedSlots::PrimaryAndSecondaryPlain };
    assert_eq!((third.index, third.start_slot, third.config), (2, 120, Some(rules)));
    assert_eq!(babe(&next).current_epoch().config, Some(RULES));
    let plain = Slot::secondary(120, 2, SlotKind::SecondaryPlain);
    let (_, next) = judge(&next, &plain.block(&[announcement()])).unwrap();
    assert_eq!(babe(&next).next_epoch().unwrap().config, Some(rules), "rules hold until others are announced");
}

#[test]
fn skipped_epochs_are_counted_by_their_slots() {
    // Epoch 1 would begin at 110; the first block after that stands in slot 147, in epoch 4.
    let late = Slot::secondary(147, 4, SlotKind::SecondaryVrf);
    let (_, state) = judge(&begun(), &late.block(&[announcement()])).unwrap();
    let (current, next) = (babe(&state).current_epoch(), babe(&state).next_epoch().unwrap());
    assert_eq!((current.index, current.start_slot, next.index, next.start_slot), (4, 140, 5, 150));
    // The index is part of what is drawn: with the epoch counted by announcements the output is not the author's.
    let wrong = Slot { epoch: 1, ..late };
    assert!(matches!(refusal(&begun(), &wrong.block(&[announcement()])), BabeError::Vrf { slot: 147, .. }));
    judge(&state, &Slot::secondary(149, 4, SlotKind::SecondaryVrf).block(&[])).unwrap();
    judge(&state, &Slot::secondary(150, 5, SlotKind::SecondaryVrf).block(&[announcement()])).unwrap();
    // The very last slot before and the first one behind an epoch of no blocks.
    for (slot, epoch) in [(119, 1), (120, 2), (129, 2), (130, 3)] {
        judge(&begun(), &Slot::secondary(slot, epoch, SlotKind::SecondaryVrf).block(&[announcement()])).unwrap();
    }
}

#[test]
fn forks_carry_their_own_epochs() {
    let first = Slot::secondary(110, 1, SlotKind::SecondaryVrf);
    let (_, one) = judge(&begun(), &first.block(&[next_epoch(&[0], [1; 32])])).unwrap();
    let (_, other) = judge(&begun(), &first.block(&[next_epoch(&[1], [2; 32])])).unwrap();
    let child = |author: u8, randomness| {
        let kind = SlotKind::SecondaryVrf;
        Slot { slot: 120, epoch: 2, randomness, kind, author, index: 0 }.block(&[announcement()])
    };
    judge(&one, &child(0, [1; 32])).unwrap();
    judge(&other, &child(1, [2; 32])).unwrap();
    assert!(matches!(refusal(&other, &child(0, [1; 32])), BabeError::Seal { .. }));
    assert!(matches!(refusal(&one, &child(1, [2; 32])), BabeError::Seal { .. }));
}

#[test]
fn each_broken_rule_of_babe_has_its_error() {
    let state = begun();
    let good = Slot::secondary(101, 0, SlotKind::SecondaryVrf);
    judge(&state, &good.block(&[])).unwrap();
    let author = good.author;
    let digest = |error| BabeError::Digest(error);

    assert_eq!(refusal(&state, &sealed(vec![], author)), BabeError::NoClaim);
    let twice = good.block(&[good.pre_digest()]);
    assert_eq!(refusal(&state, &twice), digest(DigestError::DuplicateBabePreDigest));
    assert_eq!(refusal(&state, &unsealed(vec![good.pre_digest()])), digest(DigestError::NotSealed));
    let again = Slot::secondary(100, 0, SlotKind::SecondaryVrf).block(&[]);
    assert_eq!(refusal(&state, &again), BabeError::SlotNotAfterParent { got: 100, parent: 100 });
    let before = Slot::secondary(99, 0, SlotKind::SecondaryVrf).block(&[]);
    assert_eq!(refusal(&state, &before), BabeError::SlotNotAfterParent { got: 99, parent: 100 });

    let first = Slot::secondary(110, 1, SlotKind::SecondaryVrf);
    assert_eq!(refusal(&state, &first.block(&[])), BabeError::EpochNotAnnounced { slot: 110, epoch: 1 });
    assert_eq!(refusal(&state, &good.block(&[announcement()])), BabeError::EpochAnnounced { slot: 101, epoch: 0 });
    let config_alone = first.block(&[next_config((1, 4), 1)]);
    assert_eq!(refusal(&state, &config_alone), digest(DigestError::NextConfigWithoutEpoch));
    let two = first.block(&[announcement(), announcement()]);
    assert_eq!(refusal(&state, &two), digest(DigestError::DuplicateNextEpoch));
    let last = Slot::secondary(u64::MAX, 0, SlotKind::SecondaryVrf).block(&[announcement()]);
    assert_eq!(refusal(&genesis(), &last), BabeError::SlotTooLarge { slot: u64::MAX });

    let nobody = Slot { index: 3, ..good }.block(&[]);
    assert_eq!(refusal(&state, &nobody), BabeError::NoSuchAuthority { got: 3, count: 3 });
    let plain = Slot { kind: SlotKind::SecondaryPlain, ..good }.block(&[]);
    let (kind, allowed) = (SlotKind::SecondaryPlain, AllowedSlots::PrimaryAndSecondaryVrf);
    assert_eq!(refusal(&state, &plain), BabeError::SlotKindNotAllowed { epoch: 0, kind, allowed });
    let other = (author + 1) % 3;
    let usurper = Slot { author: other, index: other.into(), ..good }.block(&[]);
    let want = BabeError::NotTheirTurn { slot: 101, got: other.into(), want: author.into() };
    assert_eq!(refusal(&state, &usurper), want);

    let mut foreign = good.block(&[]);
    let Some(DigestItem::Seal(engine, _)) = foreign.digest.last_mut() else { panic!("no seal") };
    *engine = EngineId::AURA;
    assert_eq!(refusal(&state, &foreign), BabeError::WrongSeal { got: EngineId::AURA });
    let forged = sealed(vec![good.pre_digest()], other);
    let want = BabeError::Seal { authority_index: good.index, why: SignatureError::Mismatch };
    assert_eq!(refusal(&state, &forged), want);
    let mut changed = good.block(&[]);
    changed.state_root = Hash([9; 32]);
    assert_eq!(refusal(&state, &changed), want);
    let stale = Slot { randomness: [8; 32], ..good }.block(&[]);
    let want = BabeError::Vrf { authority_index: good.index, slot: 101, why: SignatureError::Mismatch };
    assert_eq!(refusal(&state, &stale), want);

    let lost = (101..110).find(|slot| !wins(0, *slot, 0)).expect("a lone author does not win every slot");
    let lost = Slot { slot: lost, epoch: 0, randomness: RANDOMNESS, kind: SlotKind::Primary, author: 0, index: 0 };
    let got = refusal(&state, &lost.block(&[]));
    assert!(matches!(got, BabeError::NotWon { authority_index: 0, .. }), "{got}");
    assert!(got.to_string().contains("is not below 0x"), "{got}");
}

#[test]
fn secondary_slots_are_for_whom_the_epoch_allows_them() {
    for (allowed, plain, vrf) in [
        (AllowedSlots::Primary, false, false),
        (AllowedSlots::PrimaryAndSecondaryPlain, true, false),
        (AllowedSlots::PrimaryAndSecondaryVrf, false, true),
    ] {
        let rules = EpochConfig { c: (1, 2), allowed_slots: allowed };
        let state = AuthorshipState::Babe(BabeState::at_genesis(&config(rules), authorities(), RANDOMNESS));
        for (kind, is_allowed) in [(SlotKind::SecondaryPlain, plain), (SlotKind::SecondaryVrf, vrf)] {
            let outcome = judge(&state, &Slot::secondary(5, 0, kind).block(&[announcement()]));
            let want = AuthorshipError::Babe(BabeError::SlotKindNotAllowed { epoch: 0, kind, allowed });
            assert_eq!(outcome.map(|_| ()), if is_allowed { Ok(()) } else { Err(want) });
        }
        let won = Slot::primary(5, 100, 0).expect("one slot of a hundred is won");
        judge(&state, &won.block(&[announcement()])).unwrap();
    }
}

#[test]
fn slots_of_the_future_wait_and_blame_nobody() {
    let babe = ConsensusConfig::Babe(config(RULES));
    let now = UnixTime::new(201, 999_000_000).unwrap();
    assert_eq!(babe.latest_slot(now), Some(101), "slot 100 and one ahead");
    let block = Slot::secondary(102, 0, SlotKind::SecondaryVrf).block(&[]).encode();
    let header = HeaderRef::decode(&block, NumberWidth::U32).unwrap();
    let early = verify(&begun(), &header, &babe, babe.latest_slot(now)).unwrap_err();
    assert_eq!(early, AuthorshipError::Babe(BabeError::SlotInFuture { got: 102, latest: 101 }));
    assert!(early.is_early() && !AuthorshipError::OtherEngine.is_early());
    verify(&begun(), &header, &babe, babe.latest_slot(UnixTime::new(202, 0).unwrap())).unwrap();
    let unknown = ConsensusConfig::Babe(BabeConfig { slot_duration_ms: None, ..config(RULES) });
    assert_eq!(unknown.latest_slot(now), None);
    assert_eq!(ConsensusConfig::Unchecked(Unchecked::Engine).latest_slot(now), None);
}

fn ed25519(name: u8) -> ed25519_zebra::SigningKey {
    [name; 32].into()
}

fn aura_block(slot: u64, items: &[Item], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Header {
    let slot = DigestItem::PreRuntime(EngineId::AURA, slot.to_le_bytes().to_vec());
    let mut header = unsealed([&[slot], items].concat());
    header.digest.push(DigestItem::Seal(EngineId::AURA, sign(header.hash().as_bytes())));
    header
}

fn sr_sign(name: u8) -> impl Fn(&[u8]) -> Vec<u8> {
    move |hash| keypair(name).sign_simple(b"substrate", hash).to_bytes().to_vec()
}

fn aura(scheme: AuraScheme, equal_slots: bool) -> AuraConfig {
    AuraConfig { slot_duration_ms: Some(6_000), scheme, equal_slots }
}

fn judge_aura(parent: &AuraState, header: &Header, config: AuraConfig, latest: Option<u64>) -> Outcome {
    let bytes = header.encode();
    let header = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
    verify(&AuthorshipState::Aura(parent.clone()), &header, &ConsensusConfig::Aura(config), latest)
}

#[test]
fn aura_authors_take_turns_under_either_scheme() {
    let keys: Vec<[u8; 32]> = (0..3).map(|name| keypair(name).public.to_bytes()).collect();
    let state = AuraState::new(9, &keys);
    for scheme in [AuraScheme::Sr25519, AuraScheme::Either] {
        let (author, next) = judge_aura(&state, &aura_block(11, &[], sr_sign(2)), aura(scheme, false), None).unwrap();
        assert_eq!((author.slot(), author.author(), author.weight()), (Some(11), Some(keys[2]), 0));
        assert_eq!(next, AuthorshipState::Aura(AuraState::new(11, &keys)));
    }
    // Asset Hub of Polkadot has ed25519 keys.
    let keys: Vec<[u8; 32]> = (0..2).map(|name| ed25519_zebra::VerificationKey::from(&ed25519(name)).into()).collect();
    let block = aura_block(11, &[], |hash| ed25519(1).sign(hash).to_bytes().to_vec());
    for scheme in [AuraScheme::Ed25519, AuraScheme::Either] {
        judge_aura(&AuraState::new(9, &keys), &block, aura(scheme, false), None).unwrap();
    }
    let wrong = judge_aura(&AuraState::new(9, &keys), &block, aura(AuraScheme::Sr25519, false), None).unwrap_err();
    assert!(matches!(wrong, AuthorshipError::Aura(AuraError::Seal { slot: 11, .. })), "{wrong:?}");
}

#[test]
fn aura_authorities_change_from_the_next_block_on() {
    let keys: Vec<[u8; 32]> = (0..3).map(|name| keypair(name).public.to_bytes()).collect();
    let change = [&[1, 4][..], &keys[1]].concat();
    let change = DigestItem::Consensus(EngineId::AURA, change);
    let block = aura_block(12, &[change], sr_sign(0));
    let (_, next) = judge_aura(&AuraState::new(0, &keys), &block, aura(AuraScheme::Sr25519, false), None).unwrap();
    let AuthorshipState::Aura(next) = next else { panic!("{next:?}") };
    assert_eq!((next.authorities(), next.slot()), (&keys[1..2], 12));
    judge_aura(&next, &aura_block(15, &[], sr_sign(1)), aura(AuraScheme::Sr25519, false), None).unwrap();
    judge_aura(&next, &aura_block(15, &[], sr_sign(0)), aura(AuraScheme::Sr25519, false), None).unwrap_err();
}

#[test]
fn each_broken_rule_of_aura_has_its_error() {
    let keys = [keypair(0).public.to_bytes()];
    let state = AuraState::new(10, &keys);
    let config = aura(AuraScheme::Sr25519, false);
    let refusal = |header: &Header, config, latest| match judge_aura(&state, header, config, latest) {
        Err(AuthorshipError::Aura(error)) => error,
        other => panic!("not refused: {other:?}"),
    };
    let block = |slot| aura_block(slot, &[], sr_sign(0));
    let mut none = block(11);
    none.digest.remove(0);
    assert_eq!(refusal(&none, config, None), AuraError::NoSlot);
    let twice = aura_block(11, &[DigestItem::PreRuntime(EngineId::AURA, vec![0; 8])], sr_sign(0));
    assert_eq!(refusal(&twice, config, None), AuraError::Digest(DigestError::DuplicateAuraPreDigest));
    let want = AuraError::SlotNotAfterParent { got: 10, parent: 10, equal_slots: false };
    assert_eq!(refusal(&block(10), config, None), want);
    // Several blocks a slot, as with asynchronous backing; but never an earlier slot.
    let para = aura(AuraScheme::Sr25519, true);
    judge_aura(&state, &block(10), para, None).unwrap();
    let want = AuraError::SlotNotAfterParent { got: 9, parent: 10, equal_slots: true };
    assert_eq!(refusal(&block(9), para, None), want);
    assert!(want.to_string().ends_with("(the same one is allowed here)"), "{want}");
    let early = refusal(&block(13), config, Some(12));
    assert_eq!(early, AuraError::SlotInFuture { got: 13, latest: 12 });
    assert!(AuthorshipError::Aura(early).is_early());
    judge_aura(&state, &block(12), config, Some(12)).unwrap();
    let nobody = judge_aura(&AuraState::new(1, &[]), &block(13), config, None).unwrap_err();
    assert_eq!(nobody, AuthorshipError::Aura(AuraError::NoAuthorities { slot: 13 }));
    let mut foreign = block(11);
    *foreign.digest.last_mut().unwrap() = DigestItem::Seal(EngineId::BABE, vec![0; 64]);
    assert_eq!(refusal(&foreign, config, None), AuraError::WrongSeal { got: EngineId::BABE });
    let forged = aura_block(11, &[], sr_sign(1));
    assert_eq!(refusal(&forged, config, None), AuraError::Seal { slot: 11, why: SignatureError::Mismatch });
    let short = aura_block(11, &[], |_| vec![1; 63]);
    let why = SignatureError::Length { got: 63, want: 64 };
    assert_eq!(refusal(&short, config, None), AuraError::Seal { slot: 11, why });
}

/// Signatures that lack schnorrkel's mark and keys that are no points of the curve stopped another client: 64 zeros are enough.
#[test]
fn signatures_and_keys_that_are_none_are_refused_and_stop_nobody() {
    let keys: Vec<[u8; 32]> = (0..3).map(|name| keypair(name).public.to_bytes()).collect();
    let no_points = vec![[0xFF; 32]; 3];
    for signature in [vec![], vec![0; 64], vec![0xFF; 64], vec![0; 63], vec![0; 65]] {
        let block = aura_block(11, &[], |_| signature.clone());
        for scheme in [AuraScheme::Sr25519, AuraScheme::Ed25519, AuraScheme::Either] {
            for keys in [&keys, &no_points] {
                let refused = judge_aura(&AuraState::new(9, keys), &block, aura(scheme, false), None).unwrap_err();
                assert!(matches!(refused, AuthorshipError::Aura(AuraError::Seal { slot: 11, .. })), "{refused:?}");
            }
        }
        let mut block = Slot::secondary(101, 0, SlotKind::SecondaryVrf).block(&[]);
        *block.digest.last_mut().unwrap() = DigestItem::Seal(EngineId::BABE, signature);
        let refused = refusal(&begun(), &block);
        assert!(matches!(refused, BabeError::Seal { .. }), "{refused:?}");
    }
    // An author whose key is no point, who claims a slot with an output that is none either.
    let authorities = no_points.iter().map(|key| BabeAuthority { key: *key, weight: 1 }).collect();
    let state = AuthorshipState::Babe(BabeState::at_genesis(&config(RULES), authorities, RANDOMNESS));
    let first = Slot::secondary(100, 0, SlotKind::SecondaryVrf).block(&[announcement()]);
    let refused = refusal(&state, &first);
    assert!(matches!(refused, BabeError::Seal { .. } | BabeError::Vrf { .. }), "{refused:?}");
    let claimed = |proof: &[u8; 64]| {
        let vrf = Vrf { output: &[0xFF; 32], proof };
        let claim = PreDigest { authority_index: 0, slot: 100, claim: Claim::Primary(vrf) };
        let block = sealed(vec![DigestItem::PreRuntime(EngineId::BABE, claim.encode()), announcement()], 0);
        refusal(&genesis(), &block)
    };
    let refused = claimed(&[0x01; 64]);
    assert!(matches!(refused, BabeError::Vrf { .. }), "{refused:?}");
    // A proof whose scalars are not reduced does not decode, in the reference either: there is no claim.
    let refused = claimed(&[0xFF; 64]);
    assert!(matches!(refused, BabeError::NoClaim), "{refused:?}");
}

#[test]
fn no_bit_of_a_block_can_be_changed() {
    let keys = [keypair(0).public.to_bytes()];
    let aura_state = AuthorshipState::Aura(AuraState::new(10, &keys));
    let aura_block = aura_block(11, &[], sr_sign(0)).encode();
    let babe_block = Slot::secondary(101, 0, SlotKind::SecondaryVrf).block(&[]).encode();
    let aura_config = ConsensusConfig::Aura(aura(AuraScheme::Either, true));
    for (state, block, config) in
        [(&aura_state, aura_block, aura_config), (&begun(), babe_block, ConsensusConfig::Babe(config(RULES)))]
    {
        let judge = |bytes: &[u8]| {
            let header = HeaderRef::decode(bytes, NumberWidth::U32).ok()?;
            verify(state, &header, &config, None).ok()
        };
        assert!(judge(&block).is_some());
        for bit in 0..block.len() * 8 {
            let mut changed = block.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(judge(&changed), None, "bit {bit} of {}", block.len() * 8);
        }
    }
}

#[test]
fn chains_of_other_engines_are_followed_and_say_that_nobody_checked() {
    // Other clients refuse a header for the name of its engine.
    for engine in [*b"pow_", *b"nmbs"] {
        let mut header = unsealed(vec![DigestItem::PreRuntime(EngineId(engine), vec![1, 2, 3])]);
        header.digest.push(DigestItem::Seal(EngineId(engine), vec![4]));
        let bytes = header.encode();
        let header = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
        let state = AuthorshipState::Unchecked(Unchecked::Engine);
        let config = ConsensusConfig::Unchecked(Unchecked::Engine);
        let (author, next) = verify(&state, &header, &config, None).unwrap();
        assert_eq!((author, &next), (VerifiedAuthorship::Unchecked(Unchecked::Engine), &state));
        assert_eq!((author.slot(), author.author(), author.weight()), (None, None, 0));
        let seal: Seal<'_> = header.sealed_hash().unwrap().1;
        assert_eq!(seal.engine, EngineId(engine));
    }
    let bytes = Slot::secondary(101, 0, SlotKind::SecondaryVrf).block(&[]).encode();
    let header = HeaderRef::decode(&bytes, NumberWidth::U32).unwrap();
    let other = verify(&begun(), &header, &ConsensusConfig::Aura(aura(AuraScheme::Either, false)), None);
    assert_eq!(other.unwrap_err(), AuthorshipError::OtherEngine);
}
