// SPDX-License-Identifier: MPL-2.0
//! `catena lint`: what chain will these definitions produce, and would it verify? It reads files and no network.

use std::fs;
use std::path::Path;

use catena_core::limits::Limits;
use catena_core::lint::{File, Lint, Release, Tasks, lint};
use catena_core::model::ids::TaskId;
use catena_core::report::Basis;
use catena_core::walk::{CheckTask, Inputs, Signatures};
use catena_report::json::{self, Versions};
use catena_report::text;

use crate::args::{self, Format, When};
use crate::config::{self, Loaded};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::infer::{self, Role};
use crate::output;

/// Lints tasks of the files and prints what was found.
pub(crate) fn run(options: &args::Lint, color: When) -> Result<Exit, Failure> {
    let Loaded { config, sha256 } =
        config::load(options.config.as_deref(), options.product.as_deref())?;
    let product = options.product.clone().or_else(|| config.product.clone());
    let tasks = read(options)?;
    let mut lints = Vec::new();
    for release in roots(options, &config, product.as_deref(), &tasks)? {
        let task = release.task;
        let definition = tasks.get(task).ok_or_else(|| Failure::LintTask {
            name: task.to_string(),
        })?;
        let task_type = options.task_type.or(release.task_type);
        let role = match (task_type, &product) {
            (Some(task_type), Some(product)) => Role {
                task_type,
                product: product.clone(),
                inferred: Vec::new(),
            },
            _ => infer::infer(&config, definition, task_type, product.as_deref())
                .map_err(|failure| failure.about(tasks.label(task).unwrap_or(task.as_str())))?,
        };
        lints.push(lint(&inputs(options, &config, task, role)?, &tasks));
    }
    let versions = Versions {
        catena: env!("CARGO_PKG_VERSION").to_owned(),
        config_sha256: sha256,
    };
    show(&lints, &versions, options.show.format(), color, &tasks)?;
    Ok(exit(options, &lints))
}

fn read(options: &args::Lint) -> Result<Tasks, Failure> {
    let mut contents = Vec::new();
    for path in &options.files {
        let bytes = fs::read(path).map_err(|source| Failure::LintFile {
            path: path.clone(),
            source,
        })?;
        contents.push((path.to_string_lossy().into_owned(), task_of(path), bytes));
    }
    let files: Vec<File<'_>> = contents
        .iter()
        .map(|(name, task, bytes)| File {
            name,
            task: *task,
            bytes,
        })
        .collect();
    Ok(Tasks::read(&files)?)
}

/// Returns the task that a file's name tells, as `TASK_ID.json` or `TASK_ID/task.json`.
fn task_of(path: &Path) -> Option<TaskId> {
    let stem = path.file_stem()?.to_str()?;
    let above = || path.parent()?.file_name()?.to_str()?.parse().ok();
    stem.parse().ok().or_else(above)
}

/// Returns the tasks to lint: the one that is named, the only one there is, or all that release something.
fn roots(
    options: &args::Lint,
    config: &catena_core::policy::Config,
    product: Option<&str>,
    tasks: &Tasks,
) -> Result<Vec<Release>, Failure> {
    let plain = |task| Release {
        task,
        task_type: None,
    };
    if let Some(name) = &options.task {
        let task = tasks
            .find(name)
            .ok_or_else(|| Failure::LintTask { name: name.clone() })?;
        return Ok(vec![plain(task)]);
    }
    let mut ids = tasks.ids();
    if let (Some(only), None) = (ids.next(), ids.next()) {
        return Ok(vec![plain(only)]);
    }
    let releases = tasks.releases(config, product)?;
    if releases.is_empty() {
        return Err(Failure::LintNothing);
    }
    Ok(releases)
}

fn inputs(
    options: &args::Lint,
    config: &catena_core::policy::Config,
    task: TaskId,
    role: Role,
) -> Result<Inputs, Failure> {
    Ok(Inputs {
        task,
        task_type: role.task_type,
        inferred: role.inferred,
        policy: config.policy(&role.product)?,
        settings: config.settings.clone(),
        keyring: config.keyring.clone(),
        relaxations: config
            .relaxations
            .clone()
            .with_profile(options.profile.into()),
        check_task: CheckTask::Auto,
        signatures: Signatures::Verify,
        basis: Basis::Recorded,
        limits: Limits::default(),
    })
}

fn show(
    lints: &[Lint],
    versions: &Versions,
    format: Format,
    color: When,
    tasks: &Tasks,
) -> Result<(), Failure> {
    let mut page = match format {
        Format::Json => {
            let text =
                json::render_lint(lints, versions).map_err(|source| Failure::Render { source })?;
            return output::print(&text);
        }
        Format::Line => lints
            .iter()
            .map(|lint| text::lint_one_line(lint) + "\n")
            .collect::<String>(),
        Format::All | Format::Text => {
            let style = output::style(color, format.detail());
            let pages: Vec<_> = lints.iter().map(|lint| text::lint(lint, &style)).collect();
            pages.join("\n")
        }
    };
    if tasks.has_made_up_ids() {
        page.push_str("\nIds of tasks that the files name by label only are made up.\n");
    }
    output::print(&page)
}

fn exit(options: &args::Lint, lints: &[Lint]) -> Exit {
    let found = lints.iter().any(|lint| !lint.findings.is_empty());
    let warned = lints.iter().any(|lint| !lint.warnings.is_empty());
    if found || (warned && options.deny_warnings) {
        Exit::Rejected
    } else {
        Exit::Success
    }
}
