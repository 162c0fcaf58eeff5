//! Notices as log lines. What comes from peers is escaped. What is held against a provider is `warn`, with the reason; the same
//! again is `debug`, so that a provider that fails for hours does not fill the log.

use crate::escape::escape;
use rushlight_core::base::PeerId;
use rushlight_core::chains::ChainNotice;
use rushlight_core::node::Notice;
use tracing::{debug, error, info, warn};

/// Writes a notice to the log. `chain` is the chain's name; the text of a line is its event's stable name.
pub(crate) fn log(chain: &str, notice: &Notice) {
    match notice {
        // The save of this head has been acknowledged before the node gives this notice.
        Notice::Head(_, head) => {
            info!(chain, height = head.height, hash = %head.hash, time = %head.time, "head saved");
        }
        Notice::Chain(_, notice) => log_chain(chain, notice),
        Notice::Quarantined { peer, address, verdict, why, seconds } => {
            let (address, why) = (escape(address), escape(why));
            warn!(peer = peer.0, address, verdict = verdict.word(), why, seconds, "provider quarantined");
        }
        Notice::Readmitted { peer, address } => {
            info!(peer = peer.0, address = escape(address), "provider readmitted");
        }
        other => debug!(chain, notice = escape(&format!("{other:?}")), "notice"),
    }
}

fn log_chain(chain: &str, notice: &ChainNotice) {
    match notice {
        ChainNotice::Progress { height, target } => debug!(chain, height, target, "syncing"),
        ChainNotice::Fault { peer: PeerId(peer), origin, verdict, why, is_repeated } => {
            let (verdict, why) = (verdict.word(), escape(why));
            match is_repeated {
                false => warn!(chain, peer, provider = origin, verdict, why, "provider at fault"),
                true => debug!(chain, peer, provider = origin, verdict, why, "provider at fault"),
            }
        }
        ChainNotice::OtherChain { got, want } => {
            let got = escape(got);
            error!(
                chain,
                got,
                want,
                "every provider that answers serves another chain; correct chain_id and the trusted header, or the providers"
            );
        }
        ChainNotice::PrimaryReplaced { from, to } => info!(chain, from = from.0, to = to.0, "primary replaced"),
        ChainNotice::ClockBehind { wall, highest } => {
            warn!(chain, %wall, %highest, "this machine's clock is behind an earlier reading; set it right");
        }
        ChainNotice::TrustExpired { height, at } => {
            error!(chain, height, %at, "trust expired; give the chain file a newer trusted header");
        }
        ChainNotice::Frozen { height, ours, theirs, ours_from, theirs_from } => {
            error!(chain, height, %ours, ours_from, %theirs, theirs_from, "frozen: two conflicting headers verify");
        }
        ChainNotice::CheckpointChanged { from, to, head, kept } => {
            warn!(chain, from, to, head, %kept, "the checkpoint was changed: starting anew from it; what was saved is kept");
        }
        ChainNotice::SaveFailed { height } => error!(chain, height, "head not saved, and so not published"),
        other => debug!(chain, notice = escape(&format!("{other:?}")), "notice"),
    }
}
