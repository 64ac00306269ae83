// SPDX-License-Identifier: MPL-2.0
//! The directories of tasks are emptied: nothing else may lie in them, and none in another.
//!
//! `task_log_dir` conventionally lies in `artifact_dir`. Everything else lies apart: the directories of a slot from one
//! another and from those of other slots, and the configuration, the keys and the logs from all of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::slots::Directories;
use super::{Sharing, WorkerConfig};

/// What is wrong with the places of a configuration, a line each. `file` is the configuration, `more` what else it was
/// read from.
pub(super) fn judge(config: &WorkerConfig, file: &Path, more: Option<&Path>) -> Vec<String> {
    let emptied = emptied(&config.directories, config.capacity.get());
    let mut problems = apart(&emptied);
    let kept = kept(config, file, more);
    let mut told = BTreeSet::new();
    for place in &emptied {
        for (what, path) in &kept {
            if path.starts_with(&place.path) && told.insert((place.key, *what)) {
                problems.push(format!(
                    "{}: expected a directory that may be emptied, found {}, where {what} is: {}",
                    place.key,
                    place.path.display(),
                    path.display()
                ));
            }
        }
    }
    problems
}

/// Returns why directories cannot follow others while tasks are still in them: a slot's new one would be another slot's
/// old one.
pub(crate) fn clash(new: &Directories, old: &Directories, slots: u32) -> Option<String> {
    let (new, old) = (emptied(new, slots), emptied(old, slots));
    let pairs = new.iter().flat_map(|a| old.iter().map(move |b| (a, b)));
    let mut meeting = pairs.filter(|(a, b)| a.slot != b.slot && meet(&a.path, &b.path));
    meeting.next().map(|(a, b)| {
        format!(
            "{}: expected a directory that no other slot uses, found {} for slot {}, where slot {} has its {}",
            a.key,
            a.path.display(),
            a.slot,
            b.slot,
            b.key
        )
    })
}

/// A directory of a slot that is emptied.
struct Emptied {
    slot: u32,
    key: &'static str,
    path: PathBuf,
}

fn emptied(directories: &Directories, slots: u32) -> Vec<Emptied> {
    let of = |slot| {
        let Directories {
            work,
            artifact,
            log,
        } = directories.of_slot(slot);
        let all = [
            ("work_dir", work),
            ("artifact_dir", artifact),
            ("task_log_dir", log),
        ];
        all.map(|(key, path)| Emptied {
            slot,
            key,
            path: resolved(&path),
        })
    };
    (0..slots).flat_map(of).collect()
}

/// Directories that are not apart from one another, each pair of keys once.
fn apart(emptied: &[Emptied]) -> Vec<String> {
    let mut told = BTreeSet::new();
    let mut problems = Vec::new();
    for (number, b) in emptied.iter().enumerate() {
        for a in emptied.iter().take(number) {
            let by_convention = a.slot == b.slot
                && (a.key, b.key) == ("artifact_dir", "task_log_dir")
                && b.path.starts_with(&a.path);
            if by_convention || !meet(&a.path, &b.path) || !told.insert((a.key, b.key)) {
                continue;
            }
            let (a_path, b_path) = (a.path.display(), b.path.display());
            problems.push(match a.slot == b.slot {
                true => format!(
                    "{}: expected a directory apart from {}, {a_path}, because both are emptied; found {b_path}",
                    b.key, a.key
                ),
                false => format!(
                    "{}: expected a directory for each slot, found {b_path} for slot {} and {a_path} as {} of slot {}",
                    b.key, b.slot, a.key, a.slot
                ),
            });
        }
    }
    problems
}

fn meet(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// What is not to be removed.
fn kept(config: &WorkerConfig, file: &Path, more: Option<&Path>) -> Vec<(&'static str, PathBuf)> {
    let mut kept = vec![
        ("the configuration", file.to_owned()),
        ("log_dir", config.log.dir.clone()),
    ];
    kept.extend(more.map(|path| ("the file with the credentials", path.to_owned())));
    let key = config.key.as_ref();
    kept.extend(key.map(|path| ("ed25519_private_key_path", path.clone())));
    if let Sharing::Directory { path, .. } = &config.sharing {
        kept.push(("x_cot.cache_dir", path.clone()));
    }
    let here = std::env::current_dir().ok();
    kept.extend(here.map(|path| ("the directory that the worker runs in", path)));
    // a link and what it leads to are both needed
    let mut both = Vec::new();
    for (what, path) in kept {
        let name = path.file_name().map(ToOwned::to_owned);
        if let (Some(parent), Some(name)) = (path.parent(), name) {
            both.push((what, resolved(parent).join(name)));
        }
        both.push((what, resolved(&path)));
    }
    both
}

/// The path without links, as far as it exists. A link in the place of a directory itself counts, too: it is removed, not
/// followed, but may be meant.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest = Vec::new();
    let mut at = path.as_path();
    loop {
        match at.canonicalize() {
            Ok(found) => {
                let mut out = found;
                for name in rest.iter().rev() {
                    match name {
                        Some(name) => out.push(name),
                        // of a directory that does not exist: there are no links to heed
                        None => _ = out.pop(),
                    }
                }
                return out;
            }
            Err(_) => {
                rest.push(at.file_name());
                match at.parent() {
                    Some(parent) => at = parent,
                    None => return path,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directories(work: &str, artifact: &str, log: &str) -> Directories {
        Directories {
            work: work.into(),
            artifact: artifact.into(),
            log: log.into(),
        }
    }

    #[test]
    fn directories_lie_apart_but_for_the_log_in_the_artifacts_section_1() {
        let found = |work, artifact, log, slots| {
            apart(&emptied(&directories(work, artifact, log), slots)).len()
        };
        assert_eq!(found("/x/w", "/x/a", "/x/a/public/logs", 1), 0);
        assert_eq!(found("/x/w", "/x/a", "/x/l", 1), 0);
        assert_eq!(found("/x/w", "/x/w2", "/x/w2/l", 1), 0);
        assert_eq!(found("/x/w/{slot}", "/x/a/{slot}", "/x/a/{slot}/l", 3), 0);
        for (work, artifact, log) in [
            ("/x/w", "/x/w", "/x/l"),
            ("/x/w", "/x/w/a", "/x/l"),
            ("/x/w/a", "/x/w", "/x/l"),
            ("/x/w", "/x/w/../w", "/x/l"),
            ("/x/w", "/x/a", "/x/w/l"),
            ("/x/w", "/x/l/a", "/x/l"),
        ] {
            assert_eq!(found(work, artifact, log, 1), 1, "{work} {artifact} {log}");
        }
        assert!(found("/", "/x/a", "/x/l", 1) > 0);
        // what is fit for one slot is none for two
        assert!(found("/x/w", "/x/a/{slot}", "/x/a/{slot}/l", 2) > 0);
        assert!(found("/x/{slot}", "/x/1/{slot}", "/x/l/{slot}", 2) > 0);
    }

    #[test]
    fn links_do_not_hide_that_directories_meet() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("a"), dir.path().join("link")).unwrap();
        let found = directories(&at("link/w"), &at("a/w/b"), &at("l"));
        assert_eq!(apart(&emptied(&found, 1)).len(), 1);
    }

    #[test]
    fn no_slot_follows_into_the_directories_of_another() {
        let old = directories("/x/w{slot}", "/x/a{slot}", "/x/a{slot}/l");
        assert_eq!(clash(&old, &old, 2), None);
        let new = directories("/x/v{slot}", "/x/a{slot}", "/x/a{slot}/l");
        assert_eq!(clash(&new, &old, 2), None);
        let new = directories("/x/w1/{slot}", "/x/a{slot}", "/x/a{slot}/l");
        let why = clash(&new, &old, 2).unwrap();
        assert!(
            why.contains("for slot 0, where slot 1 has its work_dir"),
            "{why}"
        );
    }
}
