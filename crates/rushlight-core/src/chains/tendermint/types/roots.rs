//! What the header's other hashes cover: transactions, their results, parameters, evidence.
//!
//! A light block has none of these; whoever shows one of them proves with its hash that it is the chain's.
//! Source: CometBFT `types/tx.go`, `types/results.go`, `types/params.go`, `types/evidence.go`.

use crate::base::Hash;
use crate::codec::protobuf::{put_bytes, put_int, put_uint};
use crate::crypto::sha256;
use crate::trie::rfc6962::root;
use alloc::vec::Vec;

/// What a transaction's result is to consensus. Its log, its events and all else are covered by no hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxResult {
    /// 0 for success.
    pub code: u32,
    /// What the application returned.
    pub output: Vec<u8>,
    /// Gas that the transaction allowed.
    pub gas_wanted: i64,
    /// Gas that it used.
    pub gas_used: i64,
}

impl TxResult {
    /// Returns the bytes that [`results_hash`] covers: four fields of the message `ExecTxResult`.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.output.len().saturating_add(32));
        put_uint(&mut out, 1, u64::from(self.code));
        put_bytes(&mut out, 2, &self.output);
        put_int(&mut out, 5, self.gas_wanted);
        put_int(&mut out, 6, self.gas_used);
        out
    }
}

/// Returns the `data_hash` of a header over its block's transactions: the root over their hashes.
pub fn data_hash<T: AsRef<[u8]>>(txs: impl IntoIterator<Item = T>) -> Hash {
    root(txs.into_iter().map(|tx| sha256(tx.as_ref()).0))
}

/// Returns the `last_results_hash` that the *next* header has for a block's results, in the order of its transactions.
pub fn results_hash<'a>(results: impl IntoIterator<Item = &'a TxResult>) -> Hash {
    root(results.into_iter().map(TxResult::to_protobuf))
}

/// Returns the `consensus_hash` of a header: of all parameters it covers only the most bytes and the most gas of a block.
pub fn consensus_hash(max_bytes: i64, max_gas: i64) -> Hash {
    let mut out = Vec::with_capacity(22);
    put_int(&mut out, 1, max_bytes);
    put_int(&mut out, 2, max_gas);
    sha256(&out)
}

/// Returns the `evidence_hash` of a header over its block's evidence: the bytes of each `DuplicateVoteEvidence` or
/// `LightClientAttackEvidence`, without the message `Evidence` around it.
pub fn evidence_hash<T: AsRef<[u8]>>(evidence: impl IntoIterator<Item = T>) -> Hash {
    root(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn defaults_have_the_hashes_of_real_chains() {
        let nothing = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        assert_eq!(data_hash::<&[u8]>([]).to_string(), nothing);
        assert_eq!(results_hash([]).to_string(), nothing);
        assert_eq!(evidence_hash::<&[u8]>([]).to_string(), nothing);
        // The defaults of 0.34 to 0.38: 21 MB and no bound on gas, which is a varint of ten bytes.
        let want = "048091BC7DDC283F77BFBF91D73C44DA58C3DF8A9CBC867405D8B7F3DAADA22F";
        assert_eq!(consensus_hash(22_020_096, -1).to_string(), want);
    }
}
