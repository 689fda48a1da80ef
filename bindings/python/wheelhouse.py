"""Makes the wheel, and virtual environments that have it; for the scripts of this folder.

Nothing is written outside build/ and the cache. LIBRARY names the shared library that the wheel carries.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # the checkout is to stay clean
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import pypi  # noqa: E402
from pypi import CannotInstall  # noqa: E402, F401

BUILD = os.path.join(ROOT, "build", "python")
PACKAGES = os.path.join(ROOT, "build", "packages")
VERSIONS = ("3.11", "3.12", "3.13")
SOURCES = ("pyproject.toml", "hatch_build.py", "README.md", "src")
LICENCES = ("LICENSE-MIT", "LICENSE-APACHE")

# Asks auditwheel which versions of glibc it knows.
POLICIES = """
from auditwheel.architecture import Architecture
from auditwheel.libc import Libc
from auditwheel.policy import WheelPolicies
for policy in WheelPolicies(libc=Libc.GLIBC, arch=Architecture.x86_64):
    if policy.name.startswith("manylinux_"):
        print(policy.name[len("manylinux_"):-len("_x86_64")])
"""


def say(text):
    print("python: " + text, file=sys.stderr, flush=True)


def library():
    """The file that the wheel is to carry."""
    path = os.path.abspath(os.environ.get("LIBRARY") or os.path.join(ROOT, "target", "portable", "libmishikallm.so"))
    if not os.path.isfile(path):
        raise CannotInstall("there is no %s: build the library first, or name it in LIBRARY." % path)
    return path


def build_tools():
    """The Python that has what builds a wheel."""
    return pypi.environment("python-build", os.path.join(HERE, "requirements", "build.txt"), VERSIONS, "1 MB to download", say, "--quiet")


def test_tools():
    """The Python that has what the tests use, and not the package."""
    return pypi.environment("python-test", os.path.join(HERE, "requirements", "test.txt"), VERSIONS, "40 MB to download", say, "--quiet")


def files():
    """What the wheel is made of: (path in the wheel's source, path here)."""
    for name in LICENCES:
        yield name, os.path.join(ROOT, name)
    for name in SOURCES:
        path = os.path.join(HERE, name)
        if os.path.isfile(path):
            yield name, path
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(set(folders) - {"__pycache__"})
            for each in sorted(names):
                yield os.path.relpath(os.path.join(folder, each), HERE), os.path.join(folder, each)


def key():
    """What tells one wheel from another: all that goes into it."""
    digest = hashlib.sha256()
    for name, path in [*files(), ("library", library())]:
        with open(path, "rb") as file:
            digest.update(("%s %s\n" % (name, hashlib.sha256(file.read()).hexdigest())).encode())
    return digest.hexdigest()[:16]


def wheel(anew=False):
    """The path of the wheel in build/packages, made if what goes into it has changed."""
    os.makedirs(BUILD, exist_ok=True)
    os.makedirs(PACKAGES, exist_ok=True)
    stamp, current = os.path.join(BUILD, "wheel"), key()
    with lock("wheel"):
        if not anew and os.path.exists(stamp):
            with open(stamp) as file:
                made_of, path = file.read().split("\n")[:2]
            if made_of == current and os.path.exists(path):
                return path
        path = make_wheel()
        with open(stamp, "w") as file:
            file.write("%s\n%s\n" % (current, path))
        return path


def make_wheel():
    """Builds it from a copy of the sources, and has auditwheel confirm what its name claims."""
    python, source = build_tools(), os.path.join(BUILD, "source")
    shutil.rmtree(source, ignore_errors=True)
    for name, path in files():
        target = os.path.join(source, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(path, target)
    for old in os.listdir(PACKAGES):
        if re.match(r"mishikallm-.*\.whl$", old):
            os.remove(os.path.join(PACKAGES, old))
    os.environ["LIBRARY"] = library()  # for hatch_build.py, by its whole path
    pypi.run([python, "-m", "build", "--wheel", "--no-isolation", "--outdir", PACKAGES, source], "the wheel could not be built")
    name, = (name for name in os.listdir(PACKAGES) if name.endswith(".whl"))
    path = os.path.join(PACKAGES, name)
    audit(python, path)
    return path


def audit(python, path):
    """Raises what is wrong with the wheel's tag. auditwheel knows which libraries each system has, and not only glibc's version."""
    claimed = tuple(map(int, re.search(r"-manylinux_(\d+)_(\d+)_x86_64\.whl$", path).groups()))
    told = subprocess.run([python, "-m", "auditwheel", "show", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = re.search(r'consistent with\s+the\s+following\s+platform\s+tag:\s+"manylinux_(\d+)_(\d+)_x86_64"', told.stdout)
    if told.returncode != 0 or not found:
        raise CannotInstall("auditwheel does not find the wheel portable:\n%s" % told.stdout)
    needed = tuple(map(int, found.groups()))
    known = subprocess.check_output([python, "-c", POLICIES], text=True).split()
    # auditwheel knows some versions of glibc only: a library that asks for 2.30 is told to be for 2.31, the next that it knows.
    least = min(version for version in (tuple(map(int, each.split("_"))) for each in known) if version >= claimed)
    if needed > least:
        raise CannotInstall("the wheel is called manylinux_%d_%d, and auditwheel finds that it needs more:\n%s" % (*claimed, told.stdout))
    say("auditwheel: %s, glibc %d.%d as the tag says" % (os.path.basename(path), *claimed))


def installed(bare=False):
    """The Python of a virtual environment that has the wheel; unless bare, with what the tests use beside it."""
    path = wheel()
    with open(path, "rb") as file:
        name = "%s-%s" % ("bare" if bare else "venv", hashlib.sha256(file.read()).hexdigest()[:12])
    folder = os.path.join(BUILD, name)
    python, stamp = os.path.join(folder, "bin", "python"), os.path.join(folder, "complete")
    tools = test_tools()
    with lock("venv"):
        if os.path.exists(stamp) and os.access(python, os.X_OK):
            return python
        for old in os.listdir(BUILD):
            if old.startswith(name.split("-")[0] + "-"):
                shutil.rmtree(os.path.join(BUILD, old), ignore_errors=True)
        pypi.run([pypi.find_python(VERSIONS), "-m", "venv", folder], "the virtual environment could not be made")
        # From the wheel alone: no index, no dependencies, nothing to compile.
        pypi.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", path],
                 "pip could not install the wheel")
        if not bare:
            ask = [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
            here, there = (subprocess.check_output([each] + ask[1:], text=True).strip() for each in (python, tools))
            with open(os.path.join(here, "tools.pth"), "w") as file:
                file.write(there + "\n")
        with open(stamp, "w"):
            pass
    return python


@contextlib.contextmanager
def lock(name):
    """One maker at a time in this checkout."""
    import fcntl
    with open(os.path.join(BUILD, name + ".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment():
    """The environment for a program that is to see the installed package and nothing of the checkout."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MISHIKALLM_LIBRARY", "MISHIKALLM_LOG")}
