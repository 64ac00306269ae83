#!/usr/bin/env python3
"""What a worker adds to a task, and how soon it asks for one: `catena worker` beside the published scriptworker.

    worker.py [--tasks N] [--verified N] [--starts N] [--json]

Both run the same script, `/bin/true`, on tasks of the same queue, `catena local up`, one after the other, signing on. All
that a task takes is then the worker's.

- verification on, as workers that sign and publish run: a signing task of a chain of thirteen (`worker-graph.yml`) is run
  again and again by each of them. scriptworker reaches the hosts of repositories through a TLS front (`front.py`), because it
  takes no other address for them; catena asks them directly.
- verification off: little is left but round trips to the queue.
- overhead: from the claim to the report, as the queue dates them, round trips included; median.
- own: the same without round trips: the time in which no request was on its way. Proxies before all servers see that, in a
  run of its own; what they cost is a round trip's. Median.
- CPU: what the worker's own process used per task, scripts not counted.
- start: from the start of the process to its first request for work, at the proxy; median.

It ends with 1 if a goal is missed: 30 ms of its own per task, with verification on ten times less than scriptworker, 100 ms
to the first claim. With verification off both do little: starting a process and writing files cost both the same.
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
# the most that the queue gives a task
RUNS = 50
sys.path.insert(0, str(HERE.parent / "conformance" / "local"))

import taskcluster
import yaml
from taskcluster.utils import slugId

from checks import definition
from daemon import Daemon, resolved, wait
from demo_push import of_the_push, push
from front import Front
from proxy import Proxy
from server import Server
from verdicts import artifact_rules

HERTZ = os.sysconf("SC_CLK_TCK")


def daemon(tmp, options, name, command, pool=None, **config):
    return Daemon(tmp / name, options, pool or name, [], command, **{"task_script": ["/bin/true"], "reclaim_interval": 300, "verbose": False, **config})


def milliseconds(run):
    moment = lambda name: datetime.datetime.fromisoformat(run[name].replace("Z", "+00:00"))
    return (moment("resolved") - moment("started")).total_seconds() * 1000


def own(proxies, task, run):
    """Milliseconds from the answer to a claim to the report of its run in which no request was on its way."""
    spans = [span for proxy in proxies for span in proxy.spans]
    (end,) = [begun for call, path, begun, _ in spans if call == "completed" and f"{task}/runs/{run}/" in urllib.parse.unquote(path)]
    start = max(done for call, _, _, done in spans if call == "claim" and done < end)
    waited, until = 0, start
    for _, _, begun, done in sorted(spans, key=lambda span: span[2]):
        begun, done = max(begun, until), min(done, end)
        if done > begun:
            waited, until = waited + done - begun, done
    return (end - start - waited) * 1000


def cpu(worker):
    """Milliseconds that the process has used itself."""
    fields = pathlib.Path(f"/proc/{worker.child.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / HERTZ


class Overhead:
    """What a worker adds to each of several runs."""

    def __init__(self, queue, worker):
        self.queue, self.worker, self.found, self.runs, self.begun = queue, worker, [], [], None

    def add(self, task):
        """Waits for the last run of a task; the first one warms up."""
        status = wait(self.queue, task, resolved, patience=60)
        if status["state"] != "completed":
            raise SystemExit(f"{self.worker.pool}: {status}\n{self.worker.log()[-3000:]}")
        run = status["runs"][-1]
        self.found.append(milliseconds(run))
        self.runs.append((task, run["runId"]))
        if self.begun is None:
            self.begun = cpu(self.worker)

    def row(self):
        times = sorted(self.found[1:])
        used = (cpu(self.worker) - self.begun) / len(times)
        return {"overhead_ms": round(statistics.median(times), 1), "overhead_p90_ms": round(times[len(times) * 9 // 10], 1), "cpu_ms": round(used, 1)}

    def own(self, proxies):
        return {"own_ms": round(statistics.median(own(proxies, *run) for run in self.runs[1:]), 1)}


def plain(tmp, options, name, command, tasks):
    """Tasks that wait, verification off."""
    row, _ = waiting(tmp, options, name, command, tasks)
    with Proxy(options["rootUrl"]) as proxy:
        _, overhead = waiting(tmp, options, f"{name}-own", command, tasks, taskcluster_root_url=proxy.url)
        return row | overhead.own([proxy])


def waiting(tmp, options, name, command, tasks, **config):
    queue = taskcluster.Queue(options)
    worker = daemon(tmp, options, name, command, **config)
    ids = [slugId() for _ in range(tasks + 1)]
    for task in ids:
        queue.createTask(task, definition(worker.pool, payload={}))
    with worker:
        overhead = Overhead(queue, worker)
        for task in ids:
            overhead.add(task)
        row = overhead.row()
        worker.stop()
    return row, overhead


def verified(tmp, workers, tasks):
    """One signing task, run again and again by each worker, verification on."""
    pool, rows = "demo-3-bench", {}
    with Server(str(tmp / "server"), flags=["--with-workers"]) as server:
        queue = taskcluster.Queue(server.options)
        graph = (HERE / "worker-graph.yml").read_text()
        push(server, tmp, graph, ["queue:create-task:low:demo-3/nobody", f"queue:create-task:highest:scriptworker-k8s/{pool}", "project:demo:signing:cert:release-signing"])
        tasks_of_push = of_the_push(server, queue)
        for name in (name for name in tasks_of_push if name.startswith("build-")):
            wait(queue, tasks_of_push[name], resolved)
        for name, command in workers.items():
            run = lambda end, endpoints, root_url: again(queue, tmp, server, f"{name}-{end}", command, pool, tasks_of_push["signing"], tasks, endpoints, root_url)
            row, _ = run("direct", server.endpoints, server.root_url)
            with contextlib.ExitStack() as stack:
                proxy = lambda url: stack.enter_context(Proxy(url))
                root = proxy(server.root_url)
                hosts = {origin: proxy(url) for origin, url in server.endpoints.items()}
                _, overhead = run("own", {origin: proxy.url for origin, proxy in hosts.items()}, root.url)
                rows[name] = row | overhead.own([root, *hosts.values()])
    return rows


def again(queue, tmp, server, name, command, pool, task, times, endpoints, root_url):
    """Runs one task once and then `times` more, by a worker that finds hosts at these endpoints."""
    hosts = {origin.split("//")[1]: tuple(url.split("//")[1].split(":")) for origin, url in endpoints.items()}
    with Front(hosts, str(tmp / f"{name}.pem")) as front:
        mapped = [sys.executable, str(HERE.parent / "conformance" / "local" / "mapped.py"), str(front.port), front.ca, "scriptworker.worker:main"]
        config = trust(server, "adhoc" if command is None else "demo", endpoints, root_url)
        worker = daemon(tmp, server.options, name, command or mapped, pool, **config)
        with worker:
            overhead = Overhead(queue, worker)
            for _ in range(times + 1):
                status = queue.status(task)["status"]
                if resolved(status):
                    queue.rerunTask(task)
                overhead.add(task)
            row = overhead.row()
            worker.stop()
    return row, overhead


def trust(server, product, endpoints, root_url):
    """The generated configuration under another product's name: scriptworker knows no product of the demo."""
    text = pathlib.Path(server.config).read_text().replace("{demo: ", f"{{{product}: ").replace("    demo:\n", f"    {product}:\n")
    config = yaml.safe_load(text) | {"cot_product": product, "cot_job_type": "signing", "taskcluster_root_url": root_url}
    if product != "demo":
        del config["x_cot"]
        # a list, as its policies have it, is refused by its check of configuration files
        config["prebuilt_docker_image_task_types"] = {"by-cot-product": {product: "any"}}
        config["valid_artifact_rules"] = {"by-cot-product": {product: artifact_rules(root_url)}}
    else:
        config["x_cot"]["endpoints"] = endpoints
    return config


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


NAMES = {"overhead_ms": "overhead, median, ms", "overhead_p90_ms": "p90, ms", "own_ms": "own, ms", "cpu_ms": "CPU, ms", "start_ms": "start to first claim, ms", "requests": "requests"}


def goals(rows):
    """-> what is compared, the figure, whether it is good."""
    ratio = lambda kind, figure: rows[kind]["scriptworker"][figure] / max(rows[kind]["catena"][figure], 0.1)
    yield "ms of its own per task, verification on; at most 30", rows["verified"]["catena"]["own_ms"], lambda ms: ms <= 30
    yield "times less of its own, verification on; at least 10", ratio("verified", "own_ms"), lambda times: times >= 10
    yield "ms of its own per task, verification off; at most 30", rows["plain"]["catena"]["own_ms"], lambda ms: ms <= 30
    for kind, name in (("verified", "on"), ("plain", "off")):
        for figure, title in (("own_ms", "of its own"), ("overhead_ms", "overhead, round trips included"), ("cpu_ms", "CPU")):
            if (kind, figure) != ("verified", "own_ms"):
                yield f"times less {title}, verification {name}; no goal", ratio(kind, figure), lambda _: True
    yield "ms to the first claim; less than 100", rows["plain"]["catena"]["start_ms"], lambda ms: ms < 100


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--tasks", type=int, default=100)
    ap.add_argument("--verified", type=int, default=RUNS // 4 - 1, help="at most %(default)s: a task has fifty runs, two for each worker and one more each")
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
