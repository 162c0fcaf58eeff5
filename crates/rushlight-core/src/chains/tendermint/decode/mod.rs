//! Bytes to values: the JSON of every version's RPC, and protobuf. Whatever comes out is well-formed, not verified.

mod fields;
pub mod json;
pub mod protobuf;

use super::types::ValidatorSetError;
use crate::base::TimeError;
use crate::codec::protobuf::ProtobufError;
use crate::codec::text::TextError;
use alloc::string::String;

/// Why bytes are not what they should be. Always the sender's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON, or not of the expected shape.
    #[error("{what} is not JSON of the expected shape at line {line} column {column}")]
    Json {
        /// What was read.
        what: &'static str,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Not a protobuf message.
    #[error("{what}: {why}")]
    Protobuf {
        /// What was read.
        what: &'static str,
        /// The broken rule.
        why: ProtobufError,
    },
    /// A field holds text that is not bytes.
    #[error("{field}: {why}")]
    Text {
        /// The field.
        field: &'static str,
        /// The broken rule.
        why: TextError,
    },
    /// A field of bytes has a wrong length.
    #[error("{field} has {got} bytes, wanted are {want}")]
    Length {
        /// The field.
        field: &'static str,
        /// Bytes given.
        got: usize,
        /// Bytes wanted, in words.
        want: &'static str,
    },
    /// A number is out of its range.
    #[error("{field} is {got}, wanted is {want}")]
    Range {
        /// The field.
        field: &'static str,
        /// The number.
        got: i128,
        /// The range, in words.
        want: &'static str,
    },
    /// A field is missing.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A time is not a time.
    #[error("{field}: {why}")]
    Time {
        /// The field.
        field: &'static str,
        /// The broken rule.
        why: TimeError,
    },
    /// A key of a scheme that no released node can run, named so that an operator knows why.
    #[error("validator key is of type BLS12-381, which is not supported: no released node can run it")]
    Bls,
    /// A key of an unknown scheme.
    #[error("validator key is of type {got:?}, known are ed25519, secp256k1, secp256k1eth and ML-DSA-65")]
    KeyType {
        /// The type's name, cut to 40 characters.
        got: String,
    },
    /// A block id with a hash but without parts, or the other way round.
    #[error("{field} is incomplete: it needs both a hash and a part set header, or neither")]
    BlockId {
        /// The field.
        field: &'static str,
    },
    /// A block id with both hashes, of a block without parts or with more than there can be.
    #[error("{field} has {got} parts, wanted are 1 to 4294967295")]
    Parts {
        /// The field.
        field: &'static str,
        /// Parts given.
        got: i128,
    },
    /// A flag that does not exist.
    #[error("commit signature {index} has flag {got}, wanted is 1 (absent), 2 (commit) or 3 (nil)")]
    Flag {
        /// Index in the commit.
        index: usize,
        /// The flag.
        got: i64,
    },
    /// An absent vote with an address, a signature or a time: bytes that no rule would check.
    #[error("commit signature {index} is absent but has an address, a signature or a time")]
    AbsentNotEmpty {
        /// Index in the commit.
        index: usize,
    },
    /// More validators or signatures than a set can have.
    #[error("{field} has {got} entries, at most {max} are allowed")]
    TooMany {
        /// The field.
        field: &'static str,
        /// Entries.
        got: usize,
        /// The bound.
        max: usize,
    },
    /// The validators are not a set.
    #[error(transparent)]
    ValidatorSet(#[from] ValidatorSetError),
}

impl DecodeError {
    /// Tells whether the bytes are not of the shape that is read here at all, or use what this client does not know. Then they
    /// say nothing that could be true or false: a gateway that is down answers so, and a node of a version yet to come. All
    /// other errors are rules broken by what was understood.
    pub fn is_of_another_shape(&self) -> bool {
        matches!(self, Self::Json { .. } | Self::Missing { .. } | Self::Bls | Self::KeyType { .. })
    }
}
