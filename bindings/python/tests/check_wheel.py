"""Holds the wheel to what it promises.   usage: check_wheel.py WHEEL BARE_PYTHON

Its name against what readelf says of the library in it; its contents; and, in an environment that has the wheel and nothing else, that
it imports and calls without a compiler, a dependency or the checkout.
"""

import os
import re
import subprocess
import sys
import tempfile
import zipfile

EXPORTED = {"__init__.py", "_async.py", "_call.py", "_library.py", "_log.py", "_pool.py", "_request.py", "_rows.py", "_sync.py",
            "client.py", "exceptions.py", "results.py", "py.typed", "libmishikallm.so"}
# What every Linux with glibc has, and nothing else.
SYSTEM = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "ld-linux-x86-64.so.2"}
PROGRAM = """
import os, sys, asyncio, mishikallm
from importlib.metadata import metadata, requires
assert "site-packages" in mishikallm.__file__, mishikallm.__file__
assert all("extra ==" in need for need in requires("mishikallm")), requires("mishikallm")
assert metadata("mishikallm")["Version"] == mishikallm.__version__
assert metadata("mishikallm")["License-Expression"] == "MIT OR Apache-2.0"
request = dict(model="triton/m", messages=[{"role": "user", "content": "x"}], api_base="http://localhost:1", mock_response="hello")
assert mishikallm.completion(**request).choices[0].message.content == "hello"
assert asyncio.run(mishikallm.acompletion(**request)).choices[0].message.content == "hello"
with open("/proc/self/maps") as file:
    loaded = {line.split()[-1] for line in file if "libmishikallm" in line}
assert loaded == {os.path.join(os.path.dirname(mishikallm.__file__), "libmishikallm.so")}, loaded
"""


def needed(path):
    """What readelf says: the newest glibc, and the libraries."""
    versions = subprocess.check_output(["readelf", "--version-info", "--wide", path], text=True)
    dynamic = subprocess.check_output(["readelf", "--dynamic", "--wide", path], text=True)
    newest = max(tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_(\d+\.\d+)", versions))
    return newest, set(re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic))


def problems(wheel, python):
    tag = re.fullmatch(r"mishikallm-0\.1\.0-py3-none-manylinux_(\d+)_(\d+)_x86_64\.whl", os.path.basename(wheel))
    if not tag:
        yield "its name is not as it should be: %s" % wheel
        return
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = set(archive.namelist())
        inside = {name[len("mishikallm/"):] for name in names if name.startswith("mishikallm/")}
        if inside != EXPORTED:
            yield "it holds %s" % sorted(inside ^ EXPORTED)
        others = {name.split("/", 1)[1] for name in names if not name.startswith("mishikallm/")}
        if others != {"METADATA", "WHEEL", "RECORD", "licenses/LICENSE-MIT", "licenses/LICENSE-APACHE"}:
            yield "beside the package it holds %s" % sorted(others)
        newest, libraries = needed(archive.extract("mishikallm/libmishikallm.so", folder))
        if newest != tuple(map(int, tag.groups())):
            yield "the library asks for glibc %d.%d, and the name says %s.%s" % (*newest, *tag.groups())
        if libraries - SYSTEM:
            yield "the library needs %s" % sorted(libraries - SYSTEM)
    with tempfile.TemporaryDirectory() as folder:
        # Nothing on the PATH: no compiler, no linker, no ldconfig.
        told = subprocess.run([python, "-I", "-c", PROGRAM], cwd=folder, env={"PATH": folder}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if told.returncode != 0 or told.stdout:
            yield "alone in an environment: %s" % told.stdout
    told = subprocess.run([python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"], stdout=subprocess.PIPE,
                          text=True)
    packages = {line.split("==")[0] for line in told.stdout.split()} - {"pip", "setuptools"}
    if packages != {"mishikallm"}:
        yield "the environment has %s" % sorted(packages)


if __name__ == "__main__":
    found = list(problems(*sys.argv[1:]))
    print("\n".join("wheel: " + problem for problem in found) or "wheel: as it should be")
    sys.exit(1 if found else 0)
