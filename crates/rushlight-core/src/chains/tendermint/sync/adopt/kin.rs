//! Kin: which providers can witness for which, as far as their addresses and the node ids that they give tell.
//!
//! Both may be wrong: a liar takes whatever id it likes. So kinship never bears on who is heard, only on whose agreement counts.

use crate::base::PeerId;
use crate::chains::tendermint::sync::ask::Fetcher;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Returns those `among` some providers that can witness for the primary: run by somebody else, and another node, as far as
/// addresses and node ids tell; one of each operator.
pub(crate) fn independent(
    primary: PeerId,
    among: &mut dyn Iterator<Item = PeerId>,
    operators: &BTreeMap<PeerId, String>,
    fetcher: &Fetcher,
) -> Vec<PeerId> {
    let node_id = |peer: PeerId| fetcher.status_of(peer).map(|status| &status.node_id);
    let mut seen = alloc::vec![primary];
    for peer in among {
        let is_kin = |other: &PeerId| {
            *other == peer
                || operators.get(other) == operators.get(&peer)
                || (node_id(peer).is_some() && node_id(peer) == node_id(*other))
        };
        if !seen.iter().any(is_kin) {
            seen.push(peer);
        }
    }
    seen.split_off(1)
}
