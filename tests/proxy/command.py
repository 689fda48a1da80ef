"""The command `mishikallm`, started for a test on a port of its own, and stopped again."""

import contextlib
import os
import random
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

GIVE_UP = 30  # seconds; it is ready in milliseconds


def free_port():
    """None of those that the system gives to connections by itself: it is still free when it is used, and after a restart."""
    while True:
        port = random.randrange(10_000, 20_000)
        with socket.socket() as any_socket, contextlib.suppress(OSError):
            any_socket.bind(("127.0.0.1", port))
            return port


def environment(**more):
    """Ours, without what could change how the command behaves."""
    kept = {name: value for name, value in os.environ.items()
            if not name.lower().startswith("mishikallm") and not name.lower().endswith("_proxy") and name not in ("RUST_LOG", "DATABASE_URL")}
    return {**kept, **more}


class Proxy:
    """A context: `url`, `process`, and what it said in `log()`."""

    def __init__(self, binary, config, *arguments, port=None, host="127.0.0.1", **more):
        self.port = port or free_port()
        self.url = "http://%s:%d" % (host, self.port)
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "config.yaml")
        with open(path, "w") as file:
            file.write(config)
        command = [os.path.abspath(binary), "--config", path, *arguments]
        if port is None:
            command += ["--port", str(self.port)]
        self.log_path = os.path.join(self.folder.name, "log")
        with open(self.log_path, "wb") as log:
            # The keys that its user may have are not for a test.
            home = {"XDG_DATA_HOME": os.path.join(self.folder.name, "data")}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(**{**home, **more}))
        self.wait()

    def wait(self):
        until = time.monotonic() + GIVE_UP
        while True:
            if self.process.poll() is not None:
                raise SystemExit("mishikallm ended with %d:\n%s" % (self.process.returncode, self.log()))
            try:
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url + "/health/liveliness") as answer:
                    answer.read()
                return
            except urllib.error.HTTPError:
                return  # it answers; what, is for the tests
            except OSError as error:
                if time.monotonic() > until:
                    self.stop()
                    raise SystemExit("mishikallm is not ready: %s\n%s" % (error, self.log()))
                time.sleep(0.01)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def status(self, name):
        """A number of /proc/PID/status, such as VmRSS, in kB."""
        with open("/proc/%d/status" % self.process.pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))

    def stop(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()
