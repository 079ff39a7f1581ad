"""A worker in Python for heapmage's pool: docs/worker-protocol.md."""
import json
import os
import socket

channel = socket.socket(fileno=int(os.environ["HEAPMAGE_POOL_FD"])).makefile("rw", encoding="utf-8", newline="\n")


def send(frame):
    channel.write(json.dumps(frame) + "\n")
    channel.flush()


def do(kind, data):
    if kind == "sum":
        return sum(data)
    if kind == "words":
        return len(data.split())
    raise ValueError("unknown task type: " + kind)


send({"kind": "ready", "v": 1})
for line in channel:
    frame = json.loads(line)
    if frame["kind"] != "task":
        continue
    try:
        send({"kind": "result", "id": frame["id"], "result": do(frame["type"], frame["data"])})
    except Exception as error:
        send({"kind": "error", "id": frame["id"], "error": str(error)})
