"""What the benchmarks are built from, and what to install where something is missing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
OUT = TARGET / "bench"
CFLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra"]

CARGO = "cargo: https://rustup.rs"

# A library that does not have a function yet is measured without the cases that call it.
OPTIONAL_FUNCTIONS = {
    "stream": ("mishikallm_stream_open", "HAVE_STREAM"),
    "embed-floats": ("mishikallm_embedding_f32", "HAVE_EMBEDDING_F32"),
    "embed-floats-json": ("mishikallm_embedding_f32", "HAVE_EMBEDDING_F32"),
}


def missing(library: Path, include: Path) -> list[str]:
    """Everything that is not there and how to get it, so that nobody has to start this more than twice."""
    found = []
    compiler = shutil.which("cc")
    if not compiler:
        found.append("a C compiler (cc): apt-get install gcc libc6-dev")
    elif not _has_libcurl():
        found.append(
            "libcurl's headers: apt-get install libcurl4-openssl-dev (Debian, Ubuntu), dnf install libcurl-devel (Fedora)"
        )
    found += missing_for_server()
    if not library.is_file():
        found.append(f"the library, {library}: cargo build --release")
    if not (include / "mishikallm.h").is_file():
        found.append(f"the header, mishikallm.h in {include}")
    return found


def _has_libcurl() -> bool:
    command = ["cc", "-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(command, input="#include <curl/curl.h>\n", text=True, capture_output=True).returncode == 0


def optional_modes(include: Path) -> dict[str, bool]:
    header = (include / "mishikallm.h").read_text()
    return {mode: function in header for mode, (function, _) in OPTIONAL_FUNCTIONS.items()}


def missing_for_server() -> list[str]:
    """The same for build_server()."""
    return [] if shutil.which("cargo") else [CARGO]


def build_server() -> None:
    """server and load, into target/bench."""
    OUT.mkdir(parents=True, exist_ok=True)
    manifest = HERE / "server" / "Cargo.toml"
    _run("cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", manifest, "--target-dir", OUT)
    for program, name in (("fixed-reply-server", "server"), ("load", "load")):
        shutil.copy2(OUT / "release" / program, OUT / name)


def build(library: Path, include: Path) -> None:
    """All that build_server() makes, and floor, client, startup and open_streams, into target/bench."""
    build_server()

    _run("cc", *CFLAGS, "-o", OUT / "floor", HERE / "floor.c", HERE / "load.c", "-lcurl", "-lpthread")
    has = optional_modes(include)
    defines = [f"-D{define}" for mode, (_, define) in OPTIONAL_FUNCTIONS.items() if has[mode]]
    directory = _directory_with_soname(library)
    _run("cc", *CFLAGS, *defines, f"-I{include}", "-o", OUT / "client", HERE / "client.c", HERE / "load.c",
         library, f"-Wl,-rpath,{directory}", "-lpthread")
    _run("cc", *CFLAGS, f"-I{include}", "-o", OUT / "startup", HERE / "startup.c", "-ldl")
    if has["stream"]:
        _run("cc", *CFLAGS, f"-I{include}", "-o", OUT / "open_streams", HERE / "open_streams.c",
             library, f"-Wl,-rpath,{directory}")


def _directory_with_soname(library: Path) -> Path:
    """Cargo names the file without a version, but the loader looks for the name that is written in the file."""
    dynamic = subprocess.run(["readelf", "-d", library], text=True, capture_output=True, check=True).stdout
    soname = re.search(r"\(SONAME\).*\[(.+)\]", dynamic)
    directory = OUT / "lib"
    directory.mkdir(exist_ok=True)
    link = directory / (soname[1] if soname else library.name)
    link.unlink(missing_ok=True)
    link.symlink_to(library)
    return directory


def _run(*command) -> None:
    subprocess.run([str(word) for word in command], check=True)
