// SPDX-License-Identifier: MPL-2.0
//! The one table of configuration keys (P30): what exists, of which type, and what it means.
//!
//! A key that is not here is an error. `docs/` lists the table.

use KeyType::{Bool, Count, List, Map, OfProduct, OneOf, Seconds, Secret, Text};

use super::error::{ConfigError, Place};
use super::node::{Cursor, Item};

/// A configuration key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeySpec {
    /// Its name; parts of `x_cot` with the path, as `x_cot.retry.base`.
    pub name: &'static str,
    /// Its type.
    pub value: KeyType,
    /// Who reads it.
    pub reader: Reader,
    /// What it means, in one line.
    pub meaning: &'static str,
}

/// Who reads a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reader {
    /// Verification, wherever it runs.
    Verify,
    /// The worker; elsewhere only the type is checked.
    Worker,
}

/// The type of a key's value (C4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyType {
    /// A boolean; never an integer.
    Bool,
    /// An integer; never a boolean.
    Count,
    /// A list.
    List,
    /// A mapping.
    Map,
    /// A by-product key: the type that the product's default has.
    OfProduct,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A string that no message shows.
    Secret,
    /// A number of seconds.
    Seconds,
    /// A string.
    Text,
}

impl KeySpec {
    /// Returns the key of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Returns whether each product has its own value (C3).
    #[must_use]
    pub fn is_by_product(&self) -> bool {
        self.value == OfProduct
    }

    /// Checks the type of a value.
    pub(super) fn check(&self, at: &Cursor<'_>) -> Result<(), ConfigError> {
        let fits = match (self.value, &at.node.item) {
            (OfProduct, _)
            | (Bool, Item::Bool(_))
            | (Count | Seconds, Item::Int(0..))
            | (List, Item::List(_))
            | (Map, Item::Map(_))
            | (Secret | Text, Item::Str(_)) => true,
            (Seconds, Item::Float(number)) => *number >= 0.0,
            (OneOf(names), Item::Str(text)) => names.contains(&text.as_str()),
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(at.expected(self.value.expected()))
        }
    }
}

impl KeyType {
    /// Returns what messages say is due.
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Bool => "a boolean".to_owned(),
            Count => "an integer from 0".to_owned(),
            List => "a list".to_owned(),
            Map => "a mapping".to_owned(),
            OfProduct => "a value for each product".to_owned(),
            OneOf(names) => names.join(" or "),
            Secret | Text => "a string".to_owned(),
            Seconds => "a number of seconds".to_owned(),
        }
    }
}

/// Says that a key does not exist, and which one may have been meant.
pub(super) fn unknown(place: Place, key: &str) -> ConfigError {
    let shown: String = key.chars().take(80).collect();
    let near = |spec: &KeySpec| Some((distance(&shown, spec.name), spec.name));
    let nearest = KEYS
        .iter()
        .filter_map(near)
        .min()
        .filter(|&(far, _)| far <= NEAR)
        .map(|(_, name)| name);
    ConfigError::UnknownKey {
        place,
        key: shown,
        nearest,
    }
}

/// Levenshtein's distance.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (pair, y) in row.windows(2).zip(&b) {
            let &[diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(x != *y))
                .min(above + 1)
                .min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Typing errors that are still recognised.
const NEAR: usize = 3;

const fn verify(name: &'static str, value: KeyType, meaning: &'static str) -> KeySpec {
    KeySpec {
        name,
        value,
        reader: Reader::Verify,
        meaning,
    }
}

const fn worker(name: &'static str, value: KeyType, meaning: &'static str) -> KeySpec {
    KeySpec {
        name,
        value,
        reader: Reader::Worker,
        meaning,
    }
}

/// All keys, by name.
pub const KEYS: &[KeySpec] = &[
    worker(
        "artifact_dir",
        Text,
        "Directory whose files are uploaded; emptied before every task.",
    ),
    worker(
        "artifact_upload_timeout",
        Count,
        "Seconds that one upload may take.",
    ),
    worker(
        "chain_of_trust_hash_algorithm",
        OneOf(&["sha256", "sha512"]),
        "Algorithm of generated documents.",
    ),
    worker(
        "cot_job_type",
        Text,
        "Task type of the tasks that this worker runs (V1).",
    ),
    verify("cot_product", Text, "Product whose policy applies."),
    verify(
        "cot_product_type",
        OfProduct,
        "Version control of the product's repositories (V59).",
    ),
    verify(
        "cot_restricted_scopes",
        OfProduct,
        "Scope, or prefix with `*`, to level (V83).",
    ),
    verify(
        "cot_restricted_trees",
        OfProduct,
        "Level to the trees that may use its scopes (V84).",
    ),
    worker("cot_schema_path", Text, "Accepted, unused."),
    worker("cot_version", Count, "Accepted, unused."),
    verify(
        "credentials",
        Map,
        "`clientId`, `accessToken`, `certificate`: open private artifacts (V31) and get repository tokens (V95).",
    ),
    worker(
        "ed25519_private_key_path",
        Text,
        "Key that signs generated documents.",
    ),
    verify(
        "ed25519_public_keys",
        Map,
        "Worker implementation to public keys, standard base64 (V33).",
    ),
    verify(
        "github_app_name",
        Text,
        "Application that the deployment makes repository tokens with (V95).",
    ),
    verify(
        "github_oauth_token",
        Secret,
        "Token for GitHub's API where the deployment gives none; sent to api.github.com only (V95, S55).",
    ),
    verify(
        "hg_git_mirrors",
        OfProduct,
        "hg tree to the git tree that mirrors it (V82).",
    ),
    worker(
        "invalid_reclaim_status",
        Count,
        "Status of a task whose claim was lost.",
    ),
    worker("log_datefmt", Text, "Date layout of worker.log."),
    worker("log_dir", Text, "Directory of worker.log."),
    worker("log_fmt", Text, "Line layout of worker.log."),
    worker(
        "log_max_backups",
        Count,
        "Old worker.log files that are kept.",
    ),
    worker(
        "log_max_bytes",
        Count,
        "Size at which worker.log is rotated.",
    ),
    verify("max_chain_length", Count, "Depth of the chain (V17)."),
    verify(
        "max_concurrent_downloads",
        Count,
        "Requests in flight at once (P20).",
    ),
    worker("min_cot_version", Count, "Accepted, unused."),
    verify(
        "official_github_repos_owner",
        OfProduct,
        "Owners whose repositories are not forks (V89).",
    ),
    worker(
        "poll_interval",
        Count,
        "Seconds between claims when there is no work.",
    ),
    verify(
        "prebuilt_docker_image_task_types",
        OfProduct,
        "`any`, or task types that may run an image no task built (V76).",
    ),
    verify(
        "project_configuration_url",
        Text,
        "projects.yml (V91, V92).",
    ),
    worker("provisioner_id", Text, "First half of the worker pool."),
    verify(
        "pushlog_url",
        Text,
        "Where hg answers for a push; `{repo}`, `{revision}` (V62).",
    ),
    worker("reclaim_interval", Count, "Seconds between reclaims."),
    worker("reversed_statuses", Map, "Exit code to exception reason."),
    verify(
        "scriptworker_provisioners",
        List,
        "Provisioners whose workers are scriptworkers (V13).",
    ),
    worker("sign_chain_of_trust", Bool, "Sign generated documents."),
    worker("sign_key_timeout", Count, "Accepted, unused."),
    verify(
        "source_env_prefix",
        OfProduct,
        "Prefix of the variables that name repository and revision (V11).",
    ),
    worker("task_log_dir", Text, "Directory of the task's logs."),
    worker(
        "task_max_timeout",
        Count,
        "Seconds that a task script may run.",
    ),
    worker(
        "task_max_timeout_status",
        Count,
        "Status of a script that ran too long.",
    ),
    worker("task_script", List, "Command of the task script."),
    verify(
        "taskcluster_root_url",
        Text,
        "Taskcluster deployment: https, or http on loopback (P24).",
    ),
    verify(
        "trusted_vcs_rules",
        OfProduct,
        "Repositories that may be in a chain; the group `path` is the tree (V70, V81).",
    ),
    verify(
        "valid_artifact_rules",
        List,
        "Where artifacts may come from (V32, P11).",
    ),
    verify(
        "valid_decision_worker_pools",
        OfProduct,
        "Pools of decision and action tasks (V52).",
    ),
    verify(
        "valid_docker_image_worker_pools",
        OfProduct,
        "Pools that build docker images (V50).",
    ),
    verify(
        "valid_hash_algorithms",
        List,
        "Algorithms that a chain of trust may use (V43).",
    ),
    verify(
        "valid_tasks_for",
        OfProduct,
        "What may start a decision or action task (V58).",
    ),
    worker("verbose", Bool, "Debug level, and logs on the console."),
    worker(
        "verify_chain_of_trust",
        Bool,
        "Verify before the task script runs.",
    ),
    verify(
        "verify_cot_signature",
        Bool,
        "Reported and ignored when false; signatures are always checked (P19).",
    ),
    worker(
        "watch_log_file",
        Bool,
        "Reopen worker.log when somebody else rotated it.",
    ),
    worker(
        "work_dir",
        Text,
        "Directory that the task script works in; emptied before every task.",
    ),
    worker("worker_group", Text, "Group that the worker claims as."),
    worker("worker_id", Text, "Name that the worker claims as."),
    worker("worker_type", Text, "Second half of the worker pool."),
    verify("x_cot", Map, "Keys of catena's own."),
    verify(
        "x_cot.artifact_hosts",
        List,
        "Hosts that artifact redirects may lead to even when they resolve to a private address (P24).",
    ),
    worker(
        "x_cot.artifact_storage",
        OneOf(&["s3", "object"]),
        "Storage type of uploads.",
    ),
    worker(
        "x_cot.attestation",
        OneOf(&["off"]),
        "How receipts are used; this release knows none.",
    ),
    verify(
        "x_cot.cache_dir",
        Text,
        "Where answers of GitHub's API are kept, to ask less, each asked about again; and, by a worker, evidence that its tasks \
         share, each checked again (P22).",
    ),
    worker(
        "x_cot.cache_size",
        Count,
        "The most MiB of evidence that is kept in `x_cot.cache_dir`; 2048 by default.",
    ),
    worker(
        "x_cot.cache_store",
        Text,
        "Keep shared evidence here instead: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`; needs a \
         build with the feature `object-store`.",
    ),
    worker(
        "x_cot.capacity",
        Count,
        "Tasks at once, 64 at most; above 1 the directories need `{slot}` (P34).",
    ),
    verify(
        "x_cot.compare_recorded_task",
        OneOf(&["enforce"]),
        "Always on; `x_cot.relax.recorded_task` turns it off (P13).",
    ),
    worker(
        "x_cot.cot_environment",
        OneOf(&["full", "minimal"]),
        "What generated documents say about the worker (P37).",
    ),
    verify(
        "x_cot.denied_features",
        List,
        "Flags under `payload.features` that refuse a task, beside `interactive`, which always does; none by default (R-06).",
    ),
    verify(
        "x_cot.endpoints",
        Map,
        "Canonical origin to the loopback origin to connect to (P24).",
    ),
    worker("x_cot.full_cot", Bool, "Write full-cot.json (P31)."),
    verify(
        "x_cot.image_builder_keys",
        OneOf(&["shared"]),
        "Keys of image builders; this release knows no separate ones (R-11).",
    ),
    verify(
        "x_cot.key_source",
        OneOf(&["static"]),
        "Where public keys come from; this release knows `ed25519_public_keys` only (R-15).",
    ),
    worker(
        "x_cot.monitor",
        Text,
        "Address and port on loopback, such as `127.0.0.1:9464`, where metrics and health are served; nowhere by default.",
    ),
    verify(
        "x_cot.protected_branches",
        Map,
        "Product to globs of branches that count as landed; `*` stays within a segment, `**` does not (P15).",
    ),
    verify(
        "x_cot.relax",
        Map,
        "Switch to the reason for relaxing it (P5).",
    ),
    verify(
        "x_cot.retry",
        Map,
        "How failed requests are repeated (P20); where it is given, the calls and uploads of a worker as well.",
    ),
    verify("x_cot.retry.attempts", Count, "Attempts per request."),
    verify(
        "x_cot.retry.base",
        Seconds,
        "Pause before the second attempt.",
    ),
    verify("x_cot.retry.cap", Seconds, "Longest pause."),
    verify(
        "x_cot.retry.deadline",
        Seconds,
        "Time for all attempts together.",
    ),
    verify(
        "x_cot.run_pinning",
        OneOf(&["enforce"]),
        "Always on; `x_cot.relax.run_pinning` turns it off (P10).",
    ),
    worker(
        "x_cot.strip_env",
        List,
        "Variables that task scripts do not inherit.",
    ),
    worker(
        "x_cot.undetermined",
        OneOf(&["resource-unavailable", "intermittent-task"]),
        "How a task is reported whose chain could not be decided (S51).",
    ),
    verify(
        "x_cot.vcs_hosts",
        Map,
        "Canonical origin to a further host of repositories: `kind` (`gitlab`, `gitea`, `forgejo`, `git`, `hg`), `api`, `mirror`, `protected_branches`, `token_env` (ADR 11).",
    ),
    worker(
        "x_cot.verified_files",
        OneOf(&["read-only", "writable"]),
        "Whether scripts may write to the verified files in `work_dir/cot`; some rewrite them in place.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_no_duplicates_p30() {
        assert!(KEYS.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert_eq!(KEYS.iter().filter(|key| key.is_by_product()).count(), 11);
    }

    #[test]
    fn near_keys_are_named_p29() {
        let place = || Place {
            file: "f".into(),
            line: Some(3),
        };
        let error = unknown(place(), "x_cot.retri.base");
        assert_eq!(
            error.to_string(),
            r#"f:3: unknown key "x_cot.retri.base", did you mean "x_cot.retry.base"?"#
        );
        assert_eq!(
            unknown(place(), "gpg_home").to_string(),
            r#"f:3: unknown key "gpg_home""#
        );
    }
}
