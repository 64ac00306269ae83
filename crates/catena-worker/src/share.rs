// SPDX-License-Identifier: MPL-2.0
//! Opens the place of evidence that tasks share.

use std::io::ErrorKind;
use std::sync::Arc;

use catena_core::policy::Switch;
use catena_evidence::{OpenError, SharedCache};

use crate::config::{Sharing, WorkerConfig};
use crate::log::Log;

/// Opens what the configuration names; `None` if it names nothing, or if tasks may not share.
///
/// Each task compares what is shared with signatures and signed digests. Where a configuration turns one of these comparisons
/// off, nothing is shared.
///
/// # Errors
/// The place cannot be used. A disk that is full is none: tasks run without.
pub(crate) fn open(
    config: &WorkerConfig,
    log: &Log,
) -> Result<Option<Arc<SharedCache>>, OpenError> {
    let relaxations = config.relaxations();
    let relaxed = UNSHARED
        .into_iter()
        .any(|switch| relaxations.allows(switch));
    let verifies = config.verify.as_ref();
    if relaxed || verifies.is_none_or(|verification| verification.unsigned.is_some()) {
        return Ok(None);
    }
    let opened = match &config.sharing {
        Sharing::Nowhere => return Ok(None),
        Sharing::Directory { path, most } => SharedCache::open(path, *most),
        Sharing::Store { address } => SharedCache::open_store(address, options()),
    };
    match opened {
        Ok(cache) => Ok(Some(Arc::new(cache))),
        Err(OpenError::Directory(why)) if FULL.contains(&why.kind()) => {
            log.warn(&format!("tasks share no evidence: x_cot.cache_dir: {why}"));
            Ok(None)
        }
        Err(why) => Err(why),
    }
}

/// The options of an object store: `CATENA_STORE_AWS_REGION` is `aws_region`. Scripts do not inherit them.
fn options() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.to_str()?.strip_prefix(OPTIONS)?.to_ascii_lowercase();
        Some((name, value.into_string().ok()?))
    })
}

/// What the names of such variables begin with.
pub(crate) const OPTIONS: &str = "CATENA_STORE_";
/// Each turns off a comparison that vouches for what is shared.
const UNSHARED: [Switch; 3] = [
    Switch::OptionalHashMismatchWarn,
    Switch::RecordedTask,
    Switch::UnsignedUpstream,
];
/// What may pass by itself.
const FULL: [ErrorKind; 2] = [ErrorKind::QuotaExceeded, ErrorKind::StorageFull];
