#!/usr/bin/env python3
"""What a shell script cannot do by itself; for curl.sh.

    helper.py task                         makes a completed task with public/hello.txt; prints its id
    helper.py sign METHOD URL TYPE FILE    prints an Authorization header of the root client over the bytes of FILE
"""
import os
import sys

import mohawk
import requests
import taskcluster

from checks import ahead, definition

OPTIONS = {
    "rootUrl": os.environ["TASKCLUSTER_ROOT_URL"],
    "credentials": {"clientId": os.environ["TASKCLUSTER_CLIENT_ID"], "accessToken": os.environ["TASKCLUSTER_ACCESS_TOKEN"]},
}


def task():
    queue, made = taskcluster.Queue(OPTIONS), taskcluster.slugId()
    queue.createTask(made, definition("local/curl"))
    (work,) = queue.claimWork("local/curl", {"workerGroup": "group", "workerId": "curl", "tasks": 1})["tasks"]
    mine = taskcluster.Queue({**OPTIONS, "credentials": work["credentials"]})
    put = mine.createArtifact(made, 0, "public/hello.txt", {"storageType": "s3", "contentType": "text/plain", "expires": ahead(600)})["putUrl"]
    requests.put(put, data=b"hello from a task\n", headers={"Content-Type": "text/plain"}).raise_for_status()
    mine.reportCompleted(made, 0)
    return made


def sign(method, url, content_type, file):
    key = {"id": OPTIONS["credentials"]["clientId"], "key": OPTIONS["credentials"]["accessToken"], "algorithm": "sha256"}
    with open(file, "rb") as fh:
        return mohawk.Sender(key, url, method, content=fh.read(), content_type=content_type, ext="e30=").request_header


if __name__ == "__main__":
    print({"task": task, "sign": sign}[sys.argv[1]](*sys.argv[2:]))
