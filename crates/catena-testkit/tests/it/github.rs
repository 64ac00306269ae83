// SPDX-License-Identifier: MPL-2.0
//! What is asked of GitHub, and what its answers mean: landed (P15, V94), tags, forks (S29), private
//! repositories (P7).

use catena_core::policy::Profile;
use catena_core::report::Verdict;
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow};
use serde_json::json;

use crate::hostile::{PROFILES, answer, fork_commit, ids};
use crate::verifier::Verifier;

/// The rule of `xpi`, for a repository that only a secret opens.
const PRIVATE: &str = r#"trusted_vcs_rules:
  - schemes: [https, ssh]
    netlocs: [github.com]
    path_regexes: ["^(?P<path>/mozilla-extensions/xpi-manifest)(/|.git|$)"]
    require_secret: true
"#;

fn is_landed_question(request: &Request) -> bool {
    matches!(
        request,
        Request::Branch { .. }
            | Request::BranchCommits { .. }
            | Request::Branches { .. }
            | Request::Landed { .. }
            | Request::TagRef { .. }
            | Request::Tags { .. }
    )
}

fn asked(verifier: &Verifier, profile: Profile) -> Vec<String> {
    let all = verifier.requests(profile);
    let landed = all.iter().filter(|request| is_landed_question(request));
    landed.map(ToString::to_string).collect()
}

/// Removes all answers of a kind; there must be some.
fn without(chain: &Chain, is: impl Fn(&Request) -> bool) -> Chain {
    let mut chain = chain.clone();
    let before = chain.documents.len();
    chain.documents.retain(|request, _| !is(request));
    assert!(chain.documents.len() < before);
    chain
}

fn verdict(chain: &Chain, more: &str, profile: Profile) -> (Verdict, Vec<String>) {
    let report = Verifier::with(chain, more).verify(profile);
    (report.verdict, ids(&report))
}

#[test]
fn one_question_is_asked_once_however_many_tasks_share_it() {
    let spec = ChainSpec {
        builds: 20,
        ..ChainSpec::new(1, Flow::XpiPush)
    };
    let verifier = Verifier::new(&spec.build());
    for (profile, due) in [
        (Profile::Strict, "landed"),
        (Profile::Compat, "branch-commits"),
    ] {
        assert_eq!(verifier.verify(profile).verdict, Verdict::Trusted);
        let landed = asked(&verifier, profile);
        assert_eq!(landed.len(), 1, "{landed:?}");
        assert!(landed[0].starts_with(due), "{landed:?}");
        let all = verifier.requests(profile);
        let count = |is: fn(&Request) -> bool| all.iter().filter(|request| is(request)).count();
        assert_eq!(count(|r| matches!(r, Request::Repository { .. })), 1);
        assert_eq!(count(|r| matches!(r, Request::Commit { .. })), 1);
        assert_eq!(count(|r| matches!(r, Request::Template { .. })), 1);
    }
}

#[test]
fn candidates_are_asked_one_after_the_other_p15() {
    let chain = ChainSpec::new(1, Flow::XpiPush).build();
    let protected =
        |branches: &str| format!("x_cot: {{protected_branches: {{xpi: [{branches}]}}}}\n");
    // the first candidate holds the commit: nothing else is asked
    for more in [String::new(), protected("main, release")] {
        let verifier = Verifier::with(&chain, &more);
        let landed = asked(&verifier, Profile::Strict);
        assert_eq!(landed.len(), 1, "{landed:?}");
        assert!(landed[0].contains(" main..."), "{landed:?}");
    }
    // when none of the policy's does, nor the default branch, the host's list comes last
    let verifier = Verifier::with(&fork_commit(str::to_owned), &protected("release"));
    let landed = asked(&verifier, Profile::Strict);
    let at = |part: &str| landed.iter().position(|asked| asked.contains(part));
    let (default, listed, host) = (at(" main..."), at(" release..."), at("branches "));
    assert!(default.is_some() && listed.is_some(), "{landed:?}");
    assert!(host > default && host > listed, "{landed:?}");
}

#[test]
fn a_branch_that_the_host_protects_is_enough_p15() {
    for protected in [true, false] {
        let mut chain = fork_commit(str::to_owned);
        let question = chain.find(|request| {
            matches!(request, Request::Landed { branch, .. } if branch.as_str() == "main")
        });
        let Request::Landed { repo, revision, .. } = question else {
            unreachable!("of that kind");
        };
        let branches = json!([{"name": "esr", "protected": protected}]);
        let landed = json!({"status": "behind", "ahead_by": 0, "merge_base_commit": {"sha": revision.as_str()}});
        let answers = [
            (Request::Branches { repo: repo.clone() }, branches),
            (
                Request::Landed {
                    repo,
                    branch: "esr".parse().unwrap(),
                    revision,
                },
                landed,
            ),
        ];
        for (request, answer) in answers {
            chain
                .documents
                .insert(request, answer.to_string().into_bytes());
        }
        let due = if protected {
            Verdict::Trusted
        } else {
            Verdict::Rejected
        };
        let (found, ids) = verdict(&chain, "", Profile::Strict);
        assert_eq!(found, due, "{ids:?}");
    }
}

#[test]
fn a_named_branch_counts_if_it_is_protected_p15() {
    for protected in [true, false] {
        let mut chain = ChainSpec::new(1, Flow::XpiPush).build();
        let Request::Landed { repo, revision, .. } =
            chain.find(|request| matches!(request, Request::Landed { .. }))
        else {
            unreachable!("of that kind");
        };
        // the decision task names main, which holds the commit and is not the default branch
        let about = Request::Repository { repo: repo.clone() };
        chain.edit_json(&about, |about| about["default_branch"] = "trunk".into());
        let main = chain.find(|request| matches!(request, Request::Branch { .. }));
        chain.edit_json(&main, |main| main["protected"] = protected.into());
        let elsewhere = json!({"status": "diverged", "ahead_by": 1, "merge_base_commit": {"sha": "ef".repeat(20)}});
        let trunk = Request::Landed {
            repo: repo.clone(),
            branch: "trunk".parse().unwrap(),
            revision,
        };
        for (request, answer) in [(trunk, elsewhere), (Request::Branches { repo }, json!([]))] {
            chain
                .documents
                .insert(request, answer.to_string().into_bytes());
        }
        let report = Verifier::new(&chain).verify(Profile::Strict);
        let decision = chain.task("decision").id;
        let mut findings = report.findings.iter();
        let refused =
            findings.any(|finding| finding.id == "landed" && finding.task == Some(decision));
        assert_eq!(refused, !protected, "{:#?}", ids(&report));
    }
}

#[test]
fn light_and_annotated_tags_lead_to_their_commit_v94_p15() {
    let light = ChainSpec::new(1, Flow::VpnRelease).build();
    let tag_ref = |request: &Request| matches!(request, Request::TagRef { .. });
    let asked = light.documents.keys().find(|request| tag_ref(request));
    let Some(Request::TagRef { repo, tag }) = asked.cloned() else {
        panic!()
    };
    let commit = light
        .documents
        .iter()
        .find_map(|(request, body)| match request {
            Request::Commit { repo: of, .. } if *of == repo => Some(body.clone()),
            _ => None,
        });
    let object = json!({"object": {"type": "tag", "sha": "7a".repeat(20)}});
    let branches = Request::Branches { repo: repo.clone() };
    let resolved = Request::Commit {
        repo,
        revision: format!("tags/{tag}").parse().unwrap(),
    };
    let mut annotated = light.clone();
    answer(&mut annotated, tag_ref, &object);
    let mut elsewhere = annotated.clone();
    annotated
        .documents
        .insert(resolved.clone(), commit.unwrap());
    elsewhere
        .documents
        .insert(resolved, json!({"sha": "5e".repeat(20)}).to_string().into());
    elsewhere.documents.insert(branches, b"[]".to_vec());
    let strict = |chain: &Chain| verdict(chain, "", Profile::Strict);
    for chain in [&light, &annotated] {
        let (verdict, ids) = strict(chain);
        assert_eq!(verdict, Verdict::Trusted, "{ids:?}");
    }
    let absent = without(&light, tag_ref);
    for chain in [&absent, &elsewhere] {
        let (verdict, ids) = strict(chain);
        assert_eq!(verdict, Verdict::Rejected, "{ids:?}");
        assert!(ids.iter().any(|id| id.starts_with("landed")), "{ids:?}");
    }
}

#[test]
fn the_reference_reads_exactly_one_tag_of_the_listing_v94() {
    let chain = ChainSpec::new(1, Flow::VpnRelease).build();
    let is_tags = |request: &Request| matches!(request, Request::Tags { .. });
    let (request, body) = chain
        .documents
        .iter()
        .find(|(request, _)| is_tags(request))
        .unwrap();
    let listed: Vec<serde_json::Value> = serde_json::from_slice(body).unwrap();
    let compat = |tags: serde_json::Value| {
        let mut chain = chain.clone();
        chain.replace(request, tags.to_string().into_bytes());
        verdict(&chain, "", Profile::Compat)
    };
    assert_eq!(compat(json!(listed)).0, Verdict::Trusted);
    for odd in [json!([]), json!([listed[1]]), json!([listed[0], listed[0]])] {
        let (verdict, ids) = compat(odd);
        assert_eq!(verdict, Verdict::Rejected, "{ids:?}");
    }
}

#[test]
fn a_private_repository_is_asked_in_strict_and_not_in_compat_v94_p15() {
    let chain = ChainSpec::new(1, Flow::XpiPush).build();
    let verifier = Verifier::with(&chain, PRIVATE);
    for (profile, due) in [(Profile::Strict, 1), (Profile::Compat, 0)] {
        assert_eq!(verifier.verify(profile).verdict, Verdict::Trusted);
        assert_eq!(asked(&verifier, profile).len(), due, "{profile:?}");
    }
    // so compat cannot tell a commit of a fork (S29), and strict can
    let fork = fork_commit(str::to_owned);
    let (strict, found) = verdict(&fork, PRIVATE, Profile::Strict);
    assert_eq!(strict, Verdict::Rejected, "{found:?}");
    let (compat, found) = verdict(&fork, PRIVATE, Profile::Compat);
    assert_eq!(compat, Verdict::Trusted, "{found:?}");
}

/// What is not there may be there for somebody else (P7).
#[test]
fn absence_in_a_private_repository_is_undetermined_p7() {
    let chain = ChainSpec::new(1, Flow::XpiPush).build();
    type Kind = fn(&Request) -> bool;
    let repository: Kind = |request| matches!(request, Request::Repository { .. });
    let template: Kind = |request| matches!(request, Request::Template { .. });
    let commit: Kind = |request| matches!(request, Request::Commit { .. });
    for (is, public, private_compat) in [
        (repository, Verdict::Undetermined, Verdict::Trusted),
        (template, Verdict::Rejected, Verdict::Undetermined),
        (commit, Verdict::Rejected, Verdict::Undetermined),
    ] {
        let chain = without(&chain, is);
        for profile in PROFILES {
            let (found, ids) = verdict(&chain, "", profile);
            assert_eq!(found, public, "{profile:?} {ids:?}");
            let (found, ids) = verdict(&chain, PRIVATE, profile);
            let due = match profile {
                Profile::Strict => Verdict::Undetermined,
                // which does not ask about a private repository itself (V94)
                Profile::Compat => private_compat,
            };
            assert_eq!(found, due, "{profile:?} {ids:?}");
        }
    }
    // no branch is there: the commit has not landed, unless nothing of the repository can be read
    let no_branch = without(&chain, is_landed_question);
    let none = |request: &Request| is_landed_question(request) || repository(request);
    let nothing = without(&chain, none);
    let mut no_branch = no_branch;
    let repo = no_branch
        .documents
        .keys()
        .find_map(|request| match request {
            Request::Repository { repo } => Some(repo.clone()),
            _ => None,
        });
    let branches = Request::Branches {
        repo: repo.unwrap(),
    };
    no_branch.documents.insert(branches, b"[]".to_vec());
    for more in ["", PRIVATE] {
        let (found, ids) = verdict(&no_branch, more, Profile::Strict);
        assert_eq!(found, Verdict::Rejected, "{ids:?}");
        let (found, ids) = verdict(&nothing, more, Profile::Strict);
        assert_eq!(found, Verdict::Undetermined, "{ids:?}");
    }
}
