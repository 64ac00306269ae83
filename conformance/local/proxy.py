"""A proxy before a server that breaks what it is told to break.

    with Proxy("http://127.0.0.1:1234") as proxy:
        proxy.fail("create", Fault.RESET, times=2)
        ...  # clients use proxy.url

A call is named by what it is for: claim, reclaim, completed, failed, exception, create, put, other.
"""
import collections
import enum
import http.client
import http.server
import json
import socket
import struct
import threading
import time
import urllib.parse


class Fault(enum.Enum):
    RESET = "the connection is reset before the call arrives"
    LOST = "the call arrives, the connection is reset before the answer"
    STALL = "nothing happens until the client gives up"
    TRUNCATED = "the call arrives, half of the answer comes back"
    S401 = 401
    S403 = 403
    S409 = 409
    S429 = 429
    S500 = 500
    S503 = 503


CALLS = (
    ("/claim-work/", "claim"),
    ("/reclaim", "reclaim"),
    ("/completed", "completed"),
    ("/failed", "failed"),
    ("/exception", "exception"),
    ("/artifacts/", "create"),
)


def call_of(method, path):
    if method == "PUT" and not path.startswith("/api/"):
        return "put"
    path = urllib.parse.unquote(path)
    ends = [name for part, name in CALLS if part in path and method == "POST"]
    return ends[0] if ends else "other"


class Proxy:
    def __init__(self, target):
        self.target = urllib.parse.urlsplit(target)
        self.lock = threading.Lock()
        self.rules, self.calls, self.first, self.over = [], collections.Counter(), {}, threading.Event()
        self.broken = collections.Counter()
        # (call, path, when it came, when it was answered)
        self.spans = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 90
            # head and body are two writes; the second must not wait until the first is acknowledged
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def answer(self):
                proxy.answer(self)

            do_GET = do_POST = do_PUT = do_HEAD = answer

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

            def handle_error(self, *_):
                # a client that went away is no news
                pass

        self.server = Threads(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def fail(self, call, fault, times=1, name=""):
        """The next calls of this kind whose path has `name` in it fail."""
        with self.lock:
            self.rules.append([call, name, fault, times])

    def heal(self):
        """Breaks nothing any more; returns what was never asked for."""
        with self.lock:
            left, self.rules = [rule for rule in self.rules if rule[3] > 0], []
        return left

    def fault(self, call, path):
        with self.lock:
            self.calls[call] += 1
            self.first.setdefault(call, time.monotonic())
            for rule in self.rules:
                if rule[0] == call and rule[1] in urllib.parse.unquote(path) and rule[3] > 0:
                    rule[3] -= 1
                    self.broken[call, rule[2]] += 1
                    return rule[2]
        return None

    def answer(self, client):
        begun = time.monotonic()
        body = client.rfile.read(int(client.headers.get("Content-Length") or 0))
        call = call_of(client.command, client.path)
        fault = self.fault(call, client.path)
        if fault is Fault.RESET:
            return reset(client)
        if fault is Fault.STALL:
            self.stall(client)
            return reset(client)
        if fault is not None and isinstance(fault.value, int):
            page = json.dumps({"code": "Broken", "message": "as the test said", "requestInfo": {}}).encode()
            return reply(client, fault.value, [("Content-Type", "application/json")], page)
        status, headers, page = self.forward(client, body)
        if fault is Fault.LOST:
            return reset(client)
        if fault is Fault.TRUNCATED:
            reply(client, status, headers, page, length=len(page) * 2 + 10)
            client.wfile.flush()
            return reset(client, hard=False)
        reply(client, status, headers, page)
        with self.lock:
            self.spans.append((call, client.path, begun, time.monotonic()))

    def forward(self, client, body):
        upstream = http.client.HTTPConnection(self.target.hostname, self.target.port, timeout=90)
        # with the client's own Host: it is part of what is signed
        headers = {name: value for name, value in client.headers.items() if name.lower() not in ("connection", "transfer-encoding")}
        upstream.request(client.command, client.path, body, headers)
        answer = upstream.getresponse()
        page = answer.read()
        upstream.close()
        # uploads and redirects come this way as well
        ours, theirs = f"{self.url}/", f"{self.target.scheme}://{self.target.netloc}/"
        page = page.replace(theirs.encode(), ours.encode())
        drop = ("connection", "transfer-encoding", "content-length")
        return answer.status, [(name, value.replace(theirs, ours) if name.lower() == "location" else value) for name, value in answer.getheaders() if name.lower() not in drop], page

    def stall(self, client):
        """Until the client hangs up, or the test is over."""
        client.connection.settimeout(0.2)
        while not self.over.is_set():
            try:
                if not client.connection.recv(1):
                    return
            except TimeoutError:
                pass
            except OSError:
                return


def reply(client, status, headers, page, length=None):
    client.send_response_only(status)
    for name, value in headers:
        client.send_header(name, value)
    if status not in (204, 304):
        client.send_header("Content-Length", str(len(page) if length is None else length))
    client.end_headers()
    if client.command != "HEAD":
        client.wfile.write(page)


def reset(client, hard=True):
    if hard:
        client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close_connection = True
    client.wfile.flush()
    if hard:
        # not shut down in order first, which would send an end before the reset
        client.connection.close()
        client.rfile.close()
