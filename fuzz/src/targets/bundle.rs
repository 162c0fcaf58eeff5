//! Proof bundles: the container, and their offline verification.

use rushlight_core::bundle::{Bundle, BundleError, Checkpoint, SectionKind};
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::chains::substrate::{bundle as substrate, warp::WarpRules};
use rushlight_core::chains::tendermint::{bundle, verify};
use rushlight_core::crypto::sha256;

const CHECKSUM_BYTES: usize = 32;

/// Reads `bytes` as a bundle, then again with the checksum that it wants, so that mutations get past it. What is read
/// must have one encoding; then it is verified against the checkpoint that it names. Returns whether it was accepted.
pub fn run(bytes: &[u8]) -> bool {
    match Bundle::decode(bytes) {
        Ok(bundle) => accepted(bytes, &bundle),
        Err(BundleError::Checksum { .. }) => {
            let Some(at) = bytes.len().checked_sub(CHECKSUM_BYTES) else { return false };
            let mut sealed = bytes[..at].to_vec();
            sealed.extend_from_slice(sha256(&bytes[..at]).as_bytes());
            match Bundle::decode(&sealed) {
                Ok(bundle) => accepted(&sealed, &bundle),
                Err(BundleError::Checksum { .. }) => panic!("the wanted checksum is not accepted"),
                Err(_) => false,
            }
        }
        Err(_) => false,
    }
}

fn accepted(bytes: &[u8], read: &Bundle) -> bool {
    assert_eq!(read.encode().as_deref(), Ok(bytes), "a second encoding of the same bundle");
    let first = read.sections.first().filter(|section| section.kind == SectionKind::Checkpoint);
    let text = first.and_then(|section| core::str::from_utf8(&section.content).ok()).unwrap_or_default();
    let Ok(checkpoint) = Checkpoint::from_text(text) else { return true };
    let Ok(time) = bundle::anchor_time(&checkpoint.anchor) else {
        if let Ok(proven) = substrate::verify(read, &checkpoint, &WarpRules::default()) {
            let header = HeaderRef::decode(proven.header(), NumberWidth::U32);
            assert!(header.is_ok_and(|header| header.hash() == proven.block().hash), "a bundle proved another header");
        }
        return true;
    };
    let at = verify::JudgedAt::at(time);
    if let Ok(proven) = bundle::verify(read, &checkpoint, &verify::Rules::default(), at) {
        assert!(proven.height() >= checkpoint.height, "a bundle proved a header below its checkpoint");
    }
    true
}
