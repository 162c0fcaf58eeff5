//! `/metrics`: the node's counters and gauges in the text format of OpenMetrics.
//!
//! Labels come from settings, method tables and enums, never from a peer or client, so the number of series is bounded.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use rushlight::Measured;
use rushlight::core::base::ChainId;
use rushlight::core::chains::{ChainStatus, Fact, SyncState};
use rushlight::core::node::{Progress, Stats, TIME_CLASS_ENDS, Times};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

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
    dir: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FaultLabels {
    chain: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BanLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    protocol: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct VerifyLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct MethodLabels {
    method: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NoLabels {}

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

const STATES: [&str; 6] = ["synced", "syncing", "stale", "broken", "expired", "frozen"];

/// Returns the text of `/metrics`. `now_s` is the wall clock in seconds since 1970, `resident_bytes` the memory that the
/// process holds, where the system says.
pub(crate) fn encode(stats: &Stats, measured: &Measured, now_s: i64, resident_bytes: Option<u64>) -> String {
    let mut registry = Registry::with_prefix("rushlight");
    chains(&mut registry, stats, now_s);
    peers(&mut registry, stats);
    times(&mut registry, stats, measured);
    if let Some(bytes) = measured.store_bytes {
        registry.register_with_unit("db", "Size of the store's file", Unit::Bytes, gauge(bytes as i64));
    }
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
        ("rpc_ws_connections", "WebSockets open now", measured.websockets),
        ("rpc_subscriptions", "Subscriptions open now", stats.rpc_subscriptions),
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

/// Times as a histogram, which the library has only for what is observed one by one.
#[derive(Debug)]
struct Histogram<L> {
    name: &'static str,
    help: &'static str,
    /// By labels; `None` where there is one and it has none.
    times: Vec<(Option<L>, Times)>,
}

impl<L: EncodeLabelSet + std::fmt::Debug + Send + Sync + 'static> Collector for Histogram<L> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let kind = MetricType::Histogram;
        let mut family = encoder.encode_descriptor(self.name, self.help, Some(&Unit::Seconds), kind)?;
        for (labels, times) in &self.times {
            let ends = TIME_CLASS_ENDS.iter().map(Duration::as_secs_f64);
            let mut classes: Vec<(f64, u64)> = ends.zip(times.classes).collect();
            classes.push((f64::INFINITY, times.count.saturating_sub(times.classes.iter().sum())));
            let sum = times.sum.as_secs_f64();
            let (count, classes) = (times.count, classes.as_slice());
            match labels {
                None => family.encode_histogram::<NoLabels>(sum, count, classes, None)?,
                Some(labels) => {
                    family.encode_family(labels)?.encode_histogram::<NoLabels>(sum, count, classes, None)?;
                }
            }
        }
        Ok(())
    }
}

fn times(registry: &mut Registry, stats: &Stats, measured: &Measured) {
    let requests = measured.requests.iter();
    let requests = requests.map(|(outcome, times)| (Some(RequestLabels { protocol: "http", outcome }), times.clone()));
    let help = "Time of requests to providers";
    registry.register_collector(Box::new(Histogram { name: "request", help, times: requests.collect() }));
    let verifications = measured.verifications.iter();
    let verifications =
        verifications.map(|((kind, outcome), times)| (Some(VerifyLabels { kind, outcome }), times.clone()));
    let help = "Time of works on their thread";
    registry.register_collector(Box::new(Histogram { name: "proof_verify", help, times: verifications.collect() }));
    let calls = stats.rpc_times.iter().map(|(method, times)| (Some(MethodLabels { method }), times.clone()));
    let help = "Time of JSON-RPC calls that a chain had to be asked about";
    registry.register_collector(Box::new(Histogram { name: "rpc", help, times: calls.collect() }));
    let writes = vec![(None::<NoLabels>, measured.store_writes.clone())];
    let help = "Time of writes until they were on the disk";
    registry.register_collector(Box::new(Histogram { name: "db_write", help, times: writes }));
}

/// Returns how much of the sync that a chain is at is done, from 0 to 1; `None` when nothing tells.
fn progress(stats: &Stats, chain: ChainId, status: &ChainStatus) -> Option<f64> {
    if matches!(status.state, SyncState::Synced | SyncState::Stale(_)) {
        return Some(1.0);
    }
    let Progress { from, height, target } = *stats.progress.get(&chain)?;
    let (done, all) = (height.saturating_sub(from), target.saturating_sub(from));
    Some(if all == 0 { 1.0 } else { (done as f64 / all as f64).min(1.0) })
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
    let ratio = Family::<ChainLabels, Gauge<f64, AtomicU64>>::default();
    for (id, chain, status) in &stats.chains {
        if let Some(value) = progress(stats, *id, status) {
            ratio.get_or_create(&ChainLabels { family: status.family, chain: chain.clone() }).set(value);
        }
    }
    registry.register("sync_progress_ratio", "How much of the sync under way is done", ratio);
    let equivocations = Family::<ChainLabels, Counter>::default();
    for (id, chain, status) in &stats.chains {
        let count = stats.equivocations.get(id).copied().unwrap_or_default();
        let labels = ChainLabels { family: status.family, chain: chain.clone() };
        equivocations.get_or_create(&labels).inc_by(count);
    }
    let help = "Times that two conflicting headers verified, since the start";
    registry.register("equivocations", help, equivocations);
    let lag = each(&|status| Some(now_s.saturating_sub(status.head?.time?.seconds()).max(0)));
    registry.register_with_unit("finality_lag", "Age of the newest verified header", Unit::Seconds, lag);
    let frozen = each(&|status| Some(i64::from(matches!(status.state, SyncState::Frozen(_)))));
    registry.register("frozen", "1 when evidence of an attack stopped the chain", frozen);
    facts(registry, stats, now_s);
}

/// What families tell beside: counts as counters, times as how far off they are. Other facts are for people to read.
fn facts(registry: &mut Registry, stats: &Stats, now_s: i64) {
    let mut counts = BTreeMap::<&str, Family<ChainLabels, Counter>>::new();
    let mut times = BTreeMap::<&str, Family<ChainLabels, Gauge>>::new();
    for (_, chain, status) in &stats.chains {
        let labels = ChainLabels { family: status.family, chain: chain.clone() };
        for (name, fact) in &status.facts {
            match fact {
                Fact::Count(count) => drop(counts.entry(name).or_default().get_or_create(&labels).inc_by(*count)),
                Fact::Time(at) => {
                    let left = at.seconds().saturating_sub(now_s);
                    times.entry(name).or_default().get_or_create(&labels).set(left);
                }
                _ => {}
            }
        }
    }
    for (name, family) in counts {
        registry.register(name, format!("{} since the start", in_words(name)), family);
    }
    for (name, family) in times {
        let help = format!("{}: time until then; negative once it has passed", in_words(name));
        registry.register_with_unit(name, help, Unit::Seconds, family);
    }
}

/// Returns `headers_verified` as `Headers verified`.
fn in_words(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>().replace('_', " ")
}

fn peers(registry: &mut Registry, stats: &Stats) {
    let names: BTreeMap<_, _> = stats.chains.iter().map(|(id, name, _)| (*id, name.as_str())).collect();
    let peers = Family::<PeerLabels, Gauge>::default();
    let faults = Family::<FaultLabels, Counter>::default();
    let served = stats.peers.iter().flat_map(|peer| peer.chains.iter().map(move |chain| (chain, peer)));
    for (chain, peer) in served {
        let chain = names.get(chain).copied().unwrap_or_default();
        let transport = if peer.address.origin().starts_with("https:") { "https" } else { "http" };
        let available = peers.get_or_create(&PeerLabels { chain: chain.to_owned(), transport, dir: "out" }).clone();
        available.inc_by(i64::from(peer.quarantined.is_none()));
        for (verdict, count) in &peer.faults {
            let labels = FaultLabels { chain: chain.to_owned(), reason: verdict.word() };
            faults.get_or_create(&labels).inc_by(*count);
        }
    }
    registry.register("peers", "Providers that may be asked, without those in quarantine", peers);
    let bans = Family::<BanLabels, Counter>::default();
    for (verdict, count) in &stats.quarantines {
        bans.get_or_create(&BanLabels { reason: verdict.word() }).inc_by(*count);
    }
    registry.register("peer_bans", "Times that a provider was put into quarantine", bans);
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
    use rushlight::core::base::{Hash, PeerId, UnixTime};
    use rushlight::core::chains::Head;
    use rushlight::core::peers::{Address, PeerStats, Verdict};

    #[test]
    fn the_text_has_the_names_that_dashboards_use() {
        let time = |seconds| UnixTime::new(seconds, 0).unwrap();
        let status = ChainStatus {
            family: "tendermint",
            chain_id: "hub-4".into(),
            head: Some(Head { height: 90, hash: Hash([1; 32]), time: Some(time(1_000)) }),
            target: Some(100),
            state: SyncState::Syncing("10 heights to go".into()),
            facts: vec![
                ("trust_expires", Fact::Time(time(5_000))),
                ("headers_verified", Fact::Count(7)),
                ("blocks_fetched", Fact::Count(8)),
                ("signatures_checked", Fact::Count(900)),
                ("guarantee", Fact::Group(vec![("witnesses_asked", Fact::Count(2))])),
            ],
            peers: Vec::new(),
        };
        let peer = PeerStats {
            peer: PeerId(1),
            chains: vec![ChainId(1)],
            address: Address::parse("https://a.example").unwrap(),
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
            rpc_subscriptions: 4,
            rpc_times: BTreeMap::from([("rushlight_prove", took(&[3]))]),
            quarantines: BTreeMap::from([(Verdict::Lying, 2)]),
            equivocations: BTreeMap::from([(ChainId(1), 1)]),
            progress: BTreeMap::from([(ChainId(1), Progress { from: 60, height: 90, target: 100 })]),
            ..Stats::default()
        };
        let mut measured = Measured::default();
        measured.requests.insert("ok", took(&[4, 70_000]));
        measured.verifications.insert(("signatures", "valid"), took(&[20]));
        measured.store_writes = took(&[7, 8]);
        measured.store_bytes = Some(1_056_768);
        measured.websockets = 3;
        let text = encode(&stats, &measured, 1_030, Some(4_096));
        assert!(
            text.contains("rushlight_request_seconds_bucket{le=\"0.005\",protocol=\"http\",outcome=\"ok\"} 1\n"),
            "{text}"
        );
        assert!(
            text.contains("rushlight_request_seconds_bucket{le=\"+Inf\",protocol=\"http\",outcome=\"ok\"} 2\n"),
            "{text}"
        );
        let is_shown = |line: &&str| !line.starts_with('#') && !line.contains("_bucket{");
        let mut samples: Vec<&str> = text.lines().filter(is_shown).collect();
        samples.sort_unstable();
        expect![[r#"
            rushlight_best_height{family="tendermint",chain="hub"} 100
            rushlight_blocks_fetched_total{family="tendermint",chain="hub"} 8
            rushlight_build_info{version="0.1.0"} 1
            rushlight_db_bytes 1056768
            rushlight_db_write_seconds_count 2
            rushlight_db_write_seconds_sum 0.015
            rushlight_equivocations_total{family="tendermint",chain="hub"} 1
            rushlight_fetches_pending 0
            rushlight_finality_lag_seconds{family="tendermint",chain="hub"} 30
            rushlight_finalized_height{family="tendermint",chain="hub"} 90
            rushlight_frozen{family="tendermint",chain="hub"} 0
            rushlight_headers_verified_total{family="tendermint",chain="hub"} 7
            rushlight_net_bytes_total{dir="in",protocol="http"} 12345
            rushlight_peer_bans_total{reason="lying"} 2
            rushlight_peer_faults_total{chain="hub",reason="slow"} 2
            rushlight_peers{chain="hub",transport="https",dir="out"} 1
            rushlight_process_resident_memory_bytes 4096
            rushlight_proof_verify_seconds_count{kind="signatures",outcome="valid"} 1
            rushlight_proof_verify_seconds_sum{kind="signatures",outcome="valid"} 0.02
            rushlight_request_seconds_count{protocol="http",outcome="ok"} 2
            rushlight_request_seconds_sum{protocol="http",outcome="ok"} 70.004
            rushlight_rpc_clients 0
            rushlight_rpc_requests_total{method="rushlight_status",code="0"} 3
            rushlight_rpc_seconds_count{method="rushlight_prove"} 1
            rushlight_rpc_seconds_sum{method="rushlight_prove"} 0.003
            rushlight_rpc_subscriptions 4
            rushlight_rpc_ws_connections 3
            rushlight_signatures_checked_total{family="tendermint",chain="hub"} 900
            rushlight_sync_progress_ratio{family="tendermint",chain="hub"} 0.75
            rushlight_sync_state{family="tendermint",chain="hub",state="broken"} 0
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
            let name = ["_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/operating.md");
        }
    }

    fn took(millis: &[u64]) -> Times {
        let mut times = Times::default();
        millis.iter().for_each(|millis| times.add(Duration::from_millis(*millis)));
        times
    }

    #[test]
    fn memory_is_told() {
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
