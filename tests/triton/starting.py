#!/usr/bin/env python3
"""How `triton` takes a server that crashes while it starts, or that cannot start: with a script in the server's place.

    starting.py     says "all is well" as its last line
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
import textwrap
import unittest

sys.dont_write_bytecode = True  # the checkout is to stay clean
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
loader = importlib.machinery.SourceFileLoader("triton", os.path.join(HERE, "triton"))
triton = importlib.util.module_from_spec(importlib.util.spec_from_loader("triton", loader))
loader.exec_module(triton)

# Counts its starts, and does with each what the next word of `ends` says.
SERVER = """
    #!%s
    import http.server, json, os, sys
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "starts"), "a+") as file:
        file.write("x")
        file.seek(0)
        end = %r[len(file.read()) - 1]
    if end == "crash":
        print("terminate called after throwing an instance of 'boost::interprocess::lock_exception'", flush=True)
        os.abort()
    if end == "broken":
        print("error: creating server: Internal - failed to load all models", flush=True)
        sys.exit(1)
    given = dict(zip(sys.argv[1::2], sys.argv[2::2]))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"name": given["--id"]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    http.server.HTTPServer(("127.0.0.1", int(given["--http-port"])), Handler).serve_forever()
"""


class Installed:
    backends = "/nowhere"

    def __init__(self, server):
        self.server = server

    def environment(self):
        return dict(os.environ)


class Starting(unittest.TestCase):
    def start(self, *ends):
        """Starts such a server; gives it, or why it did not start, with how often it was tried and what was said."""
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "server")
            with open(script, "w") as file:
                file.write(textwrap.dedent(SERVER % (sys.executable, list(ends))).lstrip())
            os.chmod(script, 0o755)
            triton.installation.install = lambda: Installed(script)
            said, server, problem = io.StringIO(), None, None
            with contextlib.redirect_stderr(said):
                try:
                    server = triton.start("/nowhere", None, os.path.join(folder, "log"), True)
                except triton.CannotStart as caught:
                    problem = str(caught)
            if server:
                server.stop()
            with open(os.path.join(folder, "starts")) as file:
                return server, problem, len(file.read()), said.getvalue()

    def test_a_server_that_crashes_is_tried_again_and_it_is_told(self):
        server, problem, starts, said = self.start("crash", "crash", "ready")
        self.assertTrue(server, problem)
        self.assertEqual(starts, 3)
        self.assertEqual(said.count("crashed while it started (signal 6)"), 2)
        self.assertEqual(said.count("lock_exception"), 2)

    def test_one_that_always_crashes_is_given_up(self):
        server, problem, starts, _ = self.start("crash", "crash", "crash", "ready")
        self.assertIsNone(server)
        self.assertEqual(starts, 3)
        self.assertIn("lock_exception", problem)

    def test_one_that_says_what_is_wrong_is_not_tried_again(self):
        server, problem, starts, _ = self.start("broken", "ready")
        self.assertIsNone(server)
        self.assertEqual(starts, 1)
        self.assertIn("failed to load all models", problem)


if __name__ == "__main__":
    done = unittest.main(exit=False, verbosity=2)
    if not done.result.wasSuccessful():
        sys.exit(1)
    print("all is well")
