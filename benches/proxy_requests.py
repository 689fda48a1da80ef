"""What the proxies are asked, as bytes on the wire, and what has to come of it."""

import http.client
import json
from pathlib import Path

from processes import Server
from proxies import Proxy

# model: the endpoint that the proxies are given
ENDPOINTS = {"llm": "generate", "s20b": "generate", "s600d1000": "generate", "e1x1024": "infer", "e64x1024": "infer"}
STREAM = "open stream"


def _chat(model: str, **more) -> tuple[str, dict]:
    return "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "hello big world"}], "max_tokens": 16, **more}


def _embeddings(rows: int, form: str) -> tuple[str, dict]:
    texts = [f"the quick brown fox number {i} jumps over the lazy dog" for i in range(rows)]
    return "/v1/embeddings", {"model": f"e{rows}x1024", "input": texts, "encoding_format": form}


# name: ((path, body), what is in OpenAI's answer, what is in Triton's)
REQUESTS = {
    "chat": (_chat("llm"), b"The quick brown fox", b"The quick brown fox"),
    "stream": (_chat("s20b", stream=True), b"token9", b"token9"),
    STREAM: (_chat("s600d1000", stream=True), b"token0", b"token0"),
    "embed 1 × 1024, float": (_embeddings(1, "float"), b'"index":0', b'"shape":[1,1024]'),
    "embed 64 × 1024, float": (_embeddings(64, "float"), b'"index":63', b'"shape":[64,1024]'),
    "embed 64 × 1024, base64": (_embeddings(64, "base64"), b'"index":63', b'"shape":[64,1024]'),
}


def configuration(url: str, parameters: str, **more) -> dict:
    """The models, as both gateways read them; `parameters` is the key that each has its own name for, and `more` goes in there."""
    def deployment(name: str, endpoint: str) -> dict:
        model = f"triton/{name}"
        if parameters == "litellm_params" and endpoint == "generate":
            model = "triton/mosaicml/mpt-7b-chat"  # one whose template it has: others it looks for on the internet, at each request
        return {"model_name": name, parameters: {"model": model, "api_base": f"{url}/v2/models/{name}/{endpoint}", **more}}

    return {"model_list": [deployment(*both) for both in ENDPOINTS.items()]}


class Requests:
    """One file for each request and kind of proxy. What has no path of OpenAI's gets the bytes that mishikallm sent to the server."""

    def __init__(self, server: Server, folder: Path):
        self.server, self.folder = server, folder

    def file(self, proxy: Proxy, request: str) -> Path:
        kind = (f"openai {proxy.name}" if proxy.key else "openai") if proxy.is_openai else "triton"
        return self.folder / f"{kind} {request}.http"

    def has(self, proxy: Proxy, request: str) -> bool:
        """LiteLLM has no base64 for Triton's embeddings."""
        return not (proxy.is_reference and "base64" in request)

    def prepare(self, proxy: Proxy) -> list[str]:
        """Writes the files, asks for each once, and says what was wrong with the answers."""
        wrong = []
        for name, ((path, body), of_openai, of_triton) in REQUESTS.items():
            if not self.has(proxy, name):
                continue
            file = self.file(proxy, name)
            if proxy.is_openai:
                file.write_bytes(_post(path, body, proxy.key))
            # An open stream never ends of itself: of it only the beginning is read.
            status, answer = _exchange(proxy.port, file.read_bytes(), 300 if name == STREAM else None)
            expected = of_openai if proxy.is_openai else of_triton
            # Some write a space between a name and its value.
            if status != 200 or expected not in answer.replace(b": ", b":"):
                wrong.append(f"{name}, {proxy.name}: {status} {answer[:200]!r}")
            if proxy.name == "mishikallm":
                (self.folder / f"triton {name}.http").write_bytes(self.server.get("/last"))
        return wrong


def _post(path: str, body: dict, key: str | None) -> bytes:
    text = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {len(text)}"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    return "\r\n".join([*lines, "", ""]).encode() + text


def _exchange(port: int, request: bytes, at_most: int | None) -> tuple[int, bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", first.split()[1], body, dict(line.split(": ", 1) for line in lines))
        answer = connection.getresponse()
        return answer.status, answer.read(at_most) if at_most is None else answer.read1(at_most)
    finally:
        connection.close()
