"""What a shared library needs from the system it is loaded on, as lines that can be compared: `readelf` and `nm` tell."""

import os
import re
import subprocess


def tell(library, functions):
    """The lines for a library; `functions` are the names that it is to export."""
    dynamic = _ask("readelf", "-dW", library)
    segments = _ask("readelf", "-lW", library)
    exported = {line.split()[-1].split("@")[0] for line in _ask("nm", "-D", "--defined-only", library).splitlines()}
    relocations = _ask("readelf", "-rW", library)
    tags = re.findall(r"^ 0x\w+ \((\w+)\)\s*(.*)$", dynamic, re.MULTILINE)

    def values(tag):
        return [re.sub(r"^.*\[(.*)\]$", r"\1", value.strip()) for name, value in tags if name == tag]

    flags = " ".join(values("FLAGS") + values("FLAGS_1"))
    versions = _versions(library)
    return {
        "soname": " ".join(values("SONAME")),
        "libraries": " ".join(sorted(values("NEEDED"))),
        "glibc": _dotted(max(versions.get("GLIBC", [(0,)]))),
        "other versions": " ".join(sorted(set(versions) - {"GLIBC"})) or "none",
        "exports": _difference(exported, set(functions)),
        "calls of its own exports": "through the loader" if exported & _relocated(relocations) else "direct",
        "search path": " ".join(values("RPATH") + values("RUNPATH")) or "none",
        "stack": "not executable" if re.search(r"GNU_STACK .* RW ", segments) else "executable",
        "writable code": "yes" if re.search(r"LOAD .* RWE ", segments) else "none",
        "relocations in code": "yes" if "TEXTREL" in flags or values("TEXTREL") else "none",
        "relocations": "read-only after loading" if "NOW" in flags and "GNU_RELRO" in segments else "writable",
        "thread-local storage": "static" if "STATIC_TLS" in flags else "dynamic",
        "dlclose": "unloads nothing" if "NODELETE" in flags else "unloads it",
    }


def read(path):
    """The file of needs: {section: {name: value}}."""
    sections, section = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip()
            if line.startswith("["):
                section = sections.setdefault(line.strip("[]"), {})
            elif line and not line.startswith("#"):
                name, value = line.split(":", 1)
                section[name] = value.strip()
    return sections


def differences(expected, found):
    """In words, what differs; a name that stands in only one of them differs too."""
    said = []
    for name in sorted(set(expected) | set(found)):
        if expected.get(name) != found.get(name):
            said.append("%s: expected %s, got %s" % (name, expected.get(name, "nothing"), found.get(name, "nothing")))
    return said


def _ask(*command):
    environment = dict(os.environ, LC_ALL="C")
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8", env=environment).stdout


def _versions(library):
    """The versions of symbols that it asks for: {"GLIBC": [(2, 17), …], "GCC": …}."""
    needs = _ask("readelf", "-VW", library).partition("Version needs section")[2]
    found = {}
    for family, version in re.findall(r"Name: ([A-Z]+)_([\d.]+)", needs):
        found.setdefault(family, []).append(tuple(map(int, version.split("."))))
    return found


def _dotted(version):
    return ".".join(map(str, version))


def _difference(exported, functions):
    """Whether it exports the functions and nothing else."""
    said = ["not " + name for name in sorted(functions - exported)] + ["also " + name for name in sorted(exported - functions)]
    return ", ".join(said) or "the functions of include/mishikallm.symbols"


def _relocated(relocations):
    """The names that the loader fills in."""
    return {line.split()[4].split("@")[0] for line in relocations.splitlines() if re.match(r"^[0-9a-f]{12,}", line) and len(line.split()) > 4}
