// SPDX-License-Identifier: MPL-2.0
//! Clients and roles: kept in the store, read from memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ANONYMOUS, QUEUE, ROOT};
use crate::store::{Change, Store, StoreError, Table};

/// A permanent client.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct ClientRecord {
    /// The secret; `Debug` leaves it out.
    pub access_token: String,
    pub description: String,
    pub scopes: Vec<String>,
    pub created: Timestamp,
    pub expires: Timestamp,
    pub disabled: bool,
}

impl fmt::Debug for ClientRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRecord")
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// A role: whoever may `assume:` it has its scopes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct RoleRecord {
    pub description: String,
    pub scopes: Vec<String>,
    pub created: Timestamp,
    pub last_modified: Timestamp,
}

/// All clients and roles. A clone is the same registry.
#[derive(Clone, Debug)]
pub struct Registry {
    store: Store,
    state: Arc<RwLock<State>>,
}

#[derive(Debug, Default)]
struct State {
    clients: BTreeMap<String, ClientRecord>,
    roles: BTreeMap<String, RoleRecord>,
}

impl Registry {
    /// Reads the store; makes `root`, `static/taskcluster/queue` and role `anonymous` if they are not there.
    ///
    /// # Errors
    /// The store cannot be read or written, or holds something else.
    pub async fn open(store: Store, now: Timestamp) -> Result<Self, StoreError> {
        let mut state = State::default();
        for (key, bytes) in store.scan(Table::Clients, "")? {
            state.clients.insert(key, decode(&bytes)?);
        }
        for (key, bytes) in store.scan(Table::Roles, "")? {
            state.roles.insert(key, decode(&bytes)?);
        }
        let registry = Self {
            store,
            state: Arc::new(RwLock::new(state)),
        };
        // a role that was deleted stays deleted
        if registry.client(ROOT).is_none() {
            registry.put_role(ANONYMOUS, public(now)).await?;
        }
        for id in [QUEUE, ROOT] {
            if registry.client(id).is_none() {
                registry.put_client(id, built_in(now)?).await?;
            }
        }
        Ok(registry)
    }

    /// A client by its id.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<ClientRecord> {
        self.read(|state| state.clients.get(id).cloned())
    }

    /// All clients whose ids begin so.
    #[must_use]
    pub fn clients(&self, prefix: &str) -> Vec<(String, ClientRecord)> {
        self.read(|state| {
            let all = state
                .clients
                .iter()
                .filter(|(id, _)| id.starts_with(prefix));
            all.map(|(id, client)| (id.clone(), client.clone()))
                .collect()
        })
    }

    /// A role by its id.
    #[must_use]
    pub fn role(&self, id: &str) -> Option<RoleRecord> {
        self.read(|state| state.roles.get(id).cloned())
    }

    /// All roles.
    #[must_use]
    pub fn roles(&self) -> Vec<(String, RoleRecord)> {
        self.read(|state| {
            let all = state.roles.iter();
            all.map(|(id, role)| (id.clone(), role.clone())).collect()
        })
    }

    /// Creates or replaces a client.
    ///
    /// # Errors
    /// The store failed; the client is as it was.
    pub async fn put_client(&self, id: &str, client: ClientRecord) -> Result<(), StoreError> {
        self.write(Table::Clients, id, encode(&client)?).await?;
        self.change(|state| {
            state.clients.insert(id.to_owned(), client);
        });
        Ok(())
    }

    /// Creates or replaces a role.
    ///
    /// # Errors
    /// The store failed; the role is as it was.
    pub async fn put_role(&self, id: &str, role: RoleRecord) -> Result<(), StoreError> {
        self.write(Table::Roles, id, encode(&role)?).await?;
        self.change(|state| {
            state.roles.insert(id.to_owned(), role);
        });
        Ok(())
    }

    /// Removes a role, if it is there.
    ///
    /// # Errors
    /// The store failed; the role is as it was.
    pub async fn remove_role(&self, id: &str) -> Result<(), StoreError> {
        self.write(Table::Roles, id, None).await?;
        self.change(|state| {
            state.roles.remove(id);
        });
        Ok(())
    }

    /// The scopes with those of the roles that they may assume, and of role `anonymous`. `assume:ab*` assumes every role
    /// that begins so; a role `ab*` is assumed by every `assume:ab…`, and `<..>` in its scopes stands for the rest.
    #[must_use]
    pub fn expand(&self, scopes: &[String]) -> Vec<String> {
        self.read(|state| {
            let mut all: BTreeSet<String> = scopes.iter().cloned().collect();
            all.insert(format!("assume:{ANONYMOUS}"));
            let mut todo: Vec<String> = all.iter().cloned().collect();
            while let Some(scope) = todo.pop() {
                for gained in state.gained(&scope) {
                    // a role that makes ever longer scopes of its own ends here
                    if gained.len() <= LONGEST && all.len() < MOST && all.insert(gained.clone()) {
                        todo.push(gained);
                    }
                }
            }
            all.into_iter().collect()
        })
    }

    fn read<T>(&self, what: impl FnOnce(&State) -> T) -> T {
        what(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, what: impl FnOnce(&mut State)) {
        what(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }

    async fn write(
        &self,
        table: Table,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.store.commit(vec![Change { table, key, value }]).await
    }
}

impl State {
    /// The scopes of the roles that one scope assumes.
    fn gained(&self, scope: &str) -> Vec<String> {
        let Some(assumed) = scope.strip_prefix("assume:") else {
            return Vec::new();
        };
        let mut gained = Vec::new();
        for (id, role) in &self.roles {
            let by_star = assumed
                .strip_suffix('*')
                .is_some_and(|start| id.starts_with(start));
            let rest = id
                .strip_suffix('*')
                .and_then(|start| assumed.strip_prefix(start));
            if by_star || rest.is_some() || id == assumed {
                // only a role that ends in a star has a rest to put in
                let rest = rest.or(id.ends_with('*').then_some("*"));
                gained.extend(role.scopes.iter().map(|scope| match rest {
                    Some(rest) => with_rest(scope, rest),
                    None => scope.clone(),
                }));
            }
        }
        gained
    }
}

/// Puts the rest of a role's name for `<..>`; a rest that ends in a star ends the scope there.
fn with_rest(scope: &str, rest: &str) -> String {
    match scope.split_once("<..>") {
        None => scope.to_owned(),
        Some((before, _)) if rest.ends_with('*') => format!("{before}{rest}"),
        Some(_) => scope.replace("<..>", rest),
    }
}

/// A new access token: 32 random bytes, as text.
///
/// # Errors
/// The system has no random numbers.
pub(crate) fn random_token() -> Result<String, StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|why| StoreError::new("draw a random token", why))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn built_in(now: Timestamp) -> Result<ClientRecord, StoreError> {
    Ok(ClientRecord {
        access_token: random_token()?,
        description: "built in".to_owned(),
        scopes: vec!["*".to_owned()],
        created: now,
        expires: Timestamp::MAX,
        disabled: false,
    })
}

/// What public deployments grant everybody (a fresh one grants nothing; here, readers should not need credentials).
fn public(now: Timestamp) -> RoleRecord {
    let scopes = [
        "queue:get-artifact:public/*",
        "queue:list-artifacts:*",
        "queue:get-task:*",
        "queue:status:*",
        "queue:list-task-group:*",
        "queue:list-dependent-tasks:*",
        "queue:pending-count:*",
        "index:find-task:*",
        "index:list-namespaces:*",
        "index:list-tasks:*",
        "auth:current-scopes",
        "auth:authenticate-hawk",
        "auth:expand-scopes",
    ];
    RoleRecord {
        description: "everybody".to_owned(),
        scopes: scopes.map(str::to_owned).to_vec(),
        created: now,
        last_modified: now,
    }
}

fn encode<T: Serialize>(record: &T) -> Result<Option<Vec<u8>>, StoreError> {
    serde_json::to_vec(record)
        .map(Some)
        .map_err(|why| StoreError::new("encode a record", why))
}

fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|why| StoreError::new("read a client or role", why))
}

/// Longest scope that expansion makes, in bytes.
const LONGEST: usize = 4096;
/// Most scopes that expansion makes.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    async fn registry(roles: &[(&str, &[&str])]) -> Registry {
        let registry = Registry::open(Store::ephemeral().unwrap(), Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        for (id, scopes) in roles {
            let mut role = public(Timestamp::UNIX_EPOCH);
            role.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
            registry.put_role(id, role).await.unwrap();
        }
        registry
    }

    async fn expanded(roles: &[(&str, &[&str])], scope: &str) -> Vec<String> {
        let registry = registry(roles).await;
        let mut scopes = registry.expand(&[scope.to_owned()]);
        scopes.retain(|gained| gained != scope && !gained.starts_with("assume:anonymous"));
        scopes
    }

    #[tokio::test]
    async fn roles_are_assumed_by_name_star_and_pattern() {
        let none: &[(&str, &[&str])] = &[("anonymous", &[])];
        assert_eq!(expanded(none, "assume:x").await, Vec::<String>::new());
        let roles: &[(&str, &[&str])] = &[
            ("anonymous", &[]),
            ("repo:a", &["one"]),
            ("repo:ab", &["two", "assume:deep"]),
            ("deep", &["three"]),
            ("hook:*", &["run:<..>:end"]),
            ("plain", &["secrets:get:<..>"]),
        ];
        assert_eq!(expanded(roles, "assume:plain").await, ["secrets:get:<..>"]);
        assert_eq!(expanded(roles, "assume:repo:a").await, ["one"]);
        assert_eq!(
            expanded(roles, "assume:repo:*").await,
            ["assume:deep", "one", "three", "two"]
        );
        assert_eq!(expanded(roles, "assume:hook:x/y").await, ["run:x/y:end"]);
        assert_eq!(expanded(roles, "assume:hook:x*").await, ["run:x*"]);
        assert_eq!(expanded(roles, "assume:ho*").await, ["run:*"]);
        assert_eq!(expanded(roles, "assume:rep").await, Vec::<String>::new());
        assert_eq!(expanded(roles, "repo:a").await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn roles_that_feed_each_other_end() {
        let roles: &[(&str, &[&str])] = &[
            ("anonymous", &[]),
            ("a", &["assume:b"]),
            ("b", &["assume:a", "x"]),
            ("grow:*", &["assume:grow:<..>x"]),
        ];
        assert_eq!(expanded(roles, "assume:a").await, ["assume:b", "x"]);
        assert!(expanded(roles, "assume:grow:").await.len() < MOST);
    }

    #[tokio::test]
    async fn everybody_has_what_anonymous_has() {
        let registry = registry(&[("anonymous", &["look"])]).await;
        assert!(registry.expand(&[]).contains(&"look".to_owned()));
        assert!(!format!("{registry:?}").contains(&registry.client(ROOT).unwrap().access_token));
    }

    #[tokio::test]
    async fn a_role_that_was_deleted_stays_deleted() {
        let store = Store::ephemeral().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let registry = Registry::open(store.clone(), now).await.unwrap();
        assert!(registry.role(ANONYMOUS).is_some());
        registry.remove_role(ANONYMOUS).await.unwrap();
        let again = Registry::open(store, now).await.unwrap();
        assert!(again.role(ANONYMOUS).is_none());
    }
}
