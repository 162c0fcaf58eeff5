//! Nodes of the base-16 trie.

use rushlight_core::trie::patricia16::{NodeValue, decode_node};

/// Reads `bytes` as a node; what is read must have exactly the length that its parts need, for one node has one encoding.
/// Returns whether it was accepted.
pub fn run(bytes: &[u8]) -> bool {
    let Ok(node) = decode_node(bytes) else { return false };
    let room = match (bytes[0] >> 6, bytes[0] >> 5, bytes[0] >> 4) {
        (1..=3, _, _) => 63,
        (_, 1, _) => 31,
        (_, _, 1) => 15,
        _ => panic!("{:#x} begins no node", bytes[0]),
    };
    let partial = node.partial.len();
    let head = if partial < room { 1 } else { 2 + (partial - room) / 255 };
    let value = match node.value {
        None => 0,
        Some(NodeValue::Inline(value)) => compact_len(value.len()) + value.len(),
        Some(NodeValue::Hashed(_)) => 32,
    };
    let children: usize = node.children.iter().map(|(_, child)| 1 + child.as_ref().len()).sum();
    let bitmap = if node.children.is_empty() { 0 } else { 2 };
    assert_eq!(head + partial.div_ceil(2) + bitmap + value + children, bytes.len(), "a second encoding of a node");
    assert_eq!(node.children.iter().count() as u32, node.children.bitmap().count_ones());
    for index in 0..=u8::MAX {
        let other = node.children.iter().find(|(at, _)| *at == index).map(|(_, child)| child);
        assert_eq!(node.children.get(index), other);
    }
    true
}

fn compact_len(value: usize) -> usize {
    match value {
        0..64 => 1,
        64..16_384 => 2,
        16_384..1_073_741_824 => 4,
        _ => 5,
    }
}
