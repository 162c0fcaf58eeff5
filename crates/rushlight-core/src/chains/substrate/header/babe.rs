//! What BABE writes into a digest. Source: `sp-consensus-babe` 0.50, `digests.rs`.

use super::authorities::AuthoritiesRef;
use crate::codec::scale::{Reader, ScaleError, put_uint};
use crate::crypto::sr25519;
use alloc::vec::Vec;

/// Length of the output of the verifiable random function.
pub const VRF_OUTPUT_LEN: usize = 32;
/// Length of its proof.
pub const VRF_PROOF_LEN: usize = 64;

/// An author's claim to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreDigest<'a> {
    /// Place of the author among the epoch's authorities.
    pub authority_index: u32,
    /// The slot.
    pub slot: u64,
    /// By what right.
    pub claim: Claim<'a>,
}

/// By what right a slot is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<'a> {
    /// The output of the random function is below the threshold.
    Primary(Vrf<'a>),
    /// It is the author's turn.
    SecondaryPlain,
    /// It is the author's turn, and the output goes into the randomness of epochs to come.
    SecondaryVrf(Vrf<'a>),
}

/// Output and proof of the verifiable random function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vrf<'a> {
    /// The output.
    pub output: &'a [u8; VRF_OUTPUT_LEN],
    /// The proof that it is the author's.
    pub proof: &'a [u8; VRF_PROOF_LEN],
}

impl<'a> PreDigest<'a> {
    /// Returns the claim that `bytes`, a pre-runtime item of BABE, hold.
    /// # Errors
    /// [`ScaleError`]; [`ScaleError::Value`] for a proof of the random function that is not one in form.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, ScaleError> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u8()?;
        if !(1..=3).contains(&kind) {
            return Err(ScaleError::Variant { got: kind, of: "BABE pre-digest" });
        }
        let (authority_index, slot) = (reader.u32()?, reader.u64()?);
        let claim = match kind {
            1 => Claim::Primary(Vrf::read(&mut reader)?),
            2 => Claim::SecondaryPlain,
            _ => Claim::SecondaryVrf(Vrf::read(&mut reader)?),
        };
        reader.finish()?;
        Ok(Self { authority_index, slot, claim })
    }

    /// Returns the SCALE encoding.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, vrf) = match self.claim {
            Claim::Primary(vrf) => (1, Some(vrf)),
            Claim::SecondaryPlain => (2, None),
            Claim::SecondaryVrf(vrf) => (3, Some(vrf)),
        };
        let mut out = Vec::new();
        out.push(kind);
        put_uint(&mut out, self.authority_index.into(), 4);
        put_uint(&mut out, self.slot, 8);
        if let Some(vrf) = vrf {
            out.extend_from_slice(vrf.output);
            out.extend_from_slice(vrf.proof);
        }
        out
    }
}

impl<'a> Vrf<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ScaleError> {
        let (output, proof) = (reader.array()?, reader.array()?);
        // The reference's proof is two scalars, and one that is not reduced does not decode: such a claim is not there, and the
        // true one beside it counts. Taken for a claim it would make a duplicate of every header that its author puts it in.
        // Source: `sp-core` 41 `sr25519::vrf`, `Decode for VrfProof`.
        sr25519::decode_vrf_proof(proof).map_err(|_| ScaleError::Value { of: "VRF proof" })?;
        Ok(Self { output, proof })
    }
}

/// A message of the runtime to BABE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log<'a> {
    /// The epoch after the one that begins here.
    NextEpochData(NextEpoch<'a>),
    /// The authority at this place is to author no more.
    OnDisabled(u32),
    /// The rules of the epoch after the one that begins here.
    NextConfigData(NextConfig),
}

/// Authorities and randomness of an epoch to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextEpoch<'a> {
    /// Keys and weights, of any length; at most [`super::authorities::AUTHORITIES_MAX`] are used.
    pub authorities: AuthoritiesRef<'a>,
    /// The randomness.
    pub randomness: &'a [u8; 32],
}

/// Rules of an epoch to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextConfig {
    /// The constant `c`, as numerator and denominator: how likely a slot is to have a primary author.
    pub c: (u64, u64),
    /// Which slots may be claimed.
    pub allowed_slots: AllowedSlots,
}

/// Which slots may be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedSlots {
    /// Primary slots alone.
    Primary,
    /// Secondary slots too, without the random function.
    PrimaryAndSecondaryPlain,
    /// Secondary slots too, with the random function.
    PrimaryAndSecondaryVrf,
}

impl AllowedSlots {
    /// Returns the value that stands next.
    /// # Errors
    /// [`ScaleError`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ScaleError> {
        match reader.u8()? {
            0 => Ok(Self::Primary),
            1 => Ok(Self::PrimaryAndSecondaryPlain),
            2 => Ok(Self::PrimaryAndSecondaryVrf),
            got => Err(ScaleError::Variant { got, of: "allowed slots" }),
        }
    }
}

impl<'a> Log<'a> {
    /// Returns the message that `bytes` hold.
    /// # Errors
    /// [`ScaleError`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, ScaleError> {
        let mut reader = Reader::new(bytes);
        let log = match reader.u8()? {
            1 => Self::NextEpochData(NextEpoch {
                authorities: AuthoritiesRef::read_announced(&mut reader)?,
                randomness: reader.array()?,
            }),
            2 => Self::OnDisabled(reader.u32()?),
            3 => Self::NextConfigData(NextConfig::read(&mut reader)?),
            got => return Err(ScaleError::Variant { got, of: "BABE consensus log" }),
        };
        reader.finish()?;
        Ok(log)
    }
}

impl NextConfig {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ScaleError> {
        match reader.u8()? {
            1 => Ok(Self { c: (reader.u64()?, reader.u64()?), allowed_slots: AllowedSlots::read(reader)? }),
            got => Err(ScaleError::Variant { got, of: "BABE configuration version" }),
        }
    }
}
