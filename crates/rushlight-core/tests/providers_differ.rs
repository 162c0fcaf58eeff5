//! Providers as they are: some have less than others, are slower or allow less. None of that is a fault.
#![cfg(feature = "tendermint")]

mod net;
mod verify_chain;

use net::{Asked, Grown, Net, ms};
use verify_chain::time;

/// The ground of all other tests here: with nothing in the way, each head is there at once and nobody is blamed.
#[test]
fn a_chain_that_grows_is_followed() {
    let chain = Grown::new(900);
    let mut net = Net::new(time(500), |asked: &Asked<'_>| chain.answer(asked, 1).after(ms(30)));
    net.add(&chain.spec("abc", 400, ""));
    let synced = net.synced_in(600);
    assert!(synced >= 598, "synced in {synced} of 600 s");
    assert!(net.heads().len() >= 60, "{:?}", net.heads());
    assert_eq!(net.quarantines(), Vec::<String>::new());
}
