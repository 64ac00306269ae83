"""TLS before servers on loopback, for clients that insist on https and on real host names.

A front has one address and an authority of its own; the Host of a request decides which server gets the connection.
Nothing is changed on the way.
"""
import asyncio
import re
import ssl
import threading

import trustme


class Front:
    """Serves `{host name: (address, port)}`; `port` and the authority's file are there after entering."""

    def __init__(self, hosts, ca):
        self.hosts, self.ca, self.port, self.unknown = hosts, str(ca), None, set()

    def __enter__(self):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*self.hosts).configure_cert(self.tls)
        self.loop, ready = asyncio.new_event_loop(), threading.Event()

        async def serve():
            self.server = await asyncio.start_server(self.connection, "127.0.0.1", 0, ssl=self.tls)
            self.port = self.server.sockets[0].getsockname()[1]
            ready.set()

        self.loop.create_task(serve())
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        if not ready.wait(20):
            raise SystemExit("the TLS front did not start")
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def connection(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            host = re.search(rb"\r\nhost: *([^\r:]+)", head, re.I)[1].decode().lower()
            if host not in self.hosts:
                self.unknown.add(host)
                return
            up_reader, up_writer = await asyncio.open_connection(*self.hosts[host])
            up_writer.write(head)
            await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


async def pump(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
