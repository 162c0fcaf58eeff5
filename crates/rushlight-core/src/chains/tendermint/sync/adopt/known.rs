//! What is known of providers, also of those that may not be asked now: where they are, which chain they serve, what they did.

use crate::base::PeerId;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};

/// So many different things held against one provider are remembered: what it does with each of the routes.
const WHYS_MAX: usize = 8;

/// What is known of providers. It has an entry for each that was ever joined, which are as many as the settings name.
#[derive(Debug, Default)]
pub(crate) struct Known {
    providers: BTreeMap<PeerId, Provider>,
    is_other_chain_told: bool,
}

#[derive(Debug, Default)]
struct Provider {
    /// Scheme, host and port of its address.
    origin: String,
    /// The chain that it last said it serves.
    chain_id: Option<String>,
    /// What was held against it lately, each once, at most [`WHYS_MAX`].
    whys: VecDeque<String>,
}

impl Known {
    /// Notes where a provider is.
    pub(crate) fn joined(&mut self, peer: PeerId, origin: String) {
        self.providers.entry(peer).or_default().origin = origin;
    }

    /// Returns scheme, host and port of a provider's address.
    pub(crate) fn origin(&self, peer: PeerId) -> String {
        self.providers.get(&peer).map_or_else(|| format!("provider {}", peer.0), |provider| provider.origin.clone())
    }

    /// Notes which chain a provider says it serves.
    pub(crate) fn serves(&mut self, peer: PeerId, chain_id: &str) {
        if let Some(provider) = self.providers.get_mut(&peer) {
            provider.chain_id = Some(chain_id.to_string());
        }
    }

    /// Notes what is held against a provider; tells whether it was held against it lately.
    pub(crate) fn is_repeated(&mut self, peer: PeerId, why: &str) -> bool {
        let Some(provider) = self.providers.get_mut(&peer) else { return false };
        let is_repeated = provider.whys.iter().any(|before| before == why);
        if !is_repeated {
            provider.whys.truncate(WHYS_MAX.saturating_sub(1));
            provider.whys.push_front(why.to_string());
        }
        is_repeated
    }

    /// Returns the chain that all providers serve that answer, if it is another one than `wanted`. One of them could lie; when all of
    /// them say the same it is more likely that the settings are wrong. Nothing is said before each was heard of.
    pub(crate) fn other_chain(&self, wanted: &str) -> Option<&str> {
        if self.providers.values().any(|provider| provider.chain_id.is_none() && provider.whys.is_empty()) {
            return None;
        }
        let mut said = self.providers.values().filter_map(|provider| provider.chain_id.as_deref());
        let first = said.next().filter(|first| *first != wanted)?;
        said.all(|other| other == first).then_some(first)
    }

    /// Returns [`Known::other_chain`] the first time that there is one.
    pub(crate) fn tell_other_chain(&mut self, wanted: &str) -> Option<String> {
        let got = self.other_chain(wanted).filter(|_| !self.is_other_chain_told)?.to_string();
        self.is_other_chain_told = true;
        Some(got)
    }
}
