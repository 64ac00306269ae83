// SPDX-License-Identifier: MPL-2.0
//! `catena local`: an embedded Taskcluster, and what scripts of its demo tasks call.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use catena_core::model::definition::Definition;
use catena_core::policy::Config;
use catena_local::client::Client;
use catena_local::demo::{
    Checkout, DemoError, ENDPOINTS, Plan, REPOSITORY, Role, World, WorldOptions,
};
use catena_report::escape::clean;
use serde_json::Value;
use tokio::runtime;

use crate::args::{Call, Local, Up};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::infer;
use crate::output;
use crate::signals::Interruptions;

/// Runs one of them.
pub(crate) fn run(what: &Local) -> Result<Exit, Failure> {
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Failure::Runtime { source })?;
    let done = runtime.block_on(async {
        match what {
            Local::Call(call_) => call(call_).await,
            Local::Decision => decision().await,
            Local::Source { path } => source(path).await,
            Local::Up(options) => up(options).await,
        }
    });
    runtime.shutdown_background();
    done
}

/// Runs a deployment until somebody ends it.
async fn up(options: &Up) -> Result<Exit, Failure> {
    // before anything is printed: who reads the addresses may end the process at once
    let mut end = Interruptions::listen();
    let program = env::current_exe().map_err(|source| Failure::Demo {
        source: Box::new(source),
    })?;
    let world = World::start(WorldOptions {
        dir: options.dir.clone(),
        port: options.port,
        claim_timeout: Some(Duration::from_secs(options.claim_timeout)),
        program,
    });
    let mut world = world.await.map_err(wrong)?;
    for failure in &world.recovered().failures {
        let text = format!("catena: an event that came before the last end lacks tasks: {failure}");
        output::say(&clean(&text, 2000));
    }
    let shown = world.serve_page(role).await.map_err(wrong)?;
    let workers = options.with_workers.then(|| world.start_workers(None));
    let mut page = greeting(&world);
    let _ = writeln!(page, "# tasks, artifacts and reports in a browser: {shown}");
    if options.demo {
        let push = world.commit_demo().map_err(wrong)?;
        let task = world.deliver(push).await.map_err(wrong)?;
        let _ = writeln!(page, "# pushed {REPOSITORY}: decision task {task}");
    }
    page.push_str("# ready; Ctrl-C ends it\n");
    output::print(&page)?;
    end.first().await;
    if let Some(workers) = workers {
        workers.stop().await;
    }
    Ok(Exit::Success)
}

/// What a task is to be verified as, as `catena verify` infers it.
fn role(config: &Config, definition: &Definition) -> Result<Role, String> {
    let role = infer::infer(config, definition, None, None).map_err(|why| why.to_string())?;
    Ok(Role {
        task_type: role.task_type,
        product: role.product,
        inferred: role.inferred,
    })
}

/// What authors of scripts need, as lines that a shell can read.
fn greeting(world: &World) -> String {
    let credentials = world.credentials();
    let mut page = format!(
        "export TASKCLUSTER_ROOT_URL={}\nexport TASKCLUSTER_CLIENT_ID={}\nexport TASKCLUSTER_ACCESS_TOKEN={}\n",
        world.root_url(),
        credentials.client_id,
        *credentials.access_token,
    );
    // writing to a string cannot fail
    for (canonical, actual) in world.endpoints() {
        let _ = writeln!(page, "# {canonical} is at {actual}");
    }
    if let Some(actual) = world.endpoints().get("https://github.com") {
        let at = actual.trim_start_matches("http://");
        let _ = writeln!(
            page,
            "# git clone http://git:{}@{at}/OWNER/NAME",
            world.push_token()
        );
    }
    let _ = writeln!(
        page,
        "# catena verify --config {} TASK_ID",
        world.config_path().display()
    );
    page
}

/// Calls the deployment through the task's proxy.
async fn call(call: &Call) -> Result<Exit, Failure> {
    let body = match call.body.as_deref() {
        None => None,
        Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|source| Failure::Demo {
                    source: Box::new(source),
                })?;
            Some(text)
        }
        Some(text) => Some(text.to_owned()),
    };
    let body: Option<Value> = body
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|why| setup(format!("--body: {why}")))?;
    let method = call
        .method
        .to_uppercase()
        .parse()
        .map_err(|_| setup(format!("expected an HTTP method, found {:?}", call.method)))?;
    let answer = proxy()?.call(method, &call.path, body.as_ref()).await;
    let answer = answer.map_err(|why| wrong(why.into()))?;
    output::print(&format!("{answer:#}\n"))?;
    Ok(Exit::Success)
}

/// Does what a decision task does.
async fn decision() -> Result<Exit, Failure> {
    let checkout = checkout()?;
    let plan = Plan {
        decision: variable("TASK_ID")?
            .parse()
            .map_err(|_| setup("expected a task id in TASK_ID".to_owned()))?,
        repository: checkout.repository.clone(),
        revision: checkout.revision.to_string(),
        reference: variable("DEMO_HEAD_REF")?,
        owner: variable("DEMO_OWNER")?,
        now: format!("{:.3}", jiff::Timestamp::now()),
    };
    let template = checkout
        .read("taskcluster/graph.yml")
        .await
        .map_err(wrong)?;
    let tasks = plan.tasks(&template).map_err(wrong)?;
    plan.write(&tasks, Path::new("public")).map_err(wrong)?;
    plan.create(&tasks, &proxy()?).await.map_err(wrong)?;
    let mut page = String::new();
    for task in &tasks {
        let _ = writeln!(page, "created {} {}", task.label, task.id);
    }
    output::print(&page)?;
    Ok(Exit::Success)
}

/// Prints a file of the repository.
async fn source(path: &str) -> Result<Exit, Failure> {
    let bytes = checkout()?.read(path).await.map_err(wrong)?;
    output::print(&String::from_utf8_lossy(&bytes))?;
    Ok(Exit::Success)
}

/// The repository that the task is about, as its variables say.
fn checkout() -> Result<Checkout, Failure> {
    let endpoints: BTreeMap<String, String> = serde_json::from_str(&variable(ENDPOINTS)?)
        .map_err(|why| setup(format!("{ENDPOINTS}: {why}")))?;
    Ok(Checkout {
        repository: variable("DEMO_HEAD_REPOSITORY")?,
        revision: variable("DEMO_HEAD_REV")?
            .parse()
            .map_err(|_| setup("expected a revision in DEMO_HEAD_REV".to_owned()))?,
        endpoints,
    })
}

/// A client without credentials of its own: the proxy signs.
fn proxy() -> Result<Client, Failure> {
    Client::anonymous(&variable("TASKCLUSTER_PROXY_URL")?).map_err(|why| wrong(why.into()))
}

fn variable(name: &'static str) -> Result<String, Failure> {
    env::var(name).map_err(|_| {
        setup(format!(
            "expected {name} in the environment: this is for scripts of tasks"
        ))
    })
}

fn setup(text: String) -> Failure {
    wrong(DemoError::Setup(text))
}

fn wrong(error: DemoError) -> Failure {
    match error {
        DemoError::Local(source) if source.is_usage() => Failure::Local { source },
        error => Failure::Demo {
            source: Box::new(error),
        },
    }
}
