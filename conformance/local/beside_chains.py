#!/usr/bin/env python3
"""The published `scriptworker` and `catena worker` side by side with verification on, on chains that are broken; run by
local.sh through server.py.

Both must not run the script, say `malformed-payload`, leave no document, and make `public/logs/live_backing.log` a link to
`public/logs/chain_of_trust.log` (worker.md 8.4), with the same types and codings. Sound chains are `taskgraph_chain.py`'s and
`release_scripts.py`'s.
"""
import os
import pathlib
import sys
import tempfile

import taskcluster
from taskcluster.utils import slugId

from beside_results import Reader
from checks import Checks, ahead, definition
from daemon import HERE, Daemon, resolved, wait
from verdicts import artifact_rules

check = Checks("side by side, broken chains")
LIVE, CHAIN = "public/logs/live_backing.log", "public/logs/chain_of_trust.log"


def decision(queue, end):
    """A task that ended in some way, without a document."""
    task, pool = slugId(), "gecko-1/decision"
    docker = {"payload": {"image": "example/decision", "command": ["true"], "maxRunTime": 600, "features": {"chainOfTrust": True}, "env": {}}, "tags": {"worker-implementation": "docker-worker"}}
    queue.createTask(task, definition(pool, taskGroupId=task, **docker))
    if end == "pending":
        return task
    (work,) = queue.claimWork(pool, {"workerGroup": "group", "workerId": "decider", "tasks": 1})["tasks"]
    mine = taskcluster.Queue({**taskcluster.optionsFromEnvironment(), "credentials": work["credentials"]})
    getattr(mine, {"completed": "reportCompleted", "failed": "reportFailed"}[end])(task, 0)
    return task


def rows(queue):
    """-> name, changes of the definition."""
    upstream = lambda task, path: {"upstreamArtifacts": [{"taskId": task, "taskType": "build", "paths": [path]}]}
    ends = {end: decision(queue, end) for end in ("completed", "failed", "pending")}
    member = lambda end: {"taskGroupId": ends[end], "schedulerId": "conformance"}
    yield "no decision", {}
    yield "a decision without a document", member("completed")
    yield "a decision that failed", member("failed")
    yield "a decision that is not there yet", member("pending")
    yield "an artifact of a task without a document", {**member("completed"), "payload": upstream(ends["completed"], "public/build/a.txt")}
    yield "an artifact of a failed task", {**member("completed"), "payload": upstream(ends["failed"], "public/build/a.txt")}
    yield "an interactive task", {**member("completed"), "payload": {"features": {"interactive": True}}}
    yield "an input that is no task of ours", {**member("completed"), "extra": {"chainOfTrust": {"inputs": {"docker-image": ends["failed"]}}}}


def compare(name, theirs, ours):
    """One task of both."""
    for who, side in (("theirs", theirs), ("ours", ours)):
        run = side.status["runs"][0]
        check.equal(f"{name}: {who}", (run["state"], run["reasonResolved"]), ("exception", "malformed-payload"))
    theirs, ours = theirs.runs[0], ours.runs[0]
    for who, found in (("theirs", theirs), ("ours", ours)):
        check.equal(f"{name}: artifacts, {who}", {key: value.storage for key, value in found.items()}, {LIVE: "link", CHAIN: "s3"})
    for log in (LIVE, CHAIN):
        described = [(found[log].content_type, found[log].coding) for found in (ours, theirs) if log in found]
        check.equal(f"{name}: {log}", described, [("text/plain", "gzip")] * 2)
    for who, found in (("theirs", theirs), ("ours", ours)):
        check.true(f"{name}: {who} leads to the log of the chain", found[LIVE].raw == found[CHAIN].raw != b"", found)
        check.true(f"{name}: {who} never ran the script", b"the script ran" not in found[CHAIN].raw)
    # scriptworker goes on writing its log into the file that it has packed: what it uploads is gzip and more, or less
    check.true(f"{name}: our log of the chain is whole", ours[CHAIN].body is not None and b"the script ran" not in ours[CHAIN].body, ours[CHAIN].raw[:100])
    second = (ours[CHAIN].body or b"\n").split(b"\n")[1]
    check.true(f"{name}: and begins with the verdict", second.startswith(b"[taskcluster:error] REJECTED"), second)


def main():
    options = taskcluster.optionsFromEnvironment()
    queue = taskcluster.Queue(options)
    trust = {"verify_chain_of_trust": True, "verify_cot_signature": True, "cot_product": "firefox", "cot_job_type": "signing", "valid_artifact_rules": artifact_rules(options["rootUrl"])}
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        both = [(Daemon(tmp / "theirs", options, "chains-theirs", [HERE / "beside_script.py"]), {}), (Daemon(tmp / "ours", options, "chains-ours", [HERE / "beside_script.py"], [os.environ["CATENA"], "worker"]), {})]
        for name, changes in rows(queue):
            for daemon, tasks in both:
                tasks[name] = slugId()
                payload = {"steps": [["say", {"text": "the script ran\n"}]], **changes.get("payload", {})}
                queue.createTask(tasks[name], definition(daemon.pool, **{**changes, "payload": payload}, retries=0, created=ahead(0)))
        for daemon, tasks in both:
            daemon.configure(**trust)
            with daemon:
                for name, task in tasks.items():
                    if not resolved(wait(queue, task, resolved)):
                        check.true(f"{name} is resolved", False, daemon.log()[-3000:])
        if not check.bad:
            reader = Reader(queue)
            for name in both[0][1]:
                compare(name, *(reader.side(tasks[name]) for _, tasks in both))
        if check.bad:
            for daemon, _ in both:
                print(daemon.log()[-4000:])
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
