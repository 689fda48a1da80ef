"""The proxies that are measured: nginx, mishikallm and the reference, each a process on a CPU and a port of its own."""

import contextlib
import getpass
import json
import os
import secrets
import shutil
import string
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import build

sys.path[:0] = [str(build.ROOT / "tests"), str(build.ROOT / "tests" / "proxy"), str(build.ROOT / "tests" / "proxy" / "keys")]
import command  # noqa: E402
import machinery  # noqa: E402
import owner  # noqa: E402
import pypi  # noqa: E402

HERE = build.HERE / "proxy"
PYTHONS = ("3.11", "3.12", "3.13")
KEY = "sk-" + secrets.token_hex(32)
TICKS = os.sysconf("SC_CLK_TCK")

# Without these the reference asks the network at its start, and logs each request.
REFERENCE_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "NO_DOCS": "True",
    "DISABLE_ADMIN_UI": "True",
}


class Proxy:
    """`name` for the tables. `is_openai`: it is spoken to as OpenAI is; else as Triton."""

    def __init__(self, name: str, command_line: list, port: int, folder: Path, *, is_openai: bool, health: str, **more):
        self.name, self.port, self.is_openai = name, port, is_openai
        self.health = health
        self.command_line, self.environment = [str(word) for word in command_line], command.environment(**more)
        self.key: str | None = None
        self.limits: dict | None = None  # of a virtual key, which is made when it runs
        self.is_reference = False
        self.log = folder / f"{name.replace(' ', '-')}.log"
        self.process: subprocess.Popen | None = None

    def start(self, cpu: int | None) -> float:
        """Milliseconds until it answers."""
        with open(self.log, "ab") as log, on(cpu):
            began = time.perf_counter()
            self.process = subprocess.Popen(
                self.command_line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, start_new_session=True
            )
        self._wait(began + (120 if self.is_reference else 30))
        took = (time.perf_counter() - began) * 1e3
        if self.limits is not None:
            self.key = machinery.until("a key is made", self._made)
        return took

    def _made(self) -> str | None:
        with contextlib.suppress(owner.Refused):  # the database may not be there yet
            return owner.Owner(f"http://127.0.0.1:{self.port}", KEY).make(**self.limits)

    def _wait(self, until: float) -> None:
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.health}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            try:
                with opener.open(asked, timeout=5) as answer:
                    answer.read()
                if self.process.poll() is None:
                    return
                raise OSError("another program answers at its port")
            except OSError as error:
                if self.process.poll() is not None or time.perf_counter() > until:
                    self.stop()
                    raise SystemExit(f"{self.name} did not start ({error}):\n{self.log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.0002)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    # The whole tree of processes: a server may have its workers.

    def cpu_seconds(self) -> float:
        total = 0
        for pid in self._tree():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def status(self, name: str) -> int:
        """A sum of what /proc/PID/status has, such as VmRSS in kB."""
        total = 0
        for pid in self._tree():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith(name + ":"):
                        total += int(line.split()[1])
        return total

    def _tree(self) -> list[int]:
        found = [self.process.pid] if self.process else []
        for pid in found:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        return found


@contextlib.contextmanager
def on(cpu: int | None):
    """What is started meanwhile runs there: a child has its parent's CPUs, and to set them in the child would be in its figures."""
    if cpu is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def nginx(name: str, upstream: str, folder: Path, access_log: bool = False) -> Proxy:
    port = command.free_port()
    own = Path(tempfile.mkdtemp(prefix=name.replace(" ", "-") + "-", dir=folder))
    text = string.Template((HERE / "nginx.conf").read_text()).substitute(
        user=getpass.getuser(), folder=own, port=port, upstream=upstream.removeprefix("http://"),
        access_log=own / "access.log" if access_log else "off",
    )
    (own / "nginx.conf").write_text(text)
    line = [nginx_program(), "-e", "stderr", "-p", own, "-c", own / "nginx.conf"]
    return Proxy(name, line, port, folder, is_openai=False, health="/v2/health/live")


def nginx_program() -> str | None:
    """Debian has it in a folder that is not on every PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def mishikallm(
    name: str, binary: Path, config: dict, folder: Path, *flags: str, key: str | None = None, limits: dict | None = None, database_url: str | None = None
) -> Proxy:
    """`limits`: it is asked with a virtual key that has them, out of a database of its own."""
    port = command.free_port()
    if key:
        config = {**config, "general_settings": {"master_key": key, **({"database_url": database_url} if database_url else {})}}
    line = [binary, "--config", _written(name, config, folder), "--host", "127.0.0.1", "--port", port, *flags]
    own = tempfile.mkdtemp(prefix=name.replace(" ", "-") + "-", dir=folder)
    proxy = Proxy(name, line, port, folder, is_openai=True, health="/health/liveliness", XDG_DATA_HOME=own, XDG_STATE_HOME=own)
    proxy.key, proxy.limits = key, limits
    return proxy


def postgres(cpu: int | None) -> machinery.Postgres | None:
    """One of its own, on that CPU."""
    if not machinery.postgres_programs():
        return None
    with on(cpu):
        return machinery.Postgres()


def reference(name: str, config: dict, folder: Path, say) -> Proxy:
    """One worker, as it comes, without a database. It does not start without a master key."""
    interpreter = pypi.environment("litellm-proxy", str(HERE / "litellm.txt"), PYTHONS, "for the benchmark", say, "--quiet", "--no-compile")
    port = command.free_port()
    settings = {"telemetry": False, "drop_params": True, "request_timeout": 600}
    config = {**config, "litellm_settings": settings, "general_settings": {"master_key": KEY}}
    program = Path(interpreter).with_name("litellm")
    line = [program, "--config", _written(name, config, folder), "--host", "127.0.0.1", "--port", port, "--num_workers", "1"]
    proxy = Proxy(name, line, port, folder, is_openai=True, health="/health/liveliness", **REFERENCE_ENVIRONMENT)
    proxy.is_reference, proxy.key = True, KEY
    return proxy


def _written(name: str, config: dict, folder: Path) -> Path:
    """As JSON, which is YAML."""
    path = folder / f"{name.replace(' ', '-')}.yaml"
    path.write_text(json.dumps(config, indent=1))
    return path
