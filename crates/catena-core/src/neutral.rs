// SPDX-License-Identifier: MPL-2.0
//! Reads the answers of GitLab and Gitea into the fields that rules read of GitHub's (ADR 11).
//!
//! The document stays what the host sent: it is what a bundle keeps and a finding cites. What goes in is a request
//! about a hosted repository with the parsed answer, what comes out has GitHub's names and nothing else. What an
//! answer lacks is missing in the result too, and then the rule finds an odd answer (undetermined, P7).
//!
//! | fact | GitLab | Gitea, Forgejo |
//! |---|---|---|
//! | name of the repository | `path_with_namespace` | `full_name` |
//! | default branch | `default_branch` | `default_branch` |
//! | a branch, where it stands | `name`, `protected`, `commit.id` | the same |
//! | commit of a tag | `commit.id` | `commit.sha` |
//! | reachable from a branch | the merge base with its head is the commit | a commit in between has it as a parent |
//!
//! A mirror's answers are made by us and have GitHub's names already.

use catena_jsone::{Map, Value};

use crate::request::{Hosted, HostedKind, Repo, Request};

/// Returns the answer with GitHub's names; answers about other repositories stay as they are.
pub(crate) fn answer(request: &Request, value: Value) -> Value {
    let Some(kind) = hosted(request) else {
        return value;
    };
    match (kind, request) {
        (HostedKind::Git, _) => value,
        (HostedKind::Gitlab, Request::Repository { .. }) => object([
            ("full_name", member(&value, "/path_with_namespace")),
            ("default_branch", member(&value, "/default_branch")),
        ]),
        (_, Request::Branch { .. }) => branch(&value),
        (_, Request::Branches { .. }) => match value.as_array() {
            Some(all) => all.iter().map(branch).collect::<Vec<_>>().into(),
            None => value,
        },
        (HostedKind::Gitlab, Request::TagRef { tag, .. }) => {
            tagged(&value, tag.as_str(), "/commit/id")
        }
        (HostedKind::Gitea, Request::TagRef { tag, .. }) => {
            tagged(&value, tag.as_str(), "/commit/sha")
        }
        (HostedKind::Gitlab, Request::Landed { revision, .. }) => {
            let base = value.get("id").and_then(Value::as_str);
            base.map_or_else(empty, |base| comparison(base == revision.as_str(), base))
        }
        (HostedKind::Gitea, Request::Landed { revision, .. }) => {
            match has_child(&value, revision.as_str()) {
                Some(true) => comparison(true, revision.as_str()),
                Some(false) => comparison(false, ""),
                None => empty(),
            }
        }
        _ => value,
    }
}

/// Returns what the host of a request speaks, if the request is about a hosted repository.
const fn hosted(request: &Request) -> Option<HostedKind> {
    match request {
        Request::Branch { repo, .. }
        | Request::Branches { repo }
        | Request::Commit { repo, .. }
        | Request::Landed { repo, .. }
        | Request::Repository { repo }
        | Request::TagRef { repo, .. } => match repo {
            Repo::Hosted(Hosted { kind, .. }) => Some(*kind),
            Repo::Github { .. } | Repo::Hg { .. } => None,
        },
        _ => None,
    }
}

/// Returns whether a commit of Gitea's comparison `{revision}...{head}` has the revision as a parent; `None` when the
/// answer does not tell. Every commit that is listed and has the revision among its parents is reachable from the
/// head, and so is the revision; if the revision is an older commit of the head's history, there is such a one.
/// That the list is empty proves nothing: it is also empty when the two have no common history.
fn has_child(value: &Value, revision: &str) -> Option<bool> {
    let commits = value.get("commits")?.as_array()?;
    let mut found = false;
    for commit in commits {
        for parent in commit.get("parents")?.as_array()? {
            found |= parent.get("sha")?.as_str()? == revision;
        }
    }
    let total = value.get("total_commits").and_then(Value::as_int)?;
    let whole = usize::try_from(total).is_ok_and(|total| total == commits.len());
    (found || whole).then_some(found)
}

fn comparison(reachable: bool, base: &str) -> Value {
    object([
        ("ahead_by", Some(Value::Int(i128::from(!reachable)))),
        (
            "merge_base_commit",
            Some(object([("sha", Some(base.into()))])),
        ),
    ])
}

fn branch(value: &Value) -> Value {
    object([
        ("name", member(value, "/name")),
        ("protected", member(value, "/protected")),
        (
            "commit",
            Some(object([("sha", member(value, "/commit/id"))])),
        ),
    ])
}

fn tagged(value: &Value, tag: &str, commit: &str) -> Value {
    if value.get("name").and_then(Value::as_str) != Some(tag) {
        return empty();
    }
    let object_of = object([
        ("type", Some("commit".into())),
        ("sha", member(value, commit)),
    ]);
    object([("object", Some(object_of))])
}

fn member(value: &Value, pointer: &str) -> Option<Value> {
    value.pointer(pointer).cloned()
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let present = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.into(), value?)));
    Value::Object(present.collect::<Map>())
}

fn empty() -> Value {
    object([])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Reading, parse};

    const X: &str = "1111111111111111111111111111111111111111";
    const Y: &str = "2222222222222222222222222222222222222222";

    fn repo(kind: HostedKind) -> Repo {
        Repo::Hosted(Hosted {
            kind,
            host: "code.example.org".into(),
            path: "/octo/widget".into(),
        })
    }

    fn read(request: &Request, text: &str) -> String {
        let text = text.replace('X', X).replace('Y', Y);
        let value = answer(request, parse(text.as_bytes(), Reading::Lenient).unwrap());
        catena_jsone::to_json(&value)
            .replace(X, "X")
            .replace(Y, "Y")
    }

    fn landed(kind: HostedKind) -> Request {
        Request::Landed {
            repo: repo(kind),
            branch: Y.parse().unwrap(),
            revision: X.parse().unwrap(),
        }
    }

    #[test]
    fn gitlab_proves_by_the_merge_base_p15() {
        let request = landed(HostedKind::Gitlab);
        let yes = r#"{"ahead_by":0,"merge_base_commit":{"sha":"X"}}"#;
        assert_eq!(read(&request, r#"{"id": "X", "title": "t"}"#), yes);
        let no = r#"{"ahead_by":1,"merge_base_commit":{"sha":"Y"}}"#;
        assert_eq!(read(&request, r#"{"id": "Y"}"#), no);
        // GitHub's own names prove nothing here
        for odd in [yes, r#"{"id": 7}"#, "[]", "null"] {
            assert_eq!(read(&request, odd), "{}", "{odd}");
        }
    }

    #[test]
    fn gitea_proves_by_a_child_p15() {
        let request = landed(HostedKind::Gitea);
        let yes = r#"{"ahead_by":0,"merge_base_commit":{"sha":"X"}}"#;
        let no = r#"{"ahead_by":1,"merge_base_commit":{"sha":""}}"#;
        for (text, due) in [
            (
                r#"{"total_commits": 1, "commits": [{"sha": "Y", "parents": [{"sha": "Z"}, {"sha": "X"}]}]}"#,
                yes,
            ),
            (
                r#"{"total_commits": 1, "commits": [{"sha": "X", "parents": [{"sha": "Y"}]}]}"#,
                no,
            ),
            // no common history: Gitea lists nothing
            (r#"{"total_commits": 0, "commits": []}"#, no),
            // a part of the list may prove it, and never disproves it
            (
                r#"{"total_commits": 9, "commits": [{"parents": [{"sha": "X"}]}]}"#,
                yes,
            ),
            (
                r#"{"total_commits": 9, "commits": [{"parents": [{"sha": "Y"}]}]}"#,
                "{}",
            ),
            (r#"{"total_commits": 0}"#, "{}"),
            (r#"{"commits": []}"#, "{}"),
            (r#"{"total_commits": 1, "commits": [{}]}"#, "{}"),
            (yes, "{}"),
        ] {
            assert_eq!(read(&request, text), due, "{text}");
        }
    }

    #[test]
    fn branches_and_repositories_get_githubs_names_p15() {
        for kind in [HostedKind::Gitlab, HostedKind::Gitea] {
            let branches = Request::Branches { repo: repo(kind) };
            assert_eq!(
                read(
                    &branches,
                    r#"[{"name": "main", "protected": true, "commit": {"id": "X"}}, {"name": "b"}]"#
                ),
                r#"[{"name":"main","protected":true,"commit":{"sha":"X"}},{"name":"b","commit":{}}]"#
            );
        }
        let about = Request::Repository {
            repo: repo(HostedKind::Gitlab),
        };
        assert_eq!(
            read(
                &about,
                r#"{"id": 1, "path_with_namespace": "octo/widget", "default_branch": "main"}"#
            ),
            r#"{"full_name":"octo/widget","default_branch":"main"}"#
        );
    }

    #[test]
    fn tags_lead_to_commits_v94() {
        let tag = |kind| Request::TagRef {
            repo: repo(kind),
            tag: "v1".parse().unwrap(),
        };
        let due = r#"{"object":{"type":"commit","sha":"X"}}"#;
        let gitlab = tag(HostedKind::Gitlab);
        let text = r#"{"name": "v1", "target": "Y", "commit": {"id": "X"}}"#;
        assert_eq!(read(&gitlab, text), due);
        assert_eq!(read(&gitlab, &text.replace("v1", "v2")), "{}");
        let gitea = tag(HostedKind::Gitea);
        let text = r#"{"name": "v1", "id": "Y", "commit": {"sha": "X"}}"#;
        assert_eq!(read(&gitea, text), due);
    }

    #[test]
    fn other_hosts_stay_as_they_are() {
        let github = Repo::Github {
            owner: "octo".into(),
            name: "widget".into(),
        };
        let about = Request::Repository { repo: github };
        assert_eq!(read(&about, r#"{"a":[1]}"#), r#"{"a":[1]}"#);
    }
}
