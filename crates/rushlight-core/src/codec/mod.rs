//! Bounded readers and writers of encodings.

mod duration;
mod nearest;
pub mod protobuf;
pub mod scale;
pub mod text;

pub use duration::{DURATION_SECONDS_MAX, duration};
pub use nearest::{WORD_BYTES_MAX, nearest};
