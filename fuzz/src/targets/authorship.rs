//! Authorship of Substrate blocks: a state and a header.

use rushlight_core::chains::substrate::authorship::aura::{AuraConfig, AuraScheme};
use rushlight_core::chains::substrate::authorship::babe::{BabeConfig, EpochConfig};
use rushlight_core::chains::substrate::authorship::{AuthorshipState, ConsensusConfig, Unchecked, verify};
use rushlight_core::chains::substrate::header::babe::AllowedSlots;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::codec::scale::Reader;

/// Reads `bytes` as a state of authorship and a header behind it, and verifies the header. A state has one encoding; a
/// state that a header leads to can be written and read. Returns whether both were read.
pub fn run(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let Ok(parent) = AuthorshipState::read(&mut reader) else { return false };
    let mut again = Vec::new();
    parent.encode(&mut again);
    assert_eq!(again, bytes[..bytes.len() - reader.rest().len()], "a second encoding of the same state");
    let Ok(header) = HeaderRef::decode(reader.rest(), NumberWidth::U32) else { return false };
    let config = match &parent {
        AuthorshipState::Babe(_) => ConsensusConfig::Babe(BabeConfig {
            slot_duration_ms: Some(6_000),
            epoch_length: 10,
            rules: EpochConfig { c: (1, 4), allowed_slots: AllowedSlots::PrimaryAndSecondaryVrf },
        }),
        AuthorshipState::Aura(_) => ConsensusConfig::Aura(AuraConfig {
            slot_duration_ms: None,
            scheme: AuraScheme::Either,
            equal_slots: header.number() % 2 == 0,
        }),
        AuthorshipState::Unchecked(_) => ConsensusConfig::Unchecked(Unchecked::NoConfig),
    };
    match verify(&parent, &header, &config, None) {
        Ok((author, state)) => {
            assert!(author.weight() <= 1);
            let mut bytes = Vec::new();
            state.encode(&mut bytes);
            assert_eq!(AuthorshipState::read(&mut Reader::new(&bytes)), Ok(state));
            let early = verify(&parent, &header, &config, author.slot().and_then(|slot| slot.checked_sub(1)));
            assert!(author.slot().is_none_or(|slot| slot == 0) || early.is_err_and(|error| error.is_early()));
        }
        Err(error) => assert!(!error.is_early() && !error.to_string().is_empty()),
    }
    true
}
