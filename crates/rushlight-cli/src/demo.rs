//! `rushlight demo`: a network of its own, a light client that syncs to it, and a liar that is refused.
//!
//! Nothing in it is staged: every line is printed after the check that it tells of, and the first check that does not
//! turn out as told ends the demo with a failure.

use crate::failure::{Exit, Failure};
use crate::folder::TemporaryFolder;
use crate::{print, run};
use rushlight::core::base::{ChainId, Hash};
use rushlight::core::bundle::Checkpoint;
use rushlight::core::chains::{ChainNotice, Fact, SyncState};
use rushlight::core::codec::text;
use rushlight::core::node::{Notice, verify_bundle};
use rushlight::core::peers::Verdict;
use rushlight::{ChainSpec, Client, ListenError, Listening, Options, Origin, Settings};
use rushlight_devnet::{ChainPlan, Devnet, DevnetPlan, Lie, LieKind, Rotation, RotationOrder, wall_clock};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CHAIN: &str = "rushlight-demo";
const VALIDATORS: usize = 50;
const HEIGHTS: u64 = 400;
const ROTATION: Rotation = Rotation { every: 25, replace_percent: 10, order: RotationOrder::Drawn, powers: false };
/// How long headers are trusted; the demo's chain is minutes old.
const TRUSTING_PERIOD: Duration = Duration::from_secs(24 * 3_600);
/// How long one step may take before the demo gives up.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_PAUSE: Duration = Duration::from_millis(10);
/// Where in a bundle the byte stands that is changed: its middle, far from the header of the container.
const CHANGED_BYTE: fn(usize) -> usize = |len| len / 2;

/// What the user asks of the demo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// End after the last step.
    pub(crate) once: bool,
    /// Tell it as one JSON object.
    pub(crate) json: bool,
}

/// Tells the story, then serves until a signal comes.
pub(crate) async fn demo(settings: &Settings, wanted: Wanted) -> Result<(), Failure> {
    let stop = run::signals()?;
    let mut story = Story { json: wanted.json, told: serde_json::Map::new() };
    story.say("Rushlight demo: a network of its own, a light client, and one provider that lies.\n")?;
    let folder = TemporaryFolder::new()?;
    let mut options = Options::new(folder.path());
    options.threads = settings.threads;
    tokio::pin!(stop);
    tokio::select! {
        told = tell(&mut story, settings, options, wanted) => told?,
        _ = &mut stop => return Ok(()),
    }
    Ok(())
}

async fn tell(story: &mut Story, settings: &Settings, options: Options, wanted: Wanted) -> Result<(), Failure> {
    let network = network(story).await?;
    let trusted = checkpoint(story, &network)?;
    let client = Client::start(options)?;
    let chain = sync(story, &network, &client, &trusted).await?;
    proof(story, &network, &client, chain).await?;
    lie(story, &network, &client, &trusted).await?;
    let listening = listen(&client, settings, wanted.once).await?;
    let url = listening.as_ref().map(|listening| format!("http://{}", listening.address()));
    story.end(url.as_deref(), wanted.once)?;
    if wanted.once {
        return Ok(client.shutdown().await?);
    }
    client.stopped().await?;
    Ok(())
}

/// Listens where the settings say. The default address may be another daemon's, and then any free one will do for a demo;
/// one that the user chose is kept to.
async fn listen(client: &Client, settings: &Settings, is_once: bool) -> Result<Option<Listening>, Failure> {
    let Some(address) = settings.listen else { return Ok(None) };
    let is_default =
        settings.found().iter().any(|found| found.setting.name == "listen" && found.origin == Origin::Default);
    let address = if is_once && is_default { ANY_PORT } else { address };
    let listening = match client.listen(run::listen_options(settings, address)).await {
        Err(ListenError::Bind { .. }) if is_default => client.listen(run::listen_options(settings, ANY_PORT)).await?,
        listening => listening?,
    };
    Ok(Some(listening))
}

const ANY_PORT: std::net::SocketAddr =
    std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// The header from which the client starts.
struct Trusted {
    height: u64,
    hash: Hash,
}

/// Starts three honest providers and one that forges headers.
async fn network(story: &mut Story) -> Result<Devnet, Failure> {
    let started = Instant::now();
    let chain =
        ChainPlan { chain_id: CHAIN.into(), validators: VALIDATORS, rotation: Some(ROTATION), ..ChainPlan::default() };
    // The block that everybody starts from is served as it is, so that the lie is about what follows.
    let liar = Lie { kind: LieKind::ForgedHeader, from: 2 };
    let providers = vec![None, None, None, Some(liar)];
    let plan = DevnetPlan { chain, providers, port: 0, tip: HEIGHTS, grows: true }.timed(wall_clock());
    let network = Devnet::start(plan).await.map_err(|error| failed("network", &error))?;
    let seconds = started.elapsed().as_secs_f64();
    let line = format!(
        "{CHAIN}: {VALIDATORS} validators, {} % of them replaced every {} blocks; {HEIGHTS} blocks made in {seconds:.1} \
         s, one more each second\n{}",
        ROTATION.replace_percent,
        ROTATION.every,
        network.urls().join(" ")
    );
    let value = json!({ "chain_id": CHAIN, "validators": VALIDATORS, "heights": HEIGHTS, "urls": network.urls() });
    story.step("network", &line, value)?;
    Ok(network)
}

/// Takes the first header's hash from the network's maker: the one thing that a light client is told and cannot check.
fn checkpoint(story: &mut Story, network: &Devnet) -> Result<Trusted, Failure> {
    let hash = network.hash(1).ok_or_else(|| failed("checkpoint", &"the network has no first block"))?;
    let line = format!("height 1, hash {hash}\nthe one thing that you must get from somebody you trust");
    story.step("checkpoint", &line, json!({ "height": "1", "hash": hash.to_string() }))?;
    Ok(Trusted { height: 1, hash })
}

fn spec(trusted: &Trusted, providers: &[&String]) -> Result<ChainSpec, Failure> {
    let spec = json!({
        "family": "tendermint", "chain_id": CHAIN, "providers": providers,
        "trust": { "height": trusted.height, "hash": trusted.hash.to_string() },
        "trusting_period": format!("{}s", TRUSTING_PERIOD.as_secs()), "witnesses_min": 1,
    });
    ChainSpec::from_json(&spec.to_string()).map_err(|error| failed("chain description", &error))
}

/// Syncs from the checkpoint to the network's head, and compares with what the network's maker says.
async fn sync(story: &mut Story, network: &Devnet, client: &Client, trusted: &Trusted) -> Result<ChainId, Failure> {
    let honest: Vec<&String> = network.urls().iter().take(3).collect();
    let started = Instant::now();
    let chain = client.add_chain("demo", spec(trusted, &honest)?).await?;
    let status = synced(client, chain, "sync").await?;
    let elapsed = started.elapsed();
    let head = status.head.ok_or_else(|| failed("sync", &"there is no head"))?;
    same(network, head.height, head.hash, "sync")?;
    let number = |path| status.fact(path).and_then(Fact::number).unwrap_or_default();
    let (agreeing, asked) = (number("guarantee.witnesses_agreeing"), number("guarantee.witnesses_asked"));
    let (blocks_fetched, signatures_checked) = (number("blocks_fetched"), number("signatures_checked"));
    if head.height < HEIGHTS || agreeing == 0 {
        let text = format!("head {} with {agreeing} witnesses", head.height);
        return Err(failed("sync", &text));
    }
    let line = format!(
        "head {} of 3 providers in {:.0} ms: {blocks_fetched} blocks fetched for {} heights, {signatures_checked} \
         signatures checked\n{agreeing} of {asked} witnesses have the same header",
        head.height,
        elapsed.as_secs_f64() * 1_000.0,
        head.height - trusted.height,
    );
    let value = json!({
        "height": head.height.to_string(), "hash": head.hash.to_string(), "elapsed_ms": elapsed.as_millis() as u64,
        "blocks_fetched": blocks_fetched, "signatures_checked": signatures_checked,
        "witnesses_agreeing": agreeing, "witnesses_asked": asked,
    });
    story.step("sync", &line, value)?;
    Ok(chain)
}

/// Exports a bundle and verifies it with nothing but its bytes; then changes one byte, which must be refused.
async fn proof(story: &mut Story, network: &Devnet, client: &Client, chain: ChainId) -> Result<(), Failure> {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "rushlight_prove", "params": {} }).to_string();
    let answer: Value =
        serde_json::from_str(&client.call(Some(chain), &call).await?).map_err(|error| failed("proof", &error))?;
    let member = |name: &str| {
        let text = answer["result"][name].as_str().map(str::to_owned);
        text.ok_or_else(|| failed("proof", &format!("no {name} in {answer}")))
    };
    let mut bundle = text::base64(&member("bundle")?).map_err(|error| failed("proof", &error))?;
    let checkpoint_text = member("checkpoint")?;
    let checkpoint = Checkpoint::from_text(&checkpoint_text).map_err(|error| failed("proof", &error))?;
    let started = Instant::now();
    let proven = verify_bundle(&bundle, &checkpoint, TRUSTING_PERIOD, rushlight::wall())
        .map_err(|error| failed("proof", &error))?;
    let elapsed = started.elapsed();
    same(network, proven.height, proven.hash, "proof")?;
    let size = bundle.len();
    if let Some(byte) = bundle.get_mut(CHANGED_BYTE(size)) {
        *byte ^= 1;
    }
    let refused = match verify_bundle(&bundle, &checkpoint, TRUSTING_PERIOD, rushlight::wall()) {
        Ok(_) => return Err(failed("proof", &"a changed bundle was accepted")),
        Err(error) => error.to_string(),
    };
    let line = format!(
        "height {} in a bundle of {} kB, verified without network, store or daemon in {:.0} ms, {} steps\none bit of it \
         changed: refused, {refused}",
        proven.height,
        size.div_ceil(1_000),
        elapsed.as_secs_f64() * 1_000.0,
        proven.steps,
    );
    let value = json!({
        "height": proven.height.to_string(), "hash": proven.hash.to_string(), "bytes": size, "steps": proven.steps,
        "checkpoint": checkpoint_text, "changed": refused,
    });
    story.step("proof", &line, value)
}

/// Lets the liar be the primary: it must be found out, and the client must reach the honest head all the same.
async fn lie(story: &mut Story, network: &Devnet, client: &Client, trusted: &Trusted) -> Result<(), Failure> {
    let [first, second, _, liar] = network.urls() else { return Err(failed("lie", &"there is no liar")) };
    let mut notices = client.notices();
    let chain = client.add_chain("lied-to", spec(trusted, &[liar, first, second])?).await?;
    let found = tokio::time::timeout(STEP_TIMEOUT, async {
        loop {
            match notices.recv().await {
                Ok(Notice::Chain(at, ChainNotice::Fault { peer, verdict: Verdict::Lying, why, .. })) if at == chain => {
                    break Ok((peer, why));
                }
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(error) => break Err(failed("lie", &error)),
            }
        }
    });
    let (peer, why) = found.await.map_err(|_| failed("lie", &"nobody was found lying"))??;
    let status = synced(client, chain, "lie").await?;
    let stats = client.stats().await?;
    let accused = stats.peers.iter().find(|known| known.peer == peer).map(|known| known.address.exposed());
    if accused != Some(liar.as_str()) {
        return Err(failed("lie", &format!("{accused:?} was accused, the liar is {liar}")));
    }
    let head = status.head.ok_or_else(|| failed("lie", &"there is no head"))?;
    same(network, head.height, head.hash, "lie")?;
    let line = format!(
        "{liar} serves forged headers as our primary: refused and set aside\n{why}\nthe honest providers led to head {}",
        head.height
    );
    let value = json!({ "provider": liar, "refused": why, "height": head.height.to_string() });
    story.step("lie", &line, value)?;
    Ok(client.remove_chain(chain).await?)
}

/// Waits until a chain is synced to the height that the network began with at least.
async fn synced(client: &Client, chain: ChainId, step: &str) -> Result<rushlight::core::chains::ChainStatus, Failure> {
    let until = Instant::now() + STEP_TIMEOUT;
    loop {
        let stats = client.stats().await?;
        let found = stats.chains.into_iter().find(|(id, ..)| *id == chain);
        let (_, _, status) = found.ok_or_else(|| failed(step, &"the chain is gone"))?;
        let is_there = status.head.is_some_and(|head| head.height >= HEIGHTS);
        match &status.state {
            SyncState::Synced if is_there => return Ok(status),
            SyncState::Expired(why) | SyncState::Frozen(why) => return Err(failed(step, why)),
            _ if Instant::now() > until => return Err(failed(step, &status.state.reason())),
            _ => tokio::time::sleep(LOOK_PAUSE).await,
        }
    }
}

/// Compares a verified hash with the network maker's own.
fn same(network: &Devnet, height: u64, got: Hash, step: &str) -> Result<(), Failure> {
    match network.hash(height) {
        Some(want) if want == got => Ok(()),
        want => Err(failed(step, &format!("height {height} has hash {got}, the network made {want:?}"))),
    }
}

fn failed(step: &str, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Other, format!("demo: {step}: {}", rushlight::escape(&why.to_string())))
}

/// What has been told so far.
struct Story {
    json: bool,
    told: serde_json::Map<String, Value>,
}

impl Story {
    fn say(&self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { print(format!("{text}\n").as_bytes()) }
    }

    /// Tells a step that has happened.
    fn step(&mut self, name: &str, text: &str, value: Value) -> Result<(), Failure> {
        self.told.insert(name.into(), value);
        let number = self.told.len();
        let lines = text.replace('\n', "\n               ");
        self.say(&format!("{number} {name:<12} {lines}"))
    }

    /// Tells where to go from here.
    fn end(&mut self, url: Option<&str>, once: bool) -> Result<(), Failure> {
        if self.json {
            self.told.insert("ok".into(), true.into());
            self.told.insert("serving".into(), url.filter(|_| !once).into());
            return print(format!("{}\n", Value::Object(self.told.clone())).as_bytes());
        }
        if once {
            return self.say("\nAll of it happened as told.");
        }
        let Some(url) = url else { return self.say("\nListening nowhere, as the settings say. Stop with Ctrl-C.") };
        self.say(&format!(
            "\nServing verified answers at {url}. Try, in another terminal:\n  curl {url}/\n  curl {url}/readyz\n  curl {url}/metrics\n  curl \
             -s {url}/ -H 'Content-Type: application/json' -d \
             '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_status\"}}'\n  curl -s {url}/ -H 'Content-Type: \
             application/json' -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_header\"}}'\nStop with Ctrl-C."
        ))
    }
}
