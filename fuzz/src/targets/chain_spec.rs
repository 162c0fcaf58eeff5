//! Chain specifications of Substrate chains.

use rushlight_core::chains::substrate::header::HeaderRef;
use rushlight_core::chains::substrate::spec::Spec;
use rushlight_core::chains::substrate::spec::genesis::Genesis;
use rushlight_core::trie::patricia16::EMPTY_ROOT;

/// Reads `bytes` as a specification, computes its genesis hash and asks what a chain asks. Returns whether it was accepted.
pub fn run(bytes: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(bytes) else { return false };
    let Ok(spec) = Spec::from_json(text) else { return false };
    assert!(!spec.name.is_empty() && !spec.id.is_empty());
    if let Genesis::Storage(storage) = &spec.genesis {
        let keys: Vec<&[u8]> = storage.top().map(|(key, _)| key).collect();
        assert!(keys.is_sorted_by(|a, b| a < b), "keys ascend");
        assert!(storage.top().all(|(key, value)| storage.get(key) == Some(value)), "every key is found");
        let names: Vec<&[u8]> = storage.children().map(|(name, _)| name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "child tries ascend");
    }
    if let Ok(header) = spec.genesis_header() {
        assert_eq!((header.number, header.extrinsics_root), (0, EMPTY_ROOT));
        assert_eq!(spec.genesis_hash(), Ok(header.hash()));
        let _ = spec.rules.check(0, &header.hash());
    }
    let _ = spec.rules.code_substitute(u64::MAX, 1);
    if let Some(state) = &spec.light_sync_state {
        let header = HeaderRef::decode(&state.header, spec.number_width).expect("it was decoded before");
        assert_eq!((header.number(), header.hash()), (state.number, state.hash));
        assert_eq!(state.check_continues(state), Ok(()));
    }
    true
}
