//! The routes: one table, from which dispatch and the index page come.

use super::Node;
use super::error::RpcError;
use super::params::Params;
use super::shapes::{self, TxResultJson, ValidatorUpdateJson};
use crate::keys::derive;
use rushlight_core::base::Hash;
use rushlight_core::chains::tendermint::encode::json::{
    BlockIdJson, BlockMetaJson, BlockchainResultJson, CommitJson, CommitResultJson, ConsensusParamsJson,
    ConsensusParamsResultJson, GenesisValidatorJson, HeaderJson, NodeInfoJson, NodeOtherJson, ProtocolVersionJson,
    StatusResultJson, SyncInfoJson, ValidatorInfoJson, ValidatorJson, ValidatorsResultJson,
};
use rushlight_core::chains::tendermint::types::Header;
use serde::Serialize;
use serde_json::value::RawValue;

const PER_PAGE_DEFAULT: usize = 30;
const PER_PAGE_MAX: usize = 100;
/// The most block metas in an answer to `/blockchain`.
const BLOCK_METAS_MAX: u64 = 20;

type Outcome = Result<Box<RawValue>, RpcError>;

/// A route: its name, its parameters in order, and what answers it.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) names: &'static [&'static str],
    answer: fn(&Node<'_>, &Params) -> Outcome,
}

impl Route {
    pub(super) fn call(&self, node: &Node<'_>, params: &Params) -> Outcome {
        (self.answer)(node, params)
    }
}

pub(super) const ROUTES: &[Route] = &[
    Route { method: "block", names: &["height"], answer: block },
    Route { method: "block_results", names: &["height"], answer: block_results },
    Route { method: "blockchain", names: &["minHeight", "maxHeight"], answer: blockchain },
    Route { method: "commit", names: &["height"], answer: commit },
    Route { method: "consensus_params", names: &["height"], answer: consensus_params },
    Route { method: "genesis", names: &[], answer: genesis },
    Route { method: "header", names: &["height"], answer: header },
    Route { method: "health", names: &[], answer: health },
    Route { method: "status", names: &[], answer: status },
    Route { method: "validators", names: &["height", "page", "per_page"], answer: validators },
];

pub(super) fn find(method: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.method == method)
}

fn raw<T: Serialize>(result: &T) -> Outcome {
    serde_json::value::to_raw_value(result).map_err(|error| RpcError::internal(error.to_string()))
}

/// What Go says for a pointer to nothing.
fn null() -> Outcome {
    raw(&())
}

fn status(node: &Node<'_>, _: &Params) -> Outcome {
    let (chain, plan) = (node.chain, node.chain.plan());
    let (tip, base) = (node.tip(), node.base());
    let (Some(latest), Some(earliest)) = (chain.header(tip), chain.header(base)) else { return null() };
    let hash_at = |height| chain.block_id(height).map_or(Hash::default(), |id| id.hash);
    let Some(set) = chain.validators(tip + 1) else { return null() };
    let Some(own) = set.validators().get(node.number as usize % set.len()) else { return null() };
    let id = derive("rushlight-devnet/node/v1", plan.seed, u64::from(node.number));
    raw(&StatusResultJson {
        node_info: NodeInfoJson {
            protocol_version: ProtocolVersionJson {
                p2p: "8".into(),
                block: "11".into(),
                app: plan.app_version.to_string(),
            },
            id: data_encoding::HEXLOWER.encode(id.0.get(..20).unwrap_or_default()),
            listen_addr: "tcp://127.0.0.1:26656",
            network: &plan.chain_id,
            version: plan.release.version(),
            channels: "402021222330386061",
            moniker: &format!("node{}", node.number),
            other: NodeOtherJson { tx_index: "on", rpc_address: "tcp://127.0.0.1:26657" },
        },
        sync_info: SyncInfoJson::new((latest, hash_at(tip)), (earliest, hash_at(base)), false),
        validator_info: ValidatorInfoJson::new(own.address, &own.public_key, own.power),
    })
}

fn health(_: &Node<'_>, _: &Params) -> Outcome {
    raw(&serde_json::Map::new())
}

#[derive(Serialize)]
struct GenesisDocJson<'a> {
    genesis_time: String,
    chain_id: &'a str,
    initial_height: String,
    consensus_params: ConsensusParamsJson<'a>,
    validators: Vec<GenesisValidatorJson>,
    app_hash: &'static str,
}

#[derive(Serialize)]
struct GenesisJson<'a> {
    genesis: GenesisDocJson<'a>,
}

fn genesis(node: &Node<'_>, _: &Params) -> Outcome {
    let plan = node.chain.plan();
    let Some(set) = node.chain.validators(plan.initial_height) else { return null() };
    let members = set.validators().iter().enumerate();
    let params = shapes::consensus_params(plan.release, &plan.key_kinds, plan.app_version);
    raw(&GenesisJson {
        genesis: GenesisDocJson {
            genesis_time: plan.genesis_time.to_rfc3339(),
            chain_id: &plan.chain_id,
            initial_height: plan.initial_height.to_string(),
            consensus_params: ConsensusParamsJson::from(&params),
            validators: members
                .map(|(index, member)| GenesisValidatorJson::new(member, format!("node{index}")))
                .collect(),
            app_hash: "",
        },
    })
}

fn commit(node: &Node<'_>, params: &Params) -> Outcome {
    let height = node.height(params, node.tip())?;
    let Some(header) = node.header_told(height) else { return null() };
    let Some(commit) = node.commit_told(&header) else { return null() };
    raw(&CommitResultJson::new(&header, &commit, height != node.tip()))
}

#[derive(Serialize)]
struct HeaderAnswerJson<'a> {
    header: Option<HeaderJson<'a>>,
}

fn header(node: &Node<'_>, params: &Params) -> Outcome {
    let height = node.height(params, node.tip())?;
    let header = node.header_told(height);
    raw(&HeaderAnswerJson { header: header.as_ref().map(HeaderJson::from) })
}

fn validators(node: &Node<'_>, params: &Params) -> Outcome {
    // The set after the tip is known as well.
    let height = node.height(params, node.tip() + 1)?;
    let per_page = match params.number("per_page")? {
        Some(asked) if asked >= 1 => usize::try_from(asked).unwrap_or(PER_PAGE_MAX).min(PER_PAGE_MAX),
        _ => PER_PAGE_DEFAULT,
    };
    let page = params.number("page")?;
    let Some((set, priorities)) = node.validators_told(height) else {
        return Err(RpcError::internal(format!("could not find validator set for height #{height}")));
    };
    let total = set.len();
    let pages = total.div_ceil(per_page);
    let page = match page {
        None => 1,
        Some(asked) => usize::try_from(asked)
            .ok()
            .filter(|page| (1..=pages).contains(page))
            .ok_or_else(|| RpcError::internal(format!("page should be within [1, {pages}] range, given {asked}")))?,
    };
    let members = set.validators().iter().zip(priorities).skip((page - 1) * per_page).take(per_page);
    let members = members.map(|(member, priority)| ValidatorJson::new(member, priority)).collect();
    raw(&ValidatorsResultJson::new(height, members, total))
}

#[derive(Serialize)]
struct BlockDataJson {
    txs: Vec<String>,
}

#[derive(Serialize)]
struct EvidenceListJson {
    evidence: [(); 0],
}

#[derive(Serialize)]
struct BlockJson<'a> {
    header: HeaderJson<'a>,
    data: BlockDataJson,
    evidence: EvidenceListJson,
    last_commit: CommitJson,
}

#[derive(Serialize)]
struct BlockAnswerJson<'a> {
    block_id: BlockIdJson,
    block: Option<BlockJson<'a>>,
}

fn block(node: &Node<'_>, params: &Params) -> Outcome {
    let height = node.height(params, node.tip())?;
    let (Some(header), Some(block)) = (node.header_told(height), node.chain.block(height)) else {
        return raw(&BlockAnswerJson { block_id: BlockIdJson::none(), block: None });
    };
    let last_commit = block.last_commit.as_deref().map_or_else(CommitJson::none, CommitJson::from);
    raw(&BlockAnswerJson {
        block_id: BlockIdJson::from(&node.chain.block_id(height)),
        block: Some(BlockJson {
            header: HeaderJson::from(&header),
            data: BlockDataJson { txs: block.txs.iter().map(|tx| shapes::base64(tx)).collect() },
            evidence: EvidenceListJson { evidence: [] },
            last_commit,
        }),
    })
}

#[derive(Serialize)]
struct BlockResultsJson {
    height: String,
    txs_results: Option<Vec<TxResultJson>>,
    finalize_block_events: Option<()>,
    validator_updates: Option<Vec<ValidatorUpdateJson>>,
    consensus_param_updates: Option<()>,
    app_hash: String,
}

fn block_results(node: &Node<'_>, params: &Params) -> Outcome {
    let height = node.height(params, node.tip())?;
    let chain = node.chain;
    let found = (chain.txs(height), chain.validator_updates(height), chain.app_hash_after(height));
    let ((Some(txs), Some(updates), Some(app_hash)), true) = (found, node.header_told(height).is_some()) else {
        return Err(RpcError::internal(format!("could not find results for height #{height}")));
    };
    raw(&BlockResultsJson {
        height: height.to_string(),
        // Go writes null for a list that was never made.
        txs_results: (!txs.is_empty()).then(|| txs.iter().map(shapes::tx_result).collect()),
        finalize_block_events: None,
        validator_updates: (!updates.is_empty()).then(|| updates.iter().map(shapes::validator_update).collect()),
        consensus_param_updates: None,
        app_hash: shapes::base64(&app_hash),
    })
}

fn consensus_params(node: &Node<'_>, params: &Params) -> Outcome {
    let height = node.height(params, node.tip() + 1)?;
    let plan = node.chain.plan();
    let params = shapes::consensus_params(plan.release, &plan.key_kinds, plan.app_version);
    raw(&ConsensusParamsResultJson::new(height, &params))
}

fn blockchain(node: &Node<'_>, params: &Params) -> Outcome {
    let bound = |name| {
        let asked = params.number(name)?.unwrap_or(0);
        u64::try_from(asked).map_err(|_| RpcError::internal("heights must be non-negative".into()))
    };
    let (min, max) = (bound("minHeight")?, bound("maxHeight")?);
    let tip = node.tip();
    let max = if max == 0 { tip } else { max.min(tip) };
    let min = min.max(node.base()).max((max + 1).saturating_sub(BLOCK_METAS_MAX));
    if min > max {
        let why = format!("min height {min} can't be greater than max height {max}");
        return Err(RpcError::internal(why));
    }
    let headers: Vec<Header> = (min..=max).rev().filter_map(|height| node.header_told(height)).collect();
    let metas = headers.iter().filter_map(|header| {
        let (block, id) = (node.chain.block(header.height)?, node.chain.block_id(header.height)?);
        let size = i64::try_from(block.to_protobuf().len()).unwrap_or(i64::MAX);
        Some(BlockMetaJson::new(&id, header, size, i64::try_from(block.txs.len()).unwrap_or(i64::MAX)))
    });
    raw(&BlockchainResultJson::new(tip, metas.collect()))
}
