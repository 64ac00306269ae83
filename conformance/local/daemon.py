#!/usr/bin/env python3
"""The published `scriptworker`, unmodified, as a daemon against a server; run by local.sh through server.py.

It is started as its users start it, with a configuration file and credentials that have a worker's scopes and no more.
It runs one task to completion, reclaiming it on the way, with signing on; then a task that fails, one with a malformed
payload, one that is cancelled while it runs, and one that a SIGTERM cuts off. What it leaves is read back: artifacts,
`chain-of-trust.json` and its signature, which must verify under the worker's key by scriptworker's own tool.

With --catena, `catena worker` runs in its place, under the name that `catena compat install` gives it: same file, same
script, same expectations.
"""
import base64
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import requests
import taskcluster
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from taskcluster.utils import slugId

from checks import Checks, ahead, definition

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(sys.executable).parent
PROVISIONER = "scriptworker-k8s"


class Daemon:
    """A scriptworker with a directory, a key and credentials of its own."""

    def __init__(self, directory, options, worker_type, script, command=None, **config):
        self.directory, self.pool = pathlib.Path(directory), f"{PROVISIONER}/{worker_type}"
        self.command = command or [BIN / "scriptworker"]
        self.directory.mkdir(parents=True)
        self.public_key = new_key(self.directory / "private_key")
        self.config = {
            "taskcluster_root_url": options["rootUrl"],
            "provisioner_id": PROVISIONER,
            "worker_type": worker_type,
            "worker_group": "conformance",
            "worker_id": f"{worker_type}-1",
            "credentials": self.credentials(options, worker_type),
            "work_dir": str(self.directory / "work"),
            "artifact_dir": str(self.directory / "artifacts"),
            "task_log_dir": str(self.directory / "artifacts" / "public" / "logs"),
            "log_dir": str(self.directory / "logs"),
            "task_script": [sys.executable, *map(str, script), str(self.directory / "work"), str(self.directory / "artifacts")],
            "ed25519_private_key_path": str(self.directory / "private_key"),
            "sign_chain_of_trust": True,
            "reclaim_interval": 1,
            "poll_interval": 1,
            "task_max_timeout": 120,
            **config,
        }
        self.child = None
        self.configure()

    def configure(self, **config):
        """Writes the configuration file, with these values set as well."""
        self.config.update(config)
        (self.directory / "scriptworker.yaml").write_text(yaml.safe_dump(self.config))

    def credentials(self, options, worker_type):
        """A client as deployments make them for a worker."""
        client = f"worker/{worker_type}-{slugId()}"
        scopes = [f"queue:claim-work:{self.pool}", f"queue:worker-id:conformance/{worker_type}-1"]
        made = taskcluster.Auth(options).createClient(client, {"description": "a scriptworker", "expires": ahead(86400), "scopes": scopes})
        return {"clientId": client, "accessToken": made["accessToken"]}

    def __enter__(self):
        env = {name: value for name, value in os.environ.items() if not name.startswith("TASKCLUSTER_")}
        self.out = open(self.directory / "out", "ab")
        self.child = subprocess.Popen([*self.command, "scriptworker.yaml"], cwd=self.directory, env={**env, "HOME": str(self.directory)}, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out)
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.out.close()

    def stop(self, how=signal.SIGTERM):
        self.child.send_signal(how)
        return self.child.wait(timeout=60)

    def log(self):
        return "".join(path.read_text(errors="replace") for path in [self.directory / "out", *self.directory.glob("logs/*")] if path.exists())


def new_key(path):
    """Writes a private key as workers keep it; returns the public one."""
    key = Ed25519PrivateKey.generate()
    path.touch(mode=0o600)
    path.write_bytes(base64.b64encode(key.private_bytes_raw()))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def wait(queue, task, wanted, patience=90):
    """Waits until the predicate holds for a status; returns the status."""
    late = time.monotonic() + patience
    while True:
        status = queue.status(task)["status"]
        if wanted(status) or time.monotonic() > late:
            return status
        time.sleep(0.1)


def resolved(status):
    return status["state"] in ("completed", "failed", "exception")


def content(queue, task, run, name):
    answer = requests.get(queue.buildUrl("getArtifact", task, run, name))
    answer.raise_for_status()
    return answer.content


def verifies(tmp, body, signature, public_key):
    """By the reference's tool: does the signature of these bytes verify under exactly this key?"""
    for name, data in (("body", body), ("sig", signature), ("key", public_key.encode())):
        (tmp / name).write_bytes(data)
    done = subprocess.run([BIN / "verify_ed25519_signature", "--pubkey", tmp / "key", tmp / "body", tmp / "sig"], capture_output=True, text=True)
    return done.returncode == 0 and f"cmdln seed {public_key}" in done.stderr + done.stdout


# ---------------------------------------------------------------- the part
CATENA = sys.argv[1:] == ["--catena"]
check = Checks("catena worker" if CATENA else "scriptworker")


def one_task(queue, daemon, tmp):
    """The happy way, in full."""
    task = slugId()
    queue.createTask(task, definition(daemon.pool, payload={"do": "build", "seconds": 2.5, "maxRunTime": 60}, scopes=["project:conformance:thing"]))
    status = wait(queue, task, resolved)
    if not check.equal("one task", status["state"], "completed"):
        print(daemon.log()[-3000:])
        return
    run = status["runs"][-1]
    check.equal("its run", (run["runId"], run["workerGroup"], run["workerId"], run["reasonResolved"]), (0, "conformance", daemon.config["worker_id"], "completed"))
    check.true("it was reclaimed", run["takenUntil"] > run["started"] and "Reclaim task response" in daemon.log(), run)
    names = sorted(artifact["name"] for artifact in queue.listArtifacts(task, 0)["artifacts"])
    expected = ["public/build/target.bin", "public/build/target.txt", "public/chain-of-trust.json", "public/chain-of-trust.json.sig", "public/logs/chain_of_trust.log", "public/logs/live_backing.log"]
    # catena's own: which worker ran it
    names = [name for name in names if not (CATENA and name == "public/worker-info.json")]
    check.equal("its artifacts", [name for name in names if name != "public/logs/chain_of_trust.log"], [name for name in expected if name != "public/logs/chain_of_trust.log"])
    check.true("the log", b"building" in content(queue, task, 0, "public/logs/live_backing.log"))

    body, signature = content(queue, task, 0, "public/chain-of-trust.json"), content(queue, task, 0, "public/chain-of-trust.json.sig")
    cot = json.loads(body)
    check.equal("whose document it is", (cot["taskId"], cot["runId"], cot["workerGroup"], cot["workerId"]), (task, 0, "conformance", daemon.config["worker_id"]))
    check.equal("the definition in it", cot["task"], queue.task(task))
    for name in ("public/build/target.bin", "public/build/target.txt", "public/logs/live_backing.log"):
        check.equal(f"digest of {name}", hashlib.sha256(content(queue, task, 0, name)).hexdigest(), cot["artifacts"][name]["sha256"])
    check.true("the signature, by scriptworker's tool", verifies(tmp, body, signature, daemon.public_key))
    check.true("no signature of other bytes", not verifies(tmp, body + b" ", signature, daemon.public_key))
    check.equal("another who looks: the credentials that the script had", json.loads(content(queue, task, 0, "public/build/target.txt"))["scopes"], sorted([f"queue:reclaim-task:{task}/0", f"queue:resolve-task:{task}/0", f"queue:create-artifact:{task}/0", "project:conformance:thing"]))


def other_ends(queue, daemon):
    for what, payload, state, reason in (
        ("a script that fails", {"do": "exit", "status": 1}, "failed", "failed"),
        ("a script that says malformed", {"do": "exit", "status": 3}, "exception", "malformed-payload"),
        ("a script that says resource-unavailable", {"do": "exit", "status": 4}, "exception", "resource-unavailable"),
    ):
        task = slugId()
        queue.createTask(task, definition(daemon.pool, payload=payload))
        status = wait(queue, task, resolved)
        check.equal(what, (status["state"], status["runs"][-1]["reasonResolved"]), (state, reason))
        check.true(f"{what}: its log is there", b"leaving" in content(queue, task, 0, "public/logs/live_backing.log"))

    task = slugId()
    queue.createTask(task, definition(daemon.pool, payload={"do": "wait", "seconds": 90}))
    wait(queue, task, lambda status: status["state"] == "running")
    queue.cancelTask(task)
    other = slugId()
    queue.createTask(other, definition(daemon.pool, payload={"do": "exit", "status": 0}))
    check.equal("a cancelled task is given up, the next one runs", wait(queue, other, resolved)["state"], "completed")
    check.equal("and stays cancelled", [run["reasonResolved"] for run in queue.status(task)["status"]["runs"]], ["canceled"])


def shutdown(queue, daemon):
    task = slugId()
    queue.createTask(task, definition(daemon.pool, payload={"do": "wait", "seconds": 90}))
    wait(queue, task, lambda status: status["state"] == "running")
    # the queue knows of a claim before the worker does: told to end in between, it has no task to give back
    wait(queue, task, lambda _: "leaving" in daemon.log().rpartition(f"Going to run taskId {task}")[2])
    daemon.stop()
    runs = wait(queue, task, lambda status: len(status["runs"]) > 1)["runs"]
    check.equal("a worker that is told to end gives its task back", [(run["state"], run.get("reasonResolved"), run["reasonCreated"]) for run in runs], [("exception", "worker-shutdown", "scheduled"), ("pending", None, "retry")])


def main():
    options = taskcluster.optionsFromEnvironment()
    queue = taskcluster.Queue(options)
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        if CATENA:
            subprocess.run([os.environ["CATENA"], "compat", "install", tmp / "bin"], check=True, stdout=subprocess.DEVNULL)
        command = [tmp / "bin" / "scriptworker"] if CATENA else None
        with Daemon(tmp / "worker", options, "conformance", [HERE / "task_script.py"], command) as daemon:
            one_task(queue, daemon, tmp)
            other_ends(queue, daemon)
            shutdown(queue, daemon)
            errors = [line for line in daemon.log().splitlines() if "CRITICAL" in line or "SCRIPTWORKER_UNEXPECTED_EXCEPTION" in line]
            check.equal("no surprises in its log", errors, [])
            if check.bad:
                print(daemon.log()[-5000:])
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
