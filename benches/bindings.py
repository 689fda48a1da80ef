#!/usr/bin/env python3
"""Measures what a call costs through each language's binding, beside the C call and beside that language's usual way.

Builds what it needs, runs everything, prints Markdown. The usual ways are in bindings/: LiteLLM and NVIDIA's client for
Python, net/http with encoding/json for Go, fetch with JSON for Node. The method is in README.md."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import build
from processes import Client, Server, choose_cpus, pin_to

sys.path.insert(0, str(build.ROOT / "tests"))
import pypi  # noqa: E402

HERE = build.HERE / "bindings"
# kind: (the C client's mode, the model and endpoint, calls a round)
CASES = {
    "chat": ("generate", "llm", "generate", 3000),
    "stream": ("stream:s20", "s20", "generate", 1000),
    "rows": ("embed-floats:64x1024", "e64x1024", "infer", 400),
}
LANGUAGES = ["cpp", "go", "python", "node", "java"]
PYTHONS = ("3.11", "3.12", "3.13")
QUICK_DIVISOR = 100  # of the calls, with --quick


def main() -> int:
    options = parse_arguments()
    if lacking := build.missing(options.library, options.include):
        say("The benchmarks need what is not there:", *(f"  {line}" for line in lacking))
        return 2
    say("building")
    build.build(options.library, options.include)
    drivers = {language: [build.ROOT / "bindings" / language / "driver", "calls"] for language in options.languages}
    for language, driver in drivers.items():
        if not driver[0].exists():
            say(f"bindings/{language}/driver is not there")
            return 2
    peers = usual_ways(options.languages)

    server_cpu, client_cpu = choose_cpus()
    server = Server(build.OUT / "server", server_cpu)
    try:
        figures = measure(options, server, client_cpu, drivers, peers)
    finally:
        server.stop()
    print_table(figures, peers, options)
    if options.json:
        options.json.write_text(json.dumps([[*key, values] for key, values in figures.items()], indent=1) + "\n")
    return 0


def parse_arguments() -> argparse.Namespace:
    library = os.environ.get("MISHIKALLM_LIBRARY", build.TARGET / "release" / "libmishikallm.so")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each case is run (5)")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that all works, measures nothing")
    parser.add_argument("--languages", nargs="+", default=LANGUAGES, choices=LANGUAGES, help="default: all")
    parser.add_argument("--library", type=Path, default=Path(library), help="the C call's; default: %(default)s; or $MISHIKALLM_LIBRARY")
    parser.add_argument("--include", type=Path, default=build.ROOT / "include", help="the folder of mishikallm.h")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures of all rounds there")
    options = parser.parse_args()
    options.library = options.library.resolve()
    options.rounds = 1 if options.quick else options.rounds
    return options


def usual_ways(languages: list[str]) -> dict[tuple[str, str], list]:
    """(language, way): its command. A way that has no call of a kind is not asked for it, see WAYS_WITHOUT."""

    def python(requirements: str, peer: str) -> list:
        name = Path(requirements).stem
        interpreter = pypi.environment(name, str(HERE / requirements), PYTHONS, "for the benchmark", say, "--quiet", "--no-compile")
        return [interpreter, HERE / peer]

    found: dict[tuple[str, str], list] = {}
    if "go" in languages:
        _needs("go")
        program = build.OUT / "peer-go"
        subprocess.run(["go", "build", "-o", program, HERE / "peer.go"], check=True, cwd=HERE)
        found["go", "net/http"] = [program]
    if "python" in languages:
        found["python", "LiteLLM"] = python("litellm.txt", "peer_litellm.py")
        found["python", "tritonclient"] = python("tritonclient.txt", "peer_tritonclient.py")
    if "node" in languages:
        _needs("node")
        found["node", "fetch"] = ["node", "--expose-gc", HERE / "peer.mjs"]
    return found


def _needs(tool: str) -> None:
    """Gets it, or says how to."""
    subprocess.run([build.ROOT / ".ci" / "needs", tool], check=True)


WAYS_WITHOUT = {"tritonclient": {"chat", "stream"}}
FEWER = {"LiteLLM": 10}  # a call takes milliseconds: one of so many calls is made


def request(kind: str, url: str) -> str:
    """The same request for everybody."""
    _, model, endpoint, _ = CASES[kind]
    asked = {"model": f"triton/{model}", "api_base": f"{url}/v2/models/{model}/{endpoint}"}
    if kind == "rows":
        asked["input"] = [f"the quick brown fox number {i} jumps over the lazy dog" for i in range(64)]
    else:
        asked |= {"messages": [{"role": "user", "content": "hello big world"}], "max_tokens": 16}
    return json.dumps(asked)


def measure(options, server: Server, cpu: int | None, drivers: dict, peers: dict) -> dict[tuple[str, str], list[float]]:
    """{(kind, who): CPU µs a call, in each round}; C, the bindings and the usual ways take turns."""
    c_client = Client("the C client", [build.OUT / "client", server.url], cpu)
    figures: dict[tuple[str, str], list[float]] = {}
    try:
        for number in range(1, options.rounds + 1):
            say(f"round {number} of {options.rounds}")
            for kind, (mode, _, _, calls) in CASES.items():
                calls = max(20, calls // QUICK_DIVISOR) if options.quick else calls
                result = c_client.run(mode, calls, 1, server)
                if result["bad"]:
                    raise SystemExit(f"C, {kind}: {result['bad']} wrong replies")
                figures.setdefault((kind, "C"), []).append(result["cpu_us"])
                for who, command in [*drivers.items(), *((way, command) for (_, way), command in peers.items())]:
                    if kind not in WAYS_WITHOUT.get(who, ()):
                        made = calls // FEWER.get(who, 1)
                        cost = run(who, command, kind, request(kind, server.url), made, cpu)
                        figures.setdefault((kind, who), []).append(cost)
    finally:
        c_client.stop()
    return figures


def run(who: str, command: list, kind: str, asked: str, calls: int, cpu: int | None) -> float:
    """CPU µs a call, by the program's own word."""
    words = [str(word) for word in [*command, kind, asked, calls]]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=pin_to(cpu))
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise SystemExit(f"{who}, {kind}: status {done.returncode}")
    told = json.loads(lines[-1])
    if told["calls"] != calls:
        raise SystemExit(f"{who}, {kind}: {told['calls']} calls, not {calls}")
    return told["cpu_us"] / calls


def print_table(figures: dict, peers: dict, options) -> None:
    def spread(values: list[float], digits: int) -> str:
        middle, least, most = statistics.median(values), min(values), max(values)
        return f"{middle:,.{digits}f} ({least:,.{digits}f}–{most:,.{digits}f})"

    def ratio(kind: str, who: str, other: str) -> str:
        """Within each round, and of those the median."""
        return spread([a / b for a, b in zip(figures[kind, who], figures[kind, other])], 2)

    print(f"CPU µs a call, medians of {options.rounds} rounds (least–most)\n")
    print("| call | language | C call | our binding | × C | usual way | CPU µs | usual way ÷ ours |")
    print("|---|---|---:|---:|---:|---|---:|---:|")
    for kind in CASES:
        for language in options.languages:
            ways = [way for of, way in peers if of == language and (kind, way) in figures] or [None]
            for way in ways:
                cells = [kind, language, spread(figures[kind, "C"], 1), spread(figures[kind, language], 1), ratio(kind, language, "C")]
                cells += [way, spread(figures[kind, way], 1), ratio(kind, way, language)] if way else ["–", "–", "–"]
                print("| " + " | ".join(cells) + " |")


def say(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except pypi.CannotInstall as error:
        sys.exit(str(error))
