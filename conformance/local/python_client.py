#!/usr/bin/env python3
"""The published Python client (`taskcluster`) against a server; run by local.sh through server.py.

Every call a worker, a script or a person makes, the way the client makes it: definitions and their defaults, claims,
artifacts of all storage types, paging, index, secrets, credentials, and each refusal with its status, code and body.
"""
import os
import sys

import requests
import taskcluster
from taskcluster.download import downloadArtifactToBuf
from taskcluster.upload import uploadFromBuf
from taskcluster.utils import slugId

from checks import Checks, ahead, definition

ROOT = os.environ["TASKCLUSTER_ROOT_URL"]
CLIENT_ID, ACCESS_TOKEN = os.environ["TASKCLUSTER_CLIENT_ID"], os.environ["TASKCLUSTER_ACCESS_TOKEN"]
WORKER = {"workerGroup": "group", "workerId": "worker-1"}
check = Checks("Python client")


def options(credentials="root", **more):
    """`root`, None for nobody, or credentials of the server's making; no retries, so that a 5xx shows."""
    if credentials == "root":
        credentials = {"clientId": CLIENT_ID, "accessToken": ACCESS_TOKEN}
    return {"rootUrl": ROOT, "maxRetries": 0, **({"credentials": dict(credentials)} if credentials else {}), **more}


def queue(credentials="root", **more):
    return taskcluster.Queue(options(credentials, **more))


def pool():
    return f"local/{slugId()}".lower()[:44].rstrip("-_")


def created(where, **changes):
    task = slugId()
    queue().createTask(task, definition(where, **changes))
    return task


def claim(where, tasks=1):
    return queue().claimWork(where, {**WORKER, "tasks": tasks})["tasks"]


def claimed(**changes):
    """A running task: its id, and the queue as its worker sees it."""
    where = pool()
    task = created(where, **changes)
    (work,) = claim(where)
    return task, queue(work["credentials"])


# ---------------------------------------------------------------- tasks
def pings():
    for service in (taskcluster.Queue, taskcluster.Auth, taskcluster.Index, taskcluster.Secrets, taskcluster.Object):
        check.equal(f"{service.__name__}.ping", service(options(None)).ping().get("alive"), True)


def creation():
    task, where = slugId(), pool()
    asked = definition(where)
    status = queue().createTask(task, asked)["status"]
    check.equal("state of a new task", status["state"], "pending")
    check.equal("runs of a new task", [(run["runId"], run["state"], run["reasonCreated"]) for run in status["runs"]], [(0, "pending", "scheduled")])
    check.equal("pool in parts", f"{status['provisionerId']}/{status['workerType']}", where)
    check.equal("the same again", queue().createTask(task, asked)["status"], status)
    check.equal("status", queue(None).status(task)["status"], status)
    check.refused("another definition", 409, "RequestConflict", queue().createTask, task, {**asked, "payload": {}})
    check.equal("the definition is what it was", queue(None).task(task)["payload"], asked["payload"])

    defaults = {"projectId": "none", "taskGroupId": task, "dependencies": [], "requires": "all-completed", "routes": [], "priority": "lowest", "retries": 5, "scopes": [], "tags": {}, "extra": {}}
    found = queue(None).task(task)
    check.equal("defaults", {name: found.get(name) for name in defaults}, defaults)
    check.equal("what was given stays", {name: found.get(name) for name in asked}, asked)

    parts = definition(where)
    del parts["taskQueueId"], parts["expires"], parts["schedulerId"]
    task = slugId()
    provisioner, worker_type = where.split("/")
    queue().createTask(task, {**parts, "provisionerId": provisioner, "workerType": worker_type})
    found = queue(None).task(task)
    check.equal("pool from its parts", found["taskQueueId"], where)
    check.equal("no scheduler", found["schedulerId"], "-")
    check.equal("expiry is a year past the deadline", found["expires"][:4], str(int(found["deadline"][:4]) + 1))


def refused_definitions():
    def create(**changes):
        task = slugId()
        try:
            return queue().createTask(task, definition(pool(), **changes))
        finally:
            check.refused("nothing is stored", 404, "ResourceNotFound", queue(None).task, task)

    check.refused("no metadata", 400, "InputValidationError", create, metadata=None)
    check.refused("unknown member", 400, "InputValidationError", create, surprise=True)
    check.refused("an unknown priority", 400, "InputValidationError", create, priority="urgent")
    check.refused("a route that is none", 400, "InputValidationError", create, routes=[""])
    check.refused("deadline in the past", 400, "InputError", create, deadline=ahead(-3600))
    check.refused("deadline too far ahead", 400, "InputError", create, deadline=ahead(6 * 86400), expires=ahead(7 * 86400))
    check.refused("expiry before the deadline", 400, "InputError", create, expires=ahead(1800))
    check.refused("a dependency that is not", 400, "InputError", create, dependencies=[slugId()])
    check.refused("an id that is none", 400, "InvalidRequestArguments", queue().task, "not-a-task-id")
    check.refused("an unknown task", 404, "ResourceNotFound", queue().task, slugId())
    check.refused("status of an unknown task", 404, "ResourceNotFound", queue().status, slugId())


def dependencies():
    where, later = pool(), pool()
    first, second = created(where), created(where)
    strict = created(later, dependencies=[first, second])
    loose = created(later, dependencies=[first, second], requires="all-resolved")
    state = lambda task: queue(None).status(task)["status"]["state"]
    check.equal("waits", [state(strict), state(loose)], ["unscheduled", "unscheduled"])
    check.equal("an unscheduled task has no runs", queue(None).status(strict)["status"]["runs"], [])
    works = {work["status"]["taskId"]: queue(work["credentials"]) for work in claim(where, 2)}
    works[first].reportCompleted(first, 0)
    check.equal("still waits", [state(strict), state(loose)], ["unscheduled", "unscheduled"])
    works[second].reportFailed(second, 0)
    check.equal("all-resolved is enough for one", [state(strict), state(loose)], ["unscheduled", "pending"])
    queue().rerunTask(second)
    (again,) = claim(where)
    check.equal("a rerun is a new run", (again["runId"], again["status"]["runs"][1]["reasonCreated"]), (1, "rerun"))
    queue(again["credentials"]).reportCompleted(second, 1)
    check.equal("all completed", state(strict), "pending")


# ---------------------------------------------------------------- work
def claims():
    where = pool()
    low, high, other = created(where, priority="low"), created(where, priority="high"), created(where, priority="low")
    works = claim(where, 32)
    check.equal("highest priority first, then oldest", [work["status"]["taskId"] for work in works], [high, low, other])
    work = works[0]
    run = work["status"]["runs"][0]
    check.equal("who has it", (run["workerGroup"], run["workerId"], work["workerGroup"], work["workerId"]), ("group", "worker-1") * 2)
    check.true("takenUntil as the real service has it in claims", work["takenUntil"].endswith("+00:00"), work["takenUntil"])
    check.true("and in statuses", run["takenUntil"].endswith("Z"), run["takenUntil"])
    check.true("temporary client id", work["credentials"]["clientId"].startswith(f"task-client/{high}/0/on/group/worker-1/until/"), work["credentials"]["clientId"])
    check.equal("the claim has the definition", work["task"], queue(None).task(high))

    worker = queue(work["credentials"])
    again = worker.reclaimTask(high, 0)
    check.true("reclaiming gives credentials that last longer", again["takenUntil"] >= work["takenUntil"] and again["credentials"] != work["credentials"], again["takenUntil"])
    check.true("and reclaims have no definition", "task" not in again, list(again))
    check.equal("the old ones still hold", worker.reclaimTask(high, 0)["status"]["state"], "running")
    check.refused("another task's credentials", 403, "InsufficientScopes", worker.reclaimTask, low, 0)
    worker = queue(again["credentials"])
    check.equal("completed", worker.reportCompleted(high, 0)["status"]["state"], "completed")
    check.equal("completed again", worker.reportCompleted(high, 0)["status"]["runs"][0]["reasonResolved"], "completed")
    check.refused("then failed", 409, "RequestConflict", worker.reportFailed, high, 0)
    check.refused("reclaimed when resolved", 409, "RequestConflict", worker.reclaimTask, high, 0)
    check.refused("a run that is not", 404, "ResourceNotFound", queue().reportCompleted, low, 7)

    worker = queue(works[1]["credentials"])
    status = worker.reportException(low, 0, {"reason": "worker-shutdown"})["status"]
    check.equal("worker-shutdown is followed by another run", [(run["state"], run["reasonCreated"]) for run in status["runs"]], [("exception", "scheduled"), ("pending", "retry")])
    check.equal("a retry is used", status["retriesLeft"], 4)
    check.refused("superseded is refused", 400, "InputValidationError", worker.reportException, low, 0, {"reason": "superseded"})
    worker = queue(works[2]["credentials"])
    check.equal("malformed-payload is final", worker.reportException(other, 0, {"reason": "malformed-payload"})["status"]["state"], "exception")
    check.equal("the same again", worker.reportException(other, 0, {"reason": "malformed-payload"})["status"]["state"], "exception")
    check.refused("for another reason", 409, "RequestConflict", worker.reportException, other, 0, {"reason": "internal-error"})

    check.refused("33 tasks at once", 400, "InputValidationError", queue().claimWork, where, {**WORKER, "tasks": 33})
    check.refused("a pool that is none", 400, "InvalidRequestArguments", queue().claimWork, "no-slash", {**WORKER, "tasks": 1})


def cancellation():
    task, worker = claimed()
    check.equal("cancelled", [run["reasonResolved"] for run in queue().cancelTask(task)["status"]["runs"]], ["canceled"])
    check.refused("the worker learns of it", 409, "RequestConflict", worker.reclaimTask, task, 0)
    check.refused("and cannot complete it", 409, "RequestConflict", worker.reportCompleted, task, 0)
    late = {"storageType": "error", "expires": ahead(600), "reason": "file-missing-on-worker", "message": "cancelled"}
    check.equal("artifacts are still taken for a while", worker.createArtifact(task, 0, "public/late", late), {"storageType": "error"})
    waiting = created(pool(), dependencies=[task])
    status = queue().cancelTask(waiting)["status"]
    check.equal("an unscheduled task can be cancelled", [(run["state"], run["reasonResolved"]) for run in status["runs"]], [("exception", "canceled")])
    check.refused("unknown task", 404, "ResourceNotFound", queue().cancelTask, slugId())


def groups():
    where, group = pool(), slugId()
    tasks = [group] + [slugId() for _ in range(6)]
    for task in tasks:
        queue().createTask(task, definition(where, taskGroupId=group))
    pages = []
    queue(None).listTaskGroup(group, paginationHandler=pages.append, paginationLimit=3)
    check.equal("pages", [len(page["tasks"]) for page in pages], [3, 3, 1])
    listed = [member for page in pages for member in page["tasks"]]
    check.equal("every task once", sorted(member["status"]["taskId"] for member in listed), sorted(tasks))
    check.true("definition and status", all(member["task"]["taskGroupId"] == group and member["status"]["state"] == "pending" for member in listed), listed[:1])
    check.equal("all at once", len(queue(None).listTaskGroup(group)["tasks"]), 7)
    check.refused("a token that is none", 400, "InputError", queue(None).listTaskGroup, group, query={"continuationToken": "nonsense"})
    check.refused("another scheduler", 409, "RequestConflict", queue().createTask, slugId(), definition(where, taskGroupId=group, schedulerId="other"))
    check.refused("no such group", 404, "ResourceNotFound", queue(None).listTaskGroup, slugId())
    check.equal("pending", queue().pendingTasks(where)["pendingTasks"], 7)


# ---------------------------------------------------------------- artifacts
def s3():
    task, worker = claimed()
    name, body = "public/build/target.txt", b"bytes of a build\n"
    answer = worker.createArtifact(task, 0, name, {"storageType": "s3", "contentType": "text/plain", "expires": ahead(3600)})
    check.equal("answer", sorted(answer), ["contentType", "expires", "putUrl", "storageType"])
    put = requests.put(answer["putUrl"], data=body, headers={"Content-Type": "text/plain"})
    check.equal("upload", put.status_code, 200)
    worker.reportCompleted(task, 0)
    for what, url in (("by run", queue(None).buildUrl("getArtifact", task, 0, name)), ("latest", queue(None).buildUrl("getLatestArtifact", task, name))):
        answer = requests.get(url, allow_redirects=False)
        check.equal(f"{what}: redirect", (answer.status_code, answer.headers.get("x-taskcluster-artifact-storage-type")), (303, "s3"))
        check.equal(f"{what}: its body", answer.json(), {"storageType": "s3", "url": answer.headers["Location"]})
        answer = requests.get(url)
        check.equal(f"{what}: content", (answer.status_code, answer.content, answer.headers["Content-Type"]), (200, body, "text/plain"))
        check.equal(f"{what}: with plain slashes", requests.get(url.replace("%2F", "/")).content, body)
    check.equal("the client's downloader, by run", downloadArtifactToBuf(taskId=task, runId=0, name=name, queueService=queue())[0], body)
    check.equal("the client's downloader, latest", downloadArtifactToBuf(taskId=task, name=name, queueService=queue())[0], body)
    info = queue(None).artifactInfo(task, 0, name)
    check.equal("info", (info["storageType"], info["name"], info["contentType"]), ("s3", name, "text/plain"))
    check.equal("info, latest", queue(None).latestArtifactInfo(task, name), info)
    check.refused("no such artifact", 404, "ResourceNotFound", queue(None).artifactInfo, task, 0, "public/none")
    check.refused("no such run", 404, "ResourceNotFound", queue(None).getArtifact, task, 5, name)
    queue().rerunTask(task)
    check.refused("latest is the highest run, whatever its state", 404, "ResourceNotFound", queue(None).getLatestArtifact, task, name)
    check.equal("the run still has it", requests.get(queue(None).buildUrl("getArtifact", task, 0, name)).content, body)


def large():
    """More than fits into a buffer, and packed."""
    import gzip

    task, worker = claimed()
    body = os.urandom(1 << 16) * 320
    for name, content, headers in (("public/large", body, {}), ("public/log", gzip.compress(body), {"Content-Encoding": "gzip"})):
        answer = worker.createArtifact(task, 0, name, {"storageType": "s3", "contentType": "application/octet-stream", "expires": ahead(3600)})
        put = requests.put(answer["putUrl"], data=content, headers={"Content-Type": "application/octet-stream", **headers})
        check.equal(f"{name}: upload", put.status_code, 200)
        answer = requests.get(queue(None).buildUrl("getLatestArtifact", task, name))
        check.true(f"{name}: content", answer.content == body, len(answer.content))
        check.equal(f"{name}: encoding", answer.headers.get("Content-Encoding"), headers.get("Content-Encoding"))
    url = worker.createArtifact(task, 0, "public/other", {"storageType": "s3", "contentType": "text/plain", "expires": ahead(3600)})["putUrl"]
    for what, broken in (("a changed signature", url[:-1] + ("0" if url[-1] != "0" else "1")), ("no signature", url.partition("?")[0])):
        check.true(f"upload with {what} is refused", requests.put(broken, data=b"forged").status_code in (401, 403), broken)
    check.refused("nothing was stored", 404, "ResourceNotFound", lambda: fetch(queue(None).buildUrl("getLatestArtifact", task, "public/other")))


def fetch(url, **kwargs):
    """GET as a browser does it; a refusal in the client's words, the bucket's included."""
    answer = requests.get(url, **kwargs)
    if answer.status_code >= 400:
        body = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
        # a bucket has errors of its own; the code is what its clients look at
        if "/api/" not in answer.url and answer.status_code == 404:
            body = {"code": "ResourceNotFound", "message": answer.text, "requestInfo": dict.fromkeys(("method", "params", "payload", "time"))}
        raise taskcluster.exceptions.TaskclusterRestFailure(answer.text, None, status_code=answer.status_code, body=body)
    return answer


def private():
    task, worker = claimed()
    name, body = "private/secret.txt", b"not for everybody"
    put = worker.createArtifact(task, 0, name, {"storageType": "s3", "contentType": "text/plain", "expires": ahead(3600)})["putUrl"]
    requests.put(put, data=body).raise_for_status()
    check.refused("anonymously", 403, "InsufficientScopes", queue(None).getArtifact, task, 0, name)
    signed = queue().buildSignedUrl("getArtifact", task, 0, name)
    check.equal("with a signed URL", requests.get(signed).content, body)
    check.equal("latest, with a signed URL", requests.get(queue().buildSignedUrl("getLatestArtifact", task, name)).content, body)
    check.refused("signed by a stranger", 401, "AuthenticationFailed", fetch, queue({"clientId": CLIENT_ID, "accessToken": "wrong" * 9}).buildSignedUrl("getArtifact", task, 0, name))
    check.refused("a signed URL that is over", 401, "AuthenticationFailed", fetch, queue().buildSignedUrl("getArtifact", task, 0, name, expiration=-60))
    check.refused("for another artifact", 401, "AuthenticationFailed", fetch, signed.replace("secret.txt", "other.txt"))
    reader = taskcluster.createTemporaryCredentials(CLIENT_ID, ACCESS_TOKEN, *times(-60, 600), [f"queue:get-artifact:{name}"])
    check.equal("the scope for it is enough", requests.get(queue(reader).buildSignedUrl("getArtifact", task, 0, name)).content, body)
    reader = taskcluster.createTemporaryCredentials(CLIENT_ID, ACCESS_TOKEN, *times(-60, 600), ["queue:get-artifact:private/other"])
    check.refused("another scope is not", 403, "InsufficientScopes", queue(reader).getArtifact, task, 0, name)


def objects():
    task, worker = claimed()
    for name, body in (("public/small", b"a small object"), ("public/large", os.urandom(300_000))):
        request = {"storageType": "object", "contentType": "application/x-thing", "expires": ahead(3600)}
        answer = worker.createArtifact(task, 0, name, request)
        check.equal(f"{name}: its object", answer["name"], f"t/{task}/0/{name}")
        check.refused(f"{name}: not there before it is finished", 404, "ResourceNotFound", queue(None).getArtifact, task, 0, name)
        service = taskcluster.Object(options(answer["credentials"]))
        uploadFromBuf(data=body, projectId=answer["projectId"], name=answer["name"], contentType="application/x-thing", contentLength=len(body), expires=answer["expires"], uploadId=answer["uploadId"], objectService=service)
        check.refused(f"{name}: another upload id", 400, "InputError", worker.finishArtifact, task, 0, name, {"uploadId": slugId()})
        worker.finishArtifact(task, 0, name, {"uploadId": answer["uploadId"]})
        got, content_type = downloadArtifactToBuf(taskId=task, runId=0, name=name, queueService=queue())
        check.equal(f"{name}: the client's downloader checks its digests", (bytes(got) == body, content_type), (True, "application/x-thing"))
        got = requests.get(queue(None).buildUrl("getLatestArtifact", task, name))
        check.equal(f"{name}: redirect", (got.status_code, got.content == body), (200, True))
    check.refused("s3 is not finished", 400, "InputError", finish_s3, task, worker)


def finish_s3(task, worker):
    worker.createArtifact(task, 0, "public/s3", {"storageType": "s3", "contentType": "text/plain", "expires": ahead(3600)})
    worker.finishArtifact(task, 0, "public/s3", {"uploadId": slugId()})


def other_types():
    task, worker = claimed()
    create = lambda name, **request: worker.createArtifact(task, 0, name, {"expires": ahead(3600), **request})
    url = f"{ROOT}/api/queue/v1/ping?from=reference"
    check.equal("reference", create("public/elsewhere", storageType="reference", url=url, contentType="application/json"), {"storageType": "reference"})
    answer = requests.get(queue(None).buildUrl("getArtifact", task, 0, "public/elsewhere"), allow_redirects=False)
    check.equal("leads there", (answer.status_code, answer.headers["Location"], answer.json()), (303, url, {"storageType": "reference", "url": url}))
    check.equal("a reference may lead elsewhere later", create("public/elsewhere", storageType="reference", url=url + "2", contentType="application/json"), {"storageType": "reference"})

    check.equal("link", create("public/link", storageType="link", artifact="public/elsewhere", contentType="text/plain"), {"storageType": "link"})
    answer = requests.get(queue(None).buildUrl("getLatestArtifact", task, "public/link"), allow_redirects=False)
    check.equal("is followed", (answer.status_code, answer.headers["Location"]), (303, url + "2"))
    create("public/loop", storageType="link", artifact="public/pool", contentType="text/plain")
    create("public/pool", storageType="link", artifact="public/loop", contentType="text/plain")
    check.refused("links in a circle", 400, "InputError", queue(None).getArtifact, task, 0, "public/loop")
    create("public/shortcut", storageType="link", artifact="private/thing", contentType="text/plain")
    check.refused("a link opens nothing", 403, "InsufficientScopes", queue(None).getArtifact, task, 0, "public/shortcut")

    error = {"reason": "file-missing-on-worker", "message": "no such file"}
    check.equal("error", create("public/missing", storageType="error", **error), {"storageType": "error"})
    answer = requests.get(queue(None).buildUrl("getArtifact", task, 0, "public/missing"))
    check.equal("says why", (answer.status_code, {name: answer.json().get(name) for name in error}), (424, error))
    try:
        found = queue().getArtifact(task, 0, "public/missing")
    except taskcluster.exceptions.TaskclusterRestFailure as why:
        found = why.status_code
    check.equal("also to the client", found, 424)
    try:
        found = downloadArtifactToBuf(taskId=task, name="public/missing", queueService=queue())
    except taskcluster.exceptions.TaskclusterArtifactError as why:
        found = (why.reason, str(why))
    check.equal("and to its downloader", found, (error["reason"], error["message"]))


def conditions():
    task, worker = claimed()
    name, request = "public/again", {"storageType": "s3", "contentType": "text/plain", "expires": ahead(600)}
    create = lambda **changes: worker.createArtifact(task, 0, name, {**request, **changes})
    create()
    check.equal("the same again", create()["storageType"], "s3")
    check.equal("for longer", create(expires=ahead(1200))["storageType"], "s3")
    check.refused("of another content type", 409, "RequestConflict", create, contentType="text/html")
    other = {"storageType": "error", "expires": ahead(600), "reason": "file-missing-on-worker", "message": ""}
    check.refused("of another storage type", 409, "RequestConflict", worker.createArtifact, task, 0, name, other)
    check.refused("an unknown storage type", 400, "InputValidationError", create, storageType="azure")
    check.refused("beyond the task's own expiry", 400, "InputError", worker.createArtifact, task, 0, "public/later", {**request, "expires": ahead(86400)})
    check.refused("expired long ago", 400, "InputError", worker.createArtifact, task, 0, "public/earlier", {**request, "expires": ahead(-3600)})
    worker.createArtifact(task, 0, "public/gone", {"storageType": "reference", "url": ROOT, "contentType": "text/plain", "expires": ahead(-60)})
    check.refused("expired", 410, "ResourceExpired", queue(None).getArtifact, task, 0, "public/gone")
    check.refused("an unknown run", 400, "InputError", queue().createArtifact, task, 3, name, request)
    check.refused("an unknown task", 400, "InputError", queue().createArtifact, slugId(), 0, name, request)
    waiting = created(pool())
    check.refused("a run that nobody claimed", 400, "InputError", queue().createArtifact, waiting, 0, name, request)
    check.refused("anonymously", 403, "InsufficientScopes", queue(None).createArtifact, task, 0, "public/stranger", request)
    worker.reportCompleted(task, 0)
    check.refused("after the end", 409, "RequestConflict", worker.createArtifact, task, 0, "public/late", request)
    listed = [artifact["name"] for artifact in queue(None).listArtifacts(task, 0)["artifacts"]]
    check.true("nothing refused was stored", not {"public/later", "public/earlier", "public/stranger", "public/late"} & set(listed), listed)


def artifact_lists():
    task, worker = claimed()
    names = [f"public/file-{number:02}" for number in range(7)]
    for name in names:
        worker.createArtifact(task, 0, name, {"storageType": "reference", "url": ROOT, "contentType": "text/plain", "expires": ahead(600)})
    for what, call, args in (("by run", "listArtifacts", (task, 0)), ("latest", "listLatestArtifacts", (task,))):
        pages, parameters = [], dict(zip(("taskId", "runId"), args))
        getattr(queue(None), call)(params=parameters, query={"limit": "3"}, paginationHandler=pages.append)
        check.equal(f"{what}: pages", [len(page["artifacts"]) for page in pages], [3, 3, 1])
        check.equal(f"{what}: every artifact once", [artifact["name"] for page in pages for artifact in page["artifacts"]], names)
        whole = getattr(queue(None), call)(*args)
        check.true(f"{what}: at once", "continuationToken" not in whole and [artifact["name"] for artifact in whole["artifacts"]] == names, whole)
        check.equal(f"{what}: an entry", sorted(whole["artifacts"][0]), ["contentType", "expires", "name", "storageType"])
    check.refused("a token that is none", 400, "InputError", queue(None).listArtifacts, params={"taskId": task, "runId": 0}, query={"continuationToken": "nonsense"})


# ---------------------------------------------------------------- index, secrets, credentials
def index():
    task, worker = claimed()
    put = worker.createArtifact(task, 0, "public/found", {"storageType": "s3", "contentType": "text/plain", "expires": ahead(600)})["putUrl"]
    requests.put(put, data=b"found").raise_for_status()
    worker.reportCompleted(task, 0)
    name = f"conformance.v2.{slugId().lower()}"
    service = taskcluster.Index(options())
    entry = {"taskId": task, "rank": 3, "data": {"a": 1}, "expires": ahead(600)}
    service.insertTask(f"{name}.build", entry)
    found = taskcluster.Index(options(None)).findTask(f"{name}.build")
    check.equal("found", (found["namespace"], found["taskId"], found["rank"], found["data"]), (f"{name}.build", task, 3, {"a": 1}))
    service.insertTask(f"{name}.build", {**entry, "rank": 1, "taskId": slugId()})
    check.equal("a lower rank changes nothing", service.findTask(f"{name}.build")["taskId"], task)
    service.insertTask(f"{name}.deep.er", entry)
    check.equal("namespaces", [space["namespace"] for space in service.listNamespaces(name)["namespaces"]], [f"{name}.deep"])
    check.equal("tasks", [entry["namespace"] for entry in service.listTasks(name)["tasks"]], [f"{name}.build"])
    url = taskcluster.Index(options(None)).buildUrl("findArtifactFromTask", f"{name}.build", "public/found")
    check.equal("an artifact by index", requests.get(url).content, b"found")
    check.refused("not there", 404, "ResourceNotFound", service.findTask, f"{name}.none")
    check.refused("anonymously", 403, "InsufficientScopes", taskcluster.Index(options(None)).insertTask, name, entry)


def secrets():
    service, name = taskcluster.Secrets(options()), f"project/conformance/{slugId()}"
    service.set(name, {"secret": {"key": "value"}, "expires": ahead(600)})
    check.equal("read", service.get(name)["secret"], {"key": "value"})
    service.set(name, {"secret": {"key": "other"}, "expires": ahead(600)})
    check.equal("changed", service.get(name)["secret"], {"key": "other"})
    check.true("listed", name in service.list()["secrets"], service.list())
    check.refused("anonymously", 403, "InsufficientScopes", taskcluster.Secrets(options(None)).get, name)
    service.remove(name)
    check.refused("removed", 404, "ResourceNotFound", service.get, name)
    service.set(name, {"secret": {}, "expires": ahead(-60)})
    check.refused("expired", 410, "ResourceExpired", service.get, name)


def times(start, end):
    """What createTemporaryCredentials takes for its start and expiry."""
    return taskcluster.fromNow(f"{'-' if start < 0 else ''}{abs(start)} seconds"), taskcluster.fromNow(f"{'-' if end < 0 else ''}{abs(end)} seconds")


def temporary(scopes, start=-60, end=600, **kwargs):
    return taskcluster.createTemporaryCredentials(CLIENT_ID, ACCESS_TOKEN, *times(start, end), scopes, **kwargs)


def credentials():
    where = pool()
    create = lambda who, **more: queue(who, **more).createTask(slugId(), definition(where))
    needed = [f"queue:create-task:lowest:{where}", "queue:scheduler-id:conformance", "queue:create-task:project:none"]
    current = lambda who: taskcluster.Auth(options(who)).currentScopes()["scopes"]
    for what, more in (("unnamed", {}), ("named", {"name": "conformance/somebody"})):
        check.equal(f"{what}: exactly the scopes", create(temporary(needed, **more))["status"]["state"], "pending")
        check.equal(f"{what}: a star", create(temporary(["queue:*"], **more))["status"]["state"], "pending")
        check.refused(f"{what}: one is missing", 403, "InsufficientScopes", create, temporary(needed[:1], **more))
        check.refused(f"{what}: a star in the middle is none", 403, "InsufficientScopes", create, temporary(["queue:*:" + where, *needed[1:]], **more))
        check.refused(f"{what}: over", 401, "AuthenticationFailed", create, temporary(needed, -3600, -1800, **more))
        check.refused(f"{what}: not yet", 401, "AuthenticationFailed", create, temporary(needed, 1800, 3600, **more))
        check.true(f"{what}: its scopes", set(needed) <= set(current(temporary(needed, **more))), needed)
        forged = temporary(needed[:1], **more)
        forged["certificate"] = forged["certificate"].replace(needed[0], "*")
        check.refused(f"{what}: scopes of its own making", 401, "AuthenticationFailed", create, forged)
    check.refused("narrowed to nothing", 403, "InsufficientScopes", create, "root", authorizedScopes=[])
    check.equal("narrowed to what is needed", create("root", authorizedScopes=needed)["status"]["state"], "pending")
    check.refused("wider than what one has", 401, "AuthenticationFailed", create, temporary(needed[:1]), authorizedScopes=["queue:*"])
    check.refused("a wrong token", 401, "AuthenticationFailed", create, {"clientId": CLIENT_ID, "accessToken": "wrong" * 9})
    check.refused("an unknown client", 401, "AuthenticationFailed", create, {"clientId": "nobody", "accessToken": ACCESS_TOKEN})
    check.refused("nobody", 403, "InsufficientScopes", create, None)

    auth, role = taskcluster.Auth(options()), f"conformance-{slugId()}"
    auth.createRole(role, {"description": "for the conformance run", "scopes": needed})
    check.equal("through a role", create(temporary([f"assume:{role}"]))["status"]["state"], "pending")
    check.true("whose scopes show", set(needed) <= set(current(temporary([f"assume:{role}"]))), needed)
    client = f"conformance/{slugId()}"
    made = auth.createClient(client, {"description": "", "expires": ahead(600), "scopes": [f"assume:{role}"]})
    check.equal("a client of one's own", create({"clientId": client, "accessToken": made["accessToken"]})["status"]["state"], "pending")
    task_scopes = lambda: queue(temporary(needed)).createTask(slugId(), definition(where, scopes=["secrets:get:all"]))
    check.refused("a task cannot have what its creator has not", 403, "InsufficientScopes", task_scopes)
    high = lambda who: queue(who).createTask(slugId(), definition(where, priority="low"))
    check.refused("nor a higher priority", 403, "InsufficientScopes", high, temporary(needed))
    check.equal("the scope for a higher one is enough", high(temporary([f"queue:create-task:high:{where}", *needed[1:]]))["status"]["priority"], "low")
    route = lambda who: queue(who).createTask(slugId(), definition(where, routes=["index.conformance.route"]))
    check.refused("nor a route", 403, "InsufficientScopes", route, temporary(needed))
    check.equal("with the scope for it", route(temporary([*needed, "queue:route:index.conformance.*"]))["status"]["state"], "pending")
    check.refused("claims need the worker's scope", 403, "InsufficientScopes", queue(temporary([f"queue:claim-work:{where}"])).claimWork, where, {**WORKER, "tasks": 1})


def names():
    """Names that would be paths elsewhere are names, or are refused; they are never paths."""
    task, worker = claimed()
    request = {"storageType": "s3", "contentType": "text/plain", "expires": ahead(600)}
    for name in ("public/../../etc/passwd", "../escape", "public/%2e%2e/x", "/absolute", "public//double", "public/ü", "public/a b", "public/back\\slash", "a" * 1024):
        try:
            put = worker.createArtifact(task, 0, name, request)["putUrl"]
        except taskcluster.exceptions.TaskclusterRestFailure as why:
            check.true(f"{name[:40]!r} is taken or refused", why.status_code == 400, (why.status_code, why.body))
            continue
        requests.put(put, data=name.encode()).raise_for_status()
        found = requests.get(queue().buildSignedUrl("getArtifact", task, 0, name))
        check.equal(f"{name[:40]!r} is itself", found.content, name.encode())
    for name in ("public/nul\0", "public/line\nbreak", "a" * 1025, ""):
        try:
            found = worker.createArtifact(task, 0, name, request)
        except taskcluster.exceptions.TaskclusterRestFailure as why:
            found = why.status_code
        check.true(f"{name[:40]!r} is refused", found in (400, 404), found)


def main():
    scenes = [pings, creation, refused_definitions, dependencies, claims, cancellation, groups, s3, large, private, objects, other_types, conditions, artifact_lists, index, secrets, credentials, names]
    wanted = sys.argv[1:] or [scene.__name__ for scene in scenes]
    for scene in scenes:
        if scene.__name__ not in wanted:
            continue
        before = check.lines
        try:
            scene()
        except Exception as why:  # one scene that breaks off must not hide the others
            check.true(f"{scene.__name__} runs to its end", False, f"{type(why).__name__}: {why} {getattr(why, 'body', '')}")
            if os.environ.get("TRACE"):
                raise
        print(f"ok     {scene.__name__}: {check.lines - before} checks" if not check.bad else f"       {scene.__name__}: {check.lines - before} checks, {check.bad} unexpected so far", flush=True)
    return check.done()


if __name__ == "__main__":
    sys.exit(main())
