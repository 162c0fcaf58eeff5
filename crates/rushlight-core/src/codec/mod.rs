//! Bounded readers and writers of encodings.

pub mod protobuf;
pub mod scale;
pub mod text;
