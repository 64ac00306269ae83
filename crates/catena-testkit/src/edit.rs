// SPDX-License-Identifier: MPL-2.0
//! Larger changes to a chain: templates with all that is rendered from them, pools, hosts' answers, outages.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use catena_core::document::ErrorKind;
use catena_core::model::ids::{Revision, TaskId};
use catena_core::request::{Repo, Request};
use serde_json::Value;

use crate::chain::{Chain, ChainTask, graph_requests, must};
use crate::origin::repo;
use crate::queue::complete;

impl Chain {
    /// Inverts one bit of a document in its middle.
    pub fn flip(&mut self, request: &Request) {
        let mut bytes = self.bytes(request).to_vec();
        let middle = bytes.len() / 2;
        *must(bytes.get_mut(middle), "bytes") ^= 4;
        self.replace(request, bytes);
    }

    /// Removes a document: whoever asks for it learns that it does not exist.
    pub fn remove(&mut self, request: &Request) {
        must(self.documents.remove(request), &request.to_string());
        self.absent.insert(request.clone());
    }

    /// Has a host fail to answer.
    pub fn fail(&mut self, request: &Request, kind: ErrorKind) {
        self.documents.remove(request);
        self.failures.insert(request.clone(), kind);
    }

    /// Returns the request of some kind; the first in order, and there must be one.
    #[must_use]
    pub fn find(&self, is: impl Fn(&Request) -> bool) -> Request {
        must(
            self.documents.keys().find(|request| is(request)),
            "such a request",
        )
        .clone()
    }

    /// Returns the status of a task.
    #[must_use]
    pub fn status(&self, name: &str) -> Request {
        Request::Status {
            task: self.task(name).id,
        }
    }

    /// Returns the signature of a task's chain-of-trust document.
    #[must_use]
    pub fn signature(&self, name: &str) -> Request {
        let ChainTask { id, run, .. } = *self.task(name);
        Request::CotSignature { task: id, run }
    }

    /// Returns the task graph of a parent.
    #[must_use]
    pub fn graph(&self, name: &str) -> Request {
        let ChainTask { id, run, .. } = *self.task(name);
        graph_requests(id, run).0
    }

    /// Replaces the bytes of an artifact as its worker would have made it: digest and signature follow.
    pub fn replace_sealed(&mut self, name: &str, request: &Request, bytes: Vec<u8>) {
        self.replace(request, bytes);
        self.reseal(name);
    }

    /// Changes a parent's task graph; its worker signs it.
    pub fn edit_graph(&mut self, name: &str, edit: impl FnOnce(&mut Value)) {
        self.edit_json(&self.graph(name), edit);
        self.reseal(name);
    }

    /// Changes a task in the queue, the signed record and, unless it is a parent, the graph.
    pub fn edit_everywhere(&mut self, name: &str, edit: impl Fn(&mut Value)) {
        if self.renderings.contains_key(name) {
            self.edit_definition(name, edit);
        } else {
            self.edit_task(name, edit);
        }
    }

    /// Replaces a text in the definition of every task, wherever it stands.
    pub fn replace_text(&mut self, from: &str, to: &str) {
        for name in self.tasks.keys().cloned().collect::<Vec<_>>() {
            self.edit_everywhere(&name, |task| {
                let text = task.to_string().replace(from, to);
                *task = must(serde_json::from_str(&text).ok(), "JSON after the change");
            });
        }
    }

    /// Sends a task to another worker pool, in all that states it.
    pub fn move_pool(&mut self, name: &str, provisioner: &str, worker: &str) {
        self.edit_everywhere(name, |task| {
            task["provisionerId"] = provisioner.into();
            task["workerType"] = worker.into();
            if task.get("taskQueueId").is_some() {
                task["taskQueueId"] = format!("{provisioner}/{worker}").into();
            }
        });
    }

    /// Returns the request for the template of a parent.
    #[must_use]
    pub fn template(&self, name: &str) -> Request {
        let definition = self.json(&self.definition(name));
        let env = definition["payload"]["env"].as_object();
        let mut env = env.into_iter().flatten();
        let revision = env.find(|(key, _)| key.ends_with("_HEAD_REV"));
        let revision = must(
            revision.and_then(|(_, text)| text.as_str()),
            "head revision",
        );
        self.find(
            |request| matches!(request, Request::Template { revision: at, .. } if at.as_str() == revision),
        )
    }

    /// Returns the text of a parent's template.
    #[must_use]
    pub fn template_text(&self, name: &str) -> String {
        let request = self.template(name);
        let text = match serde_json::from_slice::<Value>(self.bytes(&request)) {
            Ok(answer) if answer.get("content").is_some() => {
                let content: String = answer["content"]
                    .as_str()
                    .unwrap_or_default()
                    .split_whitespace()
                    .collect();
                must(BASE64_STANDARD.decode(content).ok(), "base64")
            }
            _ => self.bytes(&request).to_vec(),
        };
        must(String::from_utf8(text).ok(), "template text")
    }

    /// Replaces the text of a parent's template. No task follows suit.
    pub fn set_template(&mut self, name: &str, text: &str) {
        let request = self.template(name);
        if self.template_text(name).as_bytes() == self.bytes(&request) {
            self.replace(&request, text.as_bytes().to_vec());
        } else {
            self.edit_json(&request, |answer| {
                answer["content"] = BASE64_STANDARD.encode(text).into();
            });
        }
    }

    /// Replaces a text in a parent's template, as somebody who wrote the template could; the parent is created
    /// from the new one.
    pub fn edit_template(&mut self, name: &str, from: &str, to: &str) {
        let before = self.template_text(name);
        let after = before.replace(from, to);
        must((before != after).then_some(()), from);
        self.set_template(name, &after);
        self.rerender(name, &after);
    }

    /// Creates a parent anew from a text of its template.
    pub fn rerender(&mut self, name: &str, template: &str) {
        let mut definition = must(self.rendered(name, template), "template that renders");
        complete(&mut definition);
        let group = "/payload/env/ACTION_TASK_GROUP_ID";
        let before = self.json(&self.definition(name)).pointer(group).cloned();
        if let (Some(now), Some(before)) = (definition.pointer_mut(group), before) {
            *now = before;
        }
        self.edit_definition(name, |task| *task = definition.clone());
    }

    /// Sets what the host says to every request of a kind; there must be one.
    pub fn answer(&mut self, is: impl Fn(&Request) -> bool, answer: &Value) {
        let all = self.documents.keys().filter(|request| is(request));
        let all: Vec<_> = all.cloned().collect();
        must(all.first(), "such a request");
        for request in all {
            self.replace(&request, answer.to_string().into_bytes());
        }
    }

    /// Moves a repository to another address: what its host says, and all tasks that name it.
    pub fn move_repo(&mut self, from: &str, to: &str) {
        let (old, new) = (repo(from), repo(to));
        self.rekey(|request| with_repo(request, &old, &new));
        let bare = |url: &str| {
            let bare = url.trim_start_matches("https://");
            bare.trim_start_matches("github.com/").to_owned()
        };
        let mut texts = vec![(bare(from), bare(to))];
        if let (Repo::Github { name: old, .. }, Repo::Github { name: new, .. }) = (&old, &new) {
            texts.push((format!("tasks of {old}"), format!("tasks of {new}")));
            texts.push((format!("--project={old}"), format!("--project={new}")));
        }
        for (from, to) in texts {
            self.replace_text(&from, &to);
            for (request, bytes) in &mut self.documents {
                if matches!(request, Request::Projects | Request::Repository { .. }) {
                    *bytes = String::from_utf8_lossy(bytes)
                        .replace(&from, &to)
                        .into_bytes();
                }
            }
        }
    }

    /// Moves all that is asked about a revision, and all tasks that name it, to another name of it.
    pub fn rename_revision(&mut self, from: &str, to: &str) {
        let new: Revision = must(to.parse().ok(), to);
        self.rekey(|request| with_revision(request, from, &new));
        self.replace_text(from, to);
    }

    fn rekey(&mut self, rekey: impl Fn(&Request) -> Option<Request>) {
        let moved: Vec<_> = self
            .documents
            .keys()
            .filter_map(|request| Some((request.clone(), rekey(request)?)))
            .collect();
        for (from, to) in moved {
            if let Some(bytes) = self.documents.remove(&from) {
                self.documents.insert(to, bytes);
            }
        }
    }

    /// Gives a task another id in the queue's answers; nothing else follows.
    pub fn copy_task(&mut self, from: &str, to: TaskId, name: &str) {
        let source = self.task(from).clone();
        let copied = |request: &Request| match request {
            Request::Definition { task } if *task == source.id => {
                Some(Request::Definition { task: to })
            }
            Request::Status { task } if *task == source.id => Some(Request::Status { task: to }),
            Request::CotBody { task, run } if *task == source.id => Some(Request::CotBody {
                task: to,
                run: *run,
            }),
            Request::Artifact { task, run, name } if *task == source.id => {
                Some(Request::Artifact {
                    task: to,
                    run: *run,
                    name: name.clone(),
                })
            }
            Request::TaskGraph { task, run } if *task == source.id => Some(Request::TaskGraph {
                task: to,
                run: *run,
            }),
            _ => None,
        };
        let copies: Vec<_> = self
            .documents
            .iter()
            .filter_map(|(request, bytes)| Some((copied(request)?, bytes.clone())))
            .collect();
        self.documents.extend(copies);
        if let Some(rendering) = self.renderings.get(from).cloned() {
            self.renderings.insert(name.to_owned(), rendering);
        }
        self.tasks
            .insert(name.to_owned(), ChainTask { id: to, ..source });
        self.edit_cot(name, |cot| cot["taskId"] = to.as_str().into());
    }
}

/// Returns the request with another repository, if it is about the old one.
fn with_repo(request: &Request, old: &Repo, new: &Repo) -> Option<Request> {
    let mut moved = request.clone();
    let place = match &mut moved {
        Request::Branch { repo, .. }
        | Request::Branches { repo }
        | Request::BranchCommits { repo, .. }
        | Request::Commit { repo, .. }
        | Request::Landed { repo, .. }
        | Request::PullRequest { repo, .. }
        | Request::Pushlog { repo, .. }
        | Request::Release { repo, .. }
        | Request::Repository { repo }
        | Request::TagRef { repo, .. }
        | Request::Tags { repo }
        | Request::Template { repo, .. } => repo,
        _ => return None,
    };
    (place == old).then(|| place.clone_from(new))?;
    Some(moved)
}

/// Returns the request with another revision, if it is about the old one.
fn with_revision(request: &Request, old: &str, new: &Revision) -> Option<Request> {
    let mut moved = request.clone();
    let place = match &mut moved {
        Request::Commit { revision, .. }
        | Request::Pushlog { revision, .. }
        | Request::Template { revision, .. } => revision,
        _ => return None,
    };
    (place.as_str() == old).then(|| place.clone_from(new))?;
    Some(moved)
}
