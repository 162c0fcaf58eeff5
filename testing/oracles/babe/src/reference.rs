//! The reference's rules of a claim, on the reference's types. Source: `sc-consensus-babe`, `verification.rs`.

use super::{Header, World, exact};
use parity_scale_codec::Encode;
use rushlight_core::chains::substrate::authorship::babe::SlotKind;
use rushlight_core::chains::substrate::header::babe::AllowedSlots;
use schnorrkel::{PublicKey, Signature};
use sp_consensus_babe::digests::{CompatibleDigestItem, PreDigest};
use sp_consensus_babe::make_vrf_transcript;
use sp_runtime::traits::{BlakeTwo256, Hash as _};

/// Source: `sc-consensus-babe`, `AUTHORING_SCORE_VRF_CONTEXT`.
pub const SCORE_CONTEXT: &[u8] = b"substrate-babe-vrf";

/// What the reference says of a good claim.
pub struct Verdict {
    /// Its kind.
    pub kind: SlotKind,
    /// Its author.
    pub author: [u8; 32],
}

impl World {
    /// Returns whose turn a secondary slot is. Source: `sc-consensus-babe`, `secondary_slot_author`.
    pub fn whose_turn(&self, slot: u64) -> u64 {
        let hash = (self.randomness, slot).using_encoded(BlakeTwo256::hash);
        let rest = num_bigint::BigUint::from_bytes_be(hash.as_bytes()) % self.keys.len();
        u64::try_from(rest).expect("below the number of authors")
    }

    /// Returns what the reference says of the claim in `header`, or `None` if it refuses it.
    pub fn judge(&self, mut header: Header) -> Option<Verdict> {
        let claim = header.digest.logs.iter().find_map(CompatibleDigestItem::as_babe_pre_digest)?;
        let seal = header.digest.pop()?.as_babe_seal()?;
        let author = self.keys.get(usize::try_from(claim.authority_index()).ok()?)?;
        let key = PublicKey::from_bytes(&author.public.to_bytes()).ok()?;
        let signature = Signature::from_bytes(AsRef::<[u8]>::as_ref(&seal)).ok()?;
        key.verify_simple(b"substrate", header.hash().as_bytes(), &signature).ok()?;
        let slot = u64::from(claim.slot());
        let epoch = self.index.max((slot - self.start) / self.length + self.index);
        let output = claim.vrf_signature().map(|signature| {
            let transcript = make_vrf_transcript(&self.randomness, slot.into(), epoch).0;
            key.vrf_verify(transcript, &signature.pre_output.0, &signature.proof.0).ok()
        });
        let is_turn = u64::from(claim.authority_index()) == self.whose_turn(slot);
        let kind = match claim {
            PreDigest::Primary(_) => {
                let (output, _) = output??;
                let score = u128::from_le_bytes(output.make_bytes(SCORE_CONTEXT));
                let weight = self.weights[claim.authority_index() as usize];
                let exact = score < exact::threshold(self.c, weight, self.total());
                let own = score < exact::as_reference(self.c, weight, self.total());
                assert_eq!(exact, own, "a claim between two thresholds has a probability of 2^-52");
                exact.then_some(SlotKind::Primary)?
            }
            PreDigest::SecondaryPlain(_) => {
                let allowed = self.allowed == AllowedSlots::PrimaryAndSecondaryPlain;
                (allowed && is_turn).then_some(SlotKind::SecondaryPlain)?
            }
            PreDigest::SecondaryVRF(_) => {
                output??;
                let allowed = self.allowed == AllowedSlots::PrimaryAndSecondaryVrf;
                (allowed && is_turn).then_some(SlotKind::SecondaryVrf)?
            }
        };
        Some(Verdict { kind, author: author.public.to_bytes() })
    }
}
