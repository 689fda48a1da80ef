"""Packages of PyPI for tests: virtual environments in the cache, pinned by hashes, each made once and whole.

Safe to ask for from several processes at once. MISHIKALLM_CACHE names another folder for the cache.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

# Asks an interpreter about itself; it may be older than this script can run on.
PROBE = """
import json, os, sys, sysconfig
try:
    import venv, ensurepip
    can_venv = True
except ImportError:
    can_venv = False
var = sysconfig.get_config_var
print(json.dumps({"python": sys.executable, "version": "%d.%d" % sys.version_info[:2], "can_venv": can_venv,
    "folders": [var("LIBDIR"), os.path.join(getattr(sys, "base_prefix", sys.prefix), "lib"),
                os.path.join("/usr/lib", var("MULTIARCH") or "")]}))
"""


class CannotInstall(Exception):
    """Says what is missing and what to do about it."""


def cache():
    """Where everything lives that is not in the checkout."""
    folder = os.environ.get("MISHIKALLM_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "mishikallm")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise CannotInstall("cannot make the cache folder: %s.\nMISHIKALLM_CACHE can name another." % error)
    return os.path.abspath(folder)


def key(requirements):
    """A short name for what a file of requirements holds."""
    with open(requirements, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:8]


@contextlib.contextmanager
def lock(name, say):
    """One installation of a name at a time; the kernel lets go of the lock however we end."""
    with open(os.path.join(cache(), name + ".lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another process is installing; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment(name, requirements, pythons, size, say, *options):
    """The Python of a virtual environment with these requirements and nothing else; made if it is not there yet.

    `pythons` are the versions that the requirements have wheels for, the best first; `size` is for a person to read;
    `options` are pip's.
    """
    folder = os.path.join(cache(), "%s-%s" % (name, key(requirements)))
    python, stamp = os.path.join(folder, "venv", "bin", "python"), os.path.join(folder, "complete")

    def works():
        """Finished, and the Python it was made with is still there."""
        return os.path.exists(stamp) and os.access(python, os.X_OK)

    if works():
        return python
    with lock(name, say):
        if not works():
            began = time.time()
            base = find_python(pythons)
            shutil.rmtree(folder, ignore_errors=True)  # the remains of an installation that was interrupted
            say("installing into %s with %s: %s" % (folder, base, size))
            make(base, os.path.join(folder, "venv"), requirements, *options)
            with open(stamp, "w") as file:
                file.write("Made from %s. Delete this folder whenever you like.\n" % requirements)
            say("installed in %.0f s" % (time.time() - began))
    return python


def make(base, folder, requirements, *options):
    """A virtual environment: `base` is the Python it is made with, `folder` is new."""
    run([base, "-m", "venv", folder], "the virtual environment could not be made")
    run([os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps",
         "--only-binary=:all:", "--require-hashes", "--requirement", requirements, *options],
        "pip could not install the packages; the reason is above.\n"
        "If it is the network, pip's own settings apply: PIP_INDEX_URL for a mirror, PIP_PROXY, PIP_CERT.\n"
        "Then try again.")


def find_python(versions):
    """The first interpreter of one of these versions that can make virtual environments."""
    for command in [sys.executable, "python3"] + ["python" + version for version in versions]:
        python = probe(command)
        if python and python["version"] in versions and python["can_venv"]:
            return python["python"]
    raise CannotInstall("needs Python %s on the PATH, with the venv module." % " or ".join(versions))


def probe(command):
    """What an interpreter says of itself, or None if there is no such interpreter."""
    try:
        answer = subprocess.check_output([command, "-c", PROBE], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        return json.loads(answer.decode())
    except (OSError, ValueError, TypeError, subprocess.CalledProcessError):
        return None


PRCTL = ctypes.CDLL(None).prctl  # looked up before any fork, after which little is allowed
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """For preexec_fn: the child gets SIGTERM when we die, even of SIGKILL, and leaves nothing half done behind us."""
    PRCTL(PR_SET_PDEATHSIG, signal.SIGTERM)


def run(command, failure):
    """Runs a step with its output on stderr: stdout is for what our caller asked for."""
    if subprocess.call(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, preexec_fn=die_with_parent) != 0:
        raise CannotInstall(failure)
