// SPDX-License-Identifier: MPL-2.0
//! Several tasks at once, each in directories of its own (P34).

use std::path::{Path, PathBuf};

/// What stands for the number of a slot.
pub(super) const SLOT: &str = "{slot}";

/// The directories that a task has for itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Directories {
    /// `work_dir`: scratch.
    pub work: PathBuf,
    /// `artifact_dir`: what is left here is uploaded.
    pub artifact: PathBuf,
    /// `task_log_dir`.
    pub log: PathBuf,
}

impl Directories {
    /// Returns the directories of a slot.
    #[must_use]
    pub fn of_slot(&self, slot: u32) -> Self {
        let of = |path: &Path| PathBuf::from(in_slot(&path.to_string_lossy(), slot));
        Self {
            work: of(&self.work),
            artifact: of(&self.artifact),
            log: of(&self.log),
        }
    }
}

/// Puts the number of a slot into a text.
pub(crate) fn in_slot(text: &str, slot: u32) -> String {
    text.replace(SLOT, &slot.to_string())
}

/// Says which keys lack `{slot}` where there are several slots.
pub(super) fn missing(directories: &Directories, script: &[String]) -> Vec<&'static str> {
    let lacks = |path: &Path| !path.to_string_lossy().contains(SLOT);
    let mut keys = Vec::new();
    let all = [
        ("work_dir", lacks(&directories.work)),
        ("artifact_dir", lacks(&directories.artifact)),
        ("task_log_dir", lacks(&directories.log)),
        (
            "task_script",
            !script.iter().any(|part| part.contains(SLOT)),
        ),
    ];
    keys.extend(
        all.into_iter()
            .filter(|(_, lacks)| *lacks)
            .map(|(key, _)| key),
    );
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_has_its_directories_p34() {
        let directories = Directories {
            work: "/w/{slot}".into(),
            artifact: "/a".into(),
            log: "/a/{slot}/logs".into(),
        };
        assert_eq!(directories.of_slot(3).work, Path::new("/w/3"));
        let script = ["script".to_owned(), "config.yaml".to_owned()];
        assert_eq!(
            missing(&directories, &script),
            ["artifact_dir", "task_script"]
        );
    }
}
