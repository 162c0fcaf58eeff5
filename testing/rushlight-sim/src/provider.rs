//! What providers answer, and what becomes of an answer on its way.

use crate::Dice;
use crate::scenario::{Behaviour, Provider, Scenario};
use rushlight_core::base::UnixTime;
use rushlight_core::peers::{Fetch, FetchFailed};
use rushlight_devnet::{Chain, ChainPlan, Ending, Fork, Lie, Node, Reply, Request};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The honest chain and those that liars show instead.
pub(crate) struct Chains {
    honest: Chain,
    others: BTreeMap<usize, Chain>,
    last_height: u64,
}

/// What reaches the client, and when.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// After this time.
    pub after: Duration,
    /// Status, `Retry-After` and body.
    pub result: Result<(u16, Option<u32>, Vec<u8>), FetchFailed>,
    /// The lie in it, if it is not what an honest provider would have said.
    pub lie: Option<String>,
}

impl Chains {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let grown = |plan: ChainPlan| {
            let mut chain = Chain::new(plan).expect("drawn plans can be followed");
            chain.grow_to(scenario.last_height + 1);
            chain
        };
        let mut others = BTreeMap::new();
        for (number, provider) in scenario.providers.iter().enumerate() {
            let plan = match provider.behaviour {
                Behaviour::Lying(lie) => lie.plan(&scenario.plan),
                Behaviour::MinorityFork(from) => {
                    ChainPlan { fork: Some(Fork { from, salt: 2 }), ..scenario.plan.clone() }
                }
                _ => continue,
            };
            if plan != scenario.plan {
                others.insert(number, grown(plan));
            }
        }
        Self { honest: grown(scenario.plan.clone()), others, last_height: scenario.last_height }
    }

    pub(crate) fn honest(&self) -> &Chain {
        &self.honest
    }

    /// Returns the last height that anybody can know of at a time.
    pub(crate) fn tip_at(&self, wall: UnixTime) -> u64 {
        let plan = self.honest.plan();
        let age = wall.since(plan.published_time(plan.initial_height));
        let blocks = age.as_nanos() / plan.block_interval.as_nanos();
        plan.initial_height.saturating_add(u64::try_from(blocks).unwrap_or(u64::MAX)).min(self.last_height)
    }

    /// Returns what a provider says at a time, and the lie in it.
    fn say(&self, number: usize, provider: &Provider, fetch: &Fetch, wall: UnixTime, dice: &mut Dice) -> (Reply, bool) {
        // Who is behind is so by time: it catches up where the chain stands still.
        let lag = provider.lag + if provider.behaviour == Behaviour::Balanced { dice.within(0..4) } else { 0 };
        let lag = self.honest.plan().block_interval * u32::try_from(lag).unwrap_or(0);
        let tip = self.tip_at(UnixTime::from_unix_nanos(wall.unix_nanos() - lag.as_nanos() as i128));
        let request = Request::from_fetch(fetch);
        let node = |chain, lie: Option<Lie>| Node { chain, tip, lie, number: number as u32 };
        let honest = node(&self.honest, None).answer(request);
        let chain = self.others.get(&number).unwrap_or(&self.honest);
        let said = match provider.behaviour {
            Behaviour::Honest | Behaviour::Balanced => return (honest, false),
            Behaviour::Shuffling => return (shuffled(honest, dice), false),
            Behaviour::Lying(lie) => node(chain, Some(lie)).answer(request),
            Behaviour::MinorityFork(from) => minority(node(chain, None).answer(request), chain, from),
            Behaviour::BitFlip => flipped(honest.clone(), dice),
        };
        let is_lie = said != honest;
        (said, is_lie)
    }

    /// Returns what becomes of a request to a provider `since` the start.
    pub(crate) fn ask(
        &self,
        scenario: &Scenario,
        number: usize,
        fetch: &Fetch,
        since: Duration,
        wall: UnixTime,
        dice: &mut Dice,
    ) -> Delivery {
        let provider = &scenario.providers[number];
        let (fastest, slowest) = provider.latency_ms;
        let latency = Duration::from_micros(dice.within(fastest * 1_000..slowest * 1_000));
        let failed = |after, failed| Delivery { after, result: Err(failed), lie: None };
        if provider.partition.is_some_and(|(from, to)| (from..to).contains(&since)) {
            return match dice.chance(50) {
                true => failed(latency, FetchFailed::Refused),
                false => failed(fetch.timeout, FetchFailed::TimedOut),
            };
        }
        if dice.chance(provider.loss_percent) {
            return match dice.chance(30) {
                true => failed(latency, FetchFailed::Broken),
                false => failed(fetch.timeout, FetchFailed::TimedOut),
            };
        }
        let (reply, is_lie) = self.say(number, provider, fetch, wall.after(latency / 2), dice);
        let lie = provider.behaviour.word().filter(|_| is_lie);
        let after = latency.saturating_add(reply.delay);
        let result = match reply.ending {
            Ending::Never => Err(FetchFailed::TimedOut),
            Ending::BreaksOff(_) => Err(FetchFailed::Broken),
            Ending::Endless => Err(FetchFailed::TooLarge),
            // A driver that does not keep to the bound must not hurt either.
            Ending::Complete if reply.body.len() > fetch.body_bytes_max as usize && dice.chance(50) => {
                Err(FetchFailed::TooLarge)
            }
            Ending::Complete => Ok((reply.status, reply.retry_after_s, reply.body)),
        };
        if after >= fetch.timeout || result == Err(FetchFailed::TimedOut) {
            return Delivery { after: fetch.timeout, result: Err(FetchFailed::TimedOut), lie };
        }
        Delivery { after, result, lie }
    }
}

/// Changes the JSON of an answer; answers that are no JSON stay as they are.
fn edit(mut reply: Reply, edit: impl FnOnce(&mut Value)) -> Reply {
    if let Ok(mut json) = serde_json::from_slice::<Value>(&reply.body) {
        edit(&mut json);
        reply.body = json.to_string().into_bytes();
    }
    reply
}

fn shuffled(reply: Reply, dice: &mut Dice) -> Reply {
    edit(reply, |json| {
        if let Some(validators) = json.pointer_mut("/result/validators").and_then(Value::as_array_mut) {
            dice.shuffle(validators);
        }
    })
}

/// Leaves less than a third of the power in the commits of a conflicting chain.
fn minority(reply: Reply, chain: &Chain, from: u64) -> Reply {
    edit(reply, |json| {
        let height = json.pointer("/result/signed_header/commit/height").and_then(Value::as_str);
        let Some(height) = height.and_then(|text| text.parse::<u64>().ok()).filter(|height| *height >= from) else {
            return;
        };
        let (Some(set), Some(places)) = (
            chain.validators(height),
            json.pointer_mut("/result/signed_header/commit/signatures").and_then(Value::as_array_mut),
        ) else {
            return;
        };
        let mut signed = 0_u64;
        for (place, member) in places.iter_mut().zip(set.validators()) {
            if (signed + member.power) * 3 < set.total_power() {
                signed += member.power;
            } else {
                *place = serde_json::json!({
                    "block_id_flag": 1,
                    "validator_address": "",
                    "timestamp": "0001-01-01T00:00:00Z",
                    "signature": null,
                });
            }
        }
    })
}

fn flipped(mut reply: Reply, dice: &mut Dice) -> Reply {
    if !reply.body.is_empty() {
        let bit = dice.within(0..8 * reply.body.len() as u64) as usize;
        reply.body[bit / 8] ^= 1 << (bit % 8);
    }
    reply
}
