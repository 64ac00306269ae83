// SPDX-License-Identifier: MPL-2.0
//! Who may do what: each part of a Hawk header, bewits, certificates, scopes (worker.md §12).

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use catena_local::auth::{QUEUE as ISSUER, ROOT, temporary};
use catena_local::client::Client;
use catena_local::{Credentials, auth};
use hawk::mac::MacType;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::http_world::{Hawk, QUEUE, World, definition, task, worker, world};

const ME: &str = "/api/auth/v1/scopes/current";

async fn with(world: &World, header: &str) -> u16 {
    let answer = world
        .raw("GET", ME, &[("Authorization", header)], b"")
        .await;
    if answer.status == 401 {
        assert_eq!(answer.code(), "AuthenticationFailed");
        let token = world.local.credentials().access_token;
        assert!(!answer.body.contains(&*token), "no secret in an error");
    }
    answer.status
}

fn mine(world: &World) -> Hawk {
    Hawk::new(world, &world.local.credentials(), "GET", ME, "")
}

#[tokio::test]
async fn each_part_of_a_header_counts() {
    let world = world().await;
    assert_eq!(with(&world, &mine(&world).text()).await, 200);
    let change = |change: &dyn Fn(&mut Hawk)| {
        let mut hawk = mine(&world);
        change(&mut hawk);
        hawk.text()
    };
    for (what, header) in [
        ("id", change(&|h| h.id = "nobody".to_owned())),
        ("token", change(&|h| h.token.push('x'))),
        ("method", change(&|h| h.method = "POST".to_owned())),
        ("path", change(&|h| h.path.push('x'))),
        ("query", change(&|h| h.path.push_str("?x=1"))),
        ("host", change(&|h| h.host = "localhost".to_owned())),
        ("port", change(&|h| h.port ^= 1)),
        ("early", change(&|h| h.ts += 16 * 60)),
        ("late", change(&|h| h.ts -= 16 * 60)),
        ("hash", change(&|h| h.hash = Some(vec![1; 32]))),
        ("ext", change(&|h| h.ext = Some("no base64!".to_owned()))),
        (
            "ext",
            change(&|h| h.ext = Some(BASE64_STANDARD.encode("["))),
        ),
    ] {
        assert_eq!(with(&world, &header).await, 401, "{what}");
    }
    let skewed = change(&|h| h.ts += 14 * 60);
    assert_eq!(with(&world, &skewed).await, 200, "clocks may be apart");
    let unhashed = change(&|h| h.hash = None);
    assert_eq!(with(&world, &unhashed).await, 200, "the hash is optional");
}

#[tokio::test]
async fn headers_that_cannot_be_read_are_refused() {
    let world = world().await;
    let good = mine(&world).text();
    let cut = |field: &str| {
        let start = good.find(&format!("{field}=\"")).unwrap();
        let end = good[start..]
            .find(',')
            .map_or(good.len(), |end| start + end + 2);
        format!("{}{}", &good[..start], &good[end.min(good.len())..])
    };
    for header in [
        "".to_owned(),
        "Hawk".to_owned(),
        "Hawk ".to_owned(),
        "Basic cm9vdDpyb290".to_owned(),
        "Hawk id=root".to_owned(),
        "Hawk id=\"root".to_owned(),
        "Hawk ,,,".to_owned(),
        cut("id"),
        cut("ts"),
        cut("nonce"),
        cut("mac"),
        good.replace("ts=\"", "ts=\"-"),
        good.replace("ts=\"", "ts=\"99999999999999999999"),
        good.replace("mac=\"", "mac=\"!"),
        good.replace("hash=\"", "hash=\"!"),
        format!("{good}, id=\"root\""),
        format!("{good}, app=\"x\""),
        format!("{good} x"),
    ] {
        assert_eq!(with(&world, &header).await, 401, "{header}");
    }
    // the largest times that there are
    for ts in [u64::MAX, 1 << 62] {
        let header = good.replace("ts=\"", &format!("ts=\"{ts}\", tx=\""));
        assert_eq!(with(&world, &header).await, 401);
        let header = format!("Hawk id=\"root\", ts=\"{ts}\", nonce=\"n\", mac=\"AAAA\"");
        assert_eq!(with(&world, &header).await, 401);
    }
    let twice = [("Authorization", &*good), ("Authorization", &*good)];
    assert_eq!(world.raw("GET", ME, &twice, b"").await.status, 401);
}

#[tokio::test]
async fn a_body_that_was_changed_is_refused() {
    let world = world().await;
    let path = format!("/api/queue/v1/task/{}", task(0));
    let body = definition(world.now(), json!({})).to_string();
    let header = Hawk::new(&world, &world.local.credentials(), "PUT", &path, &body).text();
    let changed = body.replace("true", "evil");
    let headers = |content_type| [("Authorization", &*header), ("Content-Type", content_type)];
    let json = headers("application/json");
    let answer = world.raw("PUT", &path, &json, changed.as_bytes()).await;
    assert_eq!(answer.status, 401);
    let parameters = headers("Application/JSON; charset=utf-8");
    let answer = world.raw("PUT", &path, &parameters, body.as_bytes()).await;
    assert_eq!(
        answer.status, 200,
        "type without parameters, lower case {answer:?}"
    );
}

fn bewit(hawk: &Hawk) -> String {
    let mac = BASE64_STANDARD.encode(hawk.mac(MacType::Bewit));
    let ext = hawk.ext.as_deref().unwrap_or("");
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}\\{}\\{mac}\\{ext}", hawk.id, hawk.ts))
}

#[tokio::test]
async fn bewits_open_a_get_until_they_expire() {
    let world = world().await;
    let mut hawk = mine(&world);
    hawk.ts += 60;
    let good = format!("{ME}?bewit={}", bewit(&hawk));
    let get = async |path: &str| world.raw("GET", path, &[], b"").await;
    let answer = get(&good).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.json()["scopes"]
            .as_array()
            .unwrap()
            .contains(&json!("*"))
    );
    assert_eq!(
        get(&format!("{good}&x=1")).await.status,
        401,
        "another query"
    );
    assert_eq!(get(&format!("{good}&bewit=x")).await.status, 401, "two");
    let mut query = hawk.clone();
    query.path = format!("{ME}?a=1&b=2");
    let path = format!("{ME}?a=1&bewit={}&b=2", bewit(&query));
    assert_eq!(
        get(&path).await.status,
        200,
        "the rest of the query is signed"
    );
    let role = "/api/auth/v1/roles/x";
    let mut delete = hawk.clone();
    delete.path = role.to_owned();
    let path = format!("{role}?bewit={}", bewit(&delete));
    assert_eq!(
        world.raw("DELETE", &path, &[], b"").await.status,
        401,
        "GET only"
    );
    let header = mine(&world).text();
    let both = world
        .raw("GET", &good, &[("Authorization", &header)], b"")
        .await;
    assert_eq!(both.status, 401);
    for bad in [
        "",
        "x",
        "!!!",
        &BASE64_URL_SAFE_NO_PAD.encode("root\\18446744073709551615\\AAAA\\"),
    ] {
        assert_eq!(get(&format!("{ME}?bewit={bad}")).await.status, 401, "{bad}");
    }
    world.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(get(&good).await.status, 401, "expired");
}

/// Temporary credentials of `issuer`.
fn named(world: &World, issuer: &str, id: &str, scopes: &[&str], hours: i64) -> Credentials {
    let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    let registry = world.local.services().registry();
    temporary(
        registry,
        issuer,
        id,
        scopes,
        world.now(),
        world.in_hours(hours),
    )
    .unwrap()
}

async fn scopes(world: &World, credentials: &Credentials) -> Result<Vec<String>, u16> {
    let answer = world.signed(credentials, "GET", ME, None).await;
    if answer.status != 200 {
        return Err(answer.status);
    }
    Ok(serde_json::from_value(answer.json()["scopes"].clone()).unwrap())
}

#[tokio::test]
async fn temporary_credentials_hold_what_their_certificate_says_and_no_longer() {
    let world = world().await;
    let credentials = named(&world, ROOT, "me", &["a:*"], 1);
    let have = scopes(&world, &credentials).await.unwrap();
    assert!(have.contains(&"a:*".to_owned()) && !have.contains(&"*".to_owned()));
    let change = |change: &dyn Fn(&mut Value)| {
        let text = credentials.certificate.as_deref().unwrap();
        let mut certificate: Value = serde_json::from_str(text).unwrap();
        change(&mut certificate);
        Credentials {
            certificate: Some(certificate.to_string()),
            ..credentials.clone()
        }
    };
    for (what, changed) in [
        ("scopes", change(&|c| c["scopes"] = json!(["*"]))),
        (
            "expiry",
            change(&|c| c["expiry"] = json!(c["expiry"].as_i64().unwrap() + 1)),
        ),
        (
            "start",
            change(&|c| c["start"] = json!(c["start"].as_i64().unwrap() - 1)),
        ),
        ("seed", change(&|c| c["seed"] = json!("x".repeat(44)))),
        ("short seed", change(&|c| c["seed"] = json!("x"))),
        ("version", change(&|c| c["version"] = json!(2))),
        ("issuer", change(&|c| c["issuer"] = json!(ISSUER))),
        ("own issuer", change(&|c| c["issuer"] = json!("me"))),
        (
            "no issuer",
            change(&|c| drop(c.as_object_mut().unwrap().remove("issuer"))),
        ),
        ("unknown issuer", change(&|c| c["issuer"] = json!("nobody"))),
        ("signature", change(&|c| c["signature"] = json!("AAAA"))),
        ("unknown member", change(&|c| c["x"] = json!(1))),
        ("time", change(&|c| c["expiry"] = json!(i64::MAX))),
        ("type", change(&|c| *c = json!([]))),
    ] {
        assert_eq!(scopes(&world, &changed).await, Err(401), "{what}");
    }
    let other = Credentials {
        client_id: "someone".to_owned(),
        ..credentials.clone()
    };
    assert_eq!(scopes(&world, &other).await, Err(401), "another name");
    let long = named(&world, ROOT, "me", &["a:*"], 32 * 24);
    assert_eq!(scopes(&world, &long).await, Err(401), "31 days at most");
    world.clock.advance(SignedDuration::from_mins(64));
    assert!(
        scopes(&world, &credentials).await.is_ok(),
        "five minutes of skew"
    );
    world.clock.advance(SignedDuration::from_mins(2));
    assert_eq!(scopes(&world, &credentials).await, Err(401), "expired");
}

#[tokio::test]
async fn an_issuer_gives_only_what_it_has() {
    let world = world().await;
    let expires = world.in_hours(100);
    let make = async |id: &str, scopes: &[&str]| {
        world.root.create_client(id, scopes, expires).await.unwrap()
    };
    make("little", &["a:b", "auth:create-client:little/*"]).await;
    make("plain", &["a:b"]).await;
    let check =
        async |issuer, id, what: &[&str]| scopes(&world, &named(&world, issuer, id, what, 1)).await;
    assert!(check("little", "little/x", &["a:b"]).await.is_ok());
    assert_eq!(check("little", "little/x", &["a:*"]).await, Err(401));
    assert_eq!(check("little", "big", &["a:b"]).await, Err(401));
    assert_eq!(check("plain", "plain/x", &["a:b"]).await, Err(401));
    world.clock.advance(SignedDuration::from_hours(101));
    // the issuer has expired, too; the certificate was made just now
    assert_eq!(check("little", "little/x", &["a:b"]).await, Err(401));
}

#[tokio::test]
async fn ext_comes_in_either_alphabet_and_authorized_scopes_take_away() {
    let world = world().await;
    let with_ext = |ext: Option<String>| {
        let mut hawk = mine(&world);
        hawk.ext = ext;
        hawk.text()
    };
    let get = async |header: String| {
        world
            .raw("GET", ME, &[("Authorization", &header)], b"")
            .await
    };
    // `?>` and `~~` need the characters in which the alphabets differ
    let ext = json!({"authorizedScopes": ["auth:current-scopes", "x:?>~~??>>"]}).to_string();
    let standard = BASE64_STANDARD.encode(&ext);
    let safe = BASE64_URL_SAFE.encode(&ext);
    assert_ne!(standard, safe);
    for text in [standard, safe.trim_end_matches('=').to_owned(), safe] {
        let answer = get(with_ext(Some(text.clone()))).await;
        assert_eq!(answer.status, 200, "{text}");
        let have = answer.json()["scopes"].to_string();
        assert!(have.contains("x:?>") && !have.contains("\"*\""), "{have}");
    }
    assert_eq!(
        get(with_ext(Some("e30=".to_owned()))).await.status,
        200,
        "an empty one"
    );
    let little = world
        .root
        .create_client("l", &["a"], world.in_hours(1))
        .await
        .unwrap();
    let mut hawk = Hawk::new(&world, &little, "GET", ME, "");
    hawk.ext = Some(BASE64_STANDARD.encode(r#"{"authorizedScopes":["*"]}"#));
    assert_eq!(get(hawk.text()).await.status, 401, "more than one has");
    hawk.ext = Some(BASE64_STANDARD.encode(r#"{"authorizedScopes":["a","ä"]}"#));
    assert_eq!(get(hawk.text()).await.status, 401);
}

#[tokio::test]
async fn missing_scopes_are_told() {
    let world = world().await;
    let expires = world.in_hours(1);
    let little = world
        .root
        .create_client("little", &["x"], expires)
        .await
        .unwrap();
    let path = format!("/api/queue/v1/task/{}", task(0));
    let body = definition(
        world.now(),
        json!({"scopes": ["x", "y"], "priority": "high"}),
    );
    let answer = world.signed(&little, "PUT", &path, Some(&body)).await;
    assert_eq!(
        (answer.status, &*answer.code()),
        (403, "InsufficientScopes")
    );
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    let start = "Client ID little does not have sufficient scopes and is missing the following scopes:\n\n```\n";
    assert!(message.starts_with(start), "{message}");
    assert!(
        message.contains("queue:create-task:very-high:prov/type"),
        "{message}"
    );
    assert!(
        !message.contains("queue:create-task:low:prov/type"),
        "lower ones do not do"
    );
    assert_eq!(
        world.root.task(task(0)).await.unwrap_err().status(),
        Some(404)
    );
}

#[tokio::test]
async fn stars_and_roles_give_scopes() {
    let world = world().await;
    let expires = world.in_hours(1);
    let task_scopes = [
        "queue:create-task:project:none",
        "queue:scheduler-id:-",
        "y:1",
    ];
    world
        .root
        .create_role("maker", &["y:*", "queue:scheduler-id:*"])
        .await
        .unwrap();
    let cases: [(&str, &[&str], bool); 6] = [
        ("c1", &["queue:create-task:highest:prov/*"], false),
        (
            "c2",
            &["queue:create-task:highest:prov/*", "assume:maker"],
            false,
        ),
        ("c3", &["queue:create-task:*", "assume:maker"], true),
        (
            "c4",
            &[
                "queue:create-task:project:none",
                "queue:create-task:highest:prov/*",
                "assume:make*",
            ],
            true,
        ),
        (
            "c5",
            &[
                "queue:create-task:project:none",
                "queue:create-task:lowest:prov/type",
                "assume:maker",
            ],
            false,
        ),
        ("c6", &["*"], true),
    ];
    for (number, (id, scopes, may)) in (0..).zip(cases) {
        let credentials = world.root.create_client(id, scopes, expires).await.unwrap();
        let client = Client::new(world.local.root_url(), &credentials).unwrap();
        let body = definition(
            world.now(),
            json!({"scopes": [task_scopes[2]], "priority": "low"}),
        );
        let made = client.create_task(task(number), &body).await;
        assert_eq!(made.is_ok(), may, "{id} {made:?}");
    }
}

#[tokio::test]
async fn a_worker_may_touch_its_own_run_only() {
    let world = world().await;
    let (claim, client) = world.claimed(0).await;
    let (other, _) = world.claimed(1).await;
    let touched = client.reclaim(task(1), other.run).await.unwrap_err();
    assert_eq!(touched.status(), Some(403));
    let nobody = Client::anonymous(world.local.root_url()).unwrap();
    let claimed = nobody.claim_work(QUEUE, &worker(), 1).await.unwrap_err();
    assert_eq!(claimed.status(), Some(403));
    assert_eq!(
        nobody.cancel(task(0)).await.unwrap_err().status(),
        Some(403)
    );
    assert!(
        nobody.status(task(0)).await.is_ok(),
        "as public deployments allow"
    );
    // signed in time, by credentials whose time is over
    world.clock.advance(SignedDuration::from_mins(26));
    let path = format!("/api/queue/v1/task/{}/runs/0/reclaim", task(0));
    let late = world.signed(&claim.credentials, "POST", &path, None).await;
    assert_eq!(late.status, 401);
    assert!(
        late.body.contains("ext.certificate.expiry < now"),
        "{late:?}"
    );
}

#[tokio::test]
async fn credentials_made_by_the_official_client_are_taken() {
    let world = world().await;
    let mine = world.local.credentials();
    let permanent = taskcluster::Credentials::new(&*mine.client_id, mine.access_token.as_str());
    let hour = std::time::Duration::from_secs(3600);
    for made in [
        permanent
            .create_named_temp_creds("named", hour, ["q:1"])
            .unwrap(),
        permanent.create_temp_creds(hour, ["q:1"]).unwrap(),
    ] {
        let credentials = Credentials {
            client_id: made.client_id,
            access_token: made.access_token.into(),
            certificate: made.certificate,
        };
        let have = scopes(&world, &credentials).await.unwrap();
        assert!(have.contains(&"q:1".to_owned()) && !have.contains(&"*".to_owned()));
    }
}

#[tokio::test]
async fn other_services_may_ask_who_sent_a_request() {
    let world = world().await;
    let hawk = mine(&world);
    let ask = async |authorization: String| {
        let body = json!({
            "method": "get",
            "resource": ME,
            "host": "127.0.0.1",
            "port": hawk.port,
            "authorization": authorization,
        });
        let answer = world
            .as_root("POST", "/api/auth/v1/authenticate-hawk", Some(&body))
            .await;
        answer.json()
    };
    let good = ask(hawk.text()).await;
    assert_eq!(
        (&good["status"], &good["clientId"]),
        (&json!("auth-success"), &json!("root"))
    );
    let bad = ask(hawk.text().replace("root", "toor")).await;
    assert_eq!(bad["status"], "auth-failed");
    assert!(bad.get("scopes").is_none());
    assert!(auth::satisfies(&["*".to_owned()], "x"));
}
