//! Rushlight's own methods: JSON-RPC 2.0, strict, with errors that say what to do.

use super::Dialect;

/// The dialect of Rushlight's own methods.
pub static RUSHLIGHT: Rushlight = Rushlight;

/// See [`RUSHLIGHT`].
#[derive(Debug)]
pub struct Rushlight;

impl Dialect for Rushlight {
    fn name(&self) -> &'static str {
        "rushlight"
    }
}
