#!/usr/bin/env python3
"""Writes proxy/start.ld anew: which functions a proxy runs until it has answered for the first time.

It runs a release build of the proxy under valgrind. The list goes by names without the compiler's hash and with what they have in common,
so that it need not be new with each change: a name that is gone does nothing, and a function that is not on it lies where it would
lie anyway. Worth doing when `benches/proxy.py --only '^idle$'` says that a proxy at rest has become larger.
"""

import argparse
import bisect
import collections
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import build

sys.path.insert(0, str(build.ROOT / "tests" / "proxy"))
import command  # noqa: E402

TARGET = build.ROOT / "proxy" / "start.ld"
ASKED = ("/health/liveliness", "/health/readiness", "/v1/models")

# Bytes of functions that nobody needs, for one line less.
SPARED = 3_000
# Generic functions have one name whatever they are for: a name is left out when more than this under it is not needed.
STRANGE = 60_000

HEAD = """\
/* What a proxy runs until it has answered for the first time, side by side, so that a proxy at rest holds less of the program in memory.
   A partial linker script, written by benches/start_order.py; build.rs hands it to the linker. */
SECTIONS
{
  .text.start :
  {
    *(
"""
TAIL = """\
    )
  }
}
INSERT BEFORE .text;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy", type=Path, default=build.ROOT / "target" / "release" / "mishikallm")
    proxy = parser.parse_args().proxy.resolve()
    used = functions_run(proxy)
    names = sizes_by_name(proxy, used)
    lines = patterns(names)
    TARGET.write_text(HEAD + "".join(f"      .text.{line}*\n" for line in lines) + TAIL)
    print(f"{len(used)} functions, {len(lines)} lines: {TARGET}")


def functions_run(proxy: Path) -> set[str]:
    """Symbols."""
    with tempfile.TemporaryDirectory() as folder:
        config, out, port = Path(folder, "config.yaml"), Path(folder, "callgrind.out"), command.free_port()
        config.write_text('{"model_list": [{"model_name": "m", "mishikallm_params": {"model": "triton/m", "api_base": "http://127.0.0.1:9"}}]}')
        whole = ["--dump-instr=yes", "--compress-pos=no", "--compress-strings=no"]
        valgrind = ["valgrind", "--tool=callgrind", *whole, f"--callgrind-out-file={out}"]
        line = [*valgrind, proxy, "--config", config, "--port", str(port), "--num_workers", "1"]
        own = {"HOME": folder, "PATH": os.environ["PATH"]}
        with subprocess.Popen(line, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            try:
                for path in ASKED:
                    ask(f"http://127.0.0.1:{port}{path}", running)
                begin = loaded_at(running.pid, proxy)
            finally:
                running.terminate()
        return set(symbols_at(proxy, sorted(read_addresses(out.read_text(), proxy.name, begin))))


def ask(url: str, running: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10).read()
            return
        except OSError as error:
            if running.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{url}: {error}") from error
            time.sleep(0.1)


def loaded_at(process: int, proxy: Path) -> int:
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        addresses, _, offset, _, _, *path = line.split()
        if path == [str(proxy)] and int(offset, 16) == 0:
            return int(addresses.partition("-")[0], 16)
    raise SystemExit(f"{proxy} is not in memory under its name")


def read_addresses(text: str, program: str, begin: int) -> set[int]:
    """Of callgrind's file, as the program's own table of symbols has them. valgrind knows a program by its `.text` alone: what else it
    runs is nobody's, and has the address that it was loaded at."""
    found: set[int] = set()
    shift = None
    for line in text.splitlines():
        if line.startswith("ob="):
            shift = 0 if line.endswith("/" + program) else begin if line == "ob=???" else None
        elif shift is not None and line.startswith("0x"):
            found.add(int(line.split()[0], 16) - shift)
    return found


def symbols(proxy: Path) -> list[tuple[int, int, str]]:
    """Functions: where they begin, how long they are, and their names."""
    done = subprocess.run(["nm", "-n", "-S", proxy], capture_output=True, text=True, check=True)
    lines = (line.split() for line in done.stdout.splitlines())
    return [(int(line[0], 16), int(line[1], 16), line[3]) for line in lines if len(line) == 4 and line[2] in "tT"]


def symbols_at(proxy: Path, addresses: list[int]):
    """Those in which these addresses are."""
    for begin, size, symbol in symbols(proxy):
        at = bisect.bisect_left(addresses, begin)
        if at < len(addresses) and addresses[at] < begin + size:
            yield symbol


def sizes_by_name(proxy: Path, used: set[str]) -> dict[str, tuple[int, int]]:
    """By the name as the list has it: bytes that are needed, and bytes in all."""
    names = collections.defaultdict(lambda: (0, 0))
    for _, size, symbol in symbols(proxy):
        if symbol.startswith(("_ZN", "_R")):
            name = re.sub(r"17h[0-9a-f]{16}E.*$", "17h", symbol)
            name = re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", name)
            needed, all_of_them = names[name]
            names[name] = (needed + size * (symbol in used), all_of_them + size)
    return {name: ((0 if total - needed > STRANGE else needed), total) for name, (needed, total) in names.items()}


def patterns(names: dict[str, tuple[int, int]]) -> list[str]:
    """How names begin that are needed."""

    def within(group: list[str]) -> tuple[list[str], int]:
        """Of sorted names: the patterns, and how many bytes they take in besides."""
        needed, total = (sum(names[name][i] for name in group) for i in (0, 1))
        if needed == 0:
            return [], 0
        if len(group) == 1:
            return group, total - needed
        shared = len(os.path.commonprefix([group[0], group[-1]]))
        parts = collections.defaultdict(list)
        for name in group:
            parts[name[shared : shared + 1]].append(name)
        found = [within(part) for part in parts.values()]
        each, besides = [line for lines, _ in found for line in lines], sum(more for _, more in found)
        if total - needed - besides <= SPARED * (len(each) - 1):
            return [group[0][:shared]], total - needed
        return each, besides

    return within(sorted(names))[0]


if __name__ == "__main__":
    main()
