//! Answers as CometBFT's clients read them, from verified values and, named as such, from somebody's word.

use super::call::Page;
use super::{PER_PAGE_DEFAULT, PER_PAGE_MAX};
use crate::chains::tendermint::decode::json::{BlockMeta, ValidatorsPage};
use crate::chains::tendermint::encode::json::{
    BlockMetaJson, BlockchainResultJson, CommitResultJson, ConsensusParamsResultJson, HeaderJson, NodeInfoJson,
    NodeOtherJson, ProtocolVersionJson, StatusResultJson, SyncInfoJson, ValidatorInfoJson, ValidatorJson,
    ValidatorsResultJson,
};
use crate::chains::tendermint::types::{Address, BlockId, ConsensusParams, ValidatorSet, address_of};
use crate::chains::tendermint::verify::{self, VerifiedBlock, VerifiedHeader};
use crate::crypto::PublicKey;
use crate::rpc::{Proven, QueryAnswer, QueryError};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;

/// Texts, numbers and lists without maps: writing them has no way to fail.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns the result of `header` and `header_by_hash`.
pub(super) fn header(header: &VerifiedHeader, proven: Proven) -> QueryAnswer {
    let result = format!(r#"{{"header":{}}}"#, text(&HeaderJson::from(header.header())));
    QueryAnswer::proven(result, proven)
}

/// Returns the result of `header_by_hash` where no block has the header.
pub(super) fn no_header(proven: Proven) -> QueryAnswer {
    QueryAnswer::proven(r#"{"header":null}"#, proven)
}

/// Returns the result of `rushlight_header`.
pub(crate) fn rushlight_header(header: &VerifiedHeader, proven: Proven) -> QueryAnswer {
    let result = format!(r#"{{"hash":"{}","header":{}}}"#, header.hash(), text(&HeaderJson::from(header.header())));
    QueryAnswer::proven(result, proven)
}

/// Returns the result of `commit`.
pub(super) fn commit(block: &VerifiedBlock, is_canonical: bool, proven: Proven) -> QueryAnswer {
    let result = text(&CommitResultJson::new(block.header(), &block.block().commit, is_canonical));
    QueryAnswer::proven(result, proven)
}

/// Returns the page of a set of `members` that a client asks for, as CometBFT reads `page` and `per_page`.
/// # Errors
/// [`QueryError::NoSuchPage`].
pub(super) fn page_of(members: usize, page: Option<u64>, per_page: Option<u64>) -> Result<Page, QueryError> {
    let members_max = per_page.filter(|asked| *asked >= 1).unwrap_or(PER_PAGE_DEFAULT).min(PER_PAGE_MAX);
    let pages = u64::try_from(members).unwrap_or(u64::MAX).div_ceil(members_max);
    let number = page.unwrap_or(1);
    match (1..=pages).contains(&number) {
        true => Ok(Page { number, members_max }),
        false => Err(QueryError::NoSuchPage { page: number, pages }),
    }
}

/// Returns the result of `validators`; `None` when what a provider `told` is not that page of the `set`, but for the
/// priorities, which no hash covers.
pub(super) fn validators(
    height: u64,
    set: &ValidatorSet,
    page: &Page,
    told: &ValidatorsPage,
    proven: Proven,
) -> Option<QueryAnswer> {
    let skipped = usize::try_from(page.number.saturating_sub(1).saturating_mul(page.members_max)).ok()?;
    let members_max = usize::try_from(page.members_max).ok()?;
    let members = set.validators().get(skipped..)?;
    let members = members.get(..members_max.min(members.len()))?;
    if told.height != height || told.total != set.len() || told.validators != members {
        return None;
    }
    let shown = members.iter().zip(&told.priorities).map(|(member, priority)| ValidatorJson::new(member, *priority));
    let result = text(&ValidatorsResultJson::new(height, shown.collect(), set.len()));
    Some(QueryAnswer::proven(result, proven))
}

/// Returns the result of `consensus_params`.
pub(super) fn consensus_params(height: u64, params: &ConsensusParams, proven: Proven) -> QueryAnswer {
    QueryAnswer::proven(text(&ConsensusParamsResultJson::new(height, params)), proven)
}

/// Returns the result of `blockchain`: `metas` from `low` up to the verified `top`, each proven by the hash in the one above.
/// `top_id` is the id of the highest, where its commit is at hand.
/// # Errors
/// What is wrong with the metas, in a sentence.
pub(super) fn blocks(
    top: &VerifiedHeader,
    low: u64,
    mut metas: Vec<BlockMeta>,
    top_id: Option<BlockId>,
    last_height: u64,
    proven: Proven,
) -> Result<QueryAnswer, String> {
    metas.sort_by_key(|meta| core::cmp::Reverse(meta.header.height));
    let wanted = top.height().saturating_sub(low).saturating_add(1);
    if u64::try_from(metas.len()).ok() != Some(wanted) {
        return Err(format!("{} blocks came, {wanted} were asked for", metas.len()));
    }
    let mut proven_headers: Vec<(VerifiedHeader, BlockId)> = Vec::with_capacity(metas.len());
    for meta in &metas {
        let told = meta.id.ok_or("a block has no id")?;
        let (header, id) = match proven_headers.last() {
            None => {
                let header = verify::by_hash(&top.header().chain_id, top.height(), top.hash(), meta.header.clone());
                (header.map_err(|error| error.to_string())?, top_id.unwrap_or(told))
            }
            Some((later, _)) => {
                let header = verify::backwards(later, meta.header.clone()).map_err(|error| error.to_string())?;
                (header, later.header().last_block_id.unwrap_or(told))
            }
        };
        if id.hash != header.hash() {
            return Err(format!("block {} has the id of another one", header.height()));
        }
        proven_headers.push((header, id));
    }
    let shown = proven_headers.iter().zip(&metas);
    let shown = shown.map(|((header, id), meta)| BlockMetaJson::new(id, header.header(), meta.size, meta.txs));
    Ok(QueryAnswer::proven(text(&BlockchainResultJson::new(last_height, shown.collect())), proven))
}

/// What `node_info.version` says whatever the providers run: clients choose by it how they read answers, CosmJS knows no
/// other that fits, and tendermint-rpc refuses those that it does not know.
const SPOKEN_VERSION: &str = "0.38.0";

/// Returns the result of `status`.
pub(super) fn status(head: &VerifiedBlock, earliest: &VerifiedBlock, target: u64, proven: Proven) -> QueryAnswer {
    let header = head.header();
    // A light client signs nothing: the key is 32 zero bytes and has no power.
    let key = PublicKey::Ed25519([0; 32]);
    let address = address_of(&key).unwrap_or(Address([0; 20]));
    let result = text(&StatusResultJson {
        node_info: NodeInfoJson {
            protocol_version: ProtocolVersionJson {
                p2p: "8".to_string(),
                block: header.version.block.to_string(),
                app: header.version.app.to_string(),
            },
            id: "0".repeat(40),
            listen_addr: "tcp://0.0.0.0:0",
            network: &header.chain_id,
            version: SPOKEN_VERSION,
            channels: "",
            moniker: "rushlight",
            other: NodeOtherJson { tx_index: "off", rpc_address: "tcp://0.0.0.0:0" },
        },
        sync_info: SyncInfoJson::new(
            (header, head.hash()),
            (earliest.header(), earliest.hash()),
            target > head.height().saturating_add(CATCHING_UP_HEIGHTS),
        ),
        validator_info: ValidatorInfoJson::new(address, &key, 0),
    });
    QueryAnswer::proven(result, proven)
}

/// This many heights may be between the head and what the primary says before `catching_up` is true.
const CATCHING_UP_HEIGHTS: u64 = 3;
