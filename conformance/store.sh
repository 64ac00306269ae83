#!/bin/sh
# Evidence that machines share in S3, for which the published moto stands on loopback: python3 with moto[server] in PATH.
set -eu
cd "$(dirname "$0")/.."
cargo test --locked -p catena-evidence --features object-store --no-run
exec python3 - <<'PYTHON'
import logging, os, subprocess, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
moto.start()
host, port = moto.get_host_and_port()
command = ["cargo", "test", "--locked", "-p", "catena-evidence", "--features", "object-store", "--test", "it", "--",
           "--ignored", "--exact", "store::machines_share_evidence_in_a_bucket"]
try:
    sys.exit(subprocess.run(command, env=os.environ | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}).returncode)
finally:
    moto.stop()
PYTHON
