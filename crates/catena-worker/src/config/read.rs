// SPDX-License-Identifier: MPL-2.0
//! From the values of the file to those of the worker: everything must be there, and of its type (C4).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use catena_core::policy::{
    Config, ConfigError, Item, KEYS, Node, Place, Reader as Whose, Switch, mask_userinfo,
};

use super::sharing;
use super::slots::{self, Directories};
use super::source::Source;
use super::{Env, LogConfig, Verification, WorkerConfig, WorkerIdentity, defaults, format};
use crate::queue::Storage;
use crate::status::{self, Reason};

/// Reads values, and notes what is wrong with them.
pub(super) struct Reader<'a> {
    policy: &'a Config,
    file: &'a str,
    env: Env<'a>,
    pub(super) problems: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(policy: &'a Config, file: &'a str, env: Env<'a>) -> Self {
        Self {
            policy,
            file,
            env,
            problems: Vec::new(),
            warnings: policy.warnings.clone(),
        }
    }

    /// Reads everything; `None` only where there are problems.
    pub(super) fn config(&mut self, source: Option<Source>) -> Option<WorkerConfig> {
        self.placeholders();
        let mut policy = self.policy.clone();
        if let Some(url) = (self.env)("TASKCLUSTER_ROOT_URL").filter(|url| !url.is_empty()) {
            match url.parse() {
                Ok(url) => policy.settings.root_url = url,
                Err(_) => self.problems.push(
                    "TASKCLUSTER_ROOT_URL: expected https://HOST, or http://HOST on loopback"
                        .to_owned(),
                ),
            }
        }
        let identity = self.identity();
        let directories = self.directories();
        let script = self.script();
        let capacity = self.capacity(&directories, &script);
        let sign = self.flag("sign_chain_of_trust");
        let key = self.path("ed25519_private_key_path", sign);
        let verify = self.verification();
        let log = self.log();
        let monitor = self.monitor();
        let retry = self.own("retry").map(|_| policy.settings.retry);
        let Source {
            credentials, from, ..
        } = source?;
        Some(WorkerConfig {
            root_url: policy
                .settings
                .root_url
                .to_string()
                .trim_end_matches('/')
                .to_owned(),
            policy,
            identity,
            credentials,
            credentials_from: from,
            script,
            max_timeout: self.seconds("task_max_timeout"),
            timeout_status: i32::try_from(self.count("task_max_timeout_status")).unwrap_or(1),
            reclaim_interval: self.seconds("reclaim_interval").max(LEAST),
            poll_interval: self.seconds("poll_interval"),
            reversed: self.reversed(),
            directories,
            log,
            upload_timeout: self.seconds("artifact_upload_timeout"),
            key: sign.then_some(key),
            verify,
            hash: self
                .text("chain_of_trust_hash_algorithm")
                .parse()
                .unwrap_or(HASH),
            minimal_environment: self
                .own("cot_environment")
                .is_some_and(|v| is(v, "minimal")),
            storage: match self
                .own("artifact_storage")
                .is_some_and(|v| is(v, "object"))
            {
                true => Storage::Object,
                false => Storage::S3,
            },
            undetermined: match self
                .own("undetermined")
                .is_some_and(|v| is(v, "intermittent-task"))
            {
                true => status::INTERMITTENT_TASK,
                false => status::RESOURCE_UNAVAILABLE,
            },
            full_cot: self
                .own("full_cot")
                .is_none_or(|v| v.item != Item::Bool(false)),
            writable_evidence: self
                .own("verified_files")
                .is_some_and(|v| is(v, "writable")),
            capacity,
            retry,
            monitor,
            sharing: sharing::read(self.policy),
            strip_env: self.own("strip_env").map(texts).unwrap_or_default(),
            warnings: std::mem::take(&mut self.warnings),
        })
    }

    /// Null and `...` stand for a value that somebody forgot (C4).
    fn placeholders(&mut self) {
        for key in KEYS.iter().filter(|key| key.reader == Whose::Worker) {
            let Some(node) = self.policy.value(key.name) else {
                continue;
            };
            let found = match &node.item {
                Item::Null => "null",
                Item::Str(text) if text == "..." => "the placeholder ...",
                _ => continue,
            };
            self.wrong(key.name, node.line, "a value", found);
        }
    }

    fn identity(&mut self) -> WorkerIdentity {
        WorkerIdentity {
            provisioner_id: self.name("provisioner_id"),
            worker_type: self.name("worker_type"),
            worker_group: self.name("worker_group"),
            worker_id: match (self.env)("SCRIPTWORKER_WORKER_ID").filter(|id| !id.is_empty()) {
                Some(id) => self.fit("SCRIPTWORKER_WORKER_ID", None, id),
                None => self.name("worker_id"),
            },
        }
    }

    fn name(&mut self, key: &'static str) -> String {
        let (text, line) = (self.text(key), self.line(key));
        self.fit(key, line, text)
    }

    /// What the queue takes as a name: `^[a-zA-Z0-9-_]{1,38}$`.
    fn fit(&mut self, key: &str, line: Option<u32>, text: String) -> String {
        let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !(1..=38).contains(&text.len()) || !text.chars().all(of_name) {
            self.wrong(
                key,
                line,
                "1 to 38 of a-z, A-Z, 0-9, - and _",
                &shown(&text),
            );
        }
        text
    }

    fn directories(&mut self) -> Directories {
        Directories {
            work: self.path("work_dir", true),
            artifact: self.path("artifact_dir", true),
            log: self.path("task_log_dir", true),
        }
    }

    /// A path, made absolute: what it names does not depend on who asks. `used`: it may not be empty.
    fn path(&mut self, key: &'static str, used: bool) -> PathBuf {
        let node = self.node(key);
        let Item::Str(text) = node.item else {
            return PathBuf::new();
        };
        if used && (text.is_empty() || text.contains('\0')) {
            self.wrong(key, node.line, "a path", &shown(&text));
        }
        std::path::absolute(&text).unwrap_or_else(|_| text.into())
    }

    fn script(&mut self) -> Vec<String> {
        let node = self.node("task_script");
        let found = texts(&node);
        let all = matches!(&node.item, Item::List(items) if items.len() == found.len());
        let whole = found.iter().all(|part| !part.contains('\0'));
        if found.is_empty() || !all || !whole {
            let expected = "a list of strings: a program and its arguments";
            self.wrong("task_script", node.line, expected, node.item.type_name());
        }
        found
    }

    fn capacity(&mut self, directories: &Directories, script: &[String]) -> NonZeroU32 {
        let node = self.own("capacity");
        let count = node.map_or(1, |node| match node.item {
            Item::Int(count) => u32::try_from(count).unwrap_or(u32::MAX),
            _ => 1,
        });
        if count > MOST_SLOTS {
            let (line, found) = (self.own_line("capacity"), count.to_string());
            let expected = format!("1 to {MOST_SLOTS}");
            self.wrong("x_cot.capacity", line, &expected, &found);
            return NonZeroU32::MIN;
        }
        if count > 1 {
            for key in slots::missing(directories, script) {
                let expected = "{slot} in it, because x_cot.capacity is above 1 (P34)";
                self.wrong(key, self.line(key), expected, "none");
            }
        }
        NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
    }

    /// Whoever watches is on the same machine: what is served has no authentication.
    fn monitor(&mut self) -> Option<SocketAddr> {
        let Item::Str(text) = &self.own("monitor")?.item else {
            return None;
        };
        let address = text.parse().ok();
        let address = address.filter(|address: &SocketAddr| address.ip().is_loopback());
        if address.is_none() {
            let expected = "address and port on loopback, such as 127.0.0.1:9464";
            let line = self.own_line("monitor");
            self.wrong("x_cot.monitor", line, expected, &shown(text));
        }
        address
    }

    fn reversed(&mut self) -> BTreeMap<i32, Reason> {
        let node = self.node("reversed_statuses");
        let Item::Map(members) = &node.item else {
            return BTreeMap::new();
        };
        let mut out = BTreeMap::new();
        for (key, value) in members {
            let at = format!("reversed_statuses.{}", key.text);
            let Ok(status) = key.text.parse::<i32>() else {
                self.wrong(&at, key.line, "an exit code", &format!("{:?}", key.text));
                continue;
            };
            match &value.item {
                Item::Str(text) if text == "superseded" => self.warnings.push(format!(
                    "{at}: the queue does not take superseded any more; {status} is reported as failed"
                )),
                Item::Str(text) => match text.parse() {
                    Ok(reason) => _ = out.insert(status, reason),
                    Err(why) => self.problems.push(format!("{}: {at}: {why}", self.file)),
                },
                other => self.wrong(&at, value.line, "a reason", other.type_name()),
            }
        }
        out
    }

    fn log(&mut self) -> LogConfig {
        let (line, date) = (self.text("log_fmt"), self.text("log_datefmt"));
        let format = format::LineFormat::parse(&line, &date).unwrap_or_else(|(key, why)| {
            self.problems
                .push(format!("{}: {key}: {why}", self.place(key)));
            format::LineFormat::default()
        });
        LogConfig {
            dir: self.path("log_dir", true),
            format,
            verbose: self.flag("verbose"),
            watch: self.flag("watch_log_file"),
            max_bytes: u64::from(self.count("log_max_bytes")),
            max_backups: self.count("log_max_backups"),
        }
    }

    /// How tasks are verified (P19).
    fn verification(&mut self) -> Option<Verification> {
        let job_type = self.text("cot_job_type");
        if !self.flag("verify_chain_of_trust") {
            return None;
        }
        let reason = self.policy.relaxations.list();
        let reason = reason
            .into_iter()
            .find(|relaxed| relaxed.switch == Switch::UnsignedUpstream.name())
            .map(|relaxed| relaxed.reason);
        if self.policy.verify_cot_signature_false && reason.is_none() {
            let expected = "true, or a reason in x_cot.relax.unsigned_upstream (P19)";
            self.wrong(
                "verify_cot_signature",
                self.line("verify_cot_signature"),
                expected,
                "false",
            );
        }
        let Some(product) = self.policy.product.clone() else {
            let expected = "a product, because verify_chain_of_trust is true";
            self.wrong("cot_product", self.line("cot_product"), expected, "null");
            return None;
        };
        if let Err(why) = self.policy.policy(&product) {
            self.problems.push(why.to_string());
        }
        let Ok(task_type) = job_type.parse() else {
            let expected = "the type of the tasks that this worker runs, such as signing";
            let found = format!("{job_type:?}");
            self.wrong("cot_job_type", self.line("cot_job_type"), expected, &found);
            return None;
        };
        Some(Verification {
            task_type,
            product,
            unsigned: reason.filter(|_| self.policy.verify_cot_signature_false),
        })
    }

    fn node(&mut self, key: &'static str) -> Node {
        let found = self
            .policy
            .value(key)
            .cloned()
            .or_else(|| defaults::of(key));
        found.unwrap_or_else(|| {
            self.wrong(key, None, "a value", "none");
            Node {
                line: None,
                item: Item::Null,
            }
        })
    }

    fn text(&mut self, key: &'static str) -> String {
        match self.node(key).item {
            Item::Str(text) => text,
            _ => String::new(),
        }
    }

    fn flag(&mut self, key: &'static str) -> bool {
        self.node(key).item == Item::Bool(true)
    }

    fn count(&mut self, key: &'static str) -> u32 {
        let node = self.node(key);
        let count = match node.item {
            Item::Int(count) => u32::try_from(count).ok(),
            _ => Some(0),
        };
        count.unwrap_or_else(|| {
            self.wrong(
                key,
                node.line,
                "an integer from 0 that fits 32 bits",
                "a larger one",
            );
            0
        })
    }

    fn seconds(&mut self, key: &'static str) -> Duration {
        Duration::from_secs(u64::from(self.count(key)))
    }

    /// A member of `x_cot`; its type was checked.
    fn own(&self, key: &str) -> Option<&'a Node> {
        own(self.policy, key)
    }

    fn own_line(&self, key: &str) -> Option<u32> {
        self.own(key)?.line
    }

    fn line(&self, key: &str) -> Option<u32> {
        self.policy.value(key)?.line
    }

    fn place(&self, key: &str) -> Place {
        Place {
            file: self.file.into(),
            line: self.line(key),
        }
    }

    fn wrong(&mut self, key: &str, line: Option<u32>, expected: &str, found: &str) {
        let error = ConfigError::Invalid {
            place: Place {
                file: self.file.into(),
                line,
            },
            key: key.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        self.problems.push(error.to_string());
    }
}

/// Returns a member of `x_cot`.
pub(super) fn own<'a>(policy: &'a Config, key: &str) -> Option<&'a Node> {
    let Item::Map(members) = &policy.value("x_cot")?.item else {
        return None;
    };
    let found = members.iter().rfind(|(name, _)| name.text == key);
    found.map(|(_, node)| node)
}

/// A text in a message.
fn shown(text: &str) -> String {
    let text = mask_userinfo(text);
    format!("{:?}", text.chars().take(80).collect::<String>())
}

fn is(node: &Node, text: &str) -> bool {
    matches!(&node.item, Item::Str(found) if found == text)
}

/// The strings of a list.
fn texts(node: &Node) -> Vec<String> {
    let Item::List(items) = &node.item else {
        return Vec::new();
    };
    let text = |node: &Node| match &node.item {
        Item::Str(text) => Some(text.clone()),
        _ => None,
    };
    items.iter().filter_map(text).collect()
}

const HASH: catena_crypto::digest::Algorithm = catena_crypto::digest::Algorithm::Sha256;
/// Reclaiming without a pause would be an attack on the queue.
const LEAST: Duration = Duration::from_secs(1);
/// More tasks than a machine runs at once; the metrics have a bit for each.
const MOST_SLOTS: u32 = 64;
