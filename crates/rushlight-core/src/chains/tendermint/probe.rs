//! How one provider is asked outside of any sync, by CometBFT's RPC.

use super::NAME;
use super::decode::json;
use crate::chains::{HeaderTold, HttpQuestion, PeerTold, Probe, Reply, ToDescribe};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub(super) struct Rpc;

impl Probe for Rpc {
    fn ask_status(&self) -> HttpQuestion {
        HttpQuestion::Get("/status".to_string())
    }

    fn read_status(&self, reply: Reply<'_>) -> Result<PeerTold, String> {
        let status = json::status_answer(reply.body).map_err(|error| error.to_string())?;
        let status = status.map_err(|error| error.to_string())?;
        Ok(PeerTold {
            chain_id: status.chain_id,
            node_id: status.node_id,
            latest: status.latest_height,
            latest_time: Some(status.latest_time),
            earliest: status.earliest_height,
            is_syncing: status.catching_up,
        })
    }

    fn ask_header(&self, height: u64) -> HttpQuestion {
        HttpQuestion::Get(format!("/commit?height={height}"))
    }

    fn read_header(&self, height: u64, reply: Reply<'_>) -> Result<HeaderTold, String> {
        let answer = json::commit_answer(reply.body).map_err(|error| error.to_string())?;
        let (header, _) = answer.map_err(|error| error.to_string())?;
        if header.height != height {
            return Err(format!("it was asked for height {height} and answered with {}", header.height));
        }
        Ok(HeaderTold { hash: header.hash(), time: Some(header.time) })
    }

    fn chain_file(&self, chain: &ToDescribe<'_>) -> String {
        let ToDescribe { chain_id, providers, height, header, trusting_period } = chain;
        let providers: Vec<String> = providers.iter().map(|url| format!("    {url:?},\n")).collect();
        let time = header.time.map_or_else(|| "unknown".to_string(), |time| time.to_string());
        format!(
            "# A chain for `rushlight run --chain`.\nfamily = \"{NAME}\"\nchain_id = {chain_id:?}\nproviders = [\n{}]\n\n\
             # For how long headers are trusted. It must be well below the chain's unbonding period (often 21 days):\n\
             # beyond that, validators who have left can sign anything without being punished.\n\
             trusting_period = {trusting_period:?}\n\n\
             # Compare the hash with a source that you trust (an explorer, your own node, a friend) before you use this file.\n\
             # Header time: {time}\n[trust]\nheight = {height}\nhash = \"{}\"\n",
            providers.concat(),
            header.hash,
        )
    }
}
