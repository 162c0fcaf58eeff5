//! Which methods there are: the node's own, and those of its chains.

use super::limits::NAME_BYTES_MAX;
use super::raw::{cut, nearest};
use super::{Kind, Row, RpcError, Scope, own};
use crate::base::ChainId;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The metric label of everything whose name is no row's: a client must not be able to make labels up.
pub const UNKNOWN_LABEL: &str = "unknown";

/// The rows of a node, by the chain that answers them.
#[derive(Debug, Default)]
pub(super) struct Table {
    chains: BTreeMap<ChainId, Served>,
}

#[derive(Debug)]
struct Served {
    name: String,
    rows: Vec<&'static Row>,
}

/// Who answers a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The node itself.
    Node,
    /// The chain in scope, or the only one that there is.
    Chain(ChainId),
    /// A chain, but the client has not said which.
    SomeChain,
}

impl Table {
    pub(super) fn add(&mut self, chain: ChainId, name: &str, rows: Vec<&'static Row>) {
        self.chains.insert(chain, Served { name: name.to_string(), rows });
    }

    pub(super) fn remove(&mut self, chain: ChainId) {
        self.chains.remove(&chain);
    }

    /// Returns the names of the chains, separated by commas.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.chains.values().map(|served| served.name.as_str()).collect();
        names.join(", ")
    }

    /// Returns every row that a client of `scope` may use, and who answers it.
    pub(super) fn of(&self, scope: Scope) -> impl Iterator<Item = (&'static Row, Owner)> {
        let own = own::ROWS.iter().map(|row| (*row, Owner::Node));
        let is_only = self.chains.len() == 1;
        let in_scope = self.chains.iter().filter(move |(id, _)| scope.chain.is_none_or(|only| only == **id));
        let theirs = in_scope.flat_map(move |(id, served)| {
            let owner = if scope.chain.is_some() || is_only { Owner::Chain(*id) } else { Owner::SomeChain };
            served.rows.iter().map(move |row| (*row, owner))
        });
        own.chain(theirs).filter(move |(row, _)| scope.access >= row.access)
    }

    /// Returns the methods that a client of `scope` may call, each once.
    pub(super) fn methods(&self, scope: Scope) -> Vec<&'static Row> {
        let mut methods: Vec<&'static Row> = Vec::new();
        for (row, _) in self.of(scope).filter(|(row, _)| row.kind != Kind::Page) {
            if !methods.contains(&row) {
                methods.push(row);
            }
        }
        methods
    }

    /// Returns the method called `name`, and who answers it.
    /// # Errors
    /// [`RpcError::MethodNotFound`], with the nearest name that exists.
    pub(super) fn find(&self, name: &str, scope: Scope) -> Result<(&'static Row, Owner), RpcError> {
        let methods = || self.of(scope).filter(|(row, _)| row.kind != Kind::Page);
        methods().find(|(row, _)| row.name == name).ok_or_else(|| RpcError::MethodNotFound {
            name: cut(name, NAME_BYTES_MAX),
            suggestion: nearest(name, methods().map(|(row, _)| row.name)),
        })
    }

    /// Returns what is asked for by a GET of `path`, and who answers it.
    pub(super) fn find_path(&self, path: &str, scope: Scope) -> Option<(&'static Row, Owner)> {
        self.of(scope).find(|(row, _)| row.path == Some(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Access;

    fn find(name: &str, access: Access) -> Result<(&'static Row, Owner), RpcError> {
        Table::default().find(name, Scope { chain: None, access })
    }

    #[test]
    fn each_name_and_each_path_stands_once_and_no_name_is_the_unknown_ones() {
        for (at, row) in own::ROWS.iter().enumerate() {
            let earlier = || own::ROWS.iter().take(at);
            assert!(earlier().all(|earlier| earlier.name != row.name), "{} twice", row.name);
            assert!(earlier().all(|earlier| earlier.path != row.path || row.path.is_none()), "{:?} twice", row.path);
            assert!(row.name.len() <= NAME_BYTES_MAX);
            assert_ne!(row.name, UNKNOWN_LABEL);
            assert_eq!(row.kind == Kind::Page, row.path.is_some(), "{}: a page has a path", row.name);
        }
    }

    #[test]
    fn shutdown_exists_on_the_control_socket_only() {
        assert_eq!(find("rushlight_shutdown", Access::Control), Ok((&own::SHUTDOWN, Owner::Node)));
        assert!(matches!(find("rushlight_shutdown", Access::Public), Err(RpcError::MethodNotFound { .. })));
        let methods = Table::default().methods(Scope { chain: None, access: Access::Public });
        assert!(methods.iter().all(|row| row.name != "rushlight_shutdown"));
    }

    #[test]
    fn a_page_is_no_method() {
        for page in own::ROWS.iter().filter(|row| row.kind == Kind::Page) {
            assert!(matches!(find(page.name, Access::Control), Err(RpcError::MethodNotFound { .. })), "{}", page.name);
        }
    }

    #[test]
    fn a_slip_of_the_pen_gets_a_suggestion_and_a_foreign_name_none() {
        for (wrote, meant) in [
            ("rushlight_stauts", Some("rushlight_status")),
            ("Rushlight_Status", Some("rushlight_status")),
            ("rushlight_subscribehead", Some("rushlight_subscribeHead")),
            ("eth_blockNumber", None),
            ("", None),
        ] {
            match find(wrote, Access::Public) {
                Err(RpcError::MethodNotFound { suggestion, .. }) => assert_eq!(suggestion, meant, "{wrote}"),
                other => panic!("{wrote}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_method_of_chains_is_answered_by_the_one_in_scope_or_the_only_one() {
        static ROW: Row = Row { name: "height", ..own::STATUS };
        let mut table = Table::default();
        let find = |table: &Table, chain| table.find("height", Scope { chain, access: Access::Public });
        assert!(matches!(find(&table, None), Err(RpcError::MethodNotFound { .. })));
        table.add(ChainId(1), "hub", alloc::vec![&ROW]);
        assert_eq!(find(&table, None), Ok((&ROW, Owner::Chain(ChainId(1)))));
        table.add(ChainId(2), "zone", alloc::vec![&ROW]);
        assert_eq!(find(&table, None), Ok((&ROW, Owner::SomeChain)));
        assert_eq!(find(&table, Some(ChainId(2))), Ok((&ROW, Owner::Chain(ChainId(2)))));
        assert_eq!(table.names(), "hub, zone");
        assert_eq!(
            table
                .methods(Scope { chain: None, access: Access::Public })
                .iter()
                .filter(|row| row.name == "height")
                .count(),
            1
        );
        table.remove(ChainId(2));
        assert!(matches!(find(&table, Some(ChainId(2))), Err(RpcError::MethodNotFound { .. })));
    }
}
