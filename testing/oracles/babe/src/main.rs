//! BABE claims, good and broken, judged by Rushlight and by the reference's crates.
//!
//! Run: `cargo run --release -- [CLAIMS] [SEED]`. Prints the seed, counts by kind and fault, and every disagreement; exit
//! code 1 if there is one. Blocks are made of the types of `sp-runtime` and `sp-consensus-babe`, signed and drawn with
//! `schnorrkel`; thresholds are computed once more in integers of 256 bits.

mod exact;
mod reference;

use parity_scale_codec::Encode;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use reference::SCORE_CONTEXT;
use rushlight_core::chains::substrate::authorship::babe::{
    BabeAuthority, BabeConfig, BabeState, EpochConfig, SlotKind, primary_threshold,
};
use rushlight_core::chains::substrate::authorship::{self, AuthorshipState, ConsensusConfig, VerifiedAuthorship};
use rushlight_core::chains::substrate::header::babe::AllowedSlots;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use schnorrkel::context::{attach_rng, signing_context};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};
use sp_consensus_babe::digests::{
    CompatibleDigestItem, NextConfigDescriptor, NextEpochDescriptor, PreDigest, PrimaryPreDigest,
    SecondaryPlainPreDigest, SecondaryVRFPreDigest,
};
use sp_consensus_babe::{AuthorityId, ConsensusLog, make_vrf_transcript};
use sp_core::crypto::UncheckedFrom;
use sp_core::sr25519::vrf::{VrfPreOutput, VrfProof, VrfSignature};
use sp_runtime::generic::{Digest, DigestItem};
use sp_runtime::traits::{BlakeTwo256, Header as _};
use std::collections::BTreeMap;
use std::process::ExitCode;

type Header = sp_runtime::generic::Header<u32, BlakeTwo256>;

const CLAIMS_DEFAULT: u64 = 120_000;
const SEED_DEFAULT: u64 = 0x5eed_babe;
/// Claims of one world, so that keys are made seldom.
const CLAIMS_A_WORLD: u64 = 40;
/// By how many places thresholds may differ: `p` is computed in doubles, whose last place is worth 2^75 of a threshold. The
/// quotients for `c` and the share, `1 - c`, the power and `1 - p` are each rounded to half a place; the rounding of `c` weighs
/// θ · (1 - c)^(θ - 1) times in the result, which is at most 8 for the largest `c` here, 99/100.
const PLACES_MAX: u128 = 8;
const PLACE: u128 = 1 << 75;

/// What is wrong with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    None,
    OtherAuthor,
    NoSuchAuthor,
    OtherEpochDrawn,
    OtherSlotDrawn,
    OtherRandomnessDrawn,
    OtherKeyDrew,
    OutputBit,
    ProofBit,
    SealBit,
    OtherKeySealed,
    OtherBlockSealed,
}

const FAULTS: [Fault; 11] = [
    Fault::OtherAuthor,
    Fault::NoSuchAuthor,
    Fault::OtherEpochDrawn,
    Fault::OtherSlotDrawn,
    Fault::OtherRandomnessDrawn,
    Fault::OtherKeyDrew,
    Fault::OutputBit,
    Fault::ProofBit,
    Fault::SealBit,
    Fault::OtherKeySealed,
    Fault::OtherBlockSealed,
];

struct World {
    rng: ChaCha20Rng,
    keys: Vec<Keypair>,
    weights: Vec<u64>,
    randomness: [u8; 32],
    c: (u64, u64),
    allowed: AllowedSlots,
    /// First slot of the epoch whose claims are judged, its index and length.
    start: u64,
    index: u64,
    length: u64,
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>().expect("usage: oracle-babe [CLAIMS] [SEED]"));
    let claims = args.next().unwrap_or(CLAIMS_DEFAULT);
    let seed = args.next().unwrap_or(SEED_DEFAULT);
    println!("seed {seed}, {claims} claims");
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut tally = Tally::default();
    while tally.claims < claims {
        let mut world = World::new(ChaCha20Rng::seed_from_u64(rng.next_u64()));
        world.run(&mut tally);
    }
    tally.print();
    if tally.disagreements == 0 && tally.places_max <= PLACES_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Default)]
struct Tally {
    claims: u64,
    accepted: BTreeMap<SlotKind, u64>,
    refused: BTreeMap<Fault, u64>,
    lost: u64,
    disagreements: u64,
    thresholds: u64,
    /// Thresholds that are not the reference's on this machine, bit for bit.
    last_places: u64,
    places_max: u128,
}

impl Tally {
    fn print(&self) {
        println!("claims {}: accepted {:?}", self.claims, self.accepted);
        println!(
            "refused by fault {:?}; of those without a fault {} were not won, not allowed or not their turn",
            self.refused, self.lost
        );
        println!(
            "thresholds {}: at most {} places of a double from the exact ones; {} in another last place than with this machine's power",
            self.thresholds, self.places_max, self.last_places
        );
        println!("disagreements: {}", self.disagreements);
    }
}

impl World {
    fn new(mut rng: ChaCha20Rng) -> Self {
        let mut below = |n: u64| rng.next_u64() % n;
        let count = if below(20) == 0 { 100 + below(200) } else { 1 + below(8) };
        let c = [(1, 4), (1, 2), (3, 4), (9, 10), (1, 1_000), (1, 3), (2, 7), (99, 100)][below(8) as usize];
        let allowed = [
            AllowedSlots::Primary,
            AllowedSlots::PrimaryAndSecondaryPlain,
            AllowedSlots::PrimaryAndSecondaryVrf,
            AllowedSlots::PrimaryAndSecondaryVrf,
        ][below(4) as usize];
        let length = 1 + below(600);
        // The epoch is reached from genesis by skipping some, or none.
        let index = below(5);
        let start = 1_000 + below(1 << 40);
        let mut weights = vec![];
        for _ in 0..count {
            weights.push(if below(2) == 0 { 1 } else { 1 + below(1 << 40) });
        }
        let mut key = |_| {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            MiniSecretKey::from_bytes(&seed).expect("32 bytes").expand_to_keypair(ExpansionMode::Ed25519)
        };
        let keys = (0..count).map(&mut key).collect();
        let mut randomness = [0; 32];
        rng.fill_bytes(&mut randomness);
        Self { rng, keys, weights, randomness, c, allowed, start, index, length }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    fn total(&self) -> u128 {
        self.weights.iter().map(|weight| u128::from(*weight)).sum()
    }

    fn run(&mut self, tally: &mut Tally) {
        let total = self.total();
        for weight in self.weights.iter().take(8) {
            let ours = primary_threshold(self.c, *weight, total);
            tally.thresholds += 1;
            tally.places_max =
                tally.places_max.max(ours.abs_diff(exact::threshold(self.c, *weight, total)).div_ceil(PLACE));
            tally.last_places += u64::from(ours != exact::as_reference(self.c, *weight, total));
        }
        let (state, config) = self.state();
        for _ in 0..CLAIMS_A_WORLD {
            self.claim(&state, &config, tally);
        }
    }

    /// Returns the state behind a block that announced the epoch. With index 0 it is that behind block 0.
    fn state(&mut self) -> (AuthorshipState, ConsensusConfig) {
        let authority = |(key, weight): (&Keypair, &u64)| BabeAuthority { key: key.public.to_bytes(), weight: *weight };
        let authorities: Vec<_> = self.keys.iter().zip(&self.weights).map(authority).collect();
        let rules = EpochConfig { c: self.c, allowed_slots: self.allowed };
        let config = BabeConfig { slot_duration_ms: None, epoch_length: self.length, rules };
        if self.index == 0 {
            let state = BabeState::at_genesis(&config, authorities, self.randomness);
            return (AuthorshipState::Babe(state), ConsensusConfig::Babe(config));
        }
        // Block 1, of a lone author under rules of its own, announces this world's epoch as the second one.
        let lone = MiniSecretKey::from_bytes(&[1; 32]).expect("32 bytes").expand_to_keypair(ExpansionMode::Ed25519);
        let own = EpochConfig { c: (1, 2), allowed_slots: AllowedSlots::PrimaryAndSecondaryPlain };
        let first = BabeConfig { rules: own, ..config };
        let author = vec![BabeAuthority { key: lone.public.to_bytes(), weight: 1 }];
        let genesis = AuthorshipState::Babe(BabeState::at_genesis(&first, author, [0; 32]));
        let slot = self.start - self.index * self.length;
        let claim = SecondaryPlainPreDigest { authority_index: 0, slot: slot.into() };
        let items = [
            CompatibleDigestItem::babe_pre_digest(PreDigest::SecondaryPlain(claim)),
            self.epoch_item(),
            self.config_item(),
        ];
        let header = self.sealed(items.to_vec(), &lone);
        let bytes = header.encode();
        let header = HeaderRef::decode(&bytes, NumberWidth::U32).expect("a header of the reference");
        let first = ConsensusConfig::Babe(first);
        let (_, state) = authorship::verify(&genesis, &header, &first, None).expect("a good first block");
        (state, first)
    }

    fn epoch_item(&self) -> DigestItem {
        let id = |key: &Keypair| AuthorityId::from(sp_core::sr25519::Public::unchecked_from(key.public.to_bytes()));
        let authorities = self.keys.iter().map(id).zip(self.weights.iter().copied()).collect();
        let next = NextEpochDescriptor { authorities, randomness: self.randomness };
        DigestItem::Consensus(sp_consensus_babe::BABE_ENGINE_ID, ConsensusLog::NextEpochData(next).encode())
    }

    fn config_item(&self) -> DigestItem {
        let allowed_slots = match self.allowed {
            AllowedSlots::Primary => sp_consensus_babe::AllowedSlots::PrimarySlots,
            AllowedSlots::PrimaryAndSecondaryPlain => sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryPlainSlots,
            AllowedSlots::PrimaryAndSecondaryVrf => sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots,
        };
        let next = NextConfigDescriptor::V1 { c: self.c, allowed_slots };
        DigestItem::Consensus(sp_consensus_babe::BABE_ENGINE_ID, ConsensusLog::NextConfigData(next).encode())
    }

    fn sealed(&mut self, logs: Vec<DigestItem>, key: &Keypair) -> Header {
        let mut header = Header::new(1, [2; 32].into(), [3; 32].into(), [4; 32].into(), Digest { logs });
        let transcript = attach_rng(signing_context(b"substrate").bytes(header.hash().as_bytes()), &mut self.rng);
        let signature = key.sign(transcript).to_bytes();
        header.digest.push(DigestItem::Seal(sp_consensus_babe::BABE_ENGINE_ID, signature.to_vec()));
        header
    }

    /// Makes one claim and has it judged twice.
    fn claim(&mut self, state: &AuthorshipState, config: &ConsensusConfig, tally: &mut Tally) {
        let slot = self.start + self.below(self.length);
        let fault = if self.below(2) == 0 { Fault::None } else { FAULTS[self.below(11) as usize] };
        let header = self.block(slot, fault);
        let bytes = header.encode();
        let decoded = HeaderRef::decode(&bytes, NumberWidth::U32).expect("a header of the reference");
        let ours = authorship::verify(state, &decoded, config, None);
        let theirs = self.judge(header);
        tally.claims += 1;
        let same = match (&ours, &theirs) {
            (Ok((VerifiedAuthorship::Babe(claim), _)), Some(verdict)) => {
                *tally.accepted.entry(verdict.kind).or_default() += 1;
                claim.kind() == verdict.kind && claim.author() == verdict.author && claim.slot() == slot
            }
            (Err(_), None) => {
                *tally.refused.entry(fault).or_default() += 1;
                tally.lost += u64::from(fault == Fault::None);
                true
            }
            _ => false,
        };
        if !same {
            tally.disagreements += 1;
            println!(
                "DISAGREE over {fault:?} in slot {slot}: ours {:?}, theirs accepts: {}",
                ours.map(|(author, _)| author),
                theirs.is_some()
            );
        }
    }

    fn block(&mut self, slot: u64, fault: Fault) -> Header {
        let count = self.keys.len() as u64;
        let kind = [SlotKind::Primary, SlotKind::SecondaryPlain, SlotKind::SecondaryVrf][self.below(3) as usize];
        let mut author = match kind {
            SlotKind::Primary => self.likely_winner(slot),
            _ => self.whose_turn(slot),
        };
        if fault == Fault::OtherAuthor {
            author = (author + 1) % count;
        }
        let authority_index = if fault == Fault::NoSuchAuthor { count as u32 } else { author as u32 };
        let key = self.keys[author as usize].clone();
        let other = self.keys[((author + 1) % count) as usize].clone();
        let drawing = if fault == Fault::OtherKeyDrew { &other } else { &key };
        let signature = self.draw(slot, fault, drawing);
        let slot = slot.into();
        let pre_digest = match kind {
            SlotKind::Primary => {
                PreDigest::Primary(PrimaryPreDigest { authority_index, slot, vrf_signature: signature })
            }
            SlotKind::SecondaryPlain => PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index, slot }),
            SlotKind::SecondaryVrf => {
                PreDigest::SecondaryVRF(SecondaryVRFPreDigest { authority_index, slot, vrf_signature: signature })
            }
        };
        let mut claim = pre_digest.encode();
        // Behind the kind, the author's place and the slot stand 32 bytes of output and 64 of proof.
        let from = match fault {
            Fault::OutputBit => 13 + self.below(32),
            Fault::ProofBit => 45 + self.below(64),
            _ => u64::MAX,
        };
        let bit = self.below(8);
        if let Some(byte) = usize::try_from(from).ok().and_then(|from| claim.get_mut(from)) {
            *byte ^= 1 << bit;
        }
        let claim = DigestItem::PreRuntime(sp_consensus_babe::BABE_ENGINE_ID, claim);
        let logs = vec![claim, self.epoch_item()];
        let sealing = if fault == Fault::OtherKeySealed { &other } else { &key };
        let mut header = self.sealed(logs, sealing);
        match fault {
            Fault::OtherBlockSealed => header.set_state_root([9; 32].into()),
            Fault::SealBit => {
                let bit = self.below(512) as usize;
                let Some(DigestItem::Seal(_, seal)) = header.digest.logs.last_mut() else {
                    unreachable!("it is sealed")
                };
                seal[bit / 8] ^= 1 << (bit % 8);
            }
            _ => {}
        }
        header
    }

    fn draw(&mut self, slot: u64, fault: Fault, key: &Keypair) -> VrfSignature {
        let slot = if fault == Fault::OtherSlotDrawn { slot + 1 } else { slot };
        let epoch = if fault == Fault::OtherEpochDrawn { self.index + 1 } else { self.index };
        let mut randomness = self.randomness;
        randomness[0] ^= u8::from(fault == Fault::OtherRandomnessDrawn);
        let transcript = make_vrf_transcript(&randomness, slot.into(), epoch).0;
        let output = key.vrf_create_hash(transcript);
        let extra = attach_rng(merlin::Transcript::new(b"VRF"), &mut self.rng);
        let (proof, _) = key.dleq_proove(extra, &output, true);
        VrfSignature { pre_output: VrfPreOutput(output.to_preout()), proof: VrfProof(proof) }
    }

    /// Returns an author who wins the slot if somebody among a few does, so that many claims are good.
    fn likely_winner(&mut self, slot: u64) -> u64 {
        let count = self.keys.len() as u64;
        let from = self.below(count);
        let wins = |author: &u64| {
            let (key, weight) = (&self.keys[*author as usize], self.weights[*author as usize]);
            let output = key.vrf_create_hash(make_vrf_transcript(&self.randomness, slot.into(), self.index).0);
            let score = u128::from_le_bytes(output.make_bytes(SCORE_CONTEXT));
            score < exact::threshold(self.c, weight, self.total())
        };
        (from..count).chain(0..from).take(4).find(wins).unwrap_or(from)
    }
}
