// SPDX-License-Identifier: MPL-2.0
//! Writes a chain as a directory of evidence (P27), with a `scriptworker.yaml` beside the index.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use catena_core::document::{Body, Document, ErrorKind, EvidenceError};
use catena_evidence::{DirectoryWriter, RecordedSubject};
use catena_testkit::Chain;

/// Writes into a directory that is empty or absent.
pub(crate) fn write(chain: &Chain, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut writer = DirectoryWriter::create(path)?;
    writer.about(RecordedSubject {
        task: chain.root,
        task_type: chain.task_type.to_owned(),
        product: chain.product.to_owned(),
        root_url: chain.root_url.clone(),
    });
    let recorded = chain.recorded.parse()?;
    let origin = |request: &dyn ToString| Arc::from(format!("testkit: {}", request.to_string()));
    for (request, bytes) in &chain.documents {
        let body = Body::Bytes(bytes.clone().into());
        writer.record(
            request,
            &Ok(Document {
                body,
                origin: origin(request),
            }),
            recorded,
        )?;
    }
    let absent = chain
        .absent
        .iter()
        .map(|request| (request, ErrorKind::Absent));
    let failures = chain
        .failures
        .iter()
        .map(|(request, kind)| (request, *kind));
    for (request, kind) in absent.chain(failures) {
        let detail = match kind {
            ErrorKind::Absent => "does not exist".to_owned(),
            other => other.to_string(),
        };
        writer.record(
            request,
            &Err(EvidenceError {
                kind,
                detail,
                origin: origin(request),
            }),
            recorded,
        )?;
    }
    writer.finish(recorded)?;
    Ok(fs::write(
        path.join("scriptworker.yaml"),
        chain.scriptworker_yaml(),
    )?)
}

/// Returns the chains of the repository's `examples`, by directory.
pub(crate) fn examples() -> [(&'static str, Chain); 2] {
    use catena_testkit::{ChainSpec, Flow};

    let chain = ChainSpec::new(1, Flow::XpiPush).build();
    let mut tampered = chain.clone();
    let request = tampered.artifact("build-0", "public/build/target-0.zip");
    let mut bytes = tampered.bytes(&request).to_vec();
    // the index says what the attacker's file is; only the signed digest knows better
    bytes[9] ^= 4;
    tampered.replace(&request, bytes);
    [("chain", chain), ("chain-tampered", tampered)]
}
