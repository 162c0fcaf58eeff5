//! JSON answers of Tendermint nodes, of every version's spelling.

use rushlight_core::chains::tendermint::decode::{json, protobuf};

/// Reads `bytes` as every answer that a node gives. What is read as a light block must come through protobuf unchanged.
/// Returns whether any reader accepted it.
pub fn run(bytes: &[u8]) -> bool {
    let mut accepted = false;
    if let Ok(Ok((header, commit))) = json::commit_answer(bytes) {
        accepted = true;
        header.hash();
        commit.hash();
    }
    if let Ok(Ok(header)) = json::header_answer(bytes) {
        accepted = true;
        assert_eq!(protobuf::header(&header.to_protobuf()), Ok(header), "header through protobuf");
    }
    if let Ok(Ok(page)) = json::validators_answer(bytes) {
        accepted = true;
        assert!(page.validators.len() <= 10_000, "a page without bound");
    }
    accepted |= matches!(json::status_answer(bytes), Ok(Ok(_)));
    if let Ok((header, _)) = json::signed_header_value(bytes) {
        accepted = true;
        header.hash();
    }
    if let Ok(set) = json::validator_set(bytes) {
        accepted = true;
        assert_eq!(protobuf::validator_set(&set.to_protobuf()), Ok(set), "validator set through protobuf");
    }
    if let Ok(block) = json::light_block(bytes) {
        accepted = true;
        let again = protobuf::light_block(&block.to_protobuf());
        assert_eq!(again.as_ref(), Ok(&block), "light block through protobuf");
        assert_eq!(again.map(|again| again.header.hash()), Ok(block.header.hash()));
    }
    accepted
}
