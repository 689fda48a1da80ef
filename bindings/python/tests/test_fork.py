"""fork(), as multiprocessing and gunicorn's preload do it."""

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

import mishikallm
from base import HERE, MESSAGES, Case

# For gunicorn --preload: the package is imported, and used, before the workers are forked.
APPLICATION = """
import asyncio, json, os
import mishikallm

URL = os.environ["FAKE"]
request = dict(model="triton/m", messages=[{"role": "user", "content": "x"}], api_base=URL)
early = mishikallm.Client(api_base=URL)
assert mishikallm.completion(**request).choices[0].message.content == "hello"
assert asyncio.run(mishikallm.acompletion(**request)).choices[0].message.content == "hello"
master = os.getpid()

def application(environ, start_response):
    said = {"forked": os.getpid() != master}
    try:
        early.completion("triton/m", request["messages"])
        said["early"] = "answered"
    except mishikallm.APIError as error:
        said["early"] = [type(error).__name__, str(error)]
    said["default"] = mishikallm.completion(**request).choices[0].message.content
    said["loop"] = asyncio.run(mishikallm.acompletion(**request)).choices[0].message.content
    with mishikallm.Client(api_base=URL) as late:
        said["late"] = late.completion("triton/m", request["messages"]).choices[0].message.content
    start_response("200 OK", [("content-type", "application/json")])
    return [json.dumps(said).encode()]
"""


def ask(request):
    """For a pool's children."""
    return mishikallm.completion(**request).choices[0].message.content


class Forks(Case):
    def in_child(self, work):
        """What `work` gives as JSON, from a child of fork() that has a limited time."""
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(20)
                os.close(reads)
                with os.fdopen(writes, "w") as file:
                    json.dump(work(), file)
                os._exit(0)
            except BaseException as error:
                sys.stderr.write("in the child: %r\n" % error)
                os._exit(1)
        os.close(writes)
        with os.fdopen(reads) as file:
            text = file.read()
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        return json.loads(text)

    def ask(self, behaviour="ok"):
        return mishikallm.completion(**self.request(behaviour)).choices[0].message.content

    def ask_in_loop(self):
        return asyncio.run(mishikallm.acompletion(**self.request("ok"))).choices[0].message.content

    def test_the_functions_work_on_both_sides(self):
        self.assertEqual(self.ask(), "hello")
        self.assertEqual(self.ask_in_loop(), "hello")
        self.assertEqual(self.in_child(lambda: [self.ask(), self.ask_in_loop()]), ["hello", "hello"])
        self.assertEqual([self.ask(), self.ask_in_loop()], ["hello", "hello"])

    def test_a_client_from_before_says_so_and_a_new_one_works(self):
        client = mishikallm.Client(api_base=self.server.base("ok"))
        client.completion("triton/m", MESSAGES)

        def work():
            said = []
            for call in (lambda: client.completion("triton/m", MESSAGES), lambda: client.embedding("triton/m", "x"),
                         lambda: asyncio.run(client.acompletion("triton/m", MESSAGES))):
                try:
                    call()
                except mishikallm.ClientForkedError as error:
                    said.append([str(error), error.status])
            client.close()
            with mishikallm.Client(api_base=self.server.base("ok")) as late:
                said.append(late.completion("triton/m", MESSAGES).choices[0].message.content)
            return said

        forked = ["this Client was made before fork(): make a new one in the child process", "FORKED"]
        self.assertEqual(self.in_child(work), [forked, forked, forked, "hello"])
        self.assertEqual(client.completion("triton/m", MESSAGES).choices[0].message.content, "hello")

    def test_a_stream_from_before(self):
        """The child gets an error, may drop it, and the parent's goes on."""
        stream = mishikallm.completion(**self.request("stream-20-20"), stream=True)
        first = next(stream)

        def work():
            try:
                for _ in range(40):
                    next(stream)
                return "went on"
            except mishikallm.ClientForkedError:
                stream.close()
                return "refused"

        self.assertEqual(self.in_child(work), "refused")
        rest = list(stream)
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in [first, *rest]),
                         "".join("t%d " % number for number in range(20)))

    def test_forking_while_other_threads_and_loops_call(self):
        stop = threading.Event()

        def work():
            while not stop.is_set():
                self.ask()

        async def many():
            while not stop.is_set():
                await asyncio.gather(*(mishikallm.acompletion(**self.request("ok")) for _ in range(5)))

        threads = [threading.Thread(target=work) for _ in range(3)] + [threading.Thread(target=lambda: asyncio.run(many()))]
        for thread in threads:
            thread.start()
        try:
            for _ in range(15):
                self.assertEqual(self.in_child(lambda: [self.ask(), self.ask_in_loop()]), ["hello", "hello"])
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def test_with_the_log_on(self):
        """Threads are inside the log's callback when the process forks."""
        import logging

        class Slow(logging.Handler):
            def emit(self, record):
                time.sleep(0.01)

        stop, handler = threading.Event(), Slow()
        mishikallm.set_log("debug")
        logging.getLogger("mishikallm").addHandler(handler)

        def work():
            while not stop.is_set():
                self.ask()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                self.assertEqual(self.in_child(self.ask), "hello")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            logging.getLogger("mishikallm").removeHandler(handler)
            mishikallm.set_log(None)

    def test_multiprocessing(self):
        self.ask()
        with multiprocessing.get_context("fork").Pool(3) as pool:
            self.assertEqual(pool.map(ask, [self.request("ok")] * 12), ["hello"] * 12)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            self.assertEqual(pool.map(ask, [self.request("ok")]), ["hello"])

    def test_gunicorn_preload(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "application.py"), "w") as file:
                file.write(APPLICATION)
            server = subprocess.Popen(
                [sys.executable, "-B", "-m", "gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:%d" % port, "--chdir", folder,
                 "--no-control-socket", "application"],
                env={**os.environ, "FAKE": self.server.base("ok")}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            try:
                said = [self.get(port, server) for _ in range(6)]
            finally:
                server.terminate()
                errors = server.communicate(timeout=20)[1]
        self.assertEqual(server.returncode, 0, errors)
        for each in said:
            self.assertEqual(each, {"forked": True, "default": "hello", "loop": "hello", "late": "hello", "early": [
                "ClientForkedError", "this Client was made before fork(): make a new one in the child process"]})

    def get(self, port, server):
        end = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=20) as answer:
                    return json.load(answer)
            except OSError as error:
                if time.monotonic() > end or server.poll() is not None:
                    self.fail("gunicorn: %s; %s" % (error, server.stderr.read() if server.poll() is not None else "it does not answer"))
                time.sleep(0.1)


if __name__ == "__main__":
    os.chdir(HERE)
    unittest.main()
