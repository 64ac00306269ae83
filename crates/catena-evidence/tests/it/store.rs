// SPDX-License-Identifier: MPL-2.0
//! Evidence that machines share in S3: against a server on loopback that the published moto is
//! (`conformance/store.sh` starts it), named by `AWS_ENDPOINT_URL`.

use std::sync::Arc;

use catena_core::report::Verdict;
use catena_evidence::{HttpOptions, HttpSource, SharedCache, SharedUse};
use catena_testkit::{Chain, ChainSpec, Flow};

use crate::chain::{serve, verify};

fn endpoint() -> String {
    let endpoint = std::env::var("AWS_ENDPOINT_URL").unwrap();
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint}");
    endpoint
}

/// As a machine that has never asked for anything.
fn machine(prefix: &str) -> Arc<SharedCache> {
    let options = [
        ("aws_endpoint", endpoint()),
        ("aws_allow_http", "true".to_owned()),
        ("aws_region", "us-east-1".to_owned()),
        ("aws_access_key_id", "id".to_owned()),
        ("aws_secret_access_key", "secret".to_owned()),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value));
    Arc::new(SharedCache::open_store(&format!("s3://evidence/{prefix}"), options).unwrap())
}

async fn run(chain: &Chain, options: &HttpOptions) -> SharedUse {
    let source = HttpSource::new(options).unwrap();
    let verdict = verify(chain, &source).await.report.verdict;
    assert_eq!(verdict, Verdict::Trusted);
    assert_eq!(options.shared.as_ref().unwrap().news(), None);
    source.shared_use()
}

#[tokio::test]
#[ignore = "needs a server that stands for S3: conformance/store.sh"]
async fn machines_share_evidence_in_a_bucket() {
    let client = reqwest::Client::new();
    let bucket = client.put(format!("{}/evidence", endpoint()));
    assert!(bucket.send().await.unwrap().status().is_success());
    let chain = ChainSpec::new(5, Flow::XpiPush).build();
    let (_server, mut options) = serve(&chain).await;
    options.shared_without = Some(chain.root);

    options.shared = Some(machine("a/b"));
    let first = run(&chain, &options).await;
    assert_eq!(first.hits, 0);
    options.shared = Some(machine("a/b"));
    let second = run(&chain, &options).await;
    // what the queue says of its own accord is asked for by each
    let definitions = second.misses;
    assert!(definitions > 0 && second.hits > definitions, "{second:?}");
    assert_eq!(second.hits + definitions, first.misses);

    // all that lies there, damaged
    let listed = client.get(format!("{}/evidence?list-type=2", endpoint()));
    let listed = listed.send().await.unwrap().text().await.unwrap();
    let names = listed.split("<Key>").skip(1);
    let names: Vec<_> = names.map(|rest| rest.split_once('<').unwrap().0).collect();
    assert!(names.len() > 8, "{listed}");
    for name in names {
        let put = client.put(format!("{}/evidence/{name}", endpoint()));
        // the owner's name is enough for moto, but it wants one
        let put = put
            .header("Authorization", OWNER)
            .body("{\"damaged\": true}");
        let put = put.send().await.unwrap();
        assert!(put.status().is_success());
    }
    options.shared = Some(machine("a/b"));
    assert_eq!(run(&chain, &options).await.hits, 0);
    options.shared = Some(machine("a/b"));
    assert_eq!(run(&chain, &options).await, second);

    // another prefix is another place
    options.shared = Some(machine("a/c"));
    assert_eq!(run(&chain, &options).await.hits, 0);
}

const OWNER: &str = "AWS4-HMAC-SHA256 Credential=id/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
