"""Puts the C library into the wheel, and into the wheel's name what that library needs.

The environment variable LIBRARY names libmishikallm.so; bindings/python/build sets it.
"""

import os
import re

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def glibc(path):
    """The newest version of glibc whose symbols a shared library asks for, such as (2, 28)."""
    with open(path, "rb") as file:
        elf = ELFFile(file)
        if elf.get_machine_arch() != "x64":
            raise SystemExit("LIBRARY: %s is not for x86-64" % path)
        names = [version.name
                 for section in elf.iter_sections() if isinstance(section, GNUVerNeedSection)
                 for _, versions in section.iter_versions() for version in versions]
    return max([(2, 5)] + [tuple(map(int, name[len("GLIBC_"):].split(".")[:2]))
                           for name in names if re.fullmatch(r"GLIBC_\d+(\.\d+)+", name)])


class LibraryHook(BuildHookInterface):
    """Called by hatchling before it writes a wheel."""

    def initialize(self, version, build_data):
        library = os.environ.get("LIBRARY", "")
        if not os.path.isfile(library):
            raise SystemExit("LIBRARY: expected the path of libmishikallm.so, got %r; bindings/python/build sets it" % library)
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-manylinux_%d_%d_x86_64" % glibc(library)
        build_data["force_include"][os.path.realpath(library)] = "mishikallm/libmishikallm.so"
