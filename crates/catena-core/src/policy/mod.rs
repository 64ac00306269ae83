// SPDX-License-Identifier: MPL-2.0
//! What may be trusted, as validated data: settings, keys, product policies, relaxations.
//!
//! Everything is an argument of the verification (DESIGN §4): nothing here reads a file, the environment or a
//! clock. The built-in policies are the files under `policies/`; a `scriptworker.yaml` (C1–C4) or a TOML file
//! with the same keys overrides them. What is wrong is found at load (S50, S52), not in the middle of a chain.

mod builtin;
mod config;
mod cot_keys;
mod dialect;
mod error;
mod glob;
mod hosts;
mod infer;
mod keyring;
mod keys;
mod layers;
mod lint;
mod node;
mod origin;
mod parse;
mod product;
mod queue;
mod rule;
mod secret;
mod settings;
mod switch;

pub use config::Config;
pub use error::{ConfigError, Place};
pub use glob::glob_matches;
pub use hosts::{HostKind, VcsHost, VcsHosts};
pub use infer::{Candidate, PoolType, RepositoryUrl};
pub use keyring::Keyring;
pub use keys::{KEYS, KeySpec, KeyType, Reader};
pub use node::{Item, Key, Node, mask_userinfo};
pub use origin::{InvalidOrigin, RootUrl};
pub use product::{Policy, Prebuilt, ProductType};
pub(crate) use queue::complete;
pub use queue::{InGraph, QueueDefault, QueueMember};
pub use rule::{ArtifactRule, MatchedArtifact, PathRegex, UrlRule};
pub use secret::{Credentials, Secret};
pub use settings::{RetrySettings, Settings};
pub use switch::{NoReason, Profile, Relaxations, Switch, UnknownName};

/// The task types (V12), and no other.
pub const TASK_TYPES: [&str; 14] = [
    "action",
    "balrog",
    "beetmover",
    "bouncer",
    "build",
    "decision",
    "docker-image",
    "l10n",
    "partials",
    "pushapk",
    "repackage",
    "scriptworker",
    "shipit",
    "signing",
];

/// The provisioner that always runs scriptworkers (V13).
pub const SCRIPTWORKER_PROVISIONER: &str = "scriptworker-prov-v1";

/// Values of `tasks_for` in hg products (V59).
pub const HG_TASKS_FOR: [&str; 3] = ["action", "cron", "hg-push"];

/// Values of `tasks_for` in GitHub products (V59).
pub const GITHUB_TASKS_FOR: [&str; 7] = [
    "action",
    "cron",
    "github-pull-request",
    "github-pull-request-untrusted",
    "github-push",
    "github-release",
    "pr-action",
];

/// Values of `tasks_for` that make a pull request (V89); `pr-action` has a check of its own (S28).
pub const PULL_REQUEST_TASKS_FOR: [&str; 2] =
    ["github-pull-request", "github-pull-request-untrusted"];

/// Scheduler ids of try pushes (V88).
pub const TRY_SCHEDULER_IDS: [&str; 1] = ["gecko-level-1"];
