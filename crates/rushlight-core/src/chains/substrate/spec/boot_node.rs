//! Boot nodes: multiaddresses that end in the id of the node.
//!
//! Which transports a driver has is its own business; here an address only must have the form of one. One that has not
//! is left out with a warning: a specification has many, and a chain can be followed through the others.

use alloc::string::String;
use alloc::vec::Vec;

/// The most boot nodes that are looked at; more are left out with a warning.
pub const BOOT_NODES_MAX: usize = 1_000;
/// The longest address in bytes.
pub const BOOT_NODE_BYTES_MAX: usize = 1_000;

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Longest multihash of a peer id: 2 bytes of code and length, and a key of 64 bytes at most.
const PEER_ID_BYTES_MAX: usize = 66;
const PEER_ID_TEXT_MAX: usize = 128;
const IDENTITY: u8 = 0x00;
const SHA2_256: u8 = 0x12;

/// A node by which the network can be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootNode {
    /// The multiaddress without the id of the node: `/dns/…/tcp/30333`.
    pub address: String,
    /// The node's id: the multihash of its public key.
    pub peer_id: Vec<u8>,
}

/// Why a text is no boot node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BootNodeError {
    /// Too long.
    #[error("has {got} bytes, at most {BOOT_NODE_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes of it.
        got: usize,
    },
    /// Not a list of `/protocol/value`.
    #[error("is no multiaddress, which begins with /ip4, /ip6, /dns, /dns4, /dns6 or /dnsaddr")]
    Address,
    /// Does not end in the node's id; without it anybody at that address could pose as the node.
    #[error("does not end in /p2p/ and the id of the node")]
    NoPeerId,
    /// The id is not one.
    #[error("ends in an id that is no base58 multihash of a public key")]
    PeerId,
}

impl BootNode {
    /// Reads a multiaddress that ends in `/p2p/ID` (or `/ipfs/ID`, its older name).
    /// # Errors
    /// [`BootNodeError`].
    pub fn from_text(text: &str) -> Result<Self, BootNodeError> {
        if text.len() > BOOT_NODE_BYTES_MAX {
            return Err(BootNodeError::TooLong { got: text.len() });
        }
        let kind = text.strip_prefix('/').and_then(|rest| rest.split('/').next());
        if !matches!(kind, Some("ip4" | "ip6" | "dns" | "dns4" | "dns6" | "dnsaddr")) {
            return Err(BootNodeError::Address);
        }
        let (head, id) = text.rsplit_once('/').ok_or(BootNodeError::Address)?;
        let address = head.strip_suffix("/p2p").or(head.strip_suffix("/ipfs")).ok_or(BootNodeError::NoPeerId)?;
        if address.split('/').skip(1).any(|part| part.is_empty() || part.bytes().any(|b| !b.is_ascii_graphic())) {
            return Err(BootNodeError::Address);
        }
        let peer_id = base58(id).filter(|id| is_multihash(id)).ok_or(BootNodeError::PeerId)?;
        Ok(Self { address: String::from(address), peer_id })
    }
}

fn is_multihash(bytes: &[u8]) -> bool {
    match bytes {
        [SHA2_256, len, hash @ ..] => *len == 32 && hash.len() == 32,
        [IDENTITY, len, key @ ..] => usize::from(*len) == key.len() && !key.is_empty(),
        _ => false,
    }
}

/// Returns the bytes that base58 `text` stands for, if they are at most [`PEER_ID_BYTES_MAX`].
fn base58(text: &str) -> Option<Vec<u8>> {
    if text.len() > PEER_ID_TEXT_MAX {
        return None;
    }
    let zeros = text.bytes().take_while(|byte| *byte == b'1').count();
    // Little-endian, base 256.
    let mut number: Vec<u8> = Vec::new();
    for byte in text.bytes() {
        let mut carry = BASE58.iter().position(|digit| *digit == byte).and_then(|at| u32::try_from(at).ok())?;
        for place in &mut number {
            carry = carry.saturating_add(u32::from(*place).saturating_mul(58));
            *place = u8::try_from(carry & 0xff).ok()?;
            carry >>= 8;
        }
        if carry > 0 {
            number.push(u8::try_from(carry).ok()?);
        }
    }
    let mut bytes = alloc::vec![0; zeros];
    bytes.extend(number.iter().rev());
    (bytes.len() <= PEER_ID_BYTES_MAX).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const ID: &str = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";

    #[test]
    fn an_address_and_an_id_are_told_apart() {
        let got = BootNode::from_text(&format!("/dns/a.b/tcp/443/wss/p2p/{ID}")).unwrap();
        assert_eq!(got.address, "/dns/a.b/tcp/443/wss");
        // An ed25519 key: identity multihash of a protobuf of type 1 with 32 bytes.
        assert_eq!((got.peer_id.len(), &got.peer_id[..6]), (38, &[0, 36, 8, 1, 18, 32][..]));
        // The well-known id of the key 1: BLAKE and curve apart, its text was recorded from a node.
        let old =
            BootNode::from_text("/ip4/1.2.3.4/tcp/1/ipfs/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N").unwrap();
        assert_eq!((old.peer_id.len(), old.peer_id[0], old.peer_id[1]), (34, 0x12, 32));
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        let of = |text: &str| BootNode::from_text(text).unwrap_err();
        assert_eq!(of(&"/".repeat(1_001)), BootNodeError::TooLong { got: 1_001 });
        for text in ["", "dns/a", "/", "/p2p/x", &format!("/dns//tcp/1/p2p/{ID}"), &format!("/dns/a b/tcp/1/p2p/{ID}")]
        {
            assert_eq!(of(text), BootNodeError::Address, "{text}");
        }
        assert_eq!(of("/dns/a/tcp/1"), BootNodeError::NoPeerId);
        let long = format!("/dns/a/tcp/1/p2p/{}", "z".repeat(129));
        for text in ["/dns/a/tcp/1/p2p/", "/dns/a/tcp/1/p2p/0OIl", "/dns/a/tcp/1/p2p/12D3Koo", &long] {
            assert_eq!(of(text), BootNodeError::PeerId, "{text}");
        }
    }
}
