#!/usr/bin/env python3
"""Measures what the proxy takes, beside nginx as a plain reverse proxy and, with --reference, beside the LiteLLM proxy.

Builds what it needs, runs everything, prints Markdown. The method is in README.md."""

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import build
import proxies
import proxy_report
from processes import Server, choose_cpus
from proxies import KEY, Proxy
from proxy_requests import REQUESTS, STREAM, Requests, configuration
from run import machine, say

CASES = ["closed", "rate", "stream", "embed", "key", "keys", "log", "slow", "start", "idle"]
CONNECTIONS = 32
RATE = 200
REFERENCE_RATE = 20  # what it takes with one worker
SETTLE_SECONDS = 30
EMBEDDINGS = [name for name in REQUESTS if name.startswith("embed")]
# Limits that are never reached, so that all of them are kept account of.
LIMITS = {"max_budget": 1_000_000, "rpm_limit": 1_000_000_000, "tpm_limit": 1_000_000_000}
PRICES = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
# An upstream that has not seen a hang-up by then will not see it.
HANG_UP_SECONDS = 10


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # with what was started, which is in sessions of its own
    options = parse_arguments()
    if lacking := missing(options):
        say("The benchmarks need what is not there:", *(f"  {line}" for line in lacking))
        return 2
    if not proxies.nginx_program():
        say("note: no nginx (apt-get install nginx-light), so nothing is put beside it")
    say("building")
    build.build_server()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for the open streams, at both ends

    server_cpu, proxy_cpu = choose_cpus()
    if proxy_cpu is None:
        say("note: no second CPU to pin to; the proxies and what loads them disturb each other")
    server = Server(build.OUT / "server", server_cpu)
    try:
        with tempfile.TemporaryDirectory() as folder:
            report = Bench(options, server, server_cpu, proxy_cpu, Path(folder)).run()
    finally:
        server.stop()

    proxy_report.print_report(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if report["failures"] else 0


def parse_arguments() -> argparse.Namespace:
    binary = os.environ.get("MISHIKALLM_PROXY", build.TARGET / "release" / "mishikallm")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each case is run (5)")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that all works, measures nothing; does without nginx")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX", help="only those of: " + " ".join(CASES))
    parser.add_argument("--reference", action="store_true", help="the LiteLLM proxy too; it is installed into the cache when it is not there")
    parser.add_argument("--proxy", type=Path, default=Path(binary), help="default: %(default)s; or $MISHIKALLM_PROXY")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures of all rounds there")
    options = parser.parse_args()
    options.proxy = options.proxy.resolve()
    options.rounds = 1 if options.quick else options.rounds
    options.seconds = 0.3 if options.quick else 3.0
    options.streams = 100 if options.quick else 2000
    return options


def missing(options: argparse.Namespace) -> list[str]:
    found = build.missing_for_server()
    if not options.proxy.is_file():
        found.append(f"the proxy, {options.proxy}: make proxy")
    if not options.quick and not proxies.nginx_program():
        found.append("nginx: apt-get install nginx-light (Debian), dnf install nginx (Fedora); it need not be started")
    return found


class Bench:
    def __init__(self, options, server: Server, server_cpu: int | None, proxy_cpu: int | None, folder: Path):
        self.options, self.server, self.server_cpu, self.proxy_cpu, self.folder = options, server, server_cpu, proxy_cpu, folder
        self.cases = [case for case in CASES if options.only.search(case)]
        self.requests = Requests(server, folder)
        self.postgres = proxies.postgres(server_cpu) if "keys" in self.cases else None
        self.makers = self._makers()
        self.figures: dict[str, dict[str, list[dict]]] = {}
        self.failures: list[str] = []

    def _makers(self) -> dict[str, Callable[[str], Proxy]]:
        """What there is to measure: for a name, a proxy that is not started yet."""
        options, folder, url = self.options, self.folder, self.server.url
        config = configuration(url, "mishikallm_params")

        def ours(*flags: str, key: str | None = None) -> Callable[[str], Proxy]:
            return lambda name: proxies.mishikallm(name, options.proxy, config, folder, *flags, key=key)

        makers = {"mishikallm": ours()}
        if "key" in self.cases:
            makers["mishikallm, a key"] = ours(key=KEY)
        if "keys" in self.cases:
            self.with_keys = self._with_keys()
            makers |= self.with_keys
        if "log" in self.cases:
            makers["mishikallm, each request logged"] = ours("--debug")
        if proxies.nginx_program():
            makers["nginx"] = lambda name: proxies.nginx(name, url, folder)
            if "log" in self.cases:
                makers["nginx, each request logged"] = lambda name: proxies.nginx(name, url, folder, access_log=True)
        if options.reference:
            makers["LiteLLM"] = lambda name: proxies.reference(name, configuration(url, "litellm_params"), folder, say)
        return makers

    def _with_keys(self) -> dict[str, Callable[[str], Proxy]]:
        """Each with a database of its own, but PostgreSQL's share one, as replicas do."""
        config = configuration(self.server.url, "mishikallm_params", **PRICES)

        def ours(**more) -> Callable[[str], Proxy]:
            return lambda name: proxies.mishikallm(name, self.options.proxy, config, self.folder, key=KEY, **more)

        makers = {"mishikallm, the master key": ours(), "mishikallm, a virtual key": ours(limits={}), "mishikallm, one with limits": ours(limits=LIMITS)}
        if self.postgres:
            url = self.postgres.url
            makers["mishikallm, a virtual key, PostgreSQL"] = ours(limits={}, database_url=url)
            makers["mishikallm, one with limits, PostgreSQL"] = ours(limits=LIMITS, database_url=url)
        else:
            say("note: no PostgreSQL (apt-get install postgresql), so keys are measured with SQLite alone")
        return makers

    def run(self) -> dict:
        running: dict[str, Proxy] = {}
        try:
            # Ours comes first: what it sends to the server is what nginx is given to pass on.
            for name, maker in self.makers.items():
                proxy = running[name] = maker(name)
                proxy.start(self.proxy_cpu)
                for wrong in self.requests.prepare(proxy):
                    self.failures.append(wrong)
            running["no proxy"] = direct = Proxy("no proxy", [], int(self.server.url.rpartition(":")[2]), self.folder, is_openai=False, health="/v2")
            self.requests.prepare(direct)
            for number in range(1, self.options.rounds + 1):
                say(f"round {number} of {self.options.rounds}, load {os.getloadavg()[0]:.1f}")
                for case in self.cases:
                    getattr(self, case)(running, is_first=number == 1)
        finally:
            for proxy in running.values():
                proxy.stop()
            if self.postgres:
                self.postgres.close()
        return {
            "machine": machine(), "rounds": self.options.rounds, "quick": self.options.quick,
            "streams": self.options.streams, "connections": CONNECTIONS, "rate": RATE, "reference_rate": REFERENCE_RATE,
            "cases": self.figures, "failures": self.failures,
        }

    # The cases. Each is given to all proxies in turn.

    def closed(self, running: dict[str, Proxy], **_) -> None:
        for name in self._those("no proxy", "nginx", "mishikallm", "LiteLLM"):
            figures = self._load("closed", running[name], "chat", "closed", CONNECTIONS, self.options.seconds)
            figures["rss_kb"] = running[name].status("VmRSS")

    def rate(self, running: dict[str, Proxy], **_) -> None:
        for name in self._those("no proxy", "nginx", "mishikallm", "LiteLLM"):
            rate = REFERENCE_RATE if running[name].is_reference else RATE
            self._load("rate", running[name], "chat", "rate", 64, self.options.seconds, rate)

    def stream(self, running: dict[str, Proxy], **_) -> None:
        for name in self._those("no proxy", "nginx", "mishikallm", "LiteLLM"):
            self._load("stream", running[name], "stream", "closed", CONNECTIONS, self.options.seconds)

    def embed(self, running: dict[str, Proxy], **_) -> None:
        for request in EMBEDDINGS:
            for name in self._those("nginx", "mishikallm", "LiteLLM"):
                if self.requests.has(running[name], request):
                    self._load(request, running[name], request, "closed", 2, self.options.seconds)

    def key(self, running: dict[str, Proxy], **_) -> None:
        for name in ("mishikallm", "mishikallm, a key"):
            self._load("key", running[name], "chat", "closed", CONNECTIONS, self.options.seconds)

    def keys(self, running: dict[str, Proxy], **_) -> None:
        for name in ("mishikallm", *(name for name in running if name in self.with_keys)):
            self._load("keys", running[name], "chat", "closed", CONNECTIONS, self.options.seconds)

    def log(self, running: dict[str, Proxy], **_) -> None:
        for name in self._those("nginx", "nginx, each request logged", "mishikallm", "mishikallm, each request logged"):
            self._load("log", running[name], "chat", "closed", CONNECTIONS, self.options.seconds)

    def start(self, running: dict[str, Proxy], **_) -> None:
        for name in self._those("nginx", "mishikallm", "LiteLLM"):
            times = 1 if running[name].is_reference or self.options.quick else 10
            for _ in range(times):
                proxy = self.makers[name](name)
                try:
                    self._add("start", name, {"ms": proxy.start(self.proxy_cpu)})
                finally:
                    proxy.stop()

    def idle(self, running: dict[str, Proxy], **_) -> None:
        for name in self._those("nginx", "mishikallm", "LiteLLM"):
            proxy = self.makers[name](name)
            try:
                proxy.start(self.proxy_cpu)
                time.sleep(1)
                self._add("idle", name, {"rss_kb": proxy.status("VmRSS"), "threads": proxy.status("Threads")})
            finally:
                proxy.stop()

    def slow(self, running: dict[str, Proxy], is_first: bool) -> None:
        for name in self._those("nginx", "mishikallm", "mishikallm, a virtual key", "mishikallm, one with limits", "LiteLLM"):
            # A process of its own: what an earlier case made it take would hide what the streams take.
            if is_first or not running[name].is_reference:
                proxy = self.makers[name](name)
                try:
                    proxy.start(self.proxy_cpu)
                    self._add("slow", name, self._open_streams(proxy))
                finally:
                    proxy.stop()

    def _open_streams(self, proxy: Proxy) -> dict:
        self.requests.prepare(proxy)  # what is made once
        wanted = self.options.streams
        before = proxy.status("VmRSS")
        with proxies.on(self.server_cpu):
            load = subprocess.Popen(
                [build.OUT / "load", f"127.0.0.1:{proxy.port}", self.requests.file(proxy, STREAM), "hold", str(wanted)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            )
        try:
            figures = json.loads(load.stdout.readline())
            figures["wanted"], half = wanted, figures["begun"] // 2
            began, cpu = time.perf_counter(), proxy.cpu_seconds()
            time.sleep(1 if self.options.quick else 3)
            figures["cpu_share"] = (proxy.cpu_seconds() - cpu) / (time.perf_counter() - began)
            figures["rss_kb"], figures["threads"] = proxy.status("VmRSS"), proxy.status("Threads")
            figures["kb_each"] = (figures["rss_kb"] - before) / max(figures["begun"], 1)
            abandoned = self.server.stats()["abandoned"]
            load.stdin.write(f"{half}\n")
            figures["broken"] = json.loads(load.stdout.readline())["broken"]
            began = time.perf_counter()
            while (seen := self.server.stats()["abandoned"] - abandoned) < half and time.perf_counter() < began + HANG_UP_SECONDS:
                time.sleep(0.005)
            figures["hang_ups"], figures["seen"] = half, seen
            figures["seen_ms"] = (time.perf_counter() - began) * 1e3
            time.sleep(0.5)  # for those that nobody gave up
            figures["seen_after"] = self.server.stats()["abandoned"] - abandoned
        finally:
            load.stdin.close()
            load.wait()
        if not proxy.is_reference:
            if figures["begun"] != wanted or figures["broken"]:
                self.failures.append(f"slow, {proxy.name}: {figures['begun']} of {wanted} streams begun, {figures['broken']} broken")
            if figures["seen_after"] != half:
                self.failures.append(f"slow, {proxy.name}: {half} hung up, and the server saw {figures['seen_after']}")
        return figures

    def _those(self, *names: str) -> list[str]:
        return [name for name in names if name == "no proxy" or name in self.makers]

    def _load(self, case: str, proxy: Proxy, request: str, *mode) -> dict:
        posts, cpu = self.server.stats()["posts"], proxy.cpu_seconds()
        command_line = [build.OUT / "load", f"127.0.0.1:{proxy.port}", self.requests.file(proxy, request), *map(str, mode)]
        with proxies.on(self.server_cpu):
            done = subprocess.run(command_line, stdout=subprocess.PIPE, text=True, check=True)
        figures = json.loads(done.stdout)
        if proxy.limits is not None:
            self._settle(proxy)  # what was spent comes into the database in batches, and is in the figure
        figures["cpu_s"] = proxy.cpu_seconds() - cpu
        # What was asked for twice, or answered without asking, has another cost than what it is compared with.
        figures["bad"] += abs(self.server.stats()["posts"] - posts - figures["sent"])
        if (figures["bad"] or figures["unfinished"] or not figures["n"]) and not proxy.is_reference:
            self.failures.append(f"{case}, {proxy.name}: {figures['n']} right, {figures['bad']} bad, {figures['unfinished']} unfinished")
        self._add(case, proxy.name, figures)
        if proxy.is_reference:
            self._settle(proxy)
        return figures

    def _settle(self, proxy: Proxy) -> None:
        """What it still does for requests that are over, or were given up, is not to be in another's figures."""
        until = time.perf_counter() + SETTLE_SECONDS
        before = None
        while (now := (proxy.cpu_seconds(), self.server.stats()["posts"])) != before and time.perf_counter() < until:
            before = now
            time.sleep(0.5)

    def _add(self, case: str, name: str, figures: dict) -> None:
        self.figures.setdefault(case, {}).setdefault(name, []).append(figures)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except proxies.pypi.CannotInstall as error:
        sys.exit(str(error))
