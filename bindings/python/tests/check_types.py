"""Type hints, judged by mypy --strict.   usage: check_types.py PYTHON, which has the package installed

The package and a user's program are without fault, for the oldest Python that mypy knows and for the newest; each mistake in
typed/wrong.py is found, where it is and for what it is; and vermin finds nothing that Python 3.9 lacks.
"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(os.path.dirname(HERE), "src", "mishikallm")


def mypy(python, *arguments):
    """Run where the checkout's own sources are not in sight: the installed package is what a user's mypy reads."""
    with tempfile.TemporaryDirectory() as cache:
        return subprocess.run([sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", "--cache-dir", cache,
                               "--python-executable", python, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              cwd=cache)


def right(python):
    for version in ("3.10", "3.14"):
        for what in (["-p", "mishikallm"], [os.path.join(HERE, "typed", "right.py")]):
            told = mypy(python, "--python-version", version, *what)
            if told.returncode != 0:
                yield "mypy --python-version %s:\n%s" % (version, told.stdout)


def wrong(python):
    path = os.path.join(HERE, "typed", "wrong.py")
    with open(path, encoding="utf-8") as file:
        expected = {number: line.split("# E: ")[1].strip() for number, line in enumerate(file, 1) if "# E: " in line}
    told = mypy(python, path)
    found = {}
    for line in told.stdout.splitlines():
        match = re.match(r".*wrong\.py:(\d+): (error|note): (.*)$", line)
        if match and match[2] == "error":
            found.setdefault(int(match[1]), []).append(match[3])
    for number, words in expected.items():
        if not any(words in each for each in found.get(number, [])):
            yield "wrong.py:%d: mypy does not say %r, but %s" % (number, words, found.get(number, "nothing"))
    for number in found.keys() - expected.keys():
        yield "wrong.py:%d: a mistake that was not meant: %s" % (number, found[number])
    if len(expected) < 20:
        yield "wrong.py has only %d mistakes" % len(expected)


def old():
    told = subprocess.run([sys.executable, "-c", "from vermin import main; main()", "--no-tips", "--target=3.9-", SOURCE],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if told.returncode != 0:
        yield "vermin, for Python 3.9:\n%s" % told.stdout


if __name__ == "__main__":
    problems = [*right(sys.argv[1]), *wrong(sys.argv[1]), *old()]
    print("\n".join(problems) or "types: right, and wrong where they are meant to be")
    sys.exit(1 if problems else 0)
