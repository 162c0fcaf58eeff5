//! Checkpoints of Substrate chains: header, BABE epochs and GRANDPA set in SCALE.

use rushlight_core::chains::substrate::authorship::{AuthorshipState, at_checkpoint};
use rushlight_core::chains::substrate::header::NumberWidth;
use rushlight_core::chains::substrate::spec::light_sync_state::{LightSyncState, LightSyncStateParts};
use rushlight_core::codec::scale::Reader;

/// Reads `bytes` (the width of numbers, then three parts, each behind its length in two bytes) as a checkpoint. What is
/// read must give a state of authorship that can be written and read. Returns whether it was accepted.
pub fn run(bytes: &[u8]) -> bool {
    let Some((width, mut rest)) = bytes.split_first() else { return false };
    let Some(width) = NumberWidth::new(u64::from(*width)) else { return false };
    let mut part = || {
        let (len, behind) = rest.split_first_chunk::<2>()?;
        let (part, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        rest = behind;
        Some(part.to_vec())
    };
    let parts = LightSyncStateParts {
        header: part(),
        babe_epoch_changes: part(),
        grandpa: part(),
        ..LightSyncStateParts::default()
    };
    let Ok(state) = LightSyncState::decode(parts, width) else { return false };
    let epochs = state.babe_epochs(width).expect("it was found before");
    if let Some((current, next)) = &epochs {
        assert_eq!(current.end_slot(), next.start_slot);
    }
    let (_, authorship) = at_checkpoint(&state, width, None).expect("it has epochs, or none are needed");
    let mut bytes = Vec::new();
    authorship.encode(&mut bytes);
    assert_eq!(AuthorshipState::read(&mut Reader::new(&bytes)).as_ref(), Ok(&authorship));
    true
}
