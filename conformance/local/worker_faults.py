#!/usr/bin/env python3
"""`catena worker` while its queue breaks, in every phase of a task; run by local.sh through server.py.

Between the worker and `catena local up` stands a proxy that resets connections, loses answers, stalls, cuts answers
short and answers with errors: when a task is claimed, reclaimed, uploaded and reported. Then the disk is full. What
must hold every time: no task is lost, none completes without its artifacts, every document that a completed run has
verifies, and the worker goes on with the next task.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import requests
import taskcluster
from taskcluster.utils import slugId

from checks import Checks, definition
from daemon import Daemon, content, resolved, verifies, wait
from proxy import Fault, Proxy

HERE = pathlib.Path(__file__).resolve().parent
WORKER = [os.environ["CATENA"], "worker"]
# as the server was told
CLAIM = 8
# quick pauses; a call may take two seconds
RETRY = {"base": 0.05, "cap": 0.2, "attempts": 5, "deadline": 2}
check = Checks("catena worker and faults")

OUTAGES = (Fault.RESET, Fault.LOST, Fault.STALL, Fault.TRUNCATED, Fault.S429, Fault.S500, Fault.S503)


class Pool:
    """A worker behind a proxy of its own."""

    def __init__(self, tmp, options, name, command=None, **config):
        self.queue = taskcluster.Queue(options)
        self.options = options
        self.proxy = Proxy(options["rootUrl"])
        own = {"x_cot": {"retry": RETRY}, "artifact_upload_timeout": 1, "taskcluster_root_url": self.proxy.url}
        self.daemon = Daemon(tmp / name, options, name, [HERE / "task_script.py"], command or WORKER, **{**own, **config})

    def __enter__(self):
        self.proxy.__enter__()
        self.daemon.__enter__()
        return self

    def __exit__(self, *why):
        self.daemon.__exit__(*why)
        self.proxy.__exit__(*why)

    def create(self, **payload):
        task = slugId()
        self.queue.createTask(task, definition(self.daemon.pool, payload=payload))
        return task

    def ends(self, what, task, *runs):
        """The runs of a task must end like this."""
        last = lambda status: resolved(status) and len(status["runs"]) >= len(runs)
        status = wait(self.queue, task, last)
        found = [(run["state"], run.get("reasonResolved")) for run in status["runs"]]
        if not check.equal(what, found, list(runs)):
            print(self.daemon.log()[-3000:])
        return found

    def get(self, task, run, name):
        answer = requests.get(self.queue.buildUrl("getArtifact", task, run, name))
        return answer.content if answer.ok else None

    def sound(self, what, task, run, tmp):
        """A completed run has a document that verifies, and every artifact that this lists."""
        body, signature = (self.get(task, run, f"public/chain-of-trust.json{end}") for end in ("", ".sig"))
        if not check.true(f"{what}: document and signature", body and signature):
            return
        check.true(f"{what}: its signature", verifies(tmp, body, signature, self.daemon.public_key))
        cot = json.loads(body)
        check.equal(f"{what}: whose document it is", (cot["taskId"], cot["runId"]), (task, run))
        for name, digests in cot["artifacts"].items():
            found = hashlib.sha256(self.get(task, run, name) or b"").hexdigest()
            check.equal(f"{what}: {name}", found, digests["sha256"])

    def next_one(self, what):
        """The worker still works."""
        task = self.create(do="exit", status=0)
        self.ends(f"{what}: the next task", task, COMPLETED)


COMPLETED, EXPIRED = ("completed", "completed"), ("exception", "claim-expired")


def outages(tmp, options):
    """What passes is outlived: one run, completed."""
    with Pool(tmp, options, "outages") as pool:
        for fault in OUTAGES:
            for call, name in (("create", "public/file"), ("put", ""), ("create", "chain-of-trust.json.sig"), ("completed", "")):
                if (call, fault) == ("put", Fault.S429):
                    continue
                what = f"{call} {name}: {fault.name}"
                # a report whose answer alone is lost has done what it was for
                pool.proxy.fail(call, fault, 1 if call == "completed" and fault in (Fault.LOST, Fault.TRUNCATED) else 2, name)
                task = pool.create(do="file")
                pool.ends(what, task, COMPLETED)
                pool.sound(what, task, 0, tmp / "outages")
                check.equal(f"{what}: the fault happened", pool.proxy.heal(), [])
        pool.next_one("after outages")


def reclaims(tmp, options):
    with Pool(tmp, options, "reclaims") as pool:
        for fault in (*OUTAGES, Fault.S401):
            what = f"reclaim: {fault.name}"
            pool.proxy.fail("reclaim", fault, 2)
            task = pool.create(do="wait", seconds=5)
            pool.ends(what, task, COMPLETED)
            pool.sound(what, task, 0, tmp / "reclaims")
            check.equal(f"{what}: the fault happened", pool.proxy.heal(), [])
        pool.next_one("after reclaims")


def claims(tmp, options):
    """A claim whose answer is lost ends by itself; any other is asked for again."""
    with Pool(tmp, options, "claims") as pool:
        for fault in (Fault.RESET, Fault.S401, Fault.S403, Fault.S409, Fault.S429, Fault.S500, Fault.S503):
            what = f"claim: {fault.name}"
            pool.proxy.fail("claim", fault, 2)
            pool.ends(what, pool.create(do="file"), COMPLETED)
        for fault in (Fault.LOST, Fault.TRUNCATED):
            what = f"claim: {fault.name}"
            # a claim that is under way may find nothing yet
            task = None
            for _ in range(5):
                pool.proxy.heal()
                pool.proxy.fail("claim", fault, 1)
                task = pool.create(do="file")
                status = wait(pool.queue, task, resolved)
                if len(status["runs"]) > 1:
                    break
            pool.proxy.heal()
            # the request of an earlier round may have been waiting at the queue, broken as well
            count = len(pool.queue.status(task)["status"]["runs"])
            check.true(f"{what}: the fault happened", 2 <= count <= 3, count)
            pool.ends(what, task, *[EXPIRED] * (count - 1), COMPLETED)
            pool.sound(what, task, count - 1, tmp / "claims")
        pool.next_one("after claims")


def losses(tmp, options):
    """409 in every phase: nothing is reported, nothing signed is left; the queue gives the task out again."""
    with Pool(tmp, options, "losses") as pool:
        for call, name, payload in (
            ("reclaim", "", {"do": "once", "seconds": 30}),
            ("create", "public/file", {"do": "file"}),
            ("create", "chain-of-trust.json", {"do": "file"}),
            ("completed", "", {"do": "file"}),
        ):
            what = f"409 on {call} {name}"
            before = pool.proxy.calls["completed"]
            pool.proxy.fail(call, Fault.S409, 1, name)
            task = pool.create(**payload)
            wait(pool.queue, task, lambda status: status["runs"][0]["state"] != "running" and len(status["runs"]) > 1)
            reports = pool.proxy.calls["completed"] - before
            pool.ends(what, task, EXPIRED, COMPLETED)
            pool.sound(what, task, 1, tmp / "losses")
            if call != "completed":
                check.true(f"{what}: no document", pool.get(task, 0, "public/chain-of-trust.json.sig") is None)
                check.true(f"{what}: nothing was reported for the lost run", reports <= 1, reports)


def credentials(tmp, options):
    """Credentials that the queue does not take any more, for a while and for good."""
    with Pool(tmp, options, "credentials") as pool:
        for call, name in (("create", "public/file"), ("create", "chain-of-trust.json"), ("completed", "")):
            what = f"401 on {call} {name}"
            pool.proxy.fail(call, Fault.S401, 2, name)
            task = pool.create(do="file")
            pool.ends(what, task, COMPLETED)
            pool.sound(what, task, 0, tmp / "credentials")
            check.equal(f"{what}: the fault happened", pool.proxy.heal(), [])
        # no reclaim arrives: they expire with the claim, in the middle of the script
        what = "credentials that expire"
        pool.proxy.fail("reclaim", Fault.S503, 10_000)
        task = pool.create(do="once", seconds=60)
        wait(pool.queue, task, lambda status: len(status["runs"]) > 1)
        pool.proxy.heal()
        pool.ends(what, task, EXPIRED, COMPLETED)
        pool.sound(what, task, 1, tmp / "credentials")
        check.true(f"{what}: the script was stopped", "the claim is lost" in pool.daemon.log())
        # and in the middle of an upload
        what = "credentials that expire during uploads"
        pool.proxy.fail("reclaim", Fault.S503, 10_000)
        pool.proxy.fail("put", Fault.STALL, 10_000)
        task = pool.create(do="file")
        wait(pool.queue, task, lambda status: len(status["runs"]) > 1)
        pool.proxy.heal()
        pool.ends(what, task, EXPIRED, COMPLETED)
        pool.sound(what, task, 1, tmp / "credentials")


def refusals(tmp, options):
    """What does not pass has its status (worker.md 8.5), and its log all the same."""
    with Pool(tmp, options, "refusals") as pool:
        for call, fault, reason in (
            ("create", Fault.S403, "internal-error"),
            ("put", Fault.S500, "resource-unavailable"),
            ("put", Fault.RESET, "intermittent-task"),
        ):
            what = f"{call} {fault.name} for good"
            # this artifact alone is hit: the log arrives
            pool.proxy.fail(call, fault, 100, "public/file")
            task = pool.create(do="file")
            wait(pool.queue, task, lambda status: status["runs"][0]["state"] == "exception")
            run = pool.queue.status(task)["status"]["runs"][0]
            check.equal(what, (run["state"], run["reasonResolved"]), ("exception", reason))
            check.true(f"{what}: its log", pool.get(task, 0, "public/logs/live_backing.log"))
            check.true(f"{what}: no document", pool.get(task, 0, "public/chain-of-trust.json") is None)
            pool.proxy.heal()


def full_disk(tmp, options):
    """Artifacts on a disk of four megabytes, which the script fills."""
    place = tmp / "disk"
    probe = ["unshare", "--mount", "--propagation", "private"]
    for more in ([], ["--user", "--map-root-user"]):
        tried = subprocess.run([*probe, *more, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True)
        if tried.returncode == 0:
            break
    else:
        print(f"*** NOT TESTED: a full disk: no tmpfs can be mounted here: {tried.stderr.strip()} ***", flush=True)
        return
    mount = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"'
    place.mkdir()
    command = [*probe, *more, "sh", "-c", mount, str(place), *WORKER]
    # four megabytes take their time on a busy machine
    where = {"artifact_upload_timeout": 60, "artifact_dir": str(place), "task_log_dir": str(place / "public" / "logs")}
    script = [sys.executable, str(HERE / "task_script.py"), str(tmp / "full-disk" / "work"), str(place)]
    with Pool(tmp, options, "full-disk", command, task_script=script, **where) as pool:
        for round_ in range(2):
            what = f"a full disk, {round_}"
            task = pool.create(do="fill")
            pool.ends(what, task, ("exception", "internal-error"))
            log = pool.get(task, 0, "public/logs/live_backing.log") or b""
            check.true(f"{what}: the log is there and says why", b"leaving" in log and b"No space left" in log, log[-500:])
            check.true(f"{what}: no document", pool.get(task, 0, "public/chain-of-trust.json") is None)
        pool.next_one("after a full disk")


def main():
    options = taskcluster.optionsFromEnvironment()
    parts = [outages, reclaims, claims, losses, credentials, refusals, full_disk]
    with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(len(parts)) as threads:
        tmp = pathlib.Path(directory)
        running = {part.__name__: threads.submit(part, tmp, dict(options)) for part in parts if sys.argv[1:] in ([], [part.__name__])}
        for name, done in running.items():
            if why := done.exception():
                check.true(f"{name} ran to its end", False, repr(why))
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
