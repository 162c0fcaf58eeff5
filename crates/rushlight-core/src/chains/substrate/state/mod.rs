//! What is known of a chain: the finalized block, the authorities who finalize its successors, and the tree of blocks above.

pub mod tree;
