//! Validator sets over time.

use crate::draw::{For, draw};
use crate::keys::SecretKey;
use crate::plan::{ChainPlan, Powers, Rotation, RotationOrder};
use rushlight_core::chains::tendermint::types::{Validator, ValidatorSet};
use std::sync::Arc;

const VALIDATOR_KEY: &str = "rushlight-devnet/validator/v1";

/// A validator set with the keys that sign for it.
pub(crate) struct Epoch {
    pub(crate) set: Arc<ValidatorSet>,
    /// In the order of the set.
    pub(crate) signers: Vec<Arc<SecretKey>>,
    /// In the order of seats, which a rotation goes by.
    seats: Vec<Seat>,
}

#[derive(Clone)]
struct Seat {
    member: Validator,
    key: Arc<SecretKey>,
}

/// The sets of a chain, one per time between two changes.
pub(crate) struct Epochs {
    epochs: Vec<Epoch>,
    keys_made: u64,
}

impl Epochs {
    pub(crate) fn new(plan: &ChainPlan) -> Self {
        let mut first = Self { epochs: Vec::new(), keys_made: 0 };
        let seats = (0..plan.validators).map(|seat| first.seat(plan, 0, seat)).collect();
        first.push(seats);
        first
    }

    /// Returns which set signs at `height`: 0 for the first.
    pub(crate) fn index_at(plan: &ChainPlan, height: u64) -> usize {
        let behind = height.saturating_sub(plan.initial_height);
        match plan.rotation {
            // A change that block H decides takes effect at H + 2, so nothing can change before the third block.
            Some(rotation) if behind >= 2 => usize::try_from(behind / rotation.every.max(1)).unwrap_or(usize::MAX),
            _ => 0,
        }
    }

    /// Makes all sets up to that of `height`.
    pub(crate) fn grow_to(&mut self, plan: &ChainPlan, height: u64) {
        let wanted = Self::index_at(plan, height);
        while self.epochs.len() <= wanted {
            let Some(rotation) = plan.rotation else { return };
            self.rotate(plan, rotation);
        }
    }

    /// Returns the set at `height`, or `None` if it is not made yet.
    pub(crate) fn at(&self, plan: &ChainPlan, height: u64) -> Option<&Epoch> {
        self.epochs.get(Self::index_at(plan, height))
    }

    fn rotate(&mut self, plan: &ChainPlan, rotation: Rotation) {
        let number = self.epochs.len() as u64;
        let mut seats = self.epochs.last().map(|epoch| epoch.seats.clone()).unwrap_or_default();
        let count = (seats.len() * usize::from(rotation.replace_percent)).div_ceil(100);
        let mut order: Vec<usize> = (0..seats.len()).collect();
        match rotation.order {
            RotationOrder::Drawn => {
                order.sort_by_key(|seat| draw(plan.seed, For::Replaced, number, *seat as u64));
            }
            RotationOrder::Sliding => {
                let start = (number as usize - 1) * count % seats.len();
                order.rotate_left(start);
            }
        }
        for seat in order.into_iter().take(count) {
            seats[seat] = self.seat(plan, number, seat);
        }
        if rotation.powers {
            for (seat, holder) in seats.iter_mut().enumerate() {
                holder.member.power = power(plan, number, seat);
            }
        }
        self.push(seats);
    }

    fn seat(&mut self, plan: &ChainPlan, epoch: u64, seat: usize) -> Seat {
        let number = self.keys_made;
        self.keys_made += 1;
        let kind = plan.key_kinds[number as usize % plan.key_kinds.len()];
        let key = SecretKey::derive(VALIDATOR_KEY, kind, plan.seed, number);
        let powers_epoch = if plan.rotation.is_some_and(|rotation| rotation.powers) { epoch } else { 0 };
        let member = Validator::new(key.public_key(), power(plan, powers_epoch, seat))
            .expect("a derived key is a point of its curve");
        Seat { member, key: Arc::new(key) }
    }

    fn push(&mut self, seats: Vec<Seat>) {
        let set = ValidatorSet::new(seats.iter().map(|seat| seat.member.clone()).collect())
            .expect("planned members are few, distinct and have small powers");
        let mut signers: Vec<(usize, Arc<SecretKey>)> =
            seats.iter().filter_map(|seat| Some((set.by_address(&seat.member.address)?.0, seat.key.clone()))).collect();
        signers.sort_by_key(|(index, _)| *index);
        let signers = signers.into_iter().map(|(_, key)| key).collect();
        self.epochs.push(Epoch { set: Arc::new(set), signers, seats });
    }
}

fn power(plan: &ChainPlan, epoch: u64, seat: usize) -> u64 {
    let base = match plan.powers {
        Powers::Equal => 100,
        Powers::Skewed => 100_000 / (seat as u64 + 4),
    };
    match epoch {
        0 => base,
        // Half to one and a half of the base.
        _ => (base / 2 + draw(plan.seed, For::Power, epoch, seat as u64) % (base + 1)).max(1),
    }
}
