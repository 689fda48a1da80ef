"""A server for what a real Triton does not do on demand: silence, errors of every kind, streams without end. It notes what it sees.

What it does is in the path, before the endpoint: http://HOST/slow-500/generate answers after 500 ms.

    ok                 an answer at once
    slow-MS            an answer after a while
    hang               never an answer
    status-N           the status N, with words of its own; 429 has a Retry-After
    stream-N-MS        N tokens, one each MS milliseconds, then the end
    stuck-N            N tokens, and then silence
    cut-N              N tokens, and then the connection is closed
    endless-MS         tokens until the client goes
    big-BYTES          a token of so many bytes, over and over, until the client goes: shows what is read ahead
    rows-N             embeddings, N numbers for each input
    garbage            200, and no JSON
    replies            what the attribute `replies` holds: {"status", "headers", "body"}
"""

import asyncio
import json
import threading
import time

CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Seen:
    """A request, and what became of it."""

    def __init__(self, behaviour, path, headers, body):
        self.behaviour, self.path, self.headers, self.body = behaviour, path, headers, body
        self.tokens = self.bytes = 0
        self.left_at = None  # when the client closed the connection before the answer's end
        self.done = False


class Gone(Exception):
    """The client closed the connection."""


class Server:
    """Listens on a free port of 127.0.0.1, on a thread of its own, until it is closed."""

    def __init__(self):
        self.seen = []
        self.connections = 0
        self.replies = None
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="fake", daemon=True)
        self._thread.start()
        ready.wait()

    def _run(self, ready):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=2048))
        self.url = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def base(self, behaviour, endpoint="generate"):
        """What to give as api_base."""
        return "%s/%s/%s" % (self.url, behaviour, endpoint)

    def of(self, behaviour):
        """The requests that asked for it, in order."""
        return [seen for seen in list(self.seen) if seen.behaviour == behaviour]

    def wait_for(self, condition, seconds=5.0):
        """Whether something about what was seen becomes true in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.005)
        return condition()

    async def _connection(self, reader, writer):
        self.connections += 1
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, Gone):
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def _request(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if method == "GET":
            await self._answer(writer, 404, {"error": "Not Found"})
            return True
        behaviour = path.strip("/").split("/")[0]
        seen = Seen(behaviour, path, headers, json.loads(body))
        self.seen.append(seen)
        word, *numbers = behaviour.split("-")
        try:
            keep = await getattr(self, "_" + word)(seen, reader, writer, *map(int, numbers))
            seen.done = True
            return keep is not False
        except (ConnectionError, Gone):
            seen.left_at = time.monotonic()
            raise

    @staticmethod
    async def _pause(reader, seconds):
        """Waits, and notices when the client goes."""
        try:
            if not await asyncio.wait_for(reader.read(1), seconds):
                raise Gone
        except asyncio.TimeoutError:
            pass

    @staticmethod
    async def _answer(writer, status, value, **headers):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        more = "".join("%s: %s\r\n" % (name.replace("_", "-"), text) for name, text in headers.items())
        writer.write(("HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%s\r\n"
                      % (status, len(body), more)).encode() + body)
        await writer.drain()

    async def _token(self, seen, writer, text):
        event = ("data: %s\n\n" % json.dumps({"model_name": "m", "text_output": text})).encode()
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
        await writer.drain()
        seen.tokens += 1
        seen.bytes += len(event)

    async def _ok(self, seen, reader, writer):
        await self._answer(writer, 200, {"model_name": "m", "text_output": "hello"})

    async def _slow(self, seen, reader, writer, ms):
        await self._pause(reader, ms / 1000)
        await self._ok(seen, reader, writer)

    async def _hang(self, seen, reader, writer):
        while True:
            await self._pause(reader, 3600)

    async def _status(self, seen, reader, writer, status):
        more = {"retry_after": "7"} if status == 429 else {}
        await self._answer(writer, status, {"error": "the words of the server"}, **more)

    async def _replies(self, seen, reader, writer):
        reply = self.replies
        body = reply["body"]
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"content-type": "application/json", "content-length": len(body), **reply.get("headers", {})}
        writer.write(("HTTP/1.1 %d X\r\n%s\r\n" % (reply["status"], "".join("%s: %s\r\n" % h for h in headers.items()))).encode() + body)
        await writer.drain()

    async def _garbage(self, seen, reader, writer):
        await self._answer(writer, 200, b"<html>")

    async def _rows(self, seen, reader, writer, width):
        height = seen.body["inputs"][0]["shape"][0]
        data = [float(number) / 4 for number in range(height * width)]
        await self._answer(writer, 200, {"model_name": "m", "model_version": "1", "outputs": [
            {"name": "embedding", "datatype": "FP32", "shape": [height, width], "data": data}]})

    async def _stream(self, seen, reader, writer, count, ms):
        writer.write(CHUNKED)
        for number in range(count):
            if ms:
                await self._pause(reader, ms / 1000)
            await self._token(seen, writer, "t%d " % number)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _stuck(self, seen, reader, writer, count):
        writer.write(CHUNKED)
        for number in range(count):
            await self._token(seen, writer, "t%d " % number)
        await self._hang(seen, reader, writer)

    async def _cut(self, seen, reader, writer, count):
        writer.write(CHUNKED)
        for number in range(count):
            await self._token(seen, writer, "t%d " % number)
        return False

    async def _endless(self, seen, reader, writer, ms):
        writer.write(CHUNKED)
        while True:
            await self._pause(reader, ms / 1000)
            await self._token(seen, writer, "t%d " % seen.tokens)

    async def _big(self, seen, reader, writer, size):
        writer.write(CHUNKED)
        while True:
            await self._token(seen, writer, "x" * size)


if __name__ == "__main__":
    print(Server().url, flush=True)
    threading.Event().wait()
