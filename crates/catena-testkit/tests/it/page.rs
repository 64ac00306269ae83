// SPDX-License-Identifier: MPL-2.0
//! The page that only compat reads: where the reference cannot read it, or asks elsewhere, compat does not trust (P3).

use catena_core::policy::Profile;
use catena_core::report::{Report, Verdict};
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow};

use crate::verifier::Verifier;

fn compat(change: impl FnOnce(&mut Chain)) -> Report {
    let mut chain = ChainSpec::new(5, Flow::XpiPush).build();
    change(&mut chain);
    Verifier::new(&chain).verify(Profile::Compat)
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
        let report = compat(|chain| {
            let object = chain.find(|request| matches!(request, Request::Repository { .. }));
            chain.edit_json(&object, |answer| answer["html_url"] = elsewhere.into());
        });
        assert_eq!(
            headline(&report),
            (Verdict::Undetermined, Some("host-answer")),
            "{elsewhere}"
        );
    }
    let renamed = compat(|chain| {
        let object = chain.find(|request| matches!(request, Request::Repository { .. }));
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
        chain.edit_json(&object, |answer| {
            answer["html_url"] = "https://github.com/renamed/xpi".into();
        });
    });
    assert_eq!(headline(&renamed), (Verdict::Trusted, None));
}
