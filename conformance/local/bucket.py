#!/usr/bin/env python3
"""Runs a command beside the published moto, which stands for S3: `bucket.py COMMAND...`.

The command finds it through AWS_ENDPOINT_URL, on loopback; nothing of AWS is ever asked.
"""
import logging
import os
import subprocess
import sys

from moto.server import ThreadedMotoServer

if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        aws = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
        # no proxy between the client and loopback
        here = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        sys.exit(subprocess.run(sys.argv[1:], env=here | aws, stdin=subprocess.DEVNULL).returncode)
    finally:
        moto.stop()
