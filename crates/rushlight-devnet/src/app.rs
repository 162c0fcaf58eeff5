//! The application: a store of a few keys, so that blocks have transactions, results and an application hash.

use crate::draw::{For, draw};
use crate::plan::ChainPlan;
use rushlight_core::base::Hash;
use rushlight_core::codec::protobuf::{put_bytes, put_uint};
use rushlight_core::trie::rfc6962;

/// Keys that transactions write to; few, so that the application hash costs little at each block.
const KEYS: u64 = 16;

/// A transaction: `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tx {
    key: usize,
    value: u64,
}

/// What executing a transaction gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// What the application returns: nothing, as CometBFT's own kvstore.
    pub data: Vec<u8>,
    /// Gas asked for.
    pub gas_wanted: u64,
    /// Gas used.
    pub gas_used: u64,
}

impl Tx {
    /// Returns the transaction's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        format!("key{}=value{}", self.key, self.value).into_bytes()
    }

    /// Returns the key that it writes.
    pub fn key(&self) -> String {
        format!("key{}", self.key)
    }

    /// Returns its result, which does not depend on the state.
    pub fn execution(&self) -> Execution {
        Execution { data: Vec::new(), gas_wanted: 1_000, gas_used: 100 + self.to_bytes().len() as u64 }
    }
}

impl Execution {
    /// Returns the bytes that `last_results_hash` covers: code, data and gas of the message `ExecTxResult`.
    fn to_deterministic_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, 2, &self.data);
        put_uint(&mut out, 5, self.gas_wanted);
        put_uint(&mut out, 6, self.gas_used);
        out
    }
}

/// Returns the transactions of the block at `height`.
pub(crate) fn txs(plan: &ChainPlan, height: u64) -> Vec<Tx> {
    let seed = match plan.fork {
        Some(fork) if height >= fork.from => plan.seed.wrapping_add(fork.salt.wrapping_mul(2)).wrapping_add(1),
        _ => plan.seed,
    };
    let count = match plan.txs_max {
        0 => 0,
        max => draw(seed, For::TxCount, height, 0) % (u64::from(max) + 1),
    };
    // A fork must differ somewhere, whatever was drawn.
    let is_first_of_fork = plan.fork.is_some_and(|fork| height == fork.from);
    (0..count.max(u64::from(is_first_of_fork)))
        .map(|index| {
            let drawn = draw(seed, For::Tx, height, index);
            Tx { key: (drawn % KEYS) as usize, value: drawn >> 32 }
        })
        .collect()
}

/// Returns the root over the results of `txs`.
pub(crate) fn results_hash(txs: &[Tx]) -> Hash {
    rfc6962::root(txs.iter().map(|tx| tx.execution().to_deterministic_protobuf()))
}

/// The application's state.
#[derive(Default)]
pub(crate) struct Store {
    values: [Option<u64>; KEYS as usize],
}

impl Store {
    /// Executes the transactions of a block.
    pub(crate) fn execute(&mut self, txs: &[Tx]) {
        for tx in txs {
            if let Some(value) = self.values.get_mut(tx.key) {
                *value = Some(tx.value);
            }
        }
    }

    /// Returns the application hash: the root over the pairs in the order of the keys' numbers.
    pub(crate) fn hash(&self) -> Hash {
        let pairs = self.values.iter().enumerate().filter_map(|(key, value)| value.map(|value| Tx { key, value }));
        rfc6962::root(pairs.map(|pair| pair.to_bytes()))
    }
}
