//! What a seed stands for: a chain, providers with their links and behaviour, a disk, a clock, crashes.

use crate::{Dice, plan};
use rushlight_devnet::{ChainPlan, Lie, LieKind};
use std::fmt;
use std::time::Duration;

/// A run has at least so many heights above the checkpoint.
pub const HEIGHTS_MIN: u64 = 50;
/// A run has at least so many providers.
pub const PROVIDERS_MIN: usize = 4;

/// Everything that a seed stands for.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// The honest chain.
    pub plan: ChainPlan,
    /// Its last height; the chain stands still there.
    pub last_height: u64,
    /// The height that the user trusts.
    pub trusted_height: u64,
    /// The tip when the run begins.
    pub tip_at_start: u64,
    /// Who is asked, in the order of the user's settings.
    pub providers: Vec<Provider>,
    /// `skipping` or `sequential`.
    pub mode: &'static str,
    /// Witnesses that must agree.
    pub witnesses_min: u32,
    /// For how long a header is trusted.
    pub trusting_period: Duration,
    /// What is expected in the end.
    pub theme: Theme,
    /// Share of snapshots that cannot be written, in percent.
    pub save_fails_percent: u64,
    /// Share of write points at which the process is killed, in percent.
    pub crash_percent: u64,
    /// Crashes at most.
    pub crashes_max: u32,
    /// Share of blobs that come back damaged or not at all, in percent.
    pub blob_lost_percent: u64,
}

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Liars among honest providers: the honest tip is reached and nothing else ever believed.
    Liars,
    /// A conflicting chain signed with the real keys: never believed, and in the end the chain is frozen.
    Attack,
    /// The clock jumps beyond the trusting period after this time: from then on nothing is believed.
    TimeTravel(Duration),
    /// The clock jumps back by the first after the second: nothing is believed that expired, and the tip is reached
    /// once the clock is right again, after the third.
    ClockBack(Duration, Duration, Duration),
}

/// One provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its base address.
    pub address: String,
    /// What it says.
    pub behaviour: Behaviour,
    /// How far it is behind the others, in heights.
    pub lag: u64,
    /// Time for a request and its answer, from and to, in milliseconds.
    pub latency_ms: (u64, u64),
    /// Share of requests that are lost, in percent.
    pub loss_percent: u64,
    /// When it cannot be reached: from and to, since the start.
    pub partition: Option<(Duration, Duration)>,
}

/// What a provider says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// The truth.
    Honest,
    /// The truth, with validators in any order.
    Shuffling,
    /// The truth, from several nodes of which some are behind.
    Balanced,
    /// One of the devnet's lies.
    Lying(Lie),
    /// A conflicting header from this height on, signed by less than a third.
    MinorityFork(u64),
    /// The truth with one bit flipped.
    BitFlip,
}

/// The name under which a lie is counted.
pub fn lie_word(lie: &Lie) -> String {
    let text = lie.to_string();
    text.split([':', '@']).next().unwrap_or_default().to_owned()
}

impl Behaviour {
    /// Returns the name under which it is counted; `None` for the truth.
    pub fn word(&self) -> Option<String> {
        match self {
            Self::Honest | Self::Shuffling | Self::Balanced => None,
            Self::Lying(lie) => Some(lie_word(lie)),
            Self::MinorityFork(_) => Some("minority-fork".into()),
            Self::BitFlip => Some("bit-flip".into()),
        }
    }

    /// Returns the names of all lies.
    pub fn words() -> Vec<String> {
        let mut words: Vec<String> = Lie::kinds().map(|kind| lie_word(&Lie::from(kind))).collect();
        words.extend(["minority-fork".into(), "bit-flip".into()]);
        words
    }
}

impl Scenario {
    /// Returns what `seed` stands for.
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "scenario");
        let plan = plan(seed);
        let first = plan.initial_height;
        let heights = dice.within(HEIGHTS_MIN..HEIGHTS_MIN + 21);
        let trusted_height = first + dice.within(0..8);
        let last_height = trusted_height + heights;
        let tip_at_start = first + dice.within(10..last_height - first - 8);
        let span = plan.block_interval * u32::try_from(last_height - tip_at_start).unwrap_or(1);
        let theme = match dice.within(0..100) {
            0..9 => Theme::Attack,
            9..14 => Theme::TimeTravel(span * dice.within(0..90) as u32 / 100),
            14..18 => {
                let at = span / 4;
                Theme::ClockBack(Duration::from_secs(dice.within(1..4_000)), at, at + Duration::from_secs(60))
            }
            _ => Theme::Liars,
        };
        let count = PROVIDERS_MIN + dice.within(0..3) as usize;
        let mut behaviours: Vec<Behaviour> = match theme {
            Theme::Attack => {
                let from = dice.within(tip_at_start.saturating_sub(8).max(trusted_height + 1)..last_height - 2);
                vec![Behaviour::Lying(Lie { kind: LieKind::Fork, from })]
            }
            _ => {
                // Two honest ones at least, so that one can witness for the other.
                let liars = dice.within(1..count as u64 - 1);
                (0..liars).map(|_| lie(&mut dice, &plan, trusted_height, last_height)).collect()
            }
        };
        while behaviours.len() < count {
            behaviours.push(*dice.pick(&[
                Behaviour::Honest,
                Behaviour::Honest,
                Behaviour::Shuffling,
                Behaviour::Balanced,
            ]));
        }
        dice.shuffle(&mut behaviours);
        let providers =
            behaviours.into_iter().enumerate().map(|(n, what)| provider(n, what, span, &mut dice)).collect();
        Self {
            mode: *dice.pick(&["skipping", "skipping", "sequential"]),
            witnesses_min: 1,
            trusting_period: Duration::from_secs(7 * 86_400),
            save_fails_percent: *dice.pick(&[0, 0, 10, 40]),
            crash_percent: *dice.pick(&[0, 0, 10, 30]),
            crashes_max: 6,
            blob_lost_percent: *dice.pick(&[0, 0, 20]),
            seed,
            plan,
            last_height,
            trusted_height,
            tip_at_start,
            providers,
            theme,
        }
    }

    /// Tells whether a provider says the truth.
    pub fn is_honest(&self, number: usize) -> bool {
        self.providers[number].behaviour.word().is_none()
    }

    /// Returns the description of the chain, as a user would write it.
    pub fn spec_json(&self, trusted_hash: &str) -> String {
        let providers: Vec<&str> = self.providers.iter().map(|provider| provider.address.as_str()).collect();
        serde_json::json!({
            "family": "tendermint",
            "chain_id": self.plan.chain_id,
            "providers": providers,
            "trust": { "height": self.trusted_height, "hash": trusted_hash },
            "trusting_period": format!("{}s", self.trusting_period.as_secs()),
            "mode": self.mode,
            "witnesses_min": self.witnesses_min,
        })
        .to_string()
    }
}

fn lie(dice: &mut Dice, plan: &ChainPlan, trusted: u64, last: u64) -> Behaviour {
    let kinds: Vec<LieKind> = Lie::kinds().filter(|kind| *kind != LieKind::Fork).collect();
    let from = *dice.pick(&[0, trusted + 1, dice.clone().within(trusted + 1..last)]);
    match dice.within(0..kinds.len() as u64 + 2) {
        0 => Behaviour::MinorityFork(from.max(plan.initial_height + 1)),
        1 => Behaviour::BitFlip,
        _ => {
            let mut kind = *dice.pick(&kinds);
            if let LieKind::Slow(delay) = &mut kind {
                *delay = Duration::from_millis(dice.within(500..40_000));
            }
            let needs_height = matches!(kind, LieKind::Stale | LieKind::Pruned);
            Behaviour::Lying(Lie { kind, from: if needs_height { from.max(trusted + 1) } else { from } })
        }
    }
}

fn provider(number: usize, behaviour: Behaviour, span: Duration, dice: &mut Dice) -> Provider {
    let fastest = *dice.pick(&[2, 10, 40, 150]);
    let partition = dice.chance(15).then(|| {
        let from = span * dice.within(0..80) as u32 / 100;
        (from, from + Duration::from_secs(dice.within(1..60)))
    });
    let provider = Provider {
        address: format!("http://p{number}.example:26657"),
        behaviour,
        lag: if dice.chance(20) { dice.within(1..4) } else { 0 },
        latency_ms: (fastest, fastest * dice.within(2..8)),
        loss_percent: *dice.pick(&[0, 0, 0, 2, 10]),
        partition,
    };
    match behaviour {
        // Who forks and is behind, or away at the wrong moment, is never compared: a witness that has not the height yet
        // is no dissenter. That the attack must be found out, the attacker is always there.
        Behaviour::Lying(Lie { kind: LieKind::Fork, .. }) => {
            Provider { lag: 0, loss_percent: 0, partition: None, ..provider }
        }
        _ => provider,
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        writeln!(
            f,
            "chain {} of {} validators, heights {} to {}, trusted {}, tip at start {}, {:?}, rotation {:?}",
            plan.chain_id,
            plan.validators,
            plan.initial_height,
            self.last_height,
            self.trusted_height,
            self.tip_at_start,
            self.theme,
            plan.rotation
        )?;
        writeln!(
            f,
            "{}, {} witnesses, saves fail {} %, crashes {} %, blobs lost {} %",
            self.mode, self.witnesses_min, self.save_fails_percent, self.crash_percent, self.blob_lost_percent
        )?;
        for provider in &self.providers {
            writeln!(f, "{provider:?}")?;
        }
        Ok(())
    }
}
