"""The languages that have a package here, and how their drivers and samples are run."""

import subprocess
import sys
from pathlib import Path

BINDINGS = Path(__file__).resolve().parent.parent
ROOT = BINDINGS.parent

# In which ways each makes its calls: those that wait, and those that do not.
WAYS = {"cpp": ["sync"], "go": ["sync"], "python": ["sync", "async"], "node": ["async"], "java": ["sync", "async"]}


def chosen(arguments):
    """The languages that the command line names; none: all of them."""
    unknown = [name for name in arguments if name not in WAYS]
    if unknown:
        sys.exit("no such language: %s (there are %s)" % (", ".join(unknown), ", ".join(WAYS)))
    return arguments or list(WAYS)


def script(language, name):
    """One of a language's own scripts: build, test, driver, sample."""
    return str(BINDINGS / language / name)


def lines(command, seconds, **more):
    """What a command prints, line by line, and how it ended: its status, and the end of what it said on stderr."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=seconds, **more)
    except subprocess.TimeoutExpired as late:
        # Its last words are of use: they tell where it hangs.
        out = (late.stdout or b"").decode(errors="replace")
        return out.rstrip("\n").split("\n"), "still running after %d s" % seconds
    ended = "" if done.returncode == 0 else "status %d: %s" % (done.returncode, done.stderr.strip()[-2000:])
    return done.stdout.rstrip("\n").split("\n"), ended
