#!/usr/bin/env python3
"""Kills the server (SIGKILL) under load, again and again, and checks that nothing it acknowledged is lost.

    kills.py [--kills N] [--seed N]

In each round, tasks of a pool of their own are created while 50 workers claim them, upload an artifact and complete
them, until the kill. What was answered with success before it is in a ledger. After the restart: every task created is
there with its definition; every claim is held by the worker that got it; every completion and every artifact, byte for
byte. At the end, claims that the kills cut off have expired and were retried; all tasks are completed; no run was
given to two workers. What was asked but not answered may have happened or not.
"""
import argparse
import asyncio
import hashlib
import json
import random
import sys
import tempfile
import time

import aiohttp
import taskcluster.aio
from taskcluster.utils import slugId

from checks import ahead, definition
from server import Server

CREATORS, WORKERS, READERS = 8, 50, 16
CLAIM_TIMEOUT = 3
# how long the last claims may take to expire and be done
PATIENCE = 120


class Ledger:
    """What the server has acknowledged, over all rounds."""

    def __init__(self):
        self.created, self.claimed, self.uploaded, self.completed = {}, {}, {}, set()
        self.wrong = []

    def claim(self, work, worker):
        run = (work["status"]["taskId"], work["runId"])
        if run in self.claimed:
            self.wrong.append(f"run {run} was given to {self.claimed[run]} and to {worker}")
        self.claimed[run] = worker
        return run

    def __str__(self):
        return f"{len(self.created)} tasks, {len(self.claimed)} claims, {len(self.uploaded)} artifacts, {len(self.completed)} completions"


class Load:
    """Calls without retries: what fails is not acknowledged."""

    def __init__(self, server, session, ledger, pool):
        self.server, self.session, self.ledger, self.pool = server, session, ledger, pool

    def queue(self, credentials):
        return taskcluster.aio.Queue({"rootUrl": self.server.root_url, "maxRetries": 0, "credentials": dict(credentials)}, session=self.session)

    async def create(self):
        queue = self.queue(self.server.credentials)
        while True:
            task, asked = slugId(), definition(self.pool)
            await queue.createTask(task, asked)
            self.ledger.created[task] = asked

    async def work(self, number, over=lambda: False):
        worker = f"worker-{number}"
        queue = self.queue(self.server.credentials)
        while not over():
            for work in (await queue.claimWork(self.pool, {"workerGroup": "group", "workerId": worker, "tasks": 1}))["tasks"]:
                task, run = self.ledger.claim(work, worker)
                mine = self.queue(work["credentials"])
                body = random.randbytes(random.choice((10, 1000, 100_000)))
                created = await mine.createArtifact(task, run, "public/body", {"storageType": "s3", "contentType": "application/octet-stream", "expires": ahead(3600)})
                async with self.session.put(created["putUrl"], data=body) as answer:
                    answer.raise_for_status()
                self.ledger.uploaded[task, run] = hashlib.sha256(body).hexdigest()
                await mine.reportCompleted(task, run)
                self.ledger.completed.add((task, run))


def is_refusal(why):
    """An answer other than success; losing the connection is none."""
    return isinstance(why, taskcluster.exceptions.TaskclusterRestFailure) or isinstance(why, taskcluster.exceptions.TaskclusterAuthFailure) or isinstance(why, aiohttp.ClientResponseError)


async def round_of_load(server, ledger, pool, seconds):
    async with session() as http:
        load = Load(server, http, ledger, pool)
        jobs = [asyncio.create_task(job) for job in [load.create() for _ in range(CREATORS)] + [load.work(number) for number in range(WORKERS)]]
        await asyncio.sleep(seconds)
        early = [job for job in jobs if job.done()]
        server.kill()
        for why in await asyncio.gather(*jobs, return_exceptions=True):
            if is_refusal(why):
                ledger.wrong.append(f"refused under load: {why!r} {getattr(why, 'body', '')}")
        if early:
            ledger.wrong.append(f"{len(early)} ended before the kill: {early[0].exception()!r}")


async def is_kept(server, ledger, tasks, runs_end):
    """Compares what the server knows of the tasks with the ledger; returns how many runs were cut off."""
    places = asyncio.Semaphore(READERS)
    async with session() as http:
        queue = Load(server, http, ledger, "").queue(server.credentials)

        async def placed(task):
            async with places:
                return await task_is_kept(http, queue, ledger, task, runs_end)

        return sum(await asyncio.gather(*map(placed, tasks)))


async def task_is_kept(http, queue, ledger, task, runs_end):
    try:
        found, status = await queue.task(task), (await queue.status(task))["status"]
    except taskcluster.exceptions.TaskclusterRestFailure as why:
        ledger.wrong.append(f"task {task} was acknowledged and is lost: {why!r}")
        return 0
    if any(found.get(name) != value for name, value in ledger.created[task].items()):
        ledger.wrong.append(f"task {task} has another definition: {found}")
    if runs_end and status["state"] != "completed":
        ledger.wrong.append(f"task {task} is not completed in the end: {status}")
    return sum([await run_is_kept(http, queue, ledger, (task, run["runId"]), run, runs_end) for run in status["runs"]])


async def run_is_kept(http, queue, ledger, key, run, runs_end):
    if key in ledger.claimed and run.get("workerId") != ledger.claimed[key]:
        ledger.wrong.append(f"run {key} was given to {ledger.claimed[key]}, and is now {run}")
    if key in ledger.completed and run["state"] != "completed":
        ledger.wrong.append(f"run {key} was completed, and is now {run}")
    if key in ledger.uploaded:
        async with http.get(queue.buildUrl("getArtifact", *key, "public/body")) as answer:
            found = hashlib.sha256(await answer.read()).hexdigest()
            if (answer.status, found) != (200, ledger.uploaded[key]):
                ledger.wrong.append(f"run {key}: the artifact is {answer.status}, sha256 {found}, expected {ledger.uploaded[key]}")
    if runs_end and run["state"] not in ("completed", "exception"):
        ledger.wrong.append(f"run {key} has not ended: {run}")
    if run["state"] == "exception" and run["reasonResolved"] != "claim-expired":
        ledger.wrong.append(f"run {key} ended otherwise than by expiry: {run}")
    return key in ledger.claimed and key not in ledger.completed


async def drain(server, ledger, pools):
    """Works until every acknowledged task has a completed run: what the kills cut off expires and is tried again."""
    late = time.monotonic() + PATIENCE
    done = lambda: {task for task, _ in ledger.completed} >= set(ledger.created) or time.monotonic() > late
    async with session() as http:
        for pool in pools:
            mine = {task for task, asked in ledger.created.items() if asked["taskQueueId"] == pool}
            over = lambda: {task for task, _ in ledger.completed} >= mine
            jobs = [asyncio.create_task(Load(server, http, ledger, pool).work(f"last-{number}", lambda: over() or done())) for number in range(4)]
            while not (over() or done()) and not any(job.done() for job in jobs):
                await settle(server, http, ledger, mine)
                await asyncio.sleep(0.05)
            for job in jobs:
                job.cancel()
            for why in await asyncio.gather(*jobs, return_exceptions=True):
                if isinstance(why, Exception):
                    ledger.wrong.append(f"the last work broke off: {why!r} {getattr(why, 'body', '')}")


async def settle(server, http, ledger, tasks):
    """A completion that was asked for but not answered may have happened: then nothing is left to claim."""
    queue = Load(server, http, ledger, "").queue(server.credentials)
    for task in tasks - {task for task, _ in ledger.completed}:
        status = (await queue.status(task))["status"]
        if status["state"] == "completed":
            ledger.completed.add((task, len(status["runs"]) - 1))


def session():
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--kills", type=int, default=20)
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    chance, ledger, cut_off, pools = random.Random(args.seed), Ledger(), 0, []
    with tempfile.TemporaryDirectory() as directory, Server(directory, CLAIM_TIMEOUT) as server:
        for number in range(args.kills):
            pools.append(f"kill/round-{number}")
            before = set(ledger.created)
            asyncio.run(round_of_load(server, ledger, pools[-1], chance.uniform(0.3, 0.8)))
            server.start()
            cut_off += asyncio.run(is_kept(server, ledger, set(ledger.created) - before, runs_end=False))
        asyncio.run(drain(server, ledger, pools))
        asyncio.run(is_kept(server, ledger, ledger.created, runs_end=True))
        retried = sum(1 for _, run in ledger.claimed if run > 0)
    for wrong in ledger.wrong[:20]:
        print("WRONG ", wrong)
    # a run of this that hardly loaded the server, or cut nothing off, has shown nothing
    idle = len(ledger.completed) < 5 * args.kills or cut_off < args.kills or not retried
    if idle:
        print(f"WRONG  too little happened: {ledger}, {cut_off} runs cut off, {retried} tried again")
    print(json.dumps({"part": "kills", "kills": args.kills, "acknowledged": str(ledger), "cut off": cut_off, "tried again": retried, "unexpected": len(ledger.wrong)}))
    return 1 if ledger.wrong or idle else 0


if __name__ == "__main__":
    sys.exit(main())
