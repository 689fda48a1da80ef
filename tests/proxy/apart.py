"""A view of the machine of its own for this process: loopback and nothing else, more names in /etc/hosts, more files at the root."""

import ctypes
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "bindings", "python", "tests"))

import alone  # noqa: E402

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x00020000, 0x1000, 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind=None, flags=0):
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    if LIBC.mount(*encoded, ctypes.c_ulong(flags), None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "mount %s: %s" % (target, os.strerror(number)))


def enter(hosts, files):
    """`hosts` are lines for /etc/hosts; `files` are paths below a folder that the machine's root has not got, with their texts."""
    if not alone.enter():
        raise SystemExit("apart: this system gives no network namespace")
    if LIBC.unshare(CLONE_NEWNS) != 0:
        raise SystemExit("apart: this system gives no mount namespace")
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    root = tempfile.mkdtemp()
    names = root + ".hosts"
    with open("/etc/hosts") as file, open(names, "w") as ours:
        ours.write(file.read() + "\n" + "".join(line + "\n" for line in hosts))
    mount("tmpfs", root, "tmpfs")
    for name in os.listdir("/"):
        path, copy = "/" + name, os.path.join(root, name)
        if os.path.islink(path):
            os.symlink(os.readlink(path), copy)
        elif os.path.isdir(path):
            os.mkdir(copy)
            mount(path, copy, None, MS_BIND | MS_REC)
    for path, text in files.items():
        os.makedirs(root + os.path.dirname(path))
        with open(root + path, "w") as file:
            file.write(text)
    mount(names, root + "/etc/hosts", None, MS_BIND)
    os.unlink(names)
    here = os.getcwd()
    os.chroot(root)
    os.chdir(here)
