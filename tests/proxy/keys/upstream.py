#!/usr/bin/env python3
"""A server that answers as Triton's generate does and tells exact counts of tokens; no model.   usage: upstream.py, which prints its port

A prompt has as many tokens as it has words, and an answer as many as `max_tokens` says. The parameter `delay_ms` is the time for an answer, or for each
token of a stream. GET /seen tells how many requests there were, how many there are, and how many
there were at once at most since it was asked last.
"""

import asyncio
import json

TEXT = "word "


class Upstream:

    def __init__(self):
        self.seen = {"asked": 0, "now": 0, "most": 0, "left": 0}

    async def serve(self, reader, writer):
        try:
            while await self.one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = line.split(" ")
        if method != "POST":
            status = "200 OK" if path == "/seen" else "404 Not Found"
            reply(writer, status, json.dumps(self.seen if path == "/seen" else {"error": "no such thing"}))
            self.seen["most"] = self.seen["now"]
            return True
        asked = json.loads(body)
        parameters = asked.get("parameters", {})
        told = {"prompt": len(asked["text_input"].split()), "tokens": parameters.get("max_tokens", 16), "delay": parameters.get("delay_ms", 0) / 1000}
        self.seen["asked"] += 1
        self.seen["now"] += 1
        self.seen["most"] = max(self.seen["most"], self.seen["now"])
        try:
            return await (self.stream if path.endswith("/generate_stream") else self.whole)(reader, writer, **told)
        finally:
            self.seen["now"] -= 1

    async def whole(self, _, writer, prompt, tokens, delay):
        await asyncio.sleep(delay)
        reply(writer, "200 OK", json.dumps({"model_name": "llm", "text_output": TEXT * tokens, "num_input_tokens": prompt, "num_output_tokens": tokens}))
        return True

    async def stream(self, reader, writer, prompt, tokens, delay):
        """One event for each token; a client that hangs up is noticed at once."""
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n")
        event = "data: %s\n\n" % json.dumps({"model_name": "llm", "text_output": TEXT, "num_input_tokens": prompt, "num_output_tokens": 1})
        chunk = ("%x\r\n%s\r\n" % (len(event), event)).encode()
        ended = asyncio.ensure_future(reader.read(1))
        try:
            for _ in range(tokens):
                if (await asyncio.wait({ended}, timeout=delay))[0]:
                    self.seen["left"] += 1
                    return False
                writer.write(chunk)
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        finally:
            ended.cancel()
        # What it would have read next is lost with the reader: the next request gets a connection of its own.
        return False


def reply(writer, status, text):
    writer.write(("HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(text), text)).encode())


async def main():
    server = await asyncio.start_server(Upstream().serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
