//! Headers of Substrate chains, and what engines write into them.

use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};

/// Reads `bytes` as a header in two widths of block numbers. What is read must have one encoding, and reading what engines
/// say in it must end. Returns whether it was accepted.
pub fn run(bytes: &[u8]) -> bool {
    let widths = [NumberWidth::U32, NumberWidth::new(8).expect("8 bytes are a width")];
    let accepted = widths.map(|width| read(bytes, width));
    assert!(accepted[1] || !accepted[0], "a wider number holds what a narrower one does");
    accepted[0]
}

fn read(bytes: &[u8], width: NumberWidth) -> bool {
    let Ok(header) = HeaderRef::decode(bytes, width) else { return false };
    assert_eq!(header.to_header().encode(), bytes, "a second encoding of the same header");
    assert_eq!(header.digest().items().count(), header.digest().len());
    let _ = (header.babe_pre_digest(), header.babe_announced_epoch(), header.aura_slot(), header.sealed_hash());
    let _ = (header.aura_authorities_change(), header.updates_runtime(), header.grandpa_logs().count());
    true
}
