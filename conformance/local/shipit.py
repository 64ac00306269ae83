"""A small Ship It on loopback, for release_scripts.py: it checks who asks (Hawk), keeps the requests, and answers."""
import http.server
import json
import threading

import mohawk


class ShipIt:
    """Releases by name, and the requests in order: (method, path, client id or None, body)."""

    def __init__(self, releases, credentials):
        self.releases, self.credentials, self.requests = releases, credentials, []

    def __enter__(self):
        shipit = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = shipit.answer(self.command, self.path, dict(self.headers.items()), body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PATCH = do_POST = handle_one

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def client(self, method, path, headers, body):
        """Who signed the request, body included."""
        keys = {"id": self.credentials["clientId"], "key": self.credentials["accessToken"], "algorithm": "sha256"}
        try:
            receiver = mohawk.Receiver(
                lambda _: keys,
                headers["Authorization"],
                f"{self.url}{path}",
                method,
                content=body,
                content_type=headers["Content-Type"],
                seen_nonce=lambda *_: False,
            )
        except mohawk.exc.HawkFail as why:
            return f"refused: {why}"
        return receiver.parsed_header["id"]

    def answer(self, method, path, headers, body):
        by = None if method == "GET" else self.client(method, path, headers, body) if "Authorization" in headers else "nobody"
        self.requests.append((method, path, by, body.decode()))
        if by not in (None, self.credentials["clientId"]):
            return 403, {"error": by}
        if path == "/product-details" and method == "POST":
            return 200, {}
        release = self.releases.get(path.removeprefix("/releases/"))
        if release is None:
            return 404, {"error": path}
        if method == "PATCH":
            release.update(json.loads(body))
        return 200, release
