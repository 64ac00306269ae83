#!/usr/bin/env python3
"""Kills `catena worker` (SIGKILL) at random moments, a fresh task each, and starts it anew; run by local.sh through server.py.

    worker_kills.py [--kills N]

What must hold: every task is completed in the end, after the claims that the kills cut off have expired; what a run
that was cut off left behind is no document, or one that is whole and signed, never half of one; the script of a dead
worker does not outlive the start of the next one; directories are clean.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import time

import requests
import taskcluster
from taskcluster.utils import slugId

from checks import Checks, definition
from daemon import Daemon, resolved, verifies, wait

POOLS = 4
check = Checks("catena worker and kills")
# a grandchild that would write into the next task's directory, if it were left alone
SCRIPT = """
(sleep 5; touch {artifacts}/public/late) >/dev/null 2>&1 &
head -c 200000 /dev/urandom > {artifacts}/public/random.bin
sleep 0.1
"""


class Killed:
    def __init__(self, tmp, options, number):
        name = f"kills-{number}"
        self.queue = taskcluster.Queue(options)
        self.directory = tmp / name
        script = ["/bin/sh", "-c", SCRIPT.format(artifacts=self.directory / "artifacts")]
        self.daemon = Daemon(self.directory, options, name, [], [os.environ["CATENA"], "worker"], task_script=script)
        self.chance, self.span, self.tmp = random.Random(number), 0.6, tmp / f"check-{number}"
        self.tmp.mkdir()
        self.tasks = []

    def create(self):
        task = slugId()
        self.queue.createTask(task, definition(self.daemon.pool, payload={}))
        self.tasks.append(task)
        return task

    def measure(self):
        """How long a task takes from the start of a worker to its end: kills come in that time."""
        task, begun = self.create(), time.monotonic()
        with self.daemon as daemon:
            wait(self.queue, task, resolved)
            self.span = time.monotonic() - begun
            check.equal("a worker that lives ends well", daemon.stop(), 0)

    def kill(self):
        task = self.create()
        with self.daemon as daemon:
            time.sleep(self.chance.uniform(0, self.span * 1.1))
            daemon.stop(signal.SIGKILL)
        with self.daemon as daemon:
            status = wait(self.queue, task, resolved)
            found = [(run["state"], run["reasonResolved"]) for run in status["runs"]]
            due = [("exception", "claim-expired")] * (len(found) - 1) + [("completed", "completed")]
            if not check.true("the task is completed, at the latest by the second worker", found == due and len(found) <= 2, found):
                print(daemon.log()[-3000:])
            for run in status["runs"]:
                self.whole(task, run)
            check.equal("the second worker ends well", daemon.stop(), 0)
        self.clean(task)
        return len(found) > 1

    def get(self, task, run, name):
        answer = requests.get(self.queue.buildUrl("getArtifact", task, run, name))
        return answer.content if answer.ok else None

    def whole(self, task, run):
        """Document and signature are both there and say the truth, or they are no pair."""
        number = run["runId"]
        body, signature = (self.get(task, number, f"public/chain-of-trust.json{end}") for end in ("", ".sig"))
        if run["state"] == "completed":
            check.true("a completed run has its document", body and signature)
        if not body or not signature:
            return
        check.true("a pair verifies", verifies(self.tmp, body, signature, self.daemon.public_key))
        cot = json.loads(body)
        check.equal("it is of its run", (cot["taskId"], cot["runId"]), (task, number))
        check.true("nothing of another run is in it", "public/late" not in cot["artifacts"])
        for name, digests in cot["artifacts"].items():
            found = hashlib.sha256(self.get(task, number, name) or b"").hexdigest()
            check.equal(f"{name} of a signed document", found, digests["sha256"])

    def clean(self, task):
        left = sorted(str(path.relative_to(self.directory)) for path in self.directory.rglob("*") if path.name != "tmp")
        due = [".artifacts.lock", ".work.lock", "artifacts", "artifacts/public", "artifacts/public/logs", "logs", "logs/worker.log", "out", "private_key", "scriptworker.yaml", "work"]
        check.equal("what is left", left, due)
        check.equal("processes of the task", processes(f"TASK_ID={task}"), [])


def processes(variable):
    """Those that have this in their environment."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable.encode() in path.read_bytes().split(b"\0"):
                found.append((path.parent / "cmdline").read_bytes())
        except OSError:
            pass
    return found


def rounds(tmp, options, number, kills):
    pool = Killed(tmp, options, number)
    pool.measure()
    cut = sum([pool.kill() for _ in range(kills)])
    return kills, cut, pool.span


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--kills", type=int, default=20)
    args = ap.parse_args()
    options = taskcluster.optionsFromEnvironment()
    with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(POOLS) as threads:
        shares = [args.kills // POOLS + (number < args.kills % POOLS) for number in range(POOLS)]
        done = [threads.submit(rounds, pathlib.Path(directory), dict(options), number, share) for number, share in enumerate(shares)]
        done = [result.result() for result in done]
    kills, cut = sum(kills for kills, *_ in done), sum(cut for _, cut, _ in done)
    print(f"{kills} kills in the first {max(span for *_, span in done):.2f} s of a worker; {cut} cut off a claim", flush=True)
    check.true("kills hit claims", cut >= kills // 10, cut)
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
