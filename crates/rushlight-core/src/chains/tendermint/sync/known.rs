//! What is known of providers, also of those that may not be asked now: where they are, what they did.

use crate::base::PeerId;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};

/// So many different things held against one provider are remembered: what it does with each of the routes.
const WHYS_MAX: usize = 8;

/// What is known of providers. It has an entry for each that was ever joined, which are as many as the settings name.
#[derive(Debug, Default)]
pub(super) struct Known {
    providers: BTreeMap<PeerId, Provider>,
}

#[derive(Debug, Default)]
struct Provider {
    /// Scheme, host and port of its address.
    origin: String,
    /// What was held against it lately, each once, at most [`WHYS_MAX`].
    whys: VecDeque<String>,
}

impl Known {
    /// Notes where a provider is.
    pub(super) fn joined(&mut self, peer: PeerId, origin: String) {
        self.providers.entry(peer).or_default().origin = origin;
    }

    /// Returns scheme, host and port of a provider's address.
    pub(super) fn origin(&self, peer: PeerId) -> String {
        self.providers.get(&peer).map_or_else(|| format!("provider {}", peer.0), |provider| provider.origin.clone())
    }

    /// Notes what is held against a provider; tells whether it was held against it lately.
    pub(super) fn is_repeated(&mut self, peer: PeerId, why: &str) -> bool {
        let Some(provider) = self.providers.get_mut(&peer) else { return false };
        let is_repeated = provider.whys.iter().any(|before| before == why);
        if !is_repeated {
            provider.whys.truncate(WHYS_MAX.saturating_sub(1));
            provider.whys.push_front(why.to_string());
        }
        is_repeated
    }
}
