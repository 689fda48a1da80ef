"""Stands where the documentation's servers stand: http://localhost:8000 and https://your-triton-api-base.

A gateway before a real Triton, which it reaches through a socket in the file system: /generate, /infer and the paths in /triton go to models
of the right shape; every other path goes through as it is, but for the
models' names. The second name it takes as a proxy: whoever asks to be CONNECTed to it is
answered by the gateway itself, over TLS.
"""

import json
import re
import socket
import ssl
import threading

PORT = 8000
NAME = "your-triton-api-base"


def batched(body):
    """A gateway's own knowledge of its model: that one takes batches, so each tensor gets a dimension for it."""
    request = json.loads(body)
    for tensor in request["inputs"]:
        tensor["shape"] = [1] + tensor["shape"]
    return json.dumps(request).encode()


MODELS = {
    "/generate": ("/v2/models/tiny_llm/generate", None),
    "/generate_stream": ("/v2/models/tiny_llm/generate_stream", None),
    "/infer": ("/v2/models/infer_batched/infer", batched),
    "/triton/generate": ("/v2/models/tiny_llm/generate", None),
    "/triton/infer": ("/v2/models/infer_batched/infer", batched),
    "/triton/embeddings": ("/v2/models/embed_flat/infer", None),
}

# How README.md calls the models.
NAMES = {"llama": "tiny_llm", "e5": "minilm"}


class Relay:
    """Listens until the process ends; `asked` has the path of each request."""

    def __init__(self, triton, certificate, key):
        self.triton, self.asked = triton, []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        try:
            gateway = socket.create_server(("127.0.0.1", PORT))
        except OSError as error:
            raise SystemExit("relay: port %d of 127.0.0.1 cannot be had: %s. Stop what listens there and try again." % (PORT, error))
        proxy = socket.create_server(("127.0.0.1", 0))
        self.proxy = "http://127.0.0.1:%d" % proxy.getsockname()[1]
        self.listen(gateway, self.serve)
        self.listen(proxy, self.connect)

    def resolves(self):
        """The second name is this machine's: it is answered there too, without a proxy."""
        listener = socket.create_server(("127.0.0.1", 443))
        self.listen(listener, lambda client: self.serve(self.tls.wrap_socket(client, server_side=True), "https://" + NAME))

    @staticmethod
    def listen(listener, serve):
        def accept():
            while True:
                client = listener.accept()[0]
                threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def connect(self, client):
        file = client.makefile("rb")
        first = file.readline().decode()
        while file.readline() not in (b"\r\n", b""):
            pass
        if first.split()[:2] != ["CONNECT", NAME + ":443"]:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            client.close()
            return
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        self.serve(self.tls.wrap_socket(client, server_side=True), "https://" + NAME)

    def serve(self, client, host="http://localhost:%d" % PORT):
        """One request; the connection ends with its answer."""
        file = client.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            if not line:
                client.close()
                return
            head += line
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        body = file.read(int(length[1])) if length else b""
        method, path, version = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.asked.append("%s %s%s" % (method, host, path))
        target, change = MODELS.get(path, (path, None))
        for name, model in NAMES.items():
            target = re.sub("^/v2/models/%s(?=/|$)" % name, "/v2/models/" + model, target)
        if change:
            body = change(body)
        kept = [line for line in head.decode().split("\r\n")[1:-2] if not re.match(r"(?i)(content-length|connection):", line)]
        lines = ["%s %s %s" % (method, target, version), *kept, "content-length: %d" % len(body), "connection: close", "", ""]
        upstream = socket.socket(socket.AF_UNIX)
        upstream.connect(self.triton)
        upstream.sendall("\r\n".join(lines).encode() + body)
        threading.Thread(target=self.watch, args=(client, upstream), daemon=True).start()
        answer = upstream.makefile("rb")
        try:
            # Triton keeps the connection; that it ends here is said to the client.
            answered = answer.readline()
            while True:
                line = answer.readline()
                if line in (b"\r\n", b""):
                    break
                if not line.lower().startswith(b"connection:"):
                    answered += line
            client.sendall(answered + b"connection: close\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", answered)
            if length:
                client.sendall(answer.read(int(length[1])))
            else:
                while True:
                    piece = answer.readline()
                    if not piece:
                        break
                    client.sendall(piece)
                    if piece == b"0\r\n":
                        client.sendall(answer.readline())
                        break
        except OSError:
            pass  # the client has gone
        finally:
            for each in (client, upstream):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    @staticmethod
    def watch(client, upstream):
        """The client goes: so does the request."""
        try:
            while client.recv(1):
                pass
        except (OSError, ValueError):
            pass
        try:
            upstream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def bridge(path, url):
    """A socket in the file system that leads to a URL's host, from any network namespace."""
    host, port = re.match(r"http://([^:/]+):(\d+)", url).groups()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)

    def pump(source, target):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(client):
        server = socket.create_connection((host, int(port)))
        threading.Thread(target=pump, args=(server, client), daemon=True).start()
        pump(client, server)

    Relay.listen(listener, serve)
