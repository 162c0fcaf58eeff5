//! Rushlight against `smoldot` on the bytes of Substrate chains, one thread unless said otherwise.
//!
//! What is recorded comes from the folder in `RUSHLIGHT_VECTORS`; its rows are left out, loudly, without it.

mod finality;
mod genesis;
mod trie;

use crate::report::Row;
use std::path::PathBuf;

pub use finality::memory;

/// Returns every row; `is_quick` makes few turns.
pub fn rows(is_quick: bool) -> Vec<Row> {
    let mut rows = trie::rows(is_quick);
    rows.extend(genesis::rows(is_quick));
    rows.extend(finality::rows(is_quick));
    rows
}

/// Returns the content of a recorded file, or `None` where there is none.
fn recorded(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("RUSHLIGHT_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    let path = folder.join("substrate").join(name);
    let content = std::fs::read(&path);
    if let Err(error) = &content {
        eprintln!("LEFT OUT: {}: {error}. Set RUSHLIGHT_VECTORS.", path.display());
    }
    content.ok()
}
