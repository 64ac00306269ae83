// SPDX-License-Identifier: MPL-2.0
//! catena over HTTPS against served worlds: the same verdicts as from memory, and nothing asked for in vain.

use std::time::Duration;

use catena_core::policy::Profile;
use catena_core::walk::Walk;
use catena_evidence::{HttpOptions, HttpSource, Progress, Proxy, run};
use catena_testkit::vectors::{self, Case, Outcome, Places};
use catena_testkit::world::{Authority, HOSTS, Seen, Served, World};
use catena_testkit::{Chain, ChainSpec, Flow};

fn chain(flow: Flow) -> Chain {
    let mut spec = ChainSpec::new(3, flow);
    spec.root_url = vectors::ROOT_URL.to_owned();
    spec.build()
}

/// Serves a chain and verifies it there.
async fn verify(chain: &Chain, profile: Profile) -> (Outcome, Seen) {
    let (case, bodies) =
        Case::of(chain, &Places::new().unwrap(), ("served", "a test", &[])).unwrap();
    let authority = Authority::new().unwrap();
    let served = Served::start(World::of(&case, &bodies), &authority)
        .await
        .unwrap();
    let inputs = vectors::inputs(&case, profile).unwrap();
    let mut options = HttpOptions::of(&inputs.settings, &inputs.relaxations);
    options.ca_bundle = Some(authority.pem().as_bytes().to_vec());
    options.proxy = Proxy::Direct;
    options.retry.attempts = 2;
    options.retry.base = Duration::from_millis(1);
    let here = format!("https://127.0.0.1:{}", served.port());
    for host in HOSTS
        .iter()
        .filter(|host| host.contains(".com") || host.contains(".org"))
    {
        options
            .endpoints
            .insert(format!("https://{host}"), here.clone());
    }
    let source = HttpSource::new(&options).unwrap();
    let mut walk = Walk::new(inputs);
    run(&mut walk, &source, &Progress::default()).await;
    (vectors::outcome(&walk.finish().report), served.seen())
}

#[tokio::test]
async fn served_chains_of_every_flow_are_trusted() {
    for flow in Flow::ALL {
        for profile in [Profile::Strict, Profile::Compat] {
            let (outcome, seen) = verify(&chain(flow), profile).await;
            assert_eq!(outcome.verdict, "trusted", "{flow:?}: {outcome:?}");
            assert!(seen.unknown.is_empty() && seen.requests > 10, "{seen:?}");
        }
    }
}

#[tokio::test]
async fn faults_of_a_served_chain_are_found() {
    let mut tampered = chain(Flow::XpiPush);
    tampered.flip(&tampered.artifact("build-0", "public/build/target-0.zip"));
    let (outcome, _) = verify(&tampered, Profile::Strict).await;
    assert_eq!(
        (outcome.verdict.as_str(), outcome.headline.as_deref()),
        ("rejected", Some("artifact-digest"))
    );

    let mut down = chain(Flow::XpiPush);
    let request = down.definition("decision");
    down.fail(&request, catena_core::document::ErrorKind::Unavailable);
    let (outcome, _) = verify(&down, Profile::Strict).await;
    assert_eq!(
        (outcome.verdict.as_str(), outcome.headline.as_deref()),
        ("undetermined", Some("evidence-unavailable"))
    );

    // in neither list of a case: a 404 that the server remembers
    let mut gone = chain(Flow::XpiPush);
    let request = gone.signature("build-0");
    gone.documents.remove(&request);
    let (outcome, seen) = verify(&gone, Profile::Strict).await;
    assert_eq!(
        (outcome.verdict.as_str(), outcome.headline.as_deref()),
        ("rejected", Some("cot-missing"))
    );
    assert_eq!(seen.unknown.len(), 1, "{seen:?}");
}
