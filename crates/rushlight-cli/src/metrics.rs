//! `/metrics`: the node's counters and gauges in the text format of OpenMetrics.
//!
//! Labels come from settings, method tables and enums, never from a peer or client, so the number of series is bounded.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use rushlight::core::chains::{ChainStatus, SyncState};
use rushlight::core::node::Stats;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ChainLabels {
    family: &'static str,
    chain: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    family: &'static str,
    chain: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PeerLabels {
    chain: String,
    transport: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FaultLabels {
    chain: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByteLabels {
    dir: &'static str,
    protocol: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    method: &'static str,
    code: i32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

const STATES: [&str; 5] = ["synced", "syncing", "stale", "expired", "frozen"];

/// Returns the text of `/metrics`. `now_s` is the wall clock in seconds since 1970, `resident_bytes` the memory that the
/// process holds, where the system says.
pub(crate) fn encode(stats: &Stats, now_s: i64, resident_bytes: Option<u64>) -> String {
    let mut registry = Registry::with_prefix("rushlight");
    chains(&mut registry, stats, now_s);
    peers(&mut registry, stats);
    let bytes = Family::<ByteLabels, Counter>::default();
    bytes.get_or_create(&ByteLabels { dir: "in", protocol: "http" }).inc_by(stats.bytes_received);
    registry.register("net_bytes", "Body bytes received from providers", bytes);
    let calls = Family::<CallLabels, Counter>::default();
    for ((method, code), count) in &stats.rpc_calls {
        calls.get_or_create(&CallLabels { method, code: *code }).inc_by(*count);
    }
    registry.register("rpc_requests", "JSON-RPC calls by method and error code, 0 for success", calls);
    for (name, help, count) in [
        ("rpc_clients", "RPC clients connected now", stats.rpc_clients),
        ("fetches_pending", "Requests to providers under way", stats.fetches_pending),
        ("works_pending", "Signature batches under way", stats.works_pending),
    ] {
        registry.register(name, help, gauge(count as i64));
    }
    if let Some(bytes) = resident_bytes {
        let help = "Memory that the process holds";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, gauge(bytes as i64));
    }
    let build = Family::<BuildLabels, Gauge>::default();
    build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
    registry.register("build_info", "Always 1; the labels say which build this is", build);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = text::encode(&mut out, &registry);
    out
}

fn gauge(value: i64) -> Gauge {
    let gauge: Gauge = Gauge::default();
    gauge.set(value);
    gauge
}

fn chains(registry: &mut Registry, stats: &Stats, now_s: i64) {
    let state = Family::<StateLabels, Gauge>::default();
    let each = |read: &dyn Fn(&ChainStatus) -> Option<i64>| {
        let family = Family::<ChainLabels, Gauge>::default();
        for (_, chain, status) in &stats.chains {
            if let Some(value) = read(status) {
                family.get_or_create(&ChainLabels { family: status.family, chain: chain.clone() }).set(value);
            }
        }
        family
    };
    let count = |read: &dyn Fn(&ChainStatus) -> u64| {
        let family = Family::<ChainLabels, Counter>::default();
        for (_, chain, status) in &stats.chains {
            let labels = ChainLabels { family: status.family, chain: chain.clone() };
            family.get_or_create(&labels).inc_by(read(status));
        }
        family
    };
    for (_, chain, status) in &stats.chains {
        for word in STATES {
            let labels = StateLabels { family: status.family, chain: chain.clone(), state: word };
            state.get_or_create(&labels).set(i64::from(word == status.state.word()));
        }
    }
    registry.register("sync_state", "1 for the state that the chain is in", state);
    let finalized = each(&|status| status.head.map(|head| head.height as i64));
    registry.register("finalized_height", "Height of the newest verified final header", finalized);
    registry.register(
        "best_height",
        "Height that is being synced to",
        each(&|status| status.target.or(status.head.map(|head| head.height)).map(|height| height as i64)),
    );
    let lag = each(&|status| status.head.map(|head| now_s.saturating_sub(head.time.seconds()).max(0)));
    registry.register_with_unit("finality_lag", "Age of the newest verified header", Unit::Seconds, lag);
    let expires = each(&|status| status.trust_expires.map(|at| at.seconds().saturating_sub(now_s)));
    let help = "Time until trust in the newest verified header ends; negative once it has";
    registry.register_with_unit("trust_expires", help, Unit::Seconds, expires);
    let frozen = each(&|status| Some(i64::from(matches!(status.state, SyncState::Frozen(_)))));
    registry.register("frozen", "1 when evidence of an attack stopped the chain", frozen);
    let verified = count(&|status| status.headers_verified);
    registry.register("headers_verified", "Headers verified since the start", verified);
    let fetched = count(&|status| status.blocks_fetched);
    registry.register("blocks_fetched", "Light blocks fetched since the start", fetched);
    let checked = count(&|status| status.signatures_checked);
    registry.register("signatures_checked", "Signatures checked since the start", checked);
}

fn peers(registry: &mut Registry, stats: &Stats) {
    let names: BTreeMap<_, _> = stats.chains.iter().map(|(id, name, _)| (*id, name.as_str())).collect();
    let peers = Family::<PeerLabels, Gauge>::default();
    let faults = Family::<FaultLabels, Counter>::default();
    for peer in &stats.peers {
        let chain = names.get(&peer.chain).copied().unwrap_or_default();
        let transport = if peer.address.starts_with("https:") { "https" } else { "http" };
        let available = peers.get_or_create(&PeerLabels { chain: chain.to_owned(), transport }).clone();
        available.inc_by(i64::from(peer.quarantined.is_none()));
        for (verdict, count) in &peer.faults {
            let labels = FaultLabels { chain: chain.to_owned(), reason: verdict.word() };
            faults.get_or_create(&labels).inc_by(*count);
        }
    }
    registry.register("peers", "Providers that may be asked, without those in quarantine", peers);
    registry.register("peer_faults", "What was held against providers", faults);
}

/// Returns the memory that this process holds, where the system says (Linux).
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use rushlight::core::base::{ChainId, Hash, PeerId, UnixTime};
    use rushlight::core::chains::Head;
    use rushlight::core::peers::{PeerStats, Verdict};

    #[test]
    fn the_text_has_the_names_that_dashboards_use() {
        let time = |seconds| UnixTime::new(seconds, 0).unwrap();
        let status = ChainStatus {
            family: "tendermint",
            chain_id: "hub-4".into(),
            head: Some(Head { height: 90, hash: Hash([1; 32]), time: time(1_000) }),
            trust_expires: Some(time(5_000)),
            target: Some(100),
            state: SyncState::Syncing("10 heights to go".into()),
            witnesses_agreeing: 1,
            witnesses_asked: 2,
            headers_verified: 7,
            blocks_fetched: 8,
            signatures_checked: 900,
            providers: Vec::new(),
        };
        let peer = PeerStats {
            peer: PeerId(1),
            chain: ChainId(1),
            address: "https://a.example".into(),
            quarantined: None,
            answered: 5,
            faults: BTreeMap::from([(Verdict::Slow, 2)]),
            last_fault: None,
            p95_ms: None,
        };
        let stats = Stats {
            chains: vec![(ChainId(1), "hub".into(), status)],
            peers: vec![peer],
            rpc_calls: BTreeMap::from([(("rushlight_status", 0), 3)]),
            bytes_received: 12_345,
            ..Stats::default()
        };
        let text = encode(&stats, 1_030, Some(4_096));
        let mut samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        samples.sort_unstable();
        expect![[r#"
            rushlight_best_height{family="tendermint",chain="hub"} 100
            rushlight_blocks_fetched_total{family="tendermint",chain="hub"} 8
            rushlight_build_info{version="0.1.0"} 1
            rushlight_fetches_pending 0
            rushlight_finality_lag_seconds{family="tendermint",chain="hub"} 30
            rushlight_finalized_height{family="tendermint",chain="hub"} 90
            rushlight_frozen{family="tendermint",chain="hub"} 0
            rushlight_headers_verified_total{family="tendermint",chain="hub"} 7
            rushlight_net_bytes_total{dir="in",protocol="http"} 12345
            rushlight_peer_faults_total{chain="hub",reason="slow"} 2
            rushlight_peers{chain="hub",transport="https"} 1
            rushlight_process_resident_memory_bytes 4096
            rushlight_rpc_clients 0
            rushlight_rpc_requests_total{method="rushlight_status",code="0"} 3
            rushlight_signatures_checked_total{family="tendermint",chain="hub"} 900
            rushlight_sync_state{family="tendermint",chain="hub",state="expired"} 0
            rushlight_sync_state{family="tendermint",chain="hub",state="frozen"} 0
            rushlight_sync_state{family="tendermint",chain="hub",state="stale"} 0
            rushlight_sync_state{family="tendermint",chain="hub",state="synced"} 0
            rushlight_sync_state{family="tendermint",chain="hub",state="syncing"} 1
            rushlight_trust_expires_seconds{family="tendermint",chain="hub"} 3970
            rushlight_works_pending 0"#]]
        .assert_eq(&samples.join("\n"));
        assert!(text.ends_with("# EOF\n"));
        let page = include_str!("../../../docs/operating.md");
        for sample in samples {
            let name = sample.split(['{', ' ']).next().unwrap();
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/operating.md");
        }
    }

    #[test]
    fn memory_is_told() {
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
