//! Checkpoint texts.

use rushlight_core::bundle::{CHECKPOINT_BYTES_MAX, Checkpoint, CheckpointError};
use rushlight_core::chains::Families;

/// Reads `bytes` as a checkpoint, then again with the checksum that its text wants, so that mutations get past it. What
/// is read must have one text, and a short one. Returns whether it was accepted.
pub fn run(bytes: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(bytes) else { return false };
    match Families::default().checkpoint(text) {
        Ok(checkpoint) => accepted(text, &checkpoint),
        Err(CheckpointError::Checksum { got, want }) => {
            let sealed = text.trim().strip_suffix(got.as_str()).map(|rest| format!("{rest}{want}"));
            let Some(sealed) = sealed else { return false };
            match Families::default().checkpoint(&sealed) {
                Ok(checkpoint) => accepted(&sealed, &checkpoint),
                Err(CheckpointError::Checksum { .. }) => panic!("the wanted checksum is not accepted: {sealed}"),
                Err(_) => false,
            }
        }
        Err(_) => false,
    }
}

fn accepted(text: &str, checkpoint: &Checkpoint) -> bool {
    let again = checkpoint.to_text().expect("what was read can be written");
    assert_eq!(again, text.trim(), "a second text of the same checkpoint");
    assert!(again.len() <= CHECKPOINT_BYTES_MAX);
    true
}
