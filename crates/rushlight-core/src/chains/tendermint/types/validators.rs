//! Validator sets, their order, and their hash.

use crate::base::Hash;
use crate::codec::protobuf::{put_message, put_message_len, put_uint, varint_len};
use crate::crypto::ripemd160::ripemd160;
use crate::crypto::{PublicKey, secp256k1_eth, sha256};
use crate::trie::rfc6962::RootBuilder;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;

/// The most validators that a set may have: CometBFT's own bound.
pub const VALIDATORS_MAX: usize = 10_000;
/// The most power that a set may have: CometBFT's `MaxTotalVotingPower`, 2^63-1 divided by 8.
pub const TOTAL_POWER_MAX: u64 = (i64::MAX / 8) as u64;

/// A validator's address: the first or last 20 bytes of a hash over its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub [u8; 20]);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A member of a validator set. Its address is always the one derived from its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// Address derived from the key.
    pub address: Address,
    /// The key that signs votes.
    pub public_key: PublicKey,
    /// Voting power, above 0.
    pub power: u64,
}

/// Why a list of validators is not a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidatorSetError {
    /// There is nobody in it.
    #[error("validator set is empty")]
    Empty,
    /// There are too many.
    #[error("validator set has {got} members, at most {VALIDATORS_MAX} are allowed")]
    TooMany {
        /// Members.
        got: usize,
    },
    /// A member has no power.
    #[error("validator {address} has power 0, wanted is more")]
    NoPower {
        /// The member.
        address: Address,
    },
    /// The powers add up to too much.
    #[error("validator set has more power than {TOTAL_POWER_MAX}")]
    TooMuchPower,
    /// The same key or address is there twice, which would count its vote twice.
    #[error("validator {address} is twice in the set")]
    Duplicate {
        /// The member.
        address: Address,
    },
    /// The address is not that of the key.
    #[error("validator address is {got}, its key gives {want}")]
    WrongAddress {
        /// Address given.
        got: Address,
        /// Address derived.
        want: Address,
    },
    /// The key is no point of its curve, so it has no address.
    #[error("validator {index} has a key that is not valid")]
    Key {
        /// Index in the list.
        index: usize,
    },
    /// The members are not in the order of the hash: power descending, then address ascending.
    #[error("validator {index} is out of order; wanted is power descending, then address ascending")]
    Unsorted {
        /// Index of the first member that should stand earlier.
        index: usize,
    },
}

/// A well-formed validator set in its canonical order, with its hash. Whether it is the chain's set is for a header to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSet {
    validators: Vec<Validator>,
    /// Indexes into `validators` in the order of addresses.
    by_address: Vec<u32>,
    total_power: u64,
    hash: Hash,
}

/// Returns the address of a key, or `None` if the key is no point of its curve where the scheme needs one.
pub fn address_of(key: &PublicKey) -> Option<Address> {
    let hash = match key {
        PublicKey::Ed25519(bytes) => sha256(bytes),
        PublicKey::MlDsa65(bytes) => sha256(bytes.as_slice()),
        PublicKey::Secp256k1(bytes) => return Some(Address(ripemd160(sha256(bytes).as_bytes()))),
        PublicKey::Secp256k1Eth(bytes) => return secp256k1_eth::address(bytes).ok().map(Address),
    };
    hash.0.first_chunk().copied().map(Address)
}

impl Validator {
    /// Returns the validator with this key and power.
    /// # Errors
    /// [`ValidatorSetError::Key`] (with index 0) if the key has no address.
    pub fn new(public_key: PublicKey, power: u64) -> Result<Self, ValidatorSetError> {
        let address = address_of(&public_key).ok_or(ValidatorSetError::Key { index: 0 })?;
        Ok(Self { address, public_key, power })
    }

    fn order(&self) -> (Reverse<u64>, Address) {
        (Reverse(self.power), self.address)
    }

    /// Appends the bytes of the message `SimpleValidator`, which the set's hash covers.
    fn put_simple(&self, out: &mut Vec<u8>) {
        put_public_key(out, 1, &self.public_key);
        put_uint(out, 2, self.power);
    }
}

/// Appends the message `PublicKey`, a oneof over the schemes, as field `field`.
fn put_public_key(out: &mut Vec<u8>, field: u32, key: &PublicKey) {
    let scheme = match key {
        PublicKey::Ed25519(_) => 1,
        PublicKey::Secp256k1(_) => 2,
        PublicKey::MlDsa65(_) => 4,
        PublicKey::Secp256k1Eth(_) => 5,
    };
    let bytes = key.as_bytes();
    // The tag of a field below 16 has one byte.
    let len = bytes.len().saturating_add(varint_len(bytes.len() as u64)).saturating_add(1);
    put_message_len(out, field, len);
    put_message(out, scheme, bytes);
}

impl ValidatorSet {
    /// Returns the set of `validators` given in any order, as RPC pages may come.
    /// # Errors
    /// [`ValidatorSetError`], all but `Unsorted` and `WrongAddress`.
    pub fn new(mut validators: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        validators.sort_by_key(Validator::order);
        Self::from_sorted(validators)
    }

    /// Returns the set of `validators`, which must be in canonical order.
    /// # Errors
    /// [`ValidatorSetError`], all but `WrongAddress`.
    pub fn from_sorted(validators: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        if validators.is_empty() {
            return Err(ValidatorSetError::Empty);
        }
        let got = validators.len();
        let count =
            u32::try_from(got).ok().filter(|_| got <= VALIDATORS_MAX).ok_or(ValidatorSetError::TooMany { got })?;
        let mut total_power = 0_u64;
        for validator in &validators {
            if validator.power == 0 {
                return Err(ValidatorSetError::NoPower { address: validator.address });
            }
            total_power = total_power.checked_add(validator.power).ok_or(ValidatorSetError::TooMuchPower)?;
        }
        if total_power > TOTAL_POWER_MAX {
            return Err(ValidatorSetError::TooMuchPower);
        }
        if let Some(index) = validators.windows(2).position(|pair| matches!(pair, [a, b] if a.order() > b.order())) {
            return Err(ValidatorSetError::Unsorted { index: index.saturating_add(1) });
        }
        let address_at = |index: u32| validators.get(index as usize).map(|validator| validator.address);
        let mut by_address: Vec<u32> = (0..count).collect();
        by_address.sort_unstable_by_key(|index| address_at(*index));
        for pair in by_address.windows(2) {
            if let [a, b] = pair
                && let (Some(a), Some(b)) = (address_at(*a), address_at(*b))
                && a == b
            {
                return Err(ValidatorSetError::Duplicate { address: a });
            }
        }
        let hash = hash(&validators);
        Ok(Self { validators, by_address, total_power, hash })
    }

    /// Returns the members: power descending, then address ascending.
    pub fn validators(&self) -> &[Validator] {
        &self.validators
    }

    /// Returns the number of members, at least 1.
    #[allow(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.validators.len()
    }

    /// Returns the sum of all powers, at most [`TOTAL_POWER_MAX`].
    pub fn total_power(&self) -> u64 {
        self.total_power
    }

    /// Returns about how much memory the set holds, in bytes.
    pub fn size_bytes(&self) -> usize {
        let heap = |validator: &Validator| match &validator.public_key {
            PublicKey::MlDsa65(key) => key.len(),
            _ => 0,
        };
        let keys: usize = self.validators.iter().map(heap).sum();
        self.validators
            .len()
            .saturating_mul(size_of::<Validator>().saturating_add(size_of::<u32>()))
            .saturating_add(keys)
    }

    /// Returns the set's hash, as headers carry it. It covers keys and powers, not addresses.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Returns the member with this address.
    pub fn by_address(&self, address: &Address) -> Option<(usize, &Validator)> {
        let at = self
            .by_address
            .binary_search_by(|index| self.validators.get(*index as usize).map(|v| v.address).cmp(&Some(*address)))
            .ok()?;
        let index = *self.by_address.get(at)? as usize;
        self.validators.get(index).map(|validator| (index, validator))
    }

    /// Returns the bytes of the message `ValidatorSet`, without proposer and priorities, which no hash covers.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.validators.len().saturating_mul(72));
        let mut member = Vec::with_capacity(72);
        for validator in &self.validators {
            member.clear();
            put_message(&mut member, 1, &validator.address.0);
            put_public_key(&mut member, 2, &validator.public_key);
            put_uint(&mut member, 3, validator.power);
            put_message(&mut out, 1, &member);
        }
        put_uint(&mut out, 3, self.total_power);
        out
    }
}

fn hash(validators: &[Validator]) -> Hash {
    let mut root = RootBuilder::default();
    let mut leaf = Vec::with_capacity(64);
    for validator in validators {
        leaf.clear();
        validator.put_simple(&mut leaf);
        root.push(&leaf);
    }
    root.finish()
}
