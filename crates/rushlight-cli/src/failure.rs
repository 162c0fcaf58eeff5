//! Failures: an exit code that scripts can tell apart, and a text that names the remedy.

use rushlight::core::node::AddChainError as Refused;
use rushlight::{
    AddChainError, Closed, ControlError, FileError, ListenError, SavedError, SettingsError, StartError, Stopped,
    StoreError,
};
use std::fmt;

/// Exit codes, as `rushlight --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whatever has no code of its own.
    Other = 1,
    /// The call is wrong; most of the time the command line itself finds that out.
    Usage = 2,
    /// Settings or a chain file are wrong.
    Config = 10,
    /// Trust in the last verified header has ended.
    TrustExpired = 11,
    /// No provider answered.
    NoPeers = 12,
    /// A proof is invalid.
    ProofInvalid = 13,
    /// The store is locked, read-only, full or corrupt.
    Store = 14,
    /// Two conflicting headers verify: an attack.
    Frozen = 15,
}

/// Why a command ends without what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    text: String,
}

impl Failure {
    /// Returns a failure whose text says what is wrong and what to do about it.
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

macro_rules! from {
    ($($error:ty => $exit:ident;)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(Exit::$exit, error.to_string())
            }
        }
    )*};
}

from! {
    Closed => Other;
    ControlError => Other;
    FileError => Config;
    ListenError => Config;
    SettingsError => Config;
    StoreError => Store;
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = if matches!(error, StartError::Store(_)) { Exit::Store } else { Exit::Other };
        Self::new(exit, error.to_string())
    }
}

impl From<AddChainError> for Failure {
    fn from(error: AddChainError) -> Self {
        let exit = match &error {
            AddChainError::Store(_) => Exit::Store,
            AddChainError::Node(refused) => of_refused(refused),
            _ => Exit::Config,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<SavedError> for Failure {
    fn from(error: SavedError) -> Self {
        let exit = match &error {
            SavedError::Chain(refused) => of_refused(refused),
            _ => Exit::Store,
        };
        Self::new(exit, error.to_string())
    }
}

/// Returns the exit code for a chain that the node refuses.
fn of_refused(refused: &Refused) -> Exit {
    match refused {
        Refused::Saved { .. } => Exit::Store,
        Refused::Frozen { .. } => Exit::Frozen,
        _ => Exit::Config,
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        let exit = if matches!(stopped, Stopped::Store(_)) { Exit::Store } else { Exit::Other };
        Self::new(exit, stopped.to_string())
    }
}

/// Prefixes an I/O error with what it was about.
pub(crate) fn io(what: impl fmt::Display, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Other, format!("{what}: {error}"))
}
