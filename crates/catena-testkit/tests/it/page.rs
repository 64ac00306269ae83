// SPDX-License-Identifier: MPL-2.0
//! Answers of hosts that the reference cannot read, or by which it is led elsewhere: nobody trusts them (P3).

use catena_core::policy::Profile;
use catena_core::report::{Report, Verdict};
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow};

use crate::verifier::Verifier;

fn compat(change: impl FnOnce(&mut Chain)) -> Report {
    verify(Flow::XpiPush, Profile::Compat, change)
}

fn verify(flow: Flow, profile: Profile, change: impl FnOnce(&mut Chain)) -> Report {
    let mut chain = ChainSpec::new(5, flow).build();
    change(&mut chain);
    Verifier::new(&chain).verify(profile)
}

fn page_at(chain: &mut Chain, url: &str) {
    let object = chain.find(|request| matches!(request, Request::Repository { .. }));
    let full = url.strip_prefix("https://github.com/").unwrap_or("a/b");
    chain.edit_json(&object, |answer| {
        answer["html_url"] = url.into();
        answer["url"] = format!("https://api.github.com/repos/{full}").into();
    });
}

fn headline(report: &Report) -> (Verdict, Option<&str>) {
    let first = report.findings.first();
    (report.verdict, first.map(|finding| finding.id))
}

#[test]
fn a_page_that_is_no_text_is_undetermined_v94() {
    let report = compat(|chain| {
        let page = chain.find(|request| matches!(request, Request::BranchCommits { .. }));
        chain.replace(&page, b"<li>main \xe9</li>".to_vec());
    });
    assert_eq!(
        headline(&report),
        (Verdict::Undetermined, Some("host-answer"))
    );
}

#[test]
fn a_repository_that_says_it_is_elsewhere_is_undetermined_v94_s27() {
    for elsewhere in ["https://ithub.com/a/b", "https://github.com", "b", ""] {
        for profile in [Profile::Strict, Profile::Compat] {
            let report = verify(Flow::XpiPush, profile, |chain| page_at(chain, elsewhere));
            assert_eq!(
                headline(&report),
                (Verdict::Undetermined, Some("host-answer")),
                "{elsewhere}"
            );
        }
    }
    let two = compat(|chain| {
        let object = chain.find(|request| matches!(request, Request::Repository { .. }));
        chain.edit_json(&object, |answer| {
            answer["url"] = "https://api.github.com/repos/a/b".into();
        });
    });
    assert_eq!(headline(&two), (Verdict::Undetermined, Some("host-answer")));
    let other = verify(Flow::XpiPush, Profile::Strict, |chain| {
        page_at(chain, "https://github.com/renamed/xpi");
    });
    assert_eq!(headline(&other), (Verdict::Rejected, Some("repo-rename")));
    let renamed = compat(|chain| {
        let page = chain.find(|request| matches!(request, Request::BranchCommits { .. }));
        let Request::BranchCommits { revision, .. } = &page else {
            unreachable!()
        };
        let repo = catena_core::request::Repo::Github {
            owner: "renamed".into(),
            name: "xpi".into(),
        };
        let there = Request::BranchCommits {
            repo,
            revision: revision.clone(),
        };
        let body = chain.documents.remove(&page).unwrap();
        chain.documents.insert(there, body);
        page_at(chain, "https://github.com/renamed/xpi");
    });
    assert_eq!(headline(&renamed), (Verdict::Trusted, None));
}

#[test]
fn a_project_without_a_repository_before_the_one_that_is_looked_for_is_undetermined_v91() {
    for profile in [Profile::Strict, Profile::Compat] {
        let report = verify(Flow::FirefoxPush, profile, |chain| {
            let text = String::from_utf8(chain.bytes(&Request::Projects).to_vec()).unwrap();
            let text = text.replace("---\n", "---\nodd: {repo_type: hg}\n");
            chain.replace(&Request::Projects, text.into_bytes());
        });
        assert_eq!(
            headline(&report),
            (Verdict::Undetermined, Some("host-answer"))
        );
    }
}

#[test]
fn a_list_of_tags_of_which_one_has_no_commit_is_undetermined_v94() {
    let report = verify(Flow::VpnRelease, Profile::Compat, |chain| {
        let tags = chain.find(|request| matches!(request, Request::Tags { .. }));
        chain.edit_json(&tags, |answer| answer[1]["commit"] = serde_json::json!({}));
    });
    assert_eq!(
        headline(&report),
        (Verdict::Undetermined, Some("host-answer"))
    );
}
