//! Snapshots of Tendermint chains, as the store gives them back.

use rushlight_core::chains::tendermint::snapshot::{Snapshot, SnapshotError};
use rushlight_core::crypto::sha256;

/// Reads `bytes` as a snapshot, with the checksum that they should have and of the chain that they say they are of, so that
/// mutations get past both. What is read must come back from what is written of it. Returns whether it was accepted.
pub fn run(bytes: &[u8]) -> bool {
    let mut sealed = bytes.get(..bytes.len().saturating_sub(32)).unwrap_or_default().to_vec();
    let checksum = sha256(&sealed);
    sealed.extend_from_slice(checksum.as_bytes());
    let chain_id = match Snapshot::decode("", &sealed) {
        Err(SnapshotError::OtherChain { got, .. }) => got,
        Err(SnapshotError::Checksum) if !bytes.is_empty() && bytes.len() > 32 => {
            panic!("its own checksum does not fit")
        }
        _ => return false,
    };
    let Ok(snapshot) = Snapshot::decode(&chain_id, &sealed) else { return false };
    let written = snapshot.encode();
    let again = Snapshot::decode(&chain_id, &written).expect("what was written can be read");
    assert_eq!(again.encode(), written, "a snapshot changes by being read");
    assert_eq!((again.head.hash(), again.former), (snapshot.head.hash(), snapshot.former));
    assert!(again.kept.iter().map(|block| block.hash()).eq(snapshot.kept.iter().map(|block| block.hash())));
    assert_eq!((again.trust, again.history, again.freeze), (snapshot.trust, snapshot.history, snapshot.freeze));
    true
}
