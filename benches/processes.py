"""The fixed-reply server and the clients under load: starting them, pinning them, giving them cases."""

import http.client
import json
import os
import subprocess
from pathlib import Path


def choose_cpus() -> tuple[int | None, int | None]:
    """(the server's, the clients'); a client that shares its CPU with the server would be measured with the server's cache misses."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


def pin_to(cpu: int | None):
    """For Popen's preexec_fn."""
    return None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})


class Server:
    """The fixed-reply server, on any free port."""

    def __init__(self, program: Path, cpu: int | None):
        self.process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True, preexec_fn=pin_to(cpu))
        self.url = self.process.stdout.readline().strip()
        # One connection for all that we ask, so that its count of connections is the clients' own.
        self.connection = http.client.HTTPConnection(self.url.removeprefix("http://"))

    def get(self, path: str) -> bytes:
        self.connection.request("GET", path)
        return self.connection.getresponse().read()

    def stats(self) -> dict:
        return json.loads(self.get("/stats"))

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait()


class Client:
    """A process that takes cases on stdin and answers each with a line of JSON. It is started once for all cases."""

    def __init__(self, name: str, command: list, cpu: int | None):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, preexec_fn=pin_to(cpu)
        )

    def run(self, mode: str, calls: int, threads: int, server: Server) -> dict:
        before = server.stats()
        self.process.stdin.write(f"{mode} {calls} {threads}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} died in {mode} with {threads} threads")
        result = json.loads(line)
        after = server.stats()
        arrived = {what: after[what] - before[what] for what in before}
        result |= arrived
        # A call that was tried twice, or answered without asking, has another cost than the one it is compared with.
        result["bad"] += abs(arrived["posts"] - result["n"] - result["warm_up"])
        return result

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()
