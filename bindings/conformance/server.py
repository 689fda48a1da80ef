"""Answers as the cases say: each case has a path of its own, /LANGUAGE/WAY/CASE/…, and the server remembers what arrived there.

What is looked up (GET) comes from the case's `models`; without them every look-up is a 404, and the endpoint is called as it
stands. What is asked (POST) gets the case's `replies` in their order; the last one repeats.
"""

import asyncio
import base64
import json
import struct
import threading
import time

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}


class Seen:
    """What arrived for one case in one way."""

    def __init__(self):
        self.posts = []
        self.hung_up = 0  # connections that the client closed while an answer was under way


class Server:
    """Runs on a thread of its own, as a context manager; `base` is its URL."""

    def __init__(self, cases):
        self.cases = {case["name"]: case for case in cases}
        self.seen = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.ready = threading.Event()

    def __enter__(self):
        self.thread.start()
        self.ready.wait()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 26))
        self.base = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()

    def of(self, way, case):
        return self.seen.setdefault((way, case), Seen())

    def hung_up_within(self, way, case, seconds):
        """Whether a client hung up on this case, waiting for it so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.of(way, case).hung_up:
                return True
            time.sleep(0.01)
        return False

    async def _connection(self, reader, writer):
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _request(self, reader, writer):
        """Answers one request; false: the connection is over."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return False
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        _, _, way, name, *rest = path.split("/")
        case = self.cases.get(name)
        if case is None:
            await send(writer, {"status": 404, "json": {"error": "no such case"}})
        elif method == "GET":
            await send(writer, looked_up(case, rest))
        else:
            seen = self.of(way, name)
            seen.posts.append({"path": "/" + "/".join(rest), "headers": headers, "body": read(headers, body)})
            replies = case.get("replies") or [{"status": 500, "json": {"error": "this case expects no request"}}]
            reply = replies[min(len(seen.posts), len(replies)) - 1]
            return await self._answer(reader, writer, reply, seen)
        return True

    async def _answer(self, reader, writer, reply, seen):
        """Sends a reply, and looks now and then whether the client has left meanwhile. False: the connection is over."""
        sending = asyncio.ensure_future(send(writer, reply))
        while not sending.done():
            await asyncio.wait({sending}, timeout=0.01)
            if not sending.done() and (reader.at_eof() or reader.exception()):
                seen.hung_up += 1
                sending.cancel()
                return False
        if isinstance(sending.exception(), ConnectionError):
            seen.hung_up += 1
            return False
        sending.result()
        return reply.get("then", "end") == "end" and "raw" not in reply


def read(headers, body):
    """A request's JSON; of one with binary tensors, the JSON before them."""
    length = headers.get("inference-header-content-length")
    return json.loads(body[: int(length)] if length else body)


def looked_up(case, path):
    """The answer to a look-up: /v2/models/NAME[/config|/ready], /v2/health/ready."""
    models = case.get("models")
    match path:
        case ["v2", "health", _] if models is not None:
            return {"status": 200}
        case ["v2", "models", name, *what] if models and name in models:
            model = models[name]
            answer = {"config": model["config"], "ready": None}.get(what[0]) if what else model["metadata"]
            return {"status": 200, "json": answer} if answer is not None else {"status": 200}
    return {"status": 404, "json": {"error": "Not Found"}}


def encoded(tensor):
    """A tensor's little-endian bytes, as Triton's binary extension has them."""
    letters = {"FP32": "f", "FP16": "e", "FP64": "d"}
    return struct.pack("<%d%s" % (len(tensor["data"]), letters[tensor["datatype"]]), *tensor["data"])


def rendered(reply):
    """A whole reply's head and body."""
    headers = dict(reply.get("headers", {}))
    if "tensors" in reply:
        data = [encoded(tensor) for tensor in reply["tensors"]]
        outputs = [
            {k: tensor[k] for k in ("name", "datatype", "shape")} | {"parameters": {"binary_data_size": len(bytes_)}}
            for tensor, bytes_ in zip(reply["tensors"], data)
        ]
        head = json.dumps({"model_name": "m", "model_version": "1", "outputs": outputs}).encode()
        headers["inference-header-content-length"] = str(len(head))
        body = head + b"".join(data)
    elif "text" in reply:
        body = reply["text"].encode()
    else:
        headers.setdefault("content-type", "application/json")
        body = json.dumps(reply["json"]).encode() if "json" in reply else b""
    headers["content-length"] = str(len(body))
    status = reply.get("status", 200)
    lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "Whatever"))]
    return ("\r\n".join(lines + ["%s: %s" % item for item in headers.items()]) + "\r\n\r\n").encode() + body


async def send(writer, reply):
    """Writes a reply: `silence`, `raw` bytes, `events` of a stream, or a whole answer."""
    if "silence" in reply:
        await asyncio.sleep(reply["silence"])
        return
    if "raw" in reply:
        writer.write(base64.b64decode(reply["raw"]))
        return await writer.drain()
    await asyncio.sleep(reply.get("delay", 0))
    if "events" not in reply:
        writer.write(rendered(reply))
        return await writer.drain()
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for event in reply["events"] * reply.get("times", 1):
        data = b"data: " + json.dumps(event).encode() + b"\n\n"
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()
        await asyncio.sleep(reply.get("pause", 0))
    match reply.get("then", "end"):
        case "end":
            writer.write(b"0\r\n\r\n")
        case "wait":
            await asyncio.sleep(3600)
        case "cut":
            pass
    await writer.drain()
