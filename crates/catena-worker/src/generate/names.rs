// SPDX-License-Identifier: MPL-2.0
//! Names that belong to the worker (P36).

/// The document.
pub const BODY: &str = "public/chain-of-trust.json";
/// Its detached signature, 64 raw bytes.
pub const SIGNATURE: &str = "public/chain-of-trust.json.sig";
/// The signed text of the GPG era.
pub const LEGACY: &str = "public/chainOfTrust.json.asc";

/// The folder of the worker's own files.
pub(super) const FOLDER: &str = "public";

/// Returns whether a name is that of a document, or begins like one: never an artifact of the task, and a task that
/// writes one is refused (generation.md 2.2, P36).
pub(super) fn is_document(name: &str) -> bool {
    name.starts_with(BODY) || name == LEGACY
}

/// Returns whether an earlier generation may have written the name.
pub(super) fn is_ours(name: &str) -> bool {
    [BODY, SIGNATURE, LEGACY].contains(&name)
}

/// What to do about documents that lie in the directory already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// They are of an earlier generation: left out, and replaced.
    Ours,
    /// The task put them there: an error.
    Refused,
}
