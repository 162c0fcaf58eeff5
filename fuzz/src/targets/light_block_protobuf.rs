//! The protobuf message `LightBlock`, as bundles and blobs carry it, and the verification of what was read.

use rushlight_core::chains::tendermint::decode::protobuf;
use rushlight_core::chains::tendermint::verify;

/// Reads `bytes` as a light block and its parts. What is read must encode to bytes that read as the same; then it is
/// taken as an anchor and as its own successor, which may be refused but must not panic.
/// Returns whether a reader accepted it.
pub fn run(bytes: &[u8]) -> bool {
    let mut accepted = false;
    if let Ok(header) = protobuf::header(bytes) {
        accepted = true;
        assert_eq!(protobuf::header(&header.to_protobuf()), Ok(header), "header");
    }
    if let Ok(commit) = protobuf::commit(bytes) {
        accepted = true;
        assert_eq!(protobuf::commit(&commit.to_protobuf()), Ok(commit), "commit");
    }
    if let Ok(set) = protobuf::validator_set(bytes) {
        accepted = true;
        assert_eq!(protobuf::validator_set(&set.to_protobuf()), Ok(set), "validator set");
    }
    let Ok(block) = protobuf::light_block(bytes) else { return accepted };
    let encoded = block.to_protobuf();
    assert_eq!(protobuf::light_block(&encoded).as_ref(), Ok(&block), "light block");
    let chain_id = block.header.chain_id.clone();
    let (height, hash) = (block.header.height, block.header.hash());
    if let Ok(anchor) = verify::anchor(&chain_id, height, hash, None, block.clone()) {
        assert_eq!(anchor.hash(), hash);
        let rules = verify::Rules::default();
        let at = verify::JudgedAt::at(anchor.time());
        let again = verify::skipping(&anchor, block.into(), &rules, at);
        assert!(again.is_err(), "a header became its own successor");
    }
    true
}
