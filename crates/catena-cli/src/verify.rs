// SPDX-License-Identifier: MPL-2.0
//! `catena verify`: puts configuration, source and walk together, and shows what came out.

use std::fmt;
use std::time::Instant;

use catena_core::checks;
use catena_core::document::{Answer, Body, ErrorKind, EvidenceError};
use catena_core::json::{self, Reading};
use catena_core::limits::Limits;
use catena_core::model::definition::Definition;
use catena_core::model::ids::TaskId;
use catena_core::model::task_type::TaskType;
use catena_core::policy::{Config, Credentials, Profile};
use catena_core::report::{Asserter, Basis, Report, RequestRecord, Subject, Timing, Verdict};
use catena_core::request::Request;
use catena_core::walk::{Inputs, Outcome, Walk};
use catena_evidence::{DirectorySource, HttpOptions, HttpSource, OptionsError, Progress, Source};
use catena_report::json::Versions;
use tokio::runtime;

use crate::args::{self, Format, When};
use crate::config::{self, CacheDir, Loaded};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::infer::{self, Role};
use crate::progress::Bar;
use crate::workdir::WorkDir;
use crate::{legacy, notes, output, signals};

/// Verifies a task and prints the report.
pub(crate) fn verify(options: &args::Verify, color: When) -> Result<Exit, Failure> {
    if options.legacy.legacy {
        return legacy::verify(options, color);
    }
    let (report, versions) = conclude(options)?;
    output::report(&report, &versions, options.show.format(), color)?;
    Ok(report.verdict.into())
}

/// What the tools of the reference ask for, and the command line of `catena verify` does not.
#[derive(Default)]
pub(crate) struct Extra {
    /// Credentials that win over those of the environment (P29).
    pub(crate) credentials: Option<Credentials>,
    /// Whether `task.json`, the task's own definition, goes into the work directory.
    pub(crate) task_json: bool,
}

impl fmt::Debug for Extra {
    /// Shows no credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extra")
            .field("task_json", &self.task_json)
            .finish_non_exhaustive()
    }
}

/// Verifies a task, and writes the files that were asked for; prints nothing.
pub(crate) fn conclude(options: &args::Verify) -> Result<(Report, Versions), Failure> {
    let started = Instant::now();
    let work_dir = options
        .work_dir
        .as_deref()
        .map(WorkDir::claim)
        .transpose()?;
    let bar = match options.show.format() {
        Format::Line => Bar::hidden(),
        _ => Bar::on_stderr(),
    };
    // bodies are hashed beside the walk; starting this costs less than a millisecond
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| Failure::Runtime { source })?;
    let progress = bar.listen();
    let work = decide(options, &progress, work_dir.as_ref());
    let done = signals::block_on(runtime, work, Failure::Interrupted);
    bar.clear();
    let (mut report, versions) = done?;
    if let Some(timing) = &mut report.timing {
        timing.wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    }
    if let Some(path) = &options.log {
        output::log(&report, path)?;
    }
    Ok((report, versions))
}

async fn decide(
    options: &args::Verify,
    progress: &Progress,
    work_dir: Option<&WorkDir>,
) -> Result<(Report, Versions), Failure> {
    match &options.evidence {
        None => {
            let question = Question::live(options)?;
            let source = question.source(work_dir, progress)?;
            question.answer(&source, progress, work_dir).await
        }
        Some(path) => {
            let source = DirectorySource::open(path).map_err(|source| Failure::Evidence {
                path: path.clone(),
                source,
            })?;
            Question::recorded(options, &source)?
                .answer(&source, progress, work_dir)
                .await
        }
    }
}

/// What is to be verified, and under which configuration.
struct Question<'a> {
    options: &'a args::Verify,
    config: Config,
    config_sha256: Option<String>,
    task: TaskId,
    task_type: Option<TaskType>,
    product: Option<String>,
    basis: Basis,
}

impl<'a> Question<'a> {
    fn live(options: &'a args::Verify) -> Result<Self, Failure> {
        let Loaded { mut config, sha256 } =
            config::load(options.config.as_deref(), options.product.as_deref())?;
        config.settings.root_url = config::root_url(options.root_url.as_deref(), None, || {
            config.settings.root_url.clone()
        })?;
        if let Some(credentials) = &options.extra.credentials {
            config.credentials = Some(credentials.clone());
        }
        Ok(Self {
            options,
            config_sha256: sha256,
            task: options.task_id.ok_or(Failure::NoTask)?,
            task_type: options.task_type,
            product: options.product.clone().or_else(|| config.product.clone()),
            basis: Basis::Live,
            config,
        })
    }

    /// What the index of the evidence says, where no flag does.
    fn recorded(options: &'a args::Verify, source: &DirectorySource) -> Result<Self, Failure> {
        let index = source.subject();
        // what to trust is the operator's to say, in a flag or in the file; the index is asked last (P29)
        let own = config::load(options.config.as_deref(), options.product.as_deref());
        let claimed = index.map(|index| index.product.as_str());
        let Loaded { mut config, sha256 } = match own {
            Ok(loaded) if loaded.config.product.is_some() || claimed.is_none() => loaded,
            _ => config::load(
                options.config.as_deref(),
                options.product.as_deref().or(claimed),
            )?,
        };
        let product = options
            .product
            .clone()
            .or_else(|| config.product.clone())
            .or_else(|| claimed.map(str::to_owned));
        config.settings.root_url = config::root_url(
            options.root_url.as_deref(),
            index.map(|index| index.root_url.as_str()),
            || config.settings.root_url.clone(),
        )?;
        let task_type = index.map(|index| index.task_type.parse()).transpose()?;
        Ok(Self {
            options,
            config_sha256: sha256,
            task: options
                .task_id
                .or(index.map(|index| index.task))
                .ok_or(Failure::NoTask)?,
            task_type: options.task_type.or(task_type),
            product,
            basis: Basis::Recorded,
            config,
        })
    }

    async fn answer<S: Source + ?Sized>(
        self,
        source: &S,
        progress: &Progress,
        work_dir: Option<&WorkDir>,
    ) -> Result<(Report, Versions), Failure> {
        let versions = Versions {
            catena: env!("CARGO_PKG_VERSION").to_owned(),
            config_sha256: self.config_sha256.clone(),
        };
        let role = match self.role(source).await? {
            Ok(role) => role,
            Err(report) => return Ok((*report, versions)),
        };
        let notes = notes::of(&self.config);
        let task_json = self.options.extra.task_json;
        let mut walk = Walk::new(self.inputs(role)?);
        catena_evidence::run(&mut walk, source, progress).await;
        let Outcome {
            mut report,
            accepted,
        } = walk.finish();
        report.notes.extend(notes);
        if let (Some(work_dir), Verdict::Trusted) = (work_dir, report.verdict) {
            let links: Vec<TaskId> = report.links.iter().map(|link| link.task).collect();
            let files: Vec<Request> = accepted
                .into_iter()
                .map(|(_, _, request)| request)
                .collect();
            work_dir.fill(source, &links, &files).await?;
            if task_json {
                work_dir.task_json(source, report.subject.task).await?;
            }
        }
        let stats = source.stats();
        report.timing = Some(Timing {
            wall_ms: 0,
            http_requests: stats.requests,
            bytes: stats.bytes,
            github: stats.github,
            finished: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
        });
        Ok((report, versions))
    }

    /// Returns type and product, inferred where they were not given (P18), or the report that must do without.
    async fn role<S: Source + ?Sized>(
        &self,
        source: &S,
    ) -> Result<Result<Role, Box<Report>>, Failure> {
        if let (Some(task_type), Some(product)) = (self.task_type, &self.product) {
            return Ok(Ok(Role {
                task_type,
                product: product.clone(),
                inferred: Vec::new(),
            }));
        }
        let answer = source.fetch(&Request::Definition { task: self.task }).await;
        match definition(self.task, &answer) {
            Ok(definition) => infer::infer(
                &self.config,
                &definition,
                self.task_type,
                self.product.as_deref(),
            )
            .map(Ok),
            Err(unread) => Ok(Err(Box::new(self.without_definition(&unread)))),
        }
    }

    fn inputs(self, role: Role) -> Result<Inputs, Failure> {
        let policy = self.config.policy(&role.product)?;
        let profile = self.profile();
        Ok(Inputs {
            task: self.task,
            task_type: role.task_type,
            inferred: role.inferred,
            policy,
            settings: self.config.settings,
            keyring: self.config.keyring,
            relaxations: self.config.relaxations.with_profile(profile),
            check_task: self.options.own(),
            signatures: self.options.signatures(),
            basis: self.basis,
            limits: Limits::default(),
        })
    }
}

impl Question<'_> {
    fn profile(&self) -> Profile {
        self.options.profile.into()
    }

    /// Returns the hosts themselves.
    fn source(
        &self,
        work_dir: Option<&WorkDir>,
        progress: &Progress,
    ) -> Result<HttpSource, OptionsError> {
        let mut options = self.http_options(work_dir, progress);
        let cache = match self.options.no_cache {
            true => CacheDir::Nowhere,
            false => config::cache_dir(self.options.cache_dir.as_deref(), &self.config),
        };
        let (dir, chosen) = match cache {
            CacheDir::Chosen(dir) => (Some(dir), true),
            CacheDir::Default(dir) => (Some(dir), false),
            CacheDir::Nowhere => (None, true),
        };
        options.cache_dir = dir;
        match HttpSource::new(&options) {
            // nobody asked for it there, so it is nobody's mistake
            Err(error @ OptionsError::Cache { .. }) if !chosen => {
                tracing::warn!(%error, "answers are not kept");
                options.cache_dir = None;
                HttpSource::new(&options)
            }
            made => made,
        }
    }

    fn http_options(&self, work_dir: Option<&WorkDir>, progress: &Progress) -> HttpOptions {
        let relaxations = self.config.relaxations.clone().with_profile(self.profile());
        let mut options = HttpOptions::of(&self.config.settings, &relaxations);
        options.read_host_tokens(|name| std::env::var(name).ok());
        options.credentials.clone_from(&self.config.credentials);
        options.progress = progress.clone();
        options.spool_dir = work_dir.map(|work_dir| work_dir.path().to_owned());
        options
    }

    /// The report on a task whose definition is not to be had, or is none, and with it what to verify the task as.
    fn without_definition(&self, unread: &Unread) -> Report {
        let expected = "the definition of the task, to infer its type and product";
        let (error, check, finding) = match unread {
            // complete, and so a fault of the task's, whether or not its type was given (P7)
            Unread::Unfit(error) => {
                let check = &checks::document_malformed::META;
                (error, check, check.reject(expected, error.to_string()))
            }
            Unread::Missing(error) => {
                let check = match error.kind {
                    ErrorKind::Absent => &checks::evidence_absent::META,
                    _ => &checks::evidence_unavailable::META,
                };
                (
                    error,
                    check,
                    check.undetermined(expected, error.to_string()),
                )
            }
        };
        let request = Request::Definition { task: self.task };
        let finding = finding
            .task(self.task)
            .says(Asserter::Queue)
            .at(&request, "")
            .build();
        let relaxations = self.config.relaxations.clone().with_profile(self.profile());
        Report {
            verdict: finding.verdict,
            headline: format!("{}: {error}", check.id),
            subject: Subject {
                task: self.task,
                task_type: self
                    .task_type
                    .map_or_else(|| UNKNOWN.to_owned(), |kind| kind.to_string()),
                product: self.product.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
                root_url: self.config.settings.root_url.to_string(),
                inferred: Vec::new(),
            },
            profile: self.profile().as_str(),
            basis: self.basis,
            relaxations: relaxations.list(),
            links: Vec::new(),
            findings: vec![finding],
            notes: notes::of(&self.config),
            self_asserted: Vec::new(),
            requests: vec![RequestRecord {
                request: request.to_string(),
                origin: Some(error.origin.to_string()),
                outcome: error.kind.to_string(),
                sha256: None,
                size: None,
            }],
            timing: None,
        }
    }
}

/// Stands for a type or product that nobody told.
const UNKNOWN: &str = "unknown";

/// Why there is no definition to infer from.
enum Unread {
    /// None was received.
    Missing(EvidenceError),
    /// What was received is complete and no definition.
    Unfit(EvidenceError),
}

fn definition(task: TaskId, answer: &Answer) -> Result<Definition, Unread> {
    let document = answer
        .as_ref()
        .map_err(|error| Unread::Missing(error.clone()))?;
    let malformed = |detail: String| EvidenceError {
        kind: ErrorKind::Malformed,
        detail,
        origin: document.origin.clone(),
    };
    let Body::Bytes(bytes) = &document.body else {
        return Err(Unread::Missing(malformed("a stored body".to_owned())));
    };
    let value = json::parse(bytes, Reading::Lenient)
        .map_err(|error| Unread::Unfit(malformed(error.to_string())))?;
    Definition::new(task, value).map_err(|error| Unread::Unfit(malformed(error.to_string())))
}
