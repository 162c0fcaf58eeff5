//! Works that panic: a bug of ours ends one chain's work and nothing else.
#![cfg(feature = "tendermint")]

mod net;
mod verify_chain;

use net::{Asked, Grown, Net, Said, ms};
use rushlight_core::base::ChainId;
use rushlight_core::chains::{ChainNotice, ChainStatus, SyncState};
use rushlight_core::node::Notice;
use std::time::Duration;
use verify_chain::time;

/// Returns a node that follows one chain twice, from two heights: the first by `abc`, the second by `def`.
fn twice(chain: &Grown) -> (Net<'_>, ChainId, ChainId) {
    let mut net = Net::new(time(500), |asked: &Asked<'_>| chain.answer(asked, 1).after(ms(30)));
    let first = net.add_named("first", &chain.spec("abc", 400, ""));
    let second = net.add_named("second", &chain.spec("def", 410, ""));
    (net, first, second)
}

fn status(net: &Net<'_>, chain: ChainId) -> ChainStatus {
    let mut chains = net.node.stats(net.now).chains;
    let at = chains.iter().position(|(id, ..)| *id == chain).unwrap();
    chains.remove(at).2
}

fn panics(net: &Net<'_>) -> Vec<(u64, ChainId)> {
    let panics = net.notices.iter().filter_map(|(at, notice)| match notice {
        Notice::Chain(chain, ChainNotice::WorkPanicked { kind: "signatures", message }) => {
            assert_eq!(message, "index out of bounds");
            Some((at.as_secs(), *chain))
        }
        _ => None,
    });
    panics.collect()
}

#[test]
fn a_panic_ends_the_work_of_one_chain_and_nothing_else() {
    let chain = Grown::new(900);
    let (mut net, first, second) = twice(&chain);
    net.panics_from = Some(chain.block(400).header.hash());
    net.run_for(Duration::from_secs(100));
    assert_eq!(status(&net, second).state, SyncState::Synced, "the other chain goes on");
    assert!(status(&net, second).head.is_some_and(|head| head.height >= 505));

    let broken = status(&net, first);
    assert_eq!(broken.head.map(|head| head.height), Some(400), "what is adopted stays");
    let SyncState::Broken(why) = &broken.state else { panic!("{:?}", broken.state) };
    let said = "a work of kind signatures panicked (index out of bounds); this is a bug, please report it; it is tried again in ";
    assert!(why.starts_with(said), "{why}");
    // It is tried again after 2, 4, 8, 16 and 32 seconds, each time by another provider, and held against none.
    let panics = panics(&net);
    assert!(panics.iter().all(|(_, chain)| *chain == first));
    let pauses: Vec<u64> = panics.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(pauses, [2, 4, 8, 16, 32]);
    assert_eq!(net.quarantines(), Vec::<String>::new());
    let faults = net.notices.iter().filter(|(_, notice)| matches!(notice, Notice::Chain(_, ChainNotice::Fault { .. })));
    assert_eq!(faults.count(), 0);
    let is_replaced = |notice: &Notice| matches!(notice, Notice::Chain(chain, ChainNotice::Told { name: "primary_replaced", .. }) if *chain == first);
    assert_eq!(net.notices.iter().filter(|(_, notice)| is_replaced(notice)).count(), panics.len());

    // Once it panics no more it goes on by itself.
    net.panics_from = None;
    net.run_for(Duration::from_secs(130));
    assert_eq!(status(&net, first).state, SyncState::Synced);
    assert_eq!(status(&net, first).head, status(&net, second).head);
}

#[test]
fn a_client_whose_proof_panics_is_told_and_the_chain_goes_on() {
    let chain = Grown::new(900);
    let mut net = Net::new(time(500), |asked: &Asked<'_>| match asked.route() {
        "/blockchain" => Said::not_there(),
        _ => chain.answer(asked, 1).after(ms(30)),
    });
    let id = net.add(&chain.spec("abc", 400, ""));
    net.run_for(Duration::from_secs(20));
    assert_eq!(status(&net, id).state, SyncState::Synced);
    net.panics_from = Some(chain.block(400).header.hash());
    net.join(1);
    net.ask(1, r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove","params":{"height":"450"}}"#);
    net.run_for(Duration::from_secs(30));
    let answers: Vec<String> =
        net.replies.iter().filter_map(|(_, answer)| Some(answer.body.as_ref()?.text())).collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(
        answers[0].contains("internal error: a work of kind signatures panicked (index out of bounds)"),
        "{answers:?}"
    );
    assert_eq!(panics(&net).len(), 1);
    assert_eq!(status(&net, id).state, SyncState::Synced);
}
