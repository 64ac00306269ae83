// SPDX-License-Identifier: MPL-2.0
//! `catena workdir`: a task's definition and its upstream artifacts under the names that scripts expect (V20, V31), to
//! develop scripts. Nothing is verified unless that is asked for; then everything is, before a file appears.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use catena_core::document::{Answer, Body, ErrorKind};
use catena_core::json::{self, Reading};
use catena_core::model::definition::Definition;
use catena_core::model::ids::{ArtifactName, RunId, TaskId};
use catena_core::model::status::RunPin;
use catena_core::model::task_type::TaskType;
use catena_core::policy::Credentials;
use catena_core::report::Verdict;
use catena_core::request::Request;
use catena_evidence::{HttpOptions, HttpSource, Source};
use clap::{Args, Parser as _};
use tokio::runtime;

use crate::args::{Cli, Command, Profile, When};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Bar;
use crate::verify::{self, Extra};
use crate::workdir::WorkDir;
use crate::{config, output, signals};

pub(crate) const STATUS: &str = "\
Without --verify nothing is verified: whatever the deployment serves is written.

Exit status:
   0  the directory is filled; with --verify: and the chain is trusted
   1  the task does not name its artifacts properly; with --verify: the chain is rejected
   4  something could not be fetched; with --verify: the chain is undetermined
   5  internal error, such as a full disk
  64  usage, configuration, or a directory that is in the way";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A task with payload.upstreamArtifacts
    pub(crate) task_id: TaskId,
    /// The directory to fill, which must be empty or absent
    #[arg(long, value_name = "DIR", default_value = "work")]
    pub(crate) path: PathBuf,
    /// Delete the directory first, with everything in it
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Verify the chain of trust, and write only what is trusted
    #[arg(long)]
    verify: bool,
    /// With --verify: the task's type, such as `signing`; if left out it is inferred
    #[arg(long = "type", value_name = "TYPE", requires = "verify")]
    task_type: Option<TaskType>,
    /// With --verify: the product whose policy applies; if left out it is inferred
    #[arg(long, value_name = "NAME", requires = "verify")]
    product: Option<String>,
    /// With --verify: how closely to follow scriptworker where it is lenient
    #[arg(long, value_enum, default_value_t, requires = "verify")]
    profile: Profile,
    /// The Taskcluster deployment; without this, TASKCLUSTER_ROOT_URL, the file and the built-in default follow
    #[arg(long, value_name = "URL")]
    root_url: Option<String>,
    /// A scriptworker.yaml, or the same keys as JSON or TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Fills the directory and says what it holds.
pub(crate) fn run(options: &Options, color: When) -> Result<Exit, Failure> {
    if options.overwrite {
        clear(&options.path)?;
    }
    if options.verify {
        return verified(options, color);
    }
    let wanted = Wanted {
        task: options.task_id,
        path: &options.path,
        config: options.config.as_deref(),
        root_url: options.root_url.as_deref(),
        credentials: None,
    };
    let filled = fill(&wanted)?;
    let path = options.path.display();
    output::print(&format!(
        "{path}: task.json and {} upstream artifacts\n",
        filled.artifacts
    ))?;
    if !filled.named {
        output::say("catena: the task has no payload.upstreamArtifacts");
    }
    for request in &filled.absent {
        output::say(&format!("catena: {request} is optional, and absent"));
    }
    output::say(UNVERIFIED);
    Ok(Exit::Success)
}

/// What is said whenever files are written that nobody verified.
pub(crate) const UNVERIFIED: &str = "NOTHING IS VERIFIED: the files are what the deployment served, for the development of scripts \
     only; --verify verifies the chain of trust first";

/// Verifies, as `catena verify --work-dir` does, and leaves the definition beside the artifacts.
fn verified(options: &Options, color: When) -> Result<Exit, Failure> {
    let mut words = vec!["catena".into(), "verify".into(), "--work-dir".into()];
    words.push(options.path.clone().into_os_string());
    let mut option = |name: &str, value: Option<&std::ffi::OsStr>| {
        if let Some(value) = value {
            words.extend([name.into(), value.to_owned()]);
        }
    };
    let task_type = options.task_type.map(|kind| kind.to_string());
    option("--type", task_type.as_deref().map(AsRef::as_ref));
    option("--product", options.product.as_deref().map(AsRef::as_ref));
    option("--root-url", options.root_url.as_deref().map(AsRef::as_ref));
    option("--config", options.config.as_ref().map(AsRef::as_ref));
    let profile = catena_core::policy::Profile::from(options.profile).as_str();
    option("--profile", Some(profile.as_ref()));
    option("--", Some(options.task_id.as_str().as_ref()));
    let mut question = parse(words)?;
    question.extra = Extra {
        task_json: true,
        ..Extra::default()
    };
    let (report, versions) = verify::conclude(&question)?;
    output::report(&report, &versions, question.show.format(), color)?;
    if report.verdict != Verdict::Trusted {
        output::say("catena: nothing was written, because the chain is not trusted");
    }
    Ok(report.verdict.into())
}

/// Reads the words of a `catena verify`.
pub(crate) fn parse(words: Vec<std::ffi::OsString>) -> Result<crate::args::Verify, Failure> {
    match Cli::try_parse_from(words) {
        Ok(Cli {
            command: Command::Verify(question),
            ..
        }) => Ok(question),
        Ok(_) => Err(Failure::Usage("expected a task to verify".to_owned())),
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

/// Which task's files go where.
pub(crate) struct Wanted<'a> {
    pub(crate) task: TaskId,
    pub(crate) path: &'a Path,
    pub(crate) config: Option<&'a Path>,
    pub(crate) root_url: Option<&'a str>,
    /// Credentials that win over those of the environment (P29).
    pub(crate) credentials: Option<Credentials>,
}

/// What was written beside `task.json`.
pub(crate) struct Filled {
    pub(crate) artifacts: usize,
    /// What is optional and not there (V41).
    pub(crate) absent: Vec<Request>,
    /// Whether the task has `payload.upstreamArtifacts`.
    pub(crate) named: bool,
}

/// Fetches and writes definition and artifacts, each file whole or not at all.
pub(crate) fn fill(wanted: &Wanted<'_>) -> Result<Filled, Failure> {
    let mut config = config::load(wanted.config, None)?.config;
    config.settings.root_url =
        config::root_url(wanted.root_url, None, || config.settings.root_url.clone())?;
    let work_dir = WorkDir::claim(wanted.path)?;
    let bar = Bar::on_stderr();
    let mut options = HttpOptions::of(&config.settings, &config.relaxations);
    options.read_host_tokens(|name| env::var(name).ok());
    options.credentials = wanted.credentials.clone().or(config.credentials);
    options.progress = bar.listen();
    options.spool_dir = Some(work_dir.path().to_owned());
    let source = HttpSource::new(&options)?;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| Failure::Runtime { source })?;
    let interrupted = Failure::Usage("interrupted; the directory is not complete".to_owned());
    let work = write(&source, wanted.task, &work_dir);
    let done = signals::block_on(runtime, work, interrupted);
    bar.clear();
    done
}

async fn write(source: &HttpSource, task: TaskId, work_dir: &WorkDir) -> Result<Filled, Failure> {
    let request = Request::Definition { task };
    let definition = definition(task, &source.fetch(&request).await)?;
    work_dir.task_json(source, task).await?;
    let named = definition
        .payload()
        .is_ok_and(|payload| payload.get("upstreamArtifacts").is_some());
    let mut filled = Filled {
        artifacts: 0,
        absent: Vec::new(),
        named,
    };
    for Name {
        task,
        name,
        optional,
    } in names(&definition)?
    {
        let run = last_run(source, task).await?;
        let request = Request::Artifact { task, run, name };
        match source.fetch(&request).await {
            Err(error) if optional && error.kind == ErrorKind::Absent => {
                filled.absent.push(request);
                continue;
            }
            answer => drop(received(&request, answer)?),
        }
        source
            .place(&request, work_dir.path())
            .map_err(|source| Failure::Place { source })?;
        filled.artifacts += 1;
    }
    Ok(filled)
}

/// An artifact that a definition names.
#[derive(Eq, PartialEq)]
struct Name {
    task: TaskId,
    name: ArtifactName,
    optional: bool,
}

/// Lists the artifacts that a definition names; patterns are taken literally.
fn names(definition: &Definition) -> Result<Vec<Name>, Failure> {
    let unfit = |error: &dyn std::fmt::Display| {
        Failure::Unfit(format!("task {}: {error}", definition.id()))
    };
    let mut out = Vec::new();
    for upstream in definition
        .upstream_artifacts()
        .map_err(|error| unfit(&error))?
    {
        for path in upstream.paths().map_err(|error| unfit(&error))? {
            let name: ArtifactName = path.parse().map_err(|error| unfit(&error))?;
            let wanted = Name {
                task: upstream.task,
                name,
                optional: upstream.optional,
            };
            // named twice is one file
            if !out.contains(&wanted) {
                out.push(wanted);
            }
        }
    }
    Ok(out)
}

async fn last_run(source: &HttpSource, task: TaskId) -> Result<RunId, Failure> {
    let request = Request::Status { task };
    let value = parsed(&request, &received(&request, source.fetch(&request).await)?)?;
    match RunPin::read(&value) {
        Ok(RunPin::Completed(run) | RunPin::Failed(run, _)) => Ok(run),
        Ok(RunPin::Unfinished(state)) => Err(Failure::Unfit(format!(
            "task {task}: expected a run that ended, whose artifacts are final, found it {state}"
        ))),
        Err(error) => Err(Failure::Unfit(format!("{request}: {error}"))),
    }
}

fn definition(task: TaskId, answer: &Answer) -> Result<Definition, Failure> {
    let request = Request::Definition { task };
    let value = parsed(&request, &received(&request, answer.clone())?)?;
    Definition::new(task, value).map_err(|error| Failure::Unfit(format!("{request}: {error}")))
}

fn received(request: &Request, answer: Answer) -> Result<Body, Failure> {
    match answer {
        Ok(document) => Ok(document.body),
        Err(error) => Err(Failure::Fetch {
            request: request.to_string(),
            error: Box::new(error),
        }),
    }
}

fn parsed(request: &Request, body: &Body) -> Result<catena_jsone::Value, Failure> {
    let unfit = |error: &dyn std::fmt::Display| Failure::Unfit(format!("{request}: {error}"));
    let Body::Bytes(bytes) = body else {
        return Err(unfit(&"expected a small document"));
    };
    json::parse(bytes, Reading::Lenient).map_err(|error| unfit(&error))
}

/// Deletes a directory or file, if it is there. Never one that we stand in, nor the root or the home of the user.
pub(crate) fn clear(path: &Path) -> Result<(), Failure> {
    let failed = |source: io::Error| Failure::File {
        path: path.to_owned(),
        source,
    };
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !metadata.is_dir() {
        return fs::remove_file(path).map_err(failed);
    }
    let real = path.canonicalize().map_err(failed)?;
    let here = env::current_dir().and_then(|here| here.canonicalize());
    let home = env::var_os("HOME").and_then(|home| Path::new(&home).canonicalize().ok());
    let kept = [here.ok(), home, Some(PathBuf::from("/"))];
    if kept.iter().flatten().any(|kept| kept.starts_with(&real)) {
        return Err(Failure::Usage(format!(
            "--overwrite: expected a directory of its own, found {}, which holds the current directory or your home",
            path.display()
        )));
    }
    fs::remove_dir_all(path).map_err(failed)
}
