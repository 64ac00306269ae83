// SPDX-License-Identifier: MPL-2.0
//! The master property (DESIGN §11, P25): change one byte that the verdict rests on, and the chain is not trusted.
//! 10,000 random changes over every document that a verification reads; none may make it panic.

use catena_core::policy::Profile;
use catena_core::report::Verdict;
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow, Random};

use crate::matters::matters;
use crate::verifier::Verifier;

/// Per flow; all flows together make ten thousand.
const CHANGES: usize = 10_000 / Flow::ALL.len();

fn flip(flow: Flow) {
    let spec = ChainSpec {
        graph_filler: 0,
        ..ChainSpec::new(21, flow)
    };
    let chain = spec.build();
    let mut verifier = Verifier::new(&chain);
    assert_eq!(verifier.verify(Profile::Strict).verdict, Verdict::Trusted);
    let requests: Vec<_> = verifier
        .requests(Profile::Strict)
        .into_iter()
        .filter(|request| chain.documents.contains_key(request))
        .collect();
    let mut random = Random::for_purpose(21, &format!("flips {flow:?}"));
    let mut tolerated = 0;
    for n in 0..CHANGES {
        // every document in turn, whatever its size
        let request = &requests[n % requests.len()];
        let before = chain.bytes(request);
        let after = change(before, &mut random);
        if after == before {
            continue;
        }
        verifier.source.insert(request.clone(), after.clone());
        let verdict = verifier.verify(Profile::Strict).verdict;
        if verdict == Verdict::Trusted {
            tolerated += 1;
            assert!(
                !matters(&chain, request, &after),
                "{flow:?} {request}: {}",
                place(before, &after)
            );
        }
        verifier.source.insert(request.clone(), before.to_vec());
    }
    // white space, comments and members that no rule reads: the oracle is not simply "everything matters"
    assert!(tolerated > 0 && tolerated < CHANGES / 2, "{tolerated}");
    assert_eq!(verifier.verify(Profile::Strict).verdict, Verdict::Trusted);
}

/// Flips a bit, replaces a byte, drops a byte or cuts the rest off.
fn change(before: &[u8], random: &mut Random) -> Vec<u8> {
    let mut after = before.to_vec();
    let at = random.below(before.len());
    match random.below(10) {
        0 => after.truncate(at),
        1 => drop(after.remove(at)),
        2 => after[at] = random.bytes(1)[0],
        3 => after[at] = b' '.max(after[at]) ^ 1,
        _ => after[at] ^= 1 << random.below(8),
    }
    after
}

/// Shows the line with the first difference, before and after.
fn place(before: &[u8], after: &[u8]) -> String {
    let at = before
        .iter()
        .zip(after)
        .position(|(a, b)| a != b)
        .unwrap_or(before.len().min(after.len()));
    let line = |bytes: &[u8]| {
        let start = bytes[..at]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let rest = &bytes[start..];
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        String::from_utf8_lossy(&rest[..end.min(300)]).into_owned()
    };
    format!("byte {at}: {:?} became {:?}", line(before), line(after))
}

macro_rules! flows {
    ($($name:ident: $flow:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                flip(Flow::$flow);
            }
        )*

        #[test]
        fn no_flow_is_forgotten() {
            assert_eq!([$(Flow::$flow),*].len(), Flow::ALL.len());
        }
    };
}

flows! {
    adhoc_action: AdhocAction,
    adhoc_promotion: AdhocPromotion,
    enterprise_comm: EnterpriseComm,
    enterprise_push: EnterprisePush,
    firefox_action: FirefoxAction,
    firefox_cron: FirefoxCron,
    firefox_mirror: FirefoxMirror,
    firefox_promotion: FirefoxPromotion,
    firefox_push: FirefoxPush,
    mobile_push: MobilePush,
    mobile_untrusted: MobileUntrusted,
    thunderbird_push: ThunderbirdPush,
    translations_pr_action: TranslationsPrAction,
    vpn_release: VpnRelease,
    xpi_cron: XpiCron,
    xpi_pull_request: XpiPullRequest,
    xpi_push: XpiPush,
}

/// Every document kind is read, and so flipped, by some flow (P25).
#[test]
fn every_kind_of_document_is_flipped() {
    let kind = |request: &Request| {
        request
            .to_string()
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let read = |chain: &Chain| Verifier::new(chain).requests(Profile::Strict);
    let kinds: std::collections::BTreeSet<_> = ChainSpec::all(21)
        .iter()
        .flat_map(|spec| read(&spec.build()))
        .map(|request| kind(&request))
        .collect();
    for expected in [
        "artifact",
        "artifact-list",
        "commit",
        "cot-body",
        "cot-signature",
        "definition",
        "landed",
        "projects",
        "pull-request",
        "pushlog",
        "release",
        "repository",
        "status",
        "tag-ref",
        "task-graph",
        "template",
    ] {
        assert!(kinds.contains(expected), "{expected} in {kinds:?}");
    }
}
