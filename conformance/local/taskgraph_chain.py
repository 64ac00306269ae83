#!/usr/bin/env python3
"""A small real repository, from `git push` to a verified signing task, with published programs wherever there is one.

The repository (`graph/`) is pushed over HTTP with git. The push makes a decision task, which the published `scriptworker`
runs: it clones the repository and runs the published `taskgraph decision`, which creates the build and the signing task.
A generic-worker of the demo builds. A second published `scriptworker` verifies the chain itself, signatures included, before
it signs. Then `catena verify` and the reference judge the signing task: real task-graph.json, actions.json, parameters.yml.
"""
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

import requests
import taskcluster
import yaml

from checks import Checks
from daemon import HERE, Daemon, content, resolved, wait
from front import Front
from repositories import git
from server import Server
from verdicts import artifact_rules, by_catena, by_reference

check = Checks("taskgraph chain")
# a product that the published worker knows; what it may rest on is all set below
PRODUCT, REPO = "adhoc", "demo/graph"
DECISION_POOL, SIGNING_POOL = "scriptworker-k8s/graph-decision", "scriptworker-k8s/graph-3-signing"
SCOPE = "project:demo:signing:cert:release-signing"


def push(server, directory):
    """Creates the repository and pushes two commits; returns the revision."""
    made = requests.post(f"{server.endpoints['https://api.github.com']}/orgs/demo/repos", json={"name": "graph", "default_branch": "main"}, headers={"Authorization": f"token {server.push_token}"})
    check.equal("the repository is created", made.status_code, 201)
    tree = pathlib.Path(directory, "tree")
    shutil.copytree(HERE / "graph", tree)
    url = server.endpoints["https://github.com"] + f"/{REPO}"
    git(tree, "init", "--quiet", "--initial-branch", "main")
    git(tree, "add", "src")
    git(tree, "commit", "--quiet", "--message", "Begin")
    # from here on a push makes a task
    (tree / "taskcluster.yml").rename(tree / ".taskcluster.yml")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "Plan tasks")
    check.true("a push without the token is refused", git(tree, "push", "--quiet", url, "main")[0] != 0)
    signed = url.replace("http://", f"http://git:{server.push_token}@")
    for reference in ("HEAD~1:refs/heads/main", "HEAD:refs/heads/main"):
        status, _, err = git(tree, "push", "--quiet", signed, reference)
        check.equal(f"git push {reference}: {err}", status, 0)
    return git(tree, "rev-parse", "HEAD")[1], url


def clones(directory, url, revision):
    """What `git clone` gets is what was pushed."""
    for what, words in (("clone", []), ("shallow clone", ["--depth", "1"])):
        copy = pathlib.Path(directory, what.replace(" ", "-"))
        status, _, err = git(directory, "clone", "--quiet", *words, url, str(copy))
        check.equal(f"git {what}: {err}", status, 0)
        check.equal(f"git {what}: revision", git(copy, "rev-parse", "HEAD")[1], revision)
        check.equal(f"git {what}: fsck", git(copy, "fsck", "--strict")[0], 0)
    check.equal("the files are those", (copy / "taskcluster" / "config.yml").read_bytes(), (HERE / "graph" / "taskcluster" / "config.yml").read_bytes())
    check.true("no such repository", git(directory, "clone", "--quiet", url + "-none", str(copy) + "-none")[0] != 0)


def configuration(server, scriptworker_keys):
    """The generated scriptworker.yaml, for this repository and these workers."""
    config = yaml.safe_load(pathlib.Path(server.config).read_text())
    product = lambda value: {"by-cot-product": {PRODUCT: value}}
    keys = config["ed25519_public_keys"]
    return {
        "taskcluster_root_url": server.root_url,
        "cot_product": PRODUCT,
        "ed25519_public_keys": {**keys, "scriptworker": [*keys["scriptworker"], *scriptworker_keys]},
        "cot_product_type": product("github"),
        "valid_tasks_for": product(["github-push"]),
        "source_env_prefix": product("DEMO"),
        "official_github_repos_owner": product("demo"),
        "valid_decision_worker_pools": product([DECISION_POOL]),
        "valid_docker_image_worker_pools": product([]),
        "prebuilt_docker_image_task_types": product("any"),
        "trusted_vcs_rules": product([{"schemes": ["https"], "netlocs": ["github.com"], "path_regexes": ["^(?P<path>/demo/graph)(/|.git|$)"]}]),
        "hg_git_mirrors": product({}),
        "cot_restricted_scopes": product({SCOPE: "graph"}),
        "cot_restricted_trees": product({"graph": ["/demo/graph"]}),
        "valid_artifact_rules": artifact_rules(server.root_url),
    }


def grant(options):
    """What the decision task of this repository may do, beyond what those of the demo may."""
    scopes = ["queue:create-task:highest:scriptworker-k8s/graph-*", "queue:create-task:highest:demo-3/*", "queue:create-task:project:none", "queue:scheduler-id:demo-level-3", "queue:route:checks", SCOPE]
    taskcluster.Auth(options).createRole(f"repo:github.com/{REPO}:*", {"description": "", "scopes": scopes})


def decision_task(queue, decider, revision):
    """The task that the push made, which its worker finds: nobody tells us its id."""
    late = time.monotonic() + 60
    while not (found := re.search(r"Going to run taskId (\S+) runId 0", decider.log())):
        if time.monotonic() > late:
            check.true("the worker gets the decision task of the push", False, decider.log()[-2000:])
            return None
        time.sleep(0.1)
    check.equal("it is of that revision", queue.task(found[1])["payload"]["env"]["DEMO_HEAD_REV"], revision)
    return found[1]


def run(queue, revision, decider, signer):
    """Waits for the three tasks; returns the signing task, or None."""
    with decider:
        decision = decision_task(queue, decider, revision)
        if decision is None:
            return None
        if not check.equal("decision", wait(queue, decision, resolved)["state"], "completed"):
            print(decider.log()[-4000:])
            return None
    names = {artifact["name"] for artifact in queue.listArtifacts(decision, 0)["artifacts"]}
    wanted = {f"public/{name}" for name in ("task-graph.json", "actions.json", "parameters.yml", "full-task-graph.json", "chain-of-trust.json", "chain-of-trust.json.sig")}
    check.equal("what taskgraph and the worker left", wanted - names, set())
    tasks = {member["task"]["metadata"]["name"]: member["status"]["taskId"] for member in queue.listTaskGroup(decision)["tasks"]}
    check.equal("what taskgraph created", set(tasks), {"Decision", "build-linux64", "signing-linux64"})
    build, signing = tasks["build-linux64"], tasks["signing-linux64"]
    with signer:
        if not check.equal("build", wait(queue, build, resolved)["state"], "completed"):
            print(content(queue, build, 0, "public/logs/live_backing.log").decode()[-2000:])
            return None
        status = wait(queue, signing, resolved)
        if not check.equal("signing, by a worker that verified the chain first", status["state"], "completed"):
            print(signer.log()[-6000:])
            return None
        check.true("it did verify", "Good." in signer.log() or "Validated" in signer.log() or "chain of trust" in signer.log().lower(), signer.log()[-500:])
        check.equal("that it was right the first time", len(status["runs"]), 1)
    return signing


def main():
    with tempfile.TemporaryDirectory() as directory, Server(os.path.join(directory, "server"), flags=["--with-workers"]) as server:
        # before the push: its tasks have what the role of the repository has
        grant(server.options)
        revision, url = push(server, directory)
        clones(directory, url, revision)
        hosts = {origin.split("//")[1]: tuple(actual.split("//")[1].split(":")) for origin, actual in server.endpoints.items()}
        queue = taskcluster.Queue(server.options)
        with Front(hosts, os.path.join(directory, "ca.pem")) as front:
            decider = Daemon(os.path.join(directory, "decider"), server.options, "graph-decision", [HERE / "decision_script.py", server.endpoints["https://github.com"]])
            mapped = [sys.executable, HERE / "mapped.py", str(front.port), front.ca, "scriptworker.worker:main"]
            signer = Daemon(os.path.join(directory, "signer"), server.options, "graph-3-signing", [HERE / "signing_script.py"], command=mapped)
            config = configuration(server, [decider.public_key, signer.public_key])
            signer.configure(**config, cot_job_type="signing", verify_chain_of_trust=True, verify_cot_signature=True)
            signing = run(queue, revision, decider, signer)
            if signing is None:
                return check.done()
            check.equal("the reference, the task's own document included", by_reference(front, config, server.options, signing, "signing"), "pass")
            path = os.path.join(directory, "verify.yaml")
            pathlib.Path(path).write_text(yaml.safe_dump({**config, "x_cot": {"endpoints": server.endpoints}}))
            status, report = by_catena(path, signing, "signing", PRODUCT)
            if not check.equal("catena", (status, report["verdict"]), (0, "trusted")):
                print(report)
            check.equal("no host was asked for that there is not", front.unknown, set())
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
