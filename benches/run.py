#!/usr/bin/env python3
"""Measures what a call costs through the library, beside what the same bytes cost through libcurl alone.

Builds what it needs, runs everything, prints Markdown. The method is in README.md."""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import build
import extras
from processes import Client, Server, choose_cpus
from report import print_report

# (mode, threads, calls a round); client.c says what the modes are.
CASES = [
    ("generate", 1, 6000),
    ("generate", 8, 8000),
    ("generate", 64, 6400),
    ("generate-server", 1, 6000),
    ("generate-plain", 1, 6000),
    ("infer", 1, 4000),
    ("infer", 8, 4000),
    ("embed-json:1x1024", 1, 2000),
    ("embed-json:64x1024", 1, 100),
    ("embed-json:512x1024", 1, 12),
    ("embed-binary:1x1024", 1, 3000),
    ("embed-binary:64x1024", 1, 800),
    ("embed-binary:512x1024", 1, 100),
    ("embed-binary:512x1024", 8, 96),
    ("embed-floats:64x1024", 1, 1500),
    ("embed-floats:512x1024", 1, 200),
    ("embed-floats-json:512x1024", 1, 40),
    ("stream:s500", 1, 400),
    ("stream:s500b", 1, 100),
    ("stream:s500b", 8, 96),
    ("stream:s100d10", 1, 4),
    ("stream:s100d10", 200, 200),
]
QUICK_DIVISOR = 100  # of the calls, with --quick


def main() -> int:
    options = parse_arguments()
    if lacking := build.missing(options.library, options.include):
        say("The benchmarks need what is not there:", *(f"  {line}" for line in lacking))
        return 2
    say("building")
    build.build(options.library, options.include)

    server_cpu, client_cpu = choose_cpus()
    if client_cpu is None:
        say("note: no second CPU to pin to; server and clients disturb each other")
    server = Server(build.OUT / "server", server_cpu)
    try:
        report = measure(options, server, client_cpu)
        if "streams" not in options.skip and build.optional_modes(options.include)["stream"]:
            say("open streams")
            program = build.OUT / "open_streams"
            report["streams"] = extras.open_streams(program, server.url, 20 if options.quick else 200, client_cpu)
    finally:
        server.stop()

    print_report(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if report["failures"] else 0


def parse_arguments() -> argparse.Namespace:
    library = os.environ.get("MISHIKALLM_LIBRARY", build.TARGET / "release" / "libmishikallm.so")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each case is run (5)")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that all works, measures nothing")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX", help="only modes that match")
    parser.add_argument("--skip", default="", metavar="PARTS", help="of instructions,startup,streams,size")
    parser.add_argument("--library", type=Path, default=Path(library), help="default: %(default)s; or $MISHIKALLM_LIBRARY")
    parser.add_argument("--include", type=Path, default=build.ROOT / "include", help="the folder of mishikallm.h")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures of all rounds there")
    options = parser.parse_args()
    options.library = options.library.resolve()
    options.rounds = 1 if options.quick else options.rounds
    options.skip = set(options.skip.split(","))
    return options


def measure(options: argparse.Namespace, server: Server, cpu: int | None) -> dict:
    requests = build.OUT / "requests"
    requests.mkdir(exist_ok=True)
    ours = [build.OUT / "client", server.url]
    floor = [build.OUT / "floor", server.url, requests]
    report = {"machine": machine(), "rounds": options.rounds, "quick": options.quick, "failures": []}

    has = build.optional_modes(options.include)
    cases = [case for case in CASES if options.only.search(case[0]) and has.get(case[0].partition(":")[0], True)]
    clients = [Client("libcurl", floor, cpu), Client("mishikallm", ours, cpu)]
    try:
        captured = capture(cases, clients[1], server, requests, report["failures"])
        cases = [case for case in cases if case[0] in captured]
        report["cases"] = run_rounds(cases, clients, server, options, report["failures"])
    finally:
        for client in clients:
            client.stop()

    if "instructions" not in options.skip:
        report["instructions"] = count_instructions(floor, ours, captured, cpu, options.quick)
    if "startup" not in options.skip:
        report["startup"] = measure_startup(captured, server.url, requests, options, cpu, report["failures"])
    if "size" not in options.skip:
        report["size"] = extras.sizes(options.library, build.OUT)
    return report


def capture(cases: list, client: Client, server: Server, requests: Path, failures: list) -> set[str]:
    """Has the library make each request once and keeps what it sent, for the floor to send the same."""
    captured = set()
    for mode in dict.fromkeys(mode for mode, _, _ in cases):
        bad = client.run(mode, 1, 1, server)["bad"]
        request = server.get("/last")
        (requests / f"{mode}.http").write_bytes(request)
        # A figure must not go under a wrong name.
        should_be_binary = mode.startswith(("embed-binary:", "embed-floats:"))
        if bad:
            failures.append(f"{mode}: a wrong reply, or not one POST a call; left out")
        elif mode.startswith("embed") and (b'"binary_data' in request) != should_be_binary:
            failures.append(f"{mode}: the request asks for {'JSON' if should_be_binary else 'binary data'}; left out")
        else:
            captured.add(mode)
    return captured


def run_rounds(cases: list, clients: list[Client], server: Server, options: argparse.Namespace, failures: list) -> list:
    """Each case to all clients in turn, then the next case; so whatever else the machine does hits all alike."""
    results = [{"mode": mode, "threads": threads, "runs": {c.name: [] for c in clients}} for mode, threads, _ in cases]
    for round_number in range(1, options.rounds + 1):
        say(f"round {round_number} of {options.rounds}")
        for (mode, threads, calls), result in zip(cases, results):
            if options.quick:
                calls = max(calls // QUICK_DIVISOR, threads)
            for client in clients:
                run = client.run(mode, calls, threads, server)
                result["runs"][client.name].append(run)
                if run["bad"]:
                    failures.append(f"{mode}, {threads} threads, {client.name}: {run['bad']} bad")
    return results


def count_instructions(floor: list, ours: list, captured: set[str], cpu: int | None, quick: bool) -> list:
    if not shutil.which("valgrind"):
        say("note: no valgrind (apt-get install valgrind), so no instructions per call")
        return []
    counts = []
    for mode, calls in extras.INSTRUCTION_CASES[: 1 if quick else None]:
        if mode in captured:
            say(f"instructions: {mode}")
            libcurl, library = (extras.instructions_per_call(command, mode, calls, cpu) for command in (floor, ours))
            counts.append({"mode": mode, "libcurl": libcurl, "mishikallm": library})
    return counts


def measure_startup(
    captured: set[str], url: str, requests: Path, options: argparse.Namespace, cpu: int | None, failures: list
) -> dict:
    found = {}
    for mode, model in (("generate", "llm"), ("generate-plain", "plain_llm")):
        if mode in captured:
            say(f"start-up: {mode}")
            api_base = f"{url}/v2/models/{model}/generate"
            command = [build.OUT / "startup", options.library, model, api_base, requests / f"{mode}.http"]
            try:
                found[mode] = extras.startup(command, processes=2 if options.quick else 20, cpu=cpu)
            except subprocess.CalledProcessError:
                failures.append(f"start-up, {mode}: failed")
    return found


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*: (.+)", cpuinfo.read_text())):
        model = found[1]
    return f"{model}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


def say(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
