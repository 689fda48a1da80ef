#!/usr/bin/env python3
"""Reads what -Xcheck:jni has said of a test run, which Surefire keeps in dump files; usage: jni.py FOLDER

JNA itself is warned of while the machine loads its library. That is not ours, and shows that the check is on. Anything else
is an error.
"""

import glob
import re
import sys


def findings(folder):
    """Each warning with its stack."""
    found = []
    for name in glob.glob(folder + "/*.dumpstream"):
        with open(name, encoding="utf-8", errors="replace") as file:
            for line in re.findall(r"Stream '(.*)'\.$", file.read(), re.M):
                if re.search(r"^WARNING|FATAL ERROR", line):
                    found.append([])
                if found:
                    found[-1].append(line)
    return found


def is_jnas(finding):
    return any("at com.sun.jna.Native.loadNativeDispatchLibrary" in line for line in finding)


def main(folder):
    found = findings(folder)
    ours = [finding for finding in found if not is_jnas(finding)]
    if ours:
        sys.exit("-Xcheck:jni has found:\n" + "\n".join("\n".join(finding[:12]) for finding in ours))
    if not found:
        sys.exit("-Xcheck:jni has said nothing, not even of JNA's start: is it on?")
    print("  -Xcheck:jni: nothing but what it says of JNA's own start")


main(*sys.argv[1:])
