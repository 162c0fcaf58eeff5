//! How a work that runs learns that nobody waits for it any more.

use super::Stopped;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

/// A flag that a driver shares with a work that it runs. Once set it stays set.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Returns a flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the work to stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether the work is to stop.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Says that the work may go on.
    /// # Errors
    /// [`Stopped`], when it is to stop.
    pub fn go_on(&self) -> Result<(), Stopped> {
        if self.is_stopped() { Err(Stopped) } else { Ok(()) }
    }
}
