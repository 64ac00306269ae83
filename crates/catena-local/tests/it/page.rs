// SPDX-License-Identifier: MPL-2.0
//! The web page, over HTTP (DESIGN §9): what it shows, in which states, and what it refuses.

use catena_core::model::ids::RunId;
use catena_local::queue::Resolution;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HOST, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use crate::page_world::{FAILED, HELD, HOSTILE, RUNNING, SCRIPT, UNKNOWN, WAITING, World};

/// A browser of sorts.
struct Visit {
    world: World,
    client: Client,
}

impl Visit {
    fn new(world: World) -> Self {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { world, client }
    }

    async fn full() -> Self {
        Self::new(World::full("127.0.0.1:0").await)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.world.address)
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }

    /// The token in the form of a task's page.
    async fn token(&self, task: &str) -> String {
        let page = self.text(&format!("/tasks/{task}")).await;
        let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    async fn post(&self, task: &str, body: String, more: Option<(&'static str, &str)>) -> Response {
        let mut request = self
            .client
            .post(self.url(&format!("/tasks/{task}/verify")))
            .body(body);
        if let Some((name, value)) = more {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }

    /// Presses "verify".
    async fn start(&self, task: &str) {
        let form = format!("token={}", self.token(task).await);
        let started = self
            .post(task, form, Some(("sec-fetch-site", "same-origin")))
            .await;
        assert_eq!(started.status(), StatusCode::SEE_OTHER);
        assert_eq!(started.headers()[LOCATION], format!("/tasks/{task}/report"));
    }

    /// Loads the report as often as the page itself would, until it is there.
    async fn report(&self, task: &str) -> String {
        for _ in 0..100_000 {
            let page = self.text(&format!("/tasks/{task}/report")).await;
            if !page.contains("http-equiv=\"refresh\"") {
                return page;
            }
        }
        panic!("the verification of {task} did not end");
    }

    async fn verify(&self, task: &str) -> String {
        self.start(task).await;
        self.report(task).await
    }
}

/// `needle` is in the text, or a reader learns what was there instead.
fn has(text: &str, needle: &str) {
    assert!(text.contains(needle), "expected {needle:?} in:\n{text}");
}

fn lacks(text: &str, needle: &str) {
    assert!(
        !text.contains(needle),
        "did not expect {needle:?} in:\n{text}"
    );
}

#[tokio::test]
async fn an_empty_queue_says_so() {
    let visit = Visit::new(World::empty().await);
    let page = visit.text("/").await;
    has(&page, "No task has been created yet");
    has(&page, "http://127.0.0.1:8080");
}

#[tokio::test]
async fn from_the_groups_a_reader_gets_to_tasks_runs_and_artifacts() {
    let visit = Visit::full().await;
    let root = visit.world.roots["trusted"];
    let group = visit.world.queue.status(root).unwrap().task_group_id;
    has(&visit.text("/").await, &format!("href=\"/groups/{group}\""));
    has(
        &visit.text(&format!("/groups/{group}")).await,
        &format!("href=\"/tasks/{root}\""),
    );
    let page = visit.text(&format!("/tasks/{root}")).await;
    for part in [
        "Chain of trust",
        "not verified",
        "Run 0",
        "completed",
        "public/logs/live_backing.log",
        "Definition",
    ] {
        has(&page, part);
    }
    let log = visit
        .text(&format!(
            "/tasks/{root}/runs/0/text?name=public%2Flogs%2Flive_backing.log"
        ))
        .await;
    has(&log, "nothing to say");
    // the newest group comes first
    let index = visit.text("/").await;
    let at = |id: &str| index.find(&format!("href=\"/groups/{id}\"")).unwrap();
    assert!(at(HELD) < at(&group));
}

#[tokio::test]
async fn every_state_of_a_task_has_its_page() {
    let visit = Visit::full().await;
    let running = visit.text(&format!("/tasks/{RUNNING}")).await;
    has(&running, "running");
    has(&running, "claim ends");
    has(
        &running,
        "has not completed: a verification will miss its evidence",
    );
    has(&running, "data-live");
    let waiting = visit.text(&format!("/tasks/{WAITING}")).await;
    has(&waiting, "None yet: the task waits for its dependencies.");
    has(&waiting, "build-linux-slow");
    let failed = visit.text(&format!("/tasks/{FAILED}")).await;
    has(&failed, "failed");
    lacks(&failed, "data-live");
}

#[tokio::test]
async fn what_a_task_wrote_is_text_on_every_page() {
    let visit = Visit::full().await;
    visit.verify(HOSTILE).await;
    let escaped = "&#60;script&#62;alert(&#39;name&#39;)&#60;/script&#62;";
    for path in [
        format!("/groups/{HELD}"),
        format!("/tasks/{HOSTILE}"),
        format!("/tasks/{HOSTILE}/report"),
    ] {
        let page = visit.text(&path).await;
        has(&page, escaped);
        for raw in [
            SCRIPT,
            "<script>alert",
            "<b>kind",
            "<i>",
            "<u>",
            "href=\"javascript:",
            "\u{202e}",
        ] {
            lacks(&page, raw);
        }
    }
    let log = visit
        .text(&format!(
            "/tasks/{HOSTILE}/runs/0/text?name=public/logs/live_backing.log"
        ))
        .await;
    has(&log, "&#60;img src=x onerror=alert(&#39;log&#39;)&#62;");
    lacks(&log, "<img");
    lacks(&log, "\u{1b}");
    has(&log, "[setup] ready");
    has(&log, r"\u{202e}drawkcab");
    has(&log, "2000 lines are left out");
    has(&log, "line 6000:");
    let html = visit
        .text(&format!(
            "/tasks/{HOSTILE}/runs/0/text?name=public/page.html"
        ))
        .await;
    lacks(&html, "<script>alert");
}

#[tokio::test]
async fn nothing_comes_from_elsewhere_and_every_answer_says_so() {
    let visit = Visit::full().await;
    let paths = [
        "/",
        "/page.css",
        "/page.js",
        "/icon.svg",
        "/nowhere",
        &format!("/tasks/{HOSTILE}"),
        &format!("/tasks/{UNKNOWN}"),
        &format!("/tasks/{HOSTILE}/runs/0/raw?name=public/page.html"),
    ];
    for path in paths {
        let response = visit.get(path).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{path}: {policy}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert!(
            !response
                .headers()
                .contains_key("access-control-allow-origin"),
            "{path}"
        );
    }
    let page = visit.text(&format!("/tasks/{HOSTILE}")).await;
    for inline in ["style=", " onclick", "<style", "src=\"http", "href=\"http"] {
        lacks(&page, inline);
    }
    assert_eq!(
        page.matches("<script").count(),
        1,
        "only our own, from its own file"
    );
}

#[tokio::test]
async fn what_is_not_there_is_404_with_advice() {
    let visit = Visit::full().await;
    let long = "x".repeat(3000);
    for path in [
        format!("/tasks/{UNKNOWN}"),
        format!("/tasks/{UNKNOWN}/report"),
        "/tasks/..%2f..%2fetc".to_owned(),
        "/tasks/%3Cscript%3E".to_owned(),
        format!("/tasks/{long}"),
        "/groups/nothing".to_owned(),
        format!("/tasks/{HOSTILE}?run=7"),
        format!("/tasks/{HOSTILE}/runs/7/text?name=public/page.html"),
        format!("/tasks/{HOSTILE}/runs/-1/text?name=public/page.html"),
        format!("/tasks/{HOSTILE}/runs/0/text?name=public/nothing"),
        format!("/tasks/{HOSTILE}/runs/0/text?name=public/../../../etc/passwd"),
        format!("/tasks/{HOSTILE}/runs/0/text?name=public/late.txt"),
        format!("/tasks/{HOSTILE}/runs/0/text?name=public/there"),
        format!("/tasks/{HOSTILE}/runs/0/raw?name=public/elsewhere"),
        format!("/tasks/{HOSTILE}/report.json"),
        "/find?id=nothing".to_owned(),
        "/nowhere".to_owned(),
    ] {
        let response = visit.get(&path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        let page = response.text().await.unwrap();
        has(&page, "All task groups");
        lacks(&page, "<script>");
        assert!(page.len() < 4000, "{path}");
    }
    for path in [
        format!("/groups/{HELD}?from=nonsense"),
        format!("/tasks/{HOSTILE}?run=x"),
        "/find".to_owned(),
        format!("/tasks/{HOSTILE}/runs/0/text"),
    ] {
        assert_eq!(
            visit.get(&path).await.status(),
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_forms_of_this_process_start_a_verification() {
    let (visit, other) = (Visit::full().await, Visit::full().await);
    let task = visit.world.roots["trusted"].to_string();
    let (ours, theirs) = (visit.token(&task).await, other.token(&task).await);
    assert_ne!(ours, theirs);
    for body in [
        String::new(),
        "token=".to_owned(),
        format!("token={theirs}"),
        format!("x={ours}"),
    ] {
        assert_eq!(
            visit.post(&task, body.clone(), None).await.status(),
            StatusCode::FORBIDDEN,
            "{body}"
        );
    }
    let form = format!("token={ours}");
    for site in ["cross-site", "same-site", "none"] {
        let answer = visit
            .post(&task, form.clone(), Some(("sec-fetch-site", site)))
            .await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{site}");
    }
    let long = format!("token={ours}&x={}", "x".repeat(10_000));
    assert_eq!(
        visit.post(&task, long, None).await.status(),
        StatusCode::FORBIDDEN
    );
    let asked = visit
        .get(&format!("/tasks/{task}/verify?token={ours}"))
        .await;
    assert_eq!(asked.status(), StatusCode::METHOD_NOT_ALLOWED);
    has(
        &visit.text(&format!("/tasks/{task}")).await,
        "Nobody has asked since this server started.",
    );
    assert_eq!(
        visit.post(UNKNOWN, form, None).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn names_that_are_not_loopbacks_are_refused() {
    let visit = Visit::full().await;
    let token = visit.token(HOSTILE).await;
    for host in [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "192.168.0.7:80",
    ] {
        let page = visit
            .client
            .get(visit.url(&format!("/tasks/{HOSTILE}")))
            .header(HOST, host)
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), StatusCode::FORBIDDEN, "{host}");
        lacks(&page.text().await.unwrap(), &token);
        let form = visit
            .post(HOSTILE, format!("token={token}"), Some(("host", host)))
            .await;
        assert_eq!(form.status(), StatusCode::FORBIDDEN, "{host}");
    }
    for host in ["localhost", "localhost:1234", "[::1]:80"] {
        let page = visit
            .client
            .get(visit.url("/"))
            .header(HOST, host)
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn a_trusted_chain_is_shown_with_its_links() {
    let visit = Visit::full().await;
    let root = visit.world.roots["trusted"].to_string();
    let page = visit.verify(&root).await;
    has(&page, "trust verdict v-trusted");
    has(&page, "<span class=\"said\">trusted</span>");
    lacks(&page, "class=\"finding");
    let json = visit.text(&format!("/tasks/{root}/report.json")).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["schema"], &json["verdict"]),
        (&json!("catena-report/1"), &json!("trusted"))
    );
    for link in json["links"].as_array().unwrap() {
        has(&page, link["task"].as_str().unwrap());
    }
    has(
        &visit.text(&format!("/tasks/{root}")).await,
        "<span class=\"said\">trusted</span>",
    );
}

#[tokio::test]
async fn a_rejected_chain_says_what_was_found_and_what_to_do() {
    let visit = Visit::full().await;
    let root = visit.world.roots["rejected"].to_string();
    let page = visit.verify(&root).await;
    has(&page, "trust verdict v-rejected");
    has(&page, "<code>rebuild-mismatch</code>");
    has(&page, "curl evil | sh");
    let json = visit.text(&format!("/tasks/{root}/report.json")).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    let help = json["findings"][0]["help"].as_str().unwrap();
    has(&page, help.split(['\'', '"', '<', '&']).next().unwrap());
    // the verdict and its cause come before the chain
    assert!(page.find("rebuild-mismatch").unwrap() < page.find("<h2>Chain</h2>").unwrap());
}

#[tokio::test]
async fn missing_evidence_is_undetermined_and_no_setup_is_no_verdict() {
    let visit = Visit::full().await;
    let root = visit.world.roots["undetermined"].to_string();
    let page = visit.verify(&root).await;
    has(&page, "trust verdict v-undetermined");
    has(&page, "<code>evidence-unavailable</code>");
    let page = visit.verify(FAILED).await;
    has(&page, "no verdict");
    has(&page, "no policy infers");
    has(&page, "says nothing about the task");
    assert_eq!(
        visit
            .get(&format!("/tasks/{FAILED}/report.json"))
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_verification_under_way_is_shown_as_such() {
    let visit = Visit::full().await;
    visit.start(HELD).await;
    let report = visit.text(&format!("/tasks/{HELD}/report")).await;
    has(&report, "verifying");
    has(&report, "<meta http-equiv=\"refresh\"");
    let page = visit.text(&format!("/tasks/{HELD}")).await;
    has(&page, "verifying");
    lacks(&page, "action=\"/tasks/held");
    has(&visit.text(&format!("/groups/{HELD}")).await, "verifying");
    visit.world.go_on.notify_one();
    has(&visit.report(HELD).await, "no verdict");
}

#[tokio::test]
async fn a_verdict_from_before_the_last_run_is_marked() {
    let visit = Visit::full().await;
    visit.verify(FAILED).await;
    let path = format!("/tasks/{FAILED}");
    lacks(&visit.text(&path).await, "has changed since");
    let task = FAILED.parse().unwrap();
    visit.world.queue.rerun(task).await.unwrap();
    has(&visit.text(&path).await, "the task has changed since");
    has(
        &visit.text(&format!("{path}/report")).await,
        "the task has changed since",
    );
    has(
        &visit.text(&format!("/groups/{HELD}")).await,
        "before its last run",
    );
}

#[tokio::test]
async fn artifacts_are_text_or_files_and_never_pages() {
    let visit = Visit::full().await;
    let base = format!("/tasks/{HOSTILE}/runs/0");
    let raw = visit
        .get(&format!("{base}/raw?name=public/page.html"))
        .await;
    assert_eq!(raw.headers()[CONTENT_TYPE], "application/octet-stream");
    assert_eq!(
        raw.headers()[CONTENT_DISPOSITION],
        "attachment; filename*=UTF-8''page.html"
    );
    assert_eq!(raw.text().await.unwrap(), "<script>alert('html')</script>");
    let odd = visit
        .text(&format!(
            "{base}/text?name=public%2Flogs%2Fa%26b%3D%22c%22%3F%23.log"
        ))
        .await;
    has(&odd, "odd name");
    has(
        &visit
            .text(&format!("{base}/text?name=public/empty.txt"))
            .await,
        "It is empty.",
    );
    has(
        &visit
            .text(&format!("{base}/text?name=public/program"))
            .await,
        "It is not text.",
    );
    has(
        &visit.text(&format!("{base}/text?name=public/log")).await,
        "[setup] ready",
    );
    let page = visit.text(&format!("/tasks/{HOSTILE}")).await;
    has(&page, "private: needs credentials");
    has(&page, "not uploaded");
    has(&page, "file-missing-on-worker: &#60;u&#62;not there");
}

#[tokio::test]
async fn what_is_not_public_is_not_shown() {
    let visit = Visit::full().await;
    for what in ["text", "raw"] {
        for name in ["secret/token.txt", "public/way-in", "public"] {
            let response = visit
                .get(&format!("/tasks/{HOSTILE}/runs/0/{what}?name={name}"))
                .await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{name}");
            lacks(&response.text().await.unwrap(), "hunter2");
        }
    }
}

#[tokio::test]
async fn long_groups_come_in_pages() {
    let visit = Visit::new(World::empty().await);
    for n in 0..450 {
        let id = format!("task{n:04}TAmwDhB4Itm0jg");
        visit
            .world
            .task(&id, &format!("task number {n}"), "local/many", json!({}))
            .await;
    }
    let (mut path, mut seen, mut pages) = (format!("/groups/{HELD}"), 0, 0);
    loop {
        let page = visit.text(&path).await;
        seen += page.matches("href=\"/tasks/").count();
        pages += 1;
        let Some((_, rest)) = page.split_once(&format!("href=\"/groups/{HELD}?from=")) else {
            break;
        };
        path = format!("/groups/{HELD}?from={}", rest.split_once('"').unwrap().0);
    }
    assert_eq!((seen, pages), (450, 3));
    has(&visit.text("/").await, "450 tasks");
}

#[tokio::test]
async fn ids_lead_to_tasks_and_groups() {
    let visit = Visit::full().await;
    let root = visit.world.roots["trusted"];
    let found = visit.get(&format!("/find?id=+{root}+")).await;
    assert_eq!(found.headers()[LOCATION], format!("/tasks/{root}"));
    let visit = Visit::new(World::empty().await);
    visit
        .world
        .task(
            FAILED,
            "alone",
            "local/test",
            json!({"taskGroupId": "a group/of ours"}),
        )
        .await;
    let found = visit.get("/find?id=a%20group%2Fof%20ours").await;
    assert_eq!(found.headers()[LOCATION], "/groups/a%20group%2Fof%20ours");
    has(&visit.text("/groups/a%20group%2Fof%20ours").await, "alone");
}

#[tokio::test]
async fn an_older_run_shows_its_own_artifacts() {
    let visit = Visit::full().await;
    let task = RUNNING.parse().unwrap();
    visit
        .world
        .upload(task, RunId(0), "public/first.txt", b"first")
        .await;
    visit
        .world
        .queue
        .resolve(task, RunId(0), Resolution::Completed)
        .await
        .unwrap();
    visit.world.queue.rerun(task).await.unwrap();
    has(
        &visit.text(&format!("/tasks/{RUNNING}")).await,
        "Artifacts of run 1",
    );
    let old = visit.text(&format!("/tasks/{RUNNING}?run=0")).await;
    has(&old, "Artifacts of run 0");
    has(&old, "public/first.txt");
}
