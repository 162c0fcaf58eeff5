//! Subscriptions to the trusted head.

use super::dispatch::Rpc;
use super::limits::SUBSCRIPTIONS_MAX;
use super::response::notification;
use super::{Answer, ClientKind, RpcAction, RpcError, Scope, own};
use crate::base::{ChainId, ClientId, SubscriptionId};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

impl Rpc {
    /// Pushes a new trusted head, JSON text, to everybody who subscribed to it; who subscribes later gets it at once.
    pub fn head_changed(&mut self, chain: ChainId, json: impl Into<Arc<str>>) {
        let json: &Arc<str> = &json.into();
        self.heads.insert(chain, Arc::clone(json));
        let subscribed: Vec<ClientId> = self
            .clients
            .iter()
            .filter(|(_, state)| is_in_scope(state.scope, chain) && !state.subscriptions.is_empty())
            .map(|(client, _)| *client)
            .collect();
        for client in subscribed {
            let Some(state) = self.clients.get(&client) else { continue };
            let told: Vec<u64> =
                state.subscriptions.iter().filter(|(_, is_told)| **is_told).map(|(number, _)| *number).collect();
            for subscription in told {
                self.push(client, subscription, json);
            }
        }
    }

    /// Opens a subscription of `client` and returns its id as JSON; it pushes from [`Rpc::start`] on.
    pub(super) fn subscribe(&mut self, client: ClientId, call: u64, name: &'static str) -> Result<String, RpcError> {
        let subscription = self.next_number();
        let Some(state) = self.clients.get_mut(&client) else { return Ok(String::new()) };
        if state.kind != ClientKind::Socket {
            return Err(RpcError::SocketNeeded { name });
        }
        if state.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            return Err(RpcError::TooManySubscriptions);
        }
        state.starts(call, subscription);
        Ok(format!(r#""{subscription}""#))
    }

    /// Stops a subscription of `client`, and tells whether there was one.
    pub(super) fn unsubscribe(&mut self, client: ClientId, subscription: Option<SubscriptionId>) -> bool {
        let Some(SubscriptionId(number)) = subscription else { return false };
        self.clients.get_mut(&client).is_some_and(|state| state.subscriptions.remove(&number).is_some())
    }

    /// Lets a subscription push, now that its id has been told, beginning with the heads that there are.
    pub(super) fn start(&mut self, client: ClientId, subscription: u64) {
        let Some(state) = self.clients.get_mut(&client) else { return };
        let Some(is_told) = state.subscriptions.get_mut(&subscription) else { return };
        *is_told = true;
        let scope = state.scope;
        let in_scope = self.heads.iter().filter(|(chain, _)| is_in_scope(scope, **chain));
        let heads: Vec<Arc<str>> = in_scope.map(|(_, head)| head.clone()).collect();
        for head in heads {
            self.push(client, subscription, &head);
        }
    }

    fn push(&mut self, client: ClientId, subscription: u64, json: &Arc<str>) {
        let Some(state) = self.clients.get_mut(&client).filter(|state| !state.is_hung_up) else { return };
        if state.is_full() {
            self.hang_up(client);
            return;
        }
        let body = notification(own::SUBSCRIBE_HEAD.topic.unwrap_or_default(), subscription, json);
        state.queued(body.len());
        self.actions.push_back(RpcAction::Reply(client, Answer::json(200, body)));
    }
}

fn is_in_scope(scope: Scope, chain: ChainId) -> bool {
    scope.chain.is_none_or(|own| own == chain)
}
