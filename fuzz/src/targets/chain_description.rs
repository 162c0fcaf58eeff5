//! Descriptions of chains, in their canonical JSON form.

use rushlight_core::base::{Instant, Now, UnixTime};
use rushlight_core::chains::ChainSpec;
use rushlight_core::node::{Config, Node};

/// Reads `bytes` as a description and gives it to a node, which opens the chain or says why not. Returns whether it was
/// accepted as a description.
pub fn run(bytes: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(bytes) else { return false };
    let spec = match ChainSpec::from_json(text) {
        Ok(spec) => spec,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    let providers = spec.providers().to_vec();
    assert!(!providers.is_empty(), "a chain that nobody could be asked for");
    let now = Now { instant: Instant(0), wall: UnixTime::EPOCH };
    let mut node = Node::new(Config::default(), [7; 32]);
    let opened = node.add_chain(now, "x", spec, None);
    while node.poll().is_some() {}
    // A chain that could not be opened leaves nothing behind.
    assert_eq!(node.stats(now).chains.len(), usize::from(opened.is_ok()));
    assert_eq!(node.stats(now).peers.len(), if opened.is_ok() { providers.len() } else { 0 });
    true
}
