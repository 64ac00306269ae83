#!/usr/bin/env python3
"""Runs an entry point of a published package with host names mapped: `mapped.py PORT CA MODULE:FUNCTION ARGUMENT...`.

Every host name leads to a port on loopback, and the authority of CA is trusted; addresses stay what they are. Nothing of
the package is changed.
"""
import importlib
import os
import socket
import sys

port, ca, entry, *arguments = sys.argv[1:]
# before aiohttp and requests are imported: they read it then
os.environ.update(SSL_CERT_FILE=ca, REQUESTS_CA_BUNDLE=ca)
plain = socket.getaddrinfo


def getaddrinfo(host, *args, **kwargs):
    try:
        socket.inet_aton(host.decode() if isinstance(host, bytes) else host)
    except OSError:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", int(port)))]
    return plain(host, *args, **kwargs)


socket.getaddrinfo = getaddrinfo
module, function = entry.split(":")
sys.argv = [entry, *arguments]
sys.exit(getattr(importlib.import_module(module), function)())
