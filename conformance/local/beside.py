#!/usr/bin/env python3
"""The published `scriptworker` and `catena worker` side by side on one queue; run by local.sh through server.py.

Both get the same tasks (`beside_tasks.py`), the same script (`beside_script.py`) and the same configuration, each in a pool
of its own. Then everything that the queue has of the two runs is compared: states and reasons, artifacts, their storage
types, content types, codings, bytes and expiry, logs, and the documents. Where they differ, the difference must be one of
those that `beside_tasks.DIFFERENCES` lists, and nothing else of the task may differ.

Each side's documents are judged by the other: signature, schema, digests of all artifacts, byte equality with what
`catena generate` makes of the same files.

Arguments, if any: the parts of `beside_tasks.PARTS` to run.
"""
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

import taskcluster
from taskcluster.utils import slugId

import beside_documents
import beside_tasks
from beside_results import Reader, content_types, of_the_platform, said_why, without_own
from checks import Checks, definition
from daemon import HERE, Daemon, resolved, wait

check = Checks("side by side")
LOG, DOCUMENT, SIGNATURE = "public/logs/live_backing.log", "public/chain-of-trust.json", "public/chain-of-trust.json.sig"
PATIENCE = 900


class Kept(Daemon):
    """A daemon that is started again when it ends, as supervisors do; counts that."""

    def __enter__(self):
        self.ends, self.stopping = 0, False
        super().__enter__()
        self.keeper = threading.Thread(target=self.keep, daemon=True)
        self.keeper.start()
        return self

    def keep(self):
        while True:
            self.child.wait()
            if self.stopping:
                return
            self.ends += 1
            super().__enter__()

    def __exit__(self, *why):
        self.stopping = True
        super().__exit__(*why)
        self.keeper.join()


def create(queue, pool, rows):
    """-> name of the row: task id."""
    tasks = {}
    for name, steps, changes, _ in rows:
        changes = dict(changes)
        payload = {"steps": steps, **changes.pop("payload", {})}
        task = definition(pool, payload=payload, **changes)
        tasks[name] = slugId()
        queue.createTask(tasks[name], {key: value for key, value in task.items() if value is not None})
    return tasks


def cancel(queue, daemon, tasks, rows):
    """Cancels the tasks that are to be cancelled, once their script runs."""
    for name, _, _, difference in rows:
        if difference == "lost claim":
            late, sign = time.monotonic() + PATIENCE, daemon.directory / f"runs-{tasks[name]}"
            while not sign.exists() and time.monotonic() < late:
                time.sleep(0.05)
            queue.cancelTask(tasks[name])


def settled(queue, daemon, tasks, rows, ends):
    """Waits until all tasks have what they will have; a daemon that ends leaves its task as it is."""
    cancel(queue, daemon, tasks, rows)
    for name, _, _, difference in rows:
        if not (ends and difference and beside_tasks.DIFFERENCES[difference][1] == "ends"):
            wait(queue, tasks[name], resolved, PATIENCE)


def history(status):
    return [(run["state"], run["reasonCreated"], run.get("reasonResolved")) for run in status["runs"]]


class Row:
    """What the two made of one task."""

    def __init__(self, row, theirs, ours):
        self.name, self.steps, self.changes, self.difference = row
        self.theirs, self.ours = theirs, ours
        # of a difference that changes how the task ends: what theirs does, what ours does
        self.outcomes = [end for end in beside_tasks.DIFFERENCES[self.difference][1:] if end] if self.difference else []
        self.seen = set()

    def equal(self, what, ours, theirs, *differences):
        """Both must be equal, unless the row is marked with one of these differences."""
        if ours != theirs and self.difference in differences:
            self.seen.add(self.difference)
            return
        if not check.true(f"{self.name}: {what}", ours == theirs, {"ours": ours, "theirs": theirs} if len(repr((ours, theirs))) < 1500 else "too long to show"):
            return

    def compare(self):
        if self.outcomes:
            theirs, ours = self.outcomes
            state = ("running", "scheduled", None) if theirs == "ends" else (theirs[0], "scheduled", theirs[1])
            check.equal(f"{self.name}: theirs, {self.difference}", history(self.theirs.status)[:1], [state])
            check.equal(f"{self.name}: ours, {self.difference}", history(self.ours.status)[:1], [(ours[0], "scheduled", ours[1])])
            self.seen.add(self.difference)
            return
        self.equal("runs", history(self.ours.status), history(self.theirs.status))
        for run, (ours, theirs) in enumerate(zip(self.ours.runs, self.theirs.runs)):
            self.artifacts(run, without_own(ours), theirs)

    def artifacts(self, run, ours, theirs):
        if self.difference == "lost claim":
            check.true(f"{self.name}: a lost claim has no document of ours", DOCUMENT not in ours and SIGNATURE not in ours, sorted(ours))
            check.true(f"{self.name}: its log is there", LOG in ours, sorted(ours))
            self.seen.add("lost claim")
            theirs = {name: theirs[name] for name in ours}
        self.equal(f"run {run}: artifacts", sorted(ours), sorted(theirs))
        for name in sorted(set(ours) & set(theirs)):
            self.artifact(f"run {run}, {name}", name, ours[name], theirs[name])

    def artifact(self, what, name, ours, theirs):
        self.equal(f"{what}: storage type", ours.storage, theirs.storage)
        self.equal(f"{what}: expires with its task", (ours.expires, theirs.expires), (self.ours.expires, self.theirs.expires))
        if self.difference != "coding" and of_the_platform(name, ours, theirs):
            self.seen.add("type")
        else:
            self.equal(f"{what}: content type", ours.content_type, theirs.content_type, "coding")
            self.equal(f"{what}: coding", ours.coding, theirs.coding, "coding")
        if name not in (DOCUMENT, SIGNATURE, "public/seen.json", "public/info.json", "public/task.json"):
            body = said_why(ours.body) if name == LOG and self.difference in ("stopped", "lost claim") else ours.body
            if body != ours.body:
                self.seen.add(self.difference)
            self.equal(f"{what}: content", body, theirs.body, "lossy")


def views(row):
    """What the scripts saw: all the same, but for what is named here."""
    ours, theirs = (json.loads(side.runs[0]["public/seen.json"].body) for side in (row.ours, row.theirs))
    ours["environment"].remove("CATENA_WORK_DIR")
    # P36: the worker holds it
    theirs["artifacts"].remove(LOG)
    check.equal(f"{row.name}: a group of its own", (ours.pop("leads its group"), theirs.pop("leads its group")), (True, True))
    check.equal(f"{row.name}: a session of its own", (ours.pop("leads its session"), theirs.pop("leads its session")), (False, True))
    for side, seen in ((row.ours, ours), (row.theirs, theirs)):
        check.equal(f"{row.name}: which run", seen.pop("run"), [side.task, "0"])
        seen.pop("directory")
        check.equal(f"{row.name}: current_task_info.json", side.runs[0]["public/info.json"].body, f'{{\n  "runId": 0,\n  "taskId": "{side.task}"\n}}'.encode())
    check.equal(f"{row.name}: what the scripts saw", ours, theirs)
    same = lambda side: side.runs[0]["public/task.json"].body.replace(side.pool.encode(), b"POOL")
    times = lambda text: json.loads(text) | {"created": "", "deadline": "", "expires": "", "taskGroupId": "", "workerType": ""}
    check.equal(f"{row.name}: task.json", times(same(row.ours)), times(same(row.theirs)))
    for side in (row.ours, row.theirs):
        body = side.runs[0]["public/task.json"].body
        check.equal(f"{row.name}: layout of task.json", body.decode(), json.dumps(json.loads(body), indent=2, sort_keys=True))


def report(rows, daemons):
    """The differences that there were, each with the tasks."""
    for name, (what, *_) in beside_tasks.DIFFERENCES.items():
        found = [row.name for row in rows if name in row.seen]
        print(f"differs  {what}: {len(found)} tasks: {', '.join(map(repr, found[:12]))}{', ...' if len(found) > 12 else ''}")
    ends = sum(1 for row in rows if row.difference and beside_tasks.DIFFERENCES[row.difference][1] == "ends")
    check.equal("scriptworker ended, so many times", daemons[1].ends, ends)
    check.equal("catena worker never ended", daemons[0].ends, 0)


def main():
    options = taskcluster.optionsFromEnvironment()
    queue = taskcluster.Queue(options)
    parts = sys.argv[1:]
    rows = list(beside_tasks.rows(parts))
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        script = [HERE / "beside_script.py"]
        daemons = [Kept(tmp / "ours", options, "beside-ours", script, [os.environ["CATENA"], "worker"]), Kept(tmp / "theirs", options, "beside-theirs", script)]
        tasks = [create(queue, daemon.pool, rows) for daemon in daemons]
        with daemons[0], daemons[1], concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda side: settled(taskcluster.Queue(taskcluster.optionsFromEnvironment()), daemons[side], tasks[side], rows, side == 1), (0, 1)))
            last = [create(queue, daemon.pool, [("last", [], {}, None)])["last"] for daemon in daemons]
            for side in (0, 1):
                check.equal("the last task", wait(queue, last[side], resolved, PATIENCE)["state"], "completed")
        reader = Reader(queue)
        compared = [Row(row, reader.side(tasks[1][row[0]]), reader.side(tasks[0][row[0]])) for row in rows]
        for row in compared:
            row.compare()
            if row.difference == "view":
                row.seen.add("view")
                views(row)
            check.true(f"{row.name}: differs as it is marked", row.difference is None or row.difference in row.seen, row.difference)
        content_types(check, compared, beside_tasks.TYPES, not parts)
        beside_documents.judge(check, tmp, daemons, compared, not parts)
        report(compared, daemons)
        check.true("so many tasks on each side", parts or len(compared) >= 190, len(compared))
        if check.bad:
            for daemon in daemons:
                print(daemon.log()[-3000:])
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
