"""A server that shows a proxy's page, lists one model, and breaks every connection that asks it for more."""

import http.server
import json
import threading
import urllib.request

CHUNK = b'data: {"choices": [{"index": 0, "delta": {"content": "Half"}}]}\n\n'


GIVE_UP = 60  # seconds


class Server:
    """`breaks` is set when a stream that has begun is to break."""

    def __init__(self, proxy):
        self.breaks = breaks = threading.Event()
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(proxy + "/") as answer:
            page = answer.read()
            policy = answer.headers["content-security-policy"]

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def whole(self, body, kind):
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-security-policy", policy)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path == "/":
                    self.whole(page, "text/html; charset=utf-8")
                else:
                    self.whole(json.dumps({"object": "list", "data": [{"id": "chat"}]}).encode(), "application/json")

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self.close_connection = True
                if self.path == "/v1/chat/completions":
                    self.send_response(200)
                    self.send_header("content-type", "text/event-stream")
                    self.send_header("transfer-encoding", "chunked")
                    self.end_headers()
                    # A chunk, and not the one that ends a body.
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK))
                    self.wfile.flush()
                    breaks.wait(GIVE_UP)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
