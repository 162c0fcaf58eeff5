//! How many files the operating system lets this process open, and what that leaves for connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections at all listeners together, where the operating system allows as many.
const CONNECTIONS_MAX: usize = 16_384;
/// Open files that are no connections of clients: the store, the control socket and its clients, requests to providers.
const OTHER_FILES: usize = 256;

/// Returns how many connections there may be: with all open files taken, neither a provider nor the disk could be reached.
pub(crate) fn connections_max() -> usize {
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    // Where there are few, half of them are for others.
    files.saturating_sub(OTHER_FILES.min(files / 2)).min(CONNECTIONS_MAX)
}

/// Lets this process open as many files as the operating system allows it, which is mostly far more than it begins with.
/// A program calls this before [`Client::start`](crate::Client::start) to serve more than some hundred connections.
pub fn allow_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where that is refused, the connections that there are room for are served.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
