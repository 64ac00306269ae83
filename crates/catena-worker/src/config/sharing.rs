// SPDX-License-Identifier: MPL-2.0
//! Where evidence is kept that tasks share: `x_cot.cache_dir`, `x_cot.cache_size`, `x_cot.cache_store`.

use std::path::PathBuf;

use catena_core::policy::{Config, Item};

use super::read::own;

/// Where it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sharing {
    /// In a directory.
    Directory {
        /// Which.
        path: PathBuf,
        /// The most bytes.
        most: u64,
    },
    /// Nowhere: each task fetches its own.
    Nowhere,
    /// In an object store.
    Store {
        /// Its address.
        address: String,
    },
}

/// Reads the keys; their types were checked.
pub(super) fn read(policy: &Config) -> Sharing {
    if let Some(Item::Str(address)) = own(policy, "cache_store").map(|node| &node.item) {
        return Sharing::Store {
            address: address.clone(),
        };
    }
    let most = match own(policy, "cache_size").map(|node| &node.item) {
        Some(Item::Int(most)) => u64::try_from(*most).unwrap_or(u64::MAX),
        _ => MOST,
    };
    match &policy.settings.cache_dir {
        Some(path) => Sharing::Directory {
            path: path.into(),
            most: most.saturating_mul(1 << 20),
        },
        None => Sharing::Nowhere,
    }
}

/// MiB: room for some large task graphs, and for what is made of them.
pub(super) const MOST: u64 = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Sharing {
        let page = format!(r#"{{"x_cot": {{{text}}}}}"#);
        read(&Config::load(page.as_bytes(), "f.yaml").ok().unwrap())
    }

    #[test]
    fn nothing_is_shared_unless_a_place_is_named() {
        assert_eq!(of(""), Sharing::Nowhere);
        assert_eq!(of(r#""cache_size": 1"#), Sharing::Nowhere);
        let directory = |most| Sharing::Directory {
            path: "/c".into(),
            most,
        };
        assert_eq!(of(r#""cache_dir": "/c""#), directory(2 << 30));
        assert_eq!(
            of(r#""cache_dir": "/c", "cache_size": 3"#),
            directory(3 << 20)
        );
        let address = "s3://b/p".to_owned();
        assert_eq!(
            of(r#""cache_dir": "/c", "cache_store": "s3://b/p""#),
            Sharing::Store { address }
        );
    }
}
