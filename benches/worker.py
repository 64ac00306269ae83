#!/usr/bin/env python3
"""What a worker adds to a task, and how soon it asks for one: `catena worker` beside the published scriptworker.

    worker.py [--tasks N] [--verified N] [--starts N] [--json]

Both run the same script, `/bin/sh -c 'echo x > …'`, on tasks of the same queue, `catena local up`, one after the other,
signing on. The queue knows when a run was claimed and when it was resolved; the script notes how long it ran itself; the
rest is the worker's.

- verified: verification on, as workers that sign and publish run. A signing task of a chain of four links is run again and
  again by each of them. scriptworker reaches the hosts of repositories through a TLS front (`front.py`), because it takes no
  other address for them; catena asks them directly.
- plain: verification off, so that little is left but round trips to the queue. Requests are counted by a proxy in a run of
  their own, so that it costs nobody time.
- CPU: what the worker's own process used per task, scripts not counted. It leaves out all waiting for the queue.
- start: from the start of the process to its first request for work, at the proxy; median.

It ends with 1 if a goal is missed: 30 ms per task, ten times less than scriptworker, 100 ms to the first claim. With
verification off both wait for the same answers, so there CPU is what is compared.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "conformance" / "local"))

import taskcluster
import yaml
from taskcluster.utils import slugId

from checks import definition
from daemon import Daemon, content, resolved, wait
from demo_push import GRAPH, of_the_push, push
from front import Front
from proxy import Proxy
from server import Server
from verdicts import artifact_rules

SCRIPT = "begun=$(date +%s%N); echo x > {artifacts}/public/x.txt; echo took $(( $(date +%s%N) - begun ))"
HERTZ = os.sysconf("SC_CLK_TCK")


def daemon(tmp, options, name, command, pool=None, **config):
    artifacts = tmp / name / "artifacts"
    script = ["/bin/sh", "-c", SCRIPT.format(artifacts=artifacts)]
    return Daemon(tmp / name, options, pool or name, [], command, **{"task_script": script, "reclaim_interval": 300, "verbose": False, **config})


def milliseconds(run):
    moment = lambda name: datetime.datetime.fromisoformat(run[name].replace("Z", "+00:00"))
    return (moment("resolved") - moment("started")).total_seconds() * 1000


def script_time(queue, task, run):
    text = content(queue, task, run, "public/logs/live_backing.log").decode()
    (line,) = [line for line in text.splitlines() if line.startswith("took ")]
    return int(line.split()[1]) / 1e6


def cpu(worker):
    """Milliseconds that the process has used itself."""
    fields = pathlib.Path(f"/proc/{worker.child.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / HERTZ


class Overhead:
    """What a worker adds to each of several runs."""

    def __init__(self, queue, worker):
        self.queue, self.worker, self.found, self.begun = queue, worker, [], None

    def add(self, task):
        """Waits for the last run of a task; the first one warms up."""
        status = wait(self.queue, task, resolved, patience=60)
        if status["state"] != "completed":
            raise SystemExit(f"{self.worker.pool}: {status}\n{self.worker.log()[-3000:]}")
        run = status["runs"][-1]
        self.found.append(milliseconds(run) - script_time(self.queue, task, run["runId"]))
        if self.begun is None:
            self.begun = cpu(self.worker)

    def row(self):
        times = sorted(self.found[1:])
        used = (cpu(self.worker) - self.begun) / len(times)
        return {"overhead_ms": round(statistics.median(times), 1), "overhead_p90_ms": round(times[len(times) * 9 // 10], 1), "cpu_ms": round(used, 1)}


def plain(tmp, options, name, command, tasks):
    """Tasks that wait, verification off."""
    queue = taskcluster.Queue(options)
    worker = daemon(tmp, options, name, command)
    ids = [slugId() for _ in range(tasks + 1)]
    for task in ids:
        queue.createTask(task, definition(worker.pool, payload={}))
    with worker:
        overhead = Overhead(queue, worker)
        for task in ids:
            overhead.add(task)
        row = overhead.row()
        worker.stop()
    return row


def verified(tmp, workers, tasks):
    """One signing task, run again and again by each worker, verification on."""
    pool, rows = "demo-3-bench", {}
    with Server(str(tmp / "server"), flags=["--with-workers"]) as server:
        queue = taskcluster.Queue(server.options)
        graph = GRAPH.read_text().replace("workerType: demo-3-signing", f"workerType: {pool}")
        push(server, tmp, graph, [f"queue:create-task:highest:scriptworker-k8s/{pool}", "project:demo:signing:cert:release-signing"])
        tasks_of_push = of_the_push(server, queue)
        wait(queue, tasks_of_push["build"], resolved)
        hosts = {origin.split("//")[1]: tuple(actual.split("//")[1].split(":")) for origin, actual in server.endpoints.items()}
        with Front(hosts, str(tmp / "ca.pem")) as front:
            mapped = [sys.executable, str(HERE.parent / "conformance" / "local" / "mapped.py"), str(front.port), front.ca, "scriptworker.worker:main"]
            for name, command in workers.items():
                config = trust(server, "adhoc" if command is None else "demo")
                worker = daemon(tmp, server.options, name, command or mapped, pool, **config)
                rows[name] = again(queue, worker, tasks_of_push["signing"], tasks)
    return rows


def trust(server, product):
    """The generated configuration under another product's name: scriptworker knows no product of the demo."""
    text = pathlib.Path(server.config).read_text().replace("{demo: ", f"{{{product}: ").replace("    demo:\n", f"    {product}:\n")
    config = yaml.safe_load(text) | {"cot_product": product, "cot_job_type": "signing"}
    if product != "demo":
        del config["x_cot"]
        # a list, as its policies have it, is refused by its check of configuration files
        config["prebuilt_docker_image_task_types"] = {"by-cot-product": {product: "any"}}
        config["valid_artifact_rules"] = {"by-cot-product": {product: artifact_rules(server.root_url)}}
    return config


def again(queue, worker, task, times):
    """Runs one task once and then `times` more."""
    with worker:
        overhead = Overhead(queue, worker)
        for _ in range(times + 1):
            status = queue.status(task)["status"]
            if resolved(status):
                queue.rerunTask(task)
            overhead.add(task)
        row = overhead.row()
        worker.stop()
    return row


def starts(tmp, options, name, command, times):
    """Milliseconds from a start to the first request for work."""
    found = []
    for number in range(times + 1):
        with Proxy(options["rootUrl"]) as proxy:
            worker = daemon(tmp, options, f"{name}-start-{number}", command, taskcluster_root_url=proxy.url)
            begun = time.monotonic()
            with worker:
                while "claim" not in proxy.first:
                    if time.monotonic() > begun + 60:
                        raise SystemExit(f"{name} asks for no work\n{worker.log()[-3000:]}")
                    time.sleep(0.001)
                found.append((proxy.first["claim"] - begun) * 1000)
    return found[1:]


def requests(tmp, options, name, command):
    """Requests for one task, from its claim to its report."""
    queue = taskcluster.Queue(options)
    with Proxy(options["rootUrl"]) as proxy:
        worker = daemon(tmp, options, f"{name}-requests", command, taskcluster_root_url=proxy.url)
        task = slugId()
        queue.createTask(task, definition(worker.pool, payload={}))
        with worker:
            wait(queue, task, resolved)
        return sum(count for call, count in proxy.calls.items() if call != "claim")


def table(title, rows):
    columns = list(next(iter(rows.values())))
    print(f"| {title} | {' | '.join(NAMES[column] for column in columns)} |")
    print("|---|" + "---:|" * len(columns))
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(str(row[column]) for column in columns)} |")
    print()


NAMES = {"overhead_ms": "overhead, median, ms", "overhead_p90_ms": "p90, ms", "cpu_ms": "CPU, ms", "start_ms": "start to first claim, ms", "requests": "requests"}


def goals(rows):
    """-> what is compared, the figure, whether it is good."""
    ratio = lambda kind, figure: rows[kind]["scriptworker"][figure] / max(rows[kind]["catena"][figure], 0.1)
    yield "ms per task, verification off, round trips included; at most 30", rows["plain"]["catena"]["overhead_ms"], lambda ms: ms <= 30
    yield "times less overhead, verification on; at least 10", ratio("verified", "overhead_ms"), lambda times: times >= 10
    yield "times less CPU, verification on; at least 10", ratio("verified", "cpu_ms"), lambda times: times >= 10
    yield "times less CPU, verification off; at least 10", ratio("plain", "cpu_ms"), lambda times: times >= 10
    yield "times less overhead, verification off; both wait for the same answers, no goal", ratio("plain", "overhead_ms"), lambda _: True
    yield "ms to the first claim; less than 100", rows["plain"]["catena"]["start_ms"], lambda ms: ms < 100


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--tasks", type=int, default=100)
    ap.add_argument("--verified", type=int, default=15)
    ap.add_argument("--starts", type=int, default=5)
    ap.add_argument("--json", action="store_true")
    args = ap.parse_args()
    workers = {"catena": [os.environ["CATENA"], "worker"], "scriptworker": None}
    rows = {"plain": {}}
    with tempfile.TemporaryDirectory() as directory:
        tmp = pathlib.Path(directory)
        (tmp / "verified").mkdir()
        rows["verified"] = verified(tmp / "verified", workers, args.verified)
        with Server(str(tmp / "server")) as server:
            for name, command in workers.items():
                own = tmp / name
                own.mkdir()
                rows["plain"][name] = {
                    **plain(own, server.options, f"bench-{name}", command, args.tasks),
                    "start_ms": round(statistics.median(starts(own, server.options, f"bench-{name}", command, args.starts)), 1),
                    "requests": requests(own, server.options, f"bench-{name}", command),
                }
    if args.json:
        print(json.dumps(rows))
    table("verification on", rows["verified"])
    table("verification off", rows["plain"])
    missed = 0
    for what, figure, good in goals(rows):
        missed += not good(figure)
        print(f"{'ok    ' if good(figure) else 'MISSED'} {figure:.1f} {what}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
