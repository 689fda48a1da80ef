"""What time does not show: instructions per call, the way to the first answer, the size of the library."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from processes import pin_to

# (mode, calls): the run of twice as many calls takes some seconds under valgrind.
INSTRUCTION_CASES = [
    ("generate", 200),
    ("infer", 200),
    ("stream:s500", 20),
    ("embed-json:64x1024", 4),
    ("embed-binary:512x1024", 4),
]


def instructions_per_call(command: list, mode: str, calls: int, cpu: int | None) -> float | None:
    """User-space instructions. A run of N calls and one of 2N differ by N calls: start-up and warm-up cancel out."""
    once, twice = (_instructions(command, mode, count, cpu) for count in (calls, 2 * calls))
    return (twice - once) / calls if once and twice else None


def _instructions(command: list, mode: str, calls: int, cpu: int | None) -> int | None:
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        valgrind + command, input=f"{mode} {calls} 1\n", text=True, capture_output=True, preexec_fn=pin_to(cpu)
    )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not collected or json.loads(done.stdout)["bad"]:
        print(f"{mode} failed under valgrind:", done.stderr[-500:], file=sys.stderr)
        return None
    return int(collected[1])


def open_streams(program: Path, url: str, streams: int, cpu: int | None) -> dict[str, int]:
    """Bytes of resident memory for each of many open streams, when they have begun and when they are over."""
    command = [program, url, "s100d20", "100", str(streams)]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=True, preexec_fn=pin_to(cpu))
    return json.loads(done.stdout)


def startup(command: list, processes: int, cpu: int | None) -> dict[str, list[float]]:
    """What each of many processes printed, by the name of the figure."""
    runs = []
    for _ in range(processes):
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=True, preexec_fn=pin_to(cpu))
        runs.append(json.loads(done.stdout))
    return {name: [run[name] for run in runs] for name in runs[0]}


def sizes(library: Path, work: Path) -> dict[str, int]:
    """Bytes, as built and as installed."""
    found = {"as_built": library.stat().st_size}
    if shutil.which("strip"):
        stripped = work / "stripped.so"
        shutil.copy(library, stripped)
        subprocess.run(["strip", stripped], check=True)
        found["stripped"] = stripped.stat().st_size
    return found
