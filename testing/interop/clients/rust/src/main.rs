//! tendermint-rpc and cosmrs, unmodified: the same questions to Rushlight and to a node, and the same answers.
//!
//! `rushlight-interop-rust-clients RUSHLIGHT_URL NODE_URL`; exit code 1 when a call fails or a value differs. What no
//! header covers (proposer priorities, sizes) is not compared.

use std::fmt::Debug;
use std::process::ExitCode;

struct Report {
    client: &'static str,
    failures: u32,
}

impl Report {
    fn same<T: PartialEq + Debug>(&mut self, name: &str, got: &T, want: &T) {
        if got == want {
            println!("ok   {} {name}", self.client);
        } else {
            self.failures += 1;
            println!("FAIL {} {name}\n  rushlight {got:?}\n  node      {want:?}", self.client);
        }
    }

    fn took<T, E: Debug>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.failures += 1;
                println!("FAIL {} {name}: {error:?}", self.client);
                None
            }
        }
    }
}

/// Makes a module that asks with one version of the library: both crates show the same interface.
macro_rules! client {
    ($module:ident, $rpc:path, $types:path) => {
        mod $module {
            use super::Report;
            use rpc::{Client, HttpClient, Paging};
            use $rpc as rpc;
            use $types as types;

            fn members(set: &[types::validator::Info]) -> Vec<String> {
                set.iter().map(|one| format!("{} {:?} {}", one.address, one.pub_key, one.power.value())).collect()
            }

            pub async fn compare(report: &mut Report, rushlight: &str, node: &str) {
                let ours = HttpClient::new(rushlight).expect("an address of Rushlight");
                let theirs = HttpClient::new(node).expect("an address of a node");
                let Some(status) = report.took("status", ours.status().await) else { return };
                let real = theirs.status().await.expect("the node's status");
                report.same("status: network", &status.node_info.network, &real.node_info.network);
                let tip = u32::try_from(status.sync_info.latest_block_height.value()).expect("a young chain");
                for height in [tip, tip - 1, 2] {
                    if let Some(got) = report.took("commit", ours.commit(height).await) {
                        let want = theirs.commit(height).await.expect("the node's commit").signed_header;
                        let got = got.signed_header;
                        report.same(&format!("commit {height}: header"), &got.header, &want.header);
                        report.same(&format!("commit {height}: id"), &got.commit.block_id, &want.commit.block_id);
                    }
                    if let Some(got) = report.took("header", ours.header(height).await) {
                        let want = theirs.header(height).await.expect("the node's header").header;
                        report.same(&format!("header {height}"), &got.header, &want);
                        let hash = got.header.hash();
                        if let Some(got) = report.took("header_by_hash", ours.header_by_hash(hash).await) {
                            report.same(&format!("header_by_hash {height}"), &got.header, &Some(want));
                        }
                    }
                    if let Some(got) = report.took("validators", ours.validators(height, Paging::All).await) {
                        let want = theirs.validators(height, Paging::All).await.expect("the node's set");
                        report.same(
                            &format!("validators {height}"),
                            &members(&got.validators),
                            &members(&want.validators),
                        );
                    }
                    if let Some(got) = report.took("consensus_params", ours.consensus_params(height).await) {
                        let want = theirs.consensus_params(height).await.expect("the node's parameters");
                        report.same(
                            &format!("consensus_params {height}"),
                            &got.consensus_params,
                            &want.consensus_params,
                        );
                    }
                }
                if let Some(got) = report.took("blockchain", ours.blockchain(2_u32, tip).await) {
                    let want = theirs.blockchain(2_u32, tip).await.expect("the node's blocks");
                    let ids: Vec<_> = got.block_metas.iter().map(|meta| (meta.block_id, meta.header.clone())).collect();
                    let real: Vec<_> =
                        want.block_metas.iter().map(|meta| (meta.block_id, meta.header.clone())).collect();
                    report.same("blockchain", &ids, &real);
                }
                report.took("health", ours.health().await);
            }
        }
    };
}

client!(tendermint_rpc_0_41, tendermint_rpc, tendermint);
client!(cosmrs_0_22, cosmrs::rpc, cosmrs::tendermint);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rushlight, node] = arguments.as_slice() else {
        eprintln!("usage: rushlight-interop-rust-clients RUSHLIGHT_URL NODE_URL");
        return ExitCode::from(2);
    };
    let mut report = Report { client: "tendermint-rpc 0.41", failures: 0 };
    tendermint_rpc_0_41::compare(&mut report, rushlight, node).await;
    report.client = "cosmrs 0.22";
    cosmrs_0_22::compare(&mut report, rushlight, node).await;
    println!("{} failures", report.failures);
    if report.failures == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
