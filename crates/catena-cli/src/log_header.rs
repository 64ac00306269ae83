// SPDX-License-Identifier: MPL-2.0
//! `catena log-header`: what the head of a log says of the worker that wrote it.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use catena_report::escape::clean;
use catena_worker::facts::{HeaderError, LogHeader, MAX_HEADER, Producer};
use clap::Args;
use flate2::read::MultiGzDecoder;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

pub(crate) const HELP: &str = "\
Reads the first line of this worker's logs, and the free text of docker-worker and
generic-worker. What a task prints later to look like it is ignored.

Exit status:
   0  read
   1  no worker writes logs like this
   5  internal error
  64  usage, or a file that cannot be read";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The log, plain or compressed by gzip; `-`: stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A log without a header, or without anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{}: {cause}", path.display())]
    Header { path: PathBuf, cause: HeaderError },
    #[error("{}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
}

impl Refusal {
    /// What the process ends with (P8).
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Header { .. } => Exit::Rejected,
            Self::Read { .. } => Exit::Usage,
        }
    }
}

/// Prints what a log says.
pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let head = read(options).map_err(|cause| Refusal::Read {
        path: options.file.clone(),
        cause,
    })?;
    let header = LogHeader::parse(&head).map_err(|cause| Refusal::Header {
        path: options.file.clone(),
        cause,
    })?;
    output::print(&if options.json {
        let text =
            serde_json::to_string_pretty(&header).map_err(|source| Failure::Render { source })?;
        format!("{text}\n")
    } else {
        text(&header)
    })?;
    Ok(Exit::Success)
}

/// Reads as much as can be a header, undoing one compression.
fn read(options: &Options) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_HEADER).unwrap_or(u64::MAX);
    let mut raw: Box<dyn Read> = if options.file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&options.file)?)
    };
    let mut magic = Vec::new();
    raw.by_ref().take(2).read_to_end(&mut magic)?;
    let packed = magic == [0x1f, 0x8b];
    let whole = io::Cursor::new(magic).chain(raw);
    let mut head = Vec::new();
    if packed {
        MultiGzDecoder::new(whole)
            .take(limit)
            .read_to_end(&mut head)?;
    } else {
        whole.take(limit).read_to_end(&mut head)?;
    }
    Ok(head)
}

fn text(header: &LogHeader) -> String {
    let producer = match header.producer {
        Producer::Catena => "catena",
        Producer::DockerWorker => "docker-worker",
        Producer::GenericWorker => "generic-worker",
    };
    let run = header.run_id.map(|run| run.to_string());
    let lines = [
        ("log of", Some(producer)),
        ("task", header.task_id.as_deref()),
        ("run", run.as_deref()),
        ("task queue", header.task_queue_id.as_deref()),
        ("worker group", header.worker_group.as_deref()),
        ("worker id", header.worker_id.as_deref()),
        ("version", header.worker_version.as_deref()),
        ("instance type", header.instance_type.as_deref()),
        ("public address", header.public_ip.as_deref()),
        ("host name", header.hostname.as_deref()),
        ("started", header.started_at.as_deref()),
    ];
    let info = header.info.as_ref();
    let image = info.and_then(|info| info.image.as_ref());
    let builder = image.and_then(|image| image.builder.as_ref());
    let built = builder.map(|by| format!("{} run {}, {}", by.task_id, by.run_id, by.url));
    let more = [
        (
            "implementation",
            info.map(|info| info.worker_implementation.as_str()),
        ),
        ("deployment", info.map(|info| info.root_url.as_str())),
        (
            "interactive",
            info.map(|info| if info.interactive { "yes" } else { "no" }),
        ),
        ("image", image.map(|image| image.kind.as_str())),
        ("image name", image.and_then(|image| image.name.as_deref())),
        ("image id", image.map(|image| image.id.as_str())),
        (
            "image archive",
            image.and_then(|image| image.artifact_sha256.as_deref()),
        ),
        ("image built by", built.as_deref()),
    ];
    let mut page = String::new();
    for (name, value) in lines.into_iter().chain(more) {
        if let Some(value) = value {
            page.push_str(&format!("{name:15} {}\n", clean(value, 200)));
        }
    }
    for (name, path) in &header.caches {
        page.push_str(&format!(
            "{:15} {} at {}\n",
            "cache",
            clean(name, 200),
            clean(path, 200)
        ));
    }
    page
}
