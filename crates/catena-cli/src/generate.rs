// SPDX-License-Identifier: MPL-2.0
//! `catena generate`: writes the chain-of-trust document of a task, and signs it (generation.md 2 and 6, R-05).

use std::env;
use std::fs;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use catena_core::model::ids::TaskId;
use catena_core::policy::Config;
use catena_crypto::digest::{Algorithm, Digest};
use catena_crypto::signer::Signer;
use catena_crypto::signer::reference::{OpenError, RefError, SignerRef};
use catena_report::escape::clean;
use catena_worker::facts::{LogHeader, MAX_HEADER, WORKER_INFO, WorkerInfo};
use catena_worker::generate::claim::ClaimError;
use catena_worker::generate::{
    self, BODY, Beside, Claim, Environment, GenerateError, Generated, Identity, Inputs, SIGNATURE,
    TreeError,
};
use catena_worker::json::Json;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::legacy::Gpg;
use crate::output;
use crate::progress::Bytes;

pub(crate) const HELP: &str = "\
The document is written to DIR/public/chain-of-trust.json and its signature, 64 raw
bytes, to DIR/public/chain-of-trust.json.sig: both or neither. With --environment
minimal the document is, byte for byte, that of scriptworker.

Exit status:
   0  written
   5  internal error, the system failed, or the signer did not sign
  64  usage; or artifacts, claim or key are not fit for a document";

/// The most bytes of a claim; the queue takes definitions of a tenth of that.
const MAX_CLAIM: u64 = 16 << 20;
/// What is said whenever a text of the GPG era is written (P40).
const LEGACY_WARNING: &str = "catena: --gpg-key: written for verifiers from before 2019-06; nobody of today should trust it, \
    and the library that signs takes time that depends on the key";
const FULL_COT: &str = "public/full-cot.json";
const LOG: &str = "public/logs/live_backing.log";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The directory of the artifacts: every file in it is listed under its path
    #[arg(value_name = "DIR")]
    artifact_dir: PathBuf,
    /// The claim, as the queue answered it: one claim, or an answer of claimWork with one task
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "task",
        conflicts_with = "task"
    )]
    claim: Option<PathBuf>,
    /// The task's definition instead, such as a task.json
    #[arg(long, value_name = "FILE", requires = "task_id")]
    task: Option<PathBuf>,
    /// Whose definition that is
    #[arg(long, value_name = "TASK_ID", conflicts_with = "claim")]
    task_id: Option<TaskId>,
    /// Which run of it
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        conflicts_with = "claim"
    )]
    run_id: u32,
    /// workerGroup, unless the claim names it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    worker_group: Option<String>,
    /// workerId, unless the claim names it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    worker_id: Option<String>,
    /// workerType, unless the definition names it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    worker_type: Option<String>,
    /// What signs: a private key file, `exec:COMMAND`, `agent:[KEY]` or `pkcs11:URI` (docs/keys.md)
    #[arg(long, value_name = "SIGNER", required_unless_present = "unsigned")]
    key: Option<String>,
    /// Write no signature: nobody will trust the document
    #[arg(long, conflicts_with = "key")]
    unsigned: bool,
    /// Also sign the document as verifiers before 2019-06 read it, with this OpenPGP private key (docs/legacy.md)
    #[arg(long, value_name = "FILE")]
    gpg_key: Option<PathBuf>,
    /// The digests of each artifact
    #[arg(long, value_enum, default_value_t)]
    hash: Hash,
    /// What the document says of the worker; `minimal`: nothing, as scriptworker
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    environment: Which,
    /// The deployment; without this, TASKCLUSTER_ROOT_URL and the built-in default follow
    #[arg(long, value_name = "URL")]
    root_url: Option<String>,
    /// Also write public/worker-info.json, which the document then lists: the header of public/logs/live_backing.log
    /// if that is the log of this run, else what the claim says
    #[arg(long)]
    worker_info: bool,
    /// Replace what an earlier run of this command wrote. Not where a task can have written it
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing, and no progress
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Hash {
    Both,
    #[default]
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Which {
    #[default]
    Full,
    Minimal,
}

/// Why nothing was generated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{flag}: {}: {cause}", path.display())]
    Claim {
        flag: &'static str,
        path: PathBuf,
        cause: ClaimError,
    },
    #[error(transparent)]
    Generate(#[from] GenerateError),
    #[error("expected {flag}, because {why}")]
    Identity {
        flag: &'static str,
        why: &'static str,
    },
    #[error("--key: {0}")]
    Key(#[from] OpenError),
    #[error("{flag}: {}: {cause}", path.display())]
    Read {
        flag: &'static str,
        path: PathBuf,
        cause: io::Error,
    },
    #[error("--key: {0}")]
    Signer(RefError),
}

impl Refusal {
    /// What the process ends with (P8).
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Generate(GenerateError::Tree(error)) if error.is_of_system() => Exit::Internal,
            Self::Key(OpenError::Sign(_)) => Exit::Internal,
            Self::Generate(
                GenerateError::Sign(_)
                | GenerateError::Signature { .. }
                | GenerateError::Write { .. },
            ) => Exit::Internal,
            _ => Exit::Usage,
        }
    }
}

/// Generates a document and says what it lists.
pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let claim = claim(options)?;
    let identity = identity(options, &claim)?;
    let signer = signer(options)?;
    let gpg = options.gpg_key.as_deref().map(Gpg::read).transpose()?;
    let root_url = config::root_url(options.root_url.as_deref(), None, Config::builtin_root_url)?;
    let root_url = root_url.to_string().trim_end_matches('/').to_owned();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let own = own(options, &claim, &identity, &root_url)?;
    let environment = match options.environment {
        Which::Full => Environment::Full { root_url, version },
        Which::Minimal => Environment::Minimal,
    };
    let algorithms: &[Algorithm] = match options.hash {
        Hash::Both => &[Algorithm::Sha256, Algorithm::Sha512],
        Hash::Sha256 => &[Algorithm::Sha256],
        Hash::Sha512 => &[Algorithm::Sha512],
    };
    let bar = Bytes::on_stderr(options.quiet || options.json);
    let inputs = Inputs {
        artifact_dir: &options.artifact_dir,
        claim: &claim,
        identity: &identity,
        environment: &environment,
        algorithms,
        threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        own: &own,
        replace: options.replace,
    };
    let signer = signer.as_deref().map(|signer| -> &dyn Signer { signer });
    let text = gpg
        .as_ref()
        .map(|gpg| move |body: &[u8]| gpg.sign(body).map_err(|refusal| refusal.to_string()));
    let beside = text.as_ref().map(|text| -> Beside<'_> { text });
    let done = generate::generate_beside(&inputs, signer, &bar, beside);
    bar.clear();
    let done = done.map_err(Refusal::from)?;
    if gpg.is_some() {
        output::say(LEGACY_WARNING);
    }
    tell(options, &done)?;
    Ok(Exit::Success)
}

fn signer(options: &Options) -> Result<Option<Box<dyn Signer + Send + Sync>>, Refusal> {
    let Some(text) = &options.key else {
        return Ok(None);
    };
    let signer: SignerRef = text.parse().map_err(Refusal::Signer)?;
    Ok(Some(signer.open(&|name| env::var_os(name))?))
}

fn claim(options: &Options) -> Result<Claim, Refusal> {
    let read = |flag, path: &Path| {
        read_claim(path).map_err(|cause| Refusal::Read {
            flag,
            path: path.to_owned(),
            cause,
        })
    };
    let refuse = |flag, path: &Path| {
        let path = path.to_owned();
        move |cause| Refusal::Claim { flag, path, cause }
    };
    match (&options.claim, &options.task, options.task_id) {
        (Some(path), ..) => Claim::parse(&read("--claim", path)?).map_err(refuse("--claim", path)),
        (None, Some(path), Some(task_id)) => {
            Claim::of_definition(&read("--task", path)?, task_id, options.run_id)
                .map_err(refuse("--task", path))
        }
        _ => Err(Refusal::Identity {
            flag: "--task-id",
            why: "a definition does not name its task",
        }),
    }
}

/// Reads a claim or definition, of which none is larger than the queue takes.
fn read_claim(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MAX_CLAIM + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size <= MAX_CLAIM) {
        Ok(bytes)
    } else {
        Err(io::Error::other(format!(
            "expected at most {MAX_CLAIM} bytes"
        )))
    }
}

fn identity(options: &Options, claim: &Claim) -> Result<Identity, Refusal> {
    let (group, id) = (claim.worker_group.clone(), claim.worker_id.clone());
    let need = |flag, why| Refusal::Identity { flag, why };
    let unnamed = "the claim does not name it";
    let worker_type = options
        .worker_type
        .clone()
        .or_else(|| claim.worker_type().map(str::to_owned));
    Ok(Identity {
        group: options
            .worker_group
            .clone()
            .or(group)
            .ok_or_else(|| need("--worker-group", unnamed))?,
        id: options
            .worker_id
            .clone()
            .or(id)
            .ok_or_else(|| need("--worker-id", unnamed))?,
        worker_type: worker_type.ok_or_else(|| {
            need(
                "--worker-type",
                "the definition has neither workerType nor taskQueueId",
            )
        })?,
    })
}

/// Returns the artifact that says which worker ran the task, if it is wanted. Where the log begins with the header
/// of this very run, it is that object.
fn own(
    options: &Options,
    claim: &Claim,
    identity: &Identity,
    root_url: &str,
) -> Result<Vec<(&'static str, Vec<u8>)>, Refusal> {
    for name in [WORKER_INFO, FULL_COT] {
        let ours = name == WORKER_INFO && options.worker_info && options.replace;
        if !ours && options.artifact_dir.join(name).symlink_metadata().is_ok() {
            let name = name.to_owned();
            return Err(GenerateError::from(TreeError::Reserved { name }).into());
        }
    }
    if !options.worker_info {
        return Ok(Vec::new());
    }
    let info = match header(&options.artifact_dir.join(LOG)) {
        Some(info) if info.task_id == claim.task_id.as_str() && info.run_id == claim.run => info,
        _ => worker_info(claim, identity, root_url)?,
    };
    Ok(vec![(WORKER_INFO, info.to_json().into_bytes())])
}

/// Reads the first line of a log, if it is a header of this worker.
fn header(log: &Path) -> Option<WorkerInfo> {
    let mut head = Vec::new();
    let limit = u64::try_from(MAX_HEADER).unwrap_or(u64::MAX);
    fs::File::open(log)
        .ok()?
        .take(limit)
        .read_to_end(&mut head)
        .ok()?;
    LogHeader::parse(&head).ok()?.info
}

fn worker_info(claim: &Claim, identity: &Identity, root_url: &str) -> Result<WorkerInfo, Refusal> {
    let text = |name: &str| claim.task.get(name).and_then(Json::as_str);
    let queue = text("taskQueueId").map(str::to_owned);
    let queue = queue.or_else(|| {
        Some(format!(
            "{}/{}",
            text("provisionerId")?,
            identity.worker_type
        ))
    });
    Ok(WorkerInfo {
        schema: WorkerInfo::schema(),
        task_id: claim.task_id.to_string(),
        run_id: claim.run,
        task_queue_id: queue.ok_or(Refusal::Identity {
            flag: "a definition with taskQueueId or provisionerId",
            why: "--worker-info names the task queue",
        })?,
        worker_group: identity.group.clone(),
        worker_id: identity.id.clone(),
        worker_implementation: "scriptworker".to_owned(),
        worker_version: env!("CARGO_PKG_VERSION").to_owned(),
        root_url: root_url.to_owned(),
        started_at: jiff::Timestamp::now().to_string(),
        interactive: false,
        image: None,
    })
}

/// Says what was written.
fn tell(options: &Options, done: &Generated) -> Result<(), Failure> {
    if options.quiet {
        return Ok(());
    }
    let digest = Digest::of(Algorithm::Sha256, &done.signed.body);
    let key = done
        .signed
        .signature
        .as_ref()
        .map(|(_, key)| key.to_string());
    let body = options.artifact_dir.join(BODY);
    for name in &done.skipped {
        output::say(&format!(
            "catena: {}: a link to a directory, not followed",
            clean(name, 300)
        ));
    }
    for artifact in &done.artifacts {
        if !artifact.name.is_ascii() {
            let name = clean(&artifact.name, 300);
            output::say(&format!(
                "catena: {name}: the queue takes names of printable ASCII characters only"
            ));
        }
    }
    if options.json {
        let listed = done.artifacts.iter().map(|artifact| {
            let digests = artifact
                .digests
                .iter()
                .map(|d| (d.algorithm().as_str().to_owned(), d.hex().into()));
            let digests: serde_json::Map<_, _> = digests.collect();
            (
                artifact.name.clone(),
                json!({"size": artifact.size, "digests": digests}),
            )
        });
        let listed: serde_json::Map<_, _> = listed.collect();
        let page = json!({
            "document": body.display().to_string(), "sha256": digest.hex(), "keyId": key,
            "signature": key.as_ref().map(|_| options.artifact_dir.join(SIGNATURE).display().to_string()),
            "artifacts": listed,
        });
        return output::print(&format!("{page:#}\n"));
    }
    let count = done.artifacts.len();
    let noun = if count == 1 { "artifact" } else { "artifacts" };
    let signed = key.map_or_else(
        || "not signed: nobody will trust it".to_owned(),
        |key| format!("signed by key {key}"),
    );
    output::print(&format!(
        "{}\n  {count} {noun}, {digest}\n  {signed}\n",
        clean(&body.to_string_lossy(), 1000)
    ))
}
