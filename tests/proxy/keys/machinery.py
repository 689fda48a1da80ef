"""What stands around the proxy: PostgreSQL, nginx as one address for several replicas, and the server behind. Each ends with this program."""

import ctypes
import getpass
import glob
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import command

HERE = os.path.dirname(os.path.abspath(__file__))
GIVE_UP = 60  # seconds
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def dying(with_signal=signal.SIGKILL):
    """For Popen: the child gets this signal when we end, however we end."""
    return lambda: LIBC.prctl(PR_SET_PDEATHSIG, with_signal)


def until(what, is_so, within=GIVE_UP, every=0.01):
    """Waits for it, and returns what it is then."""
    give_up = time.monotonic() + within
    while not (found := is_so()):
        if time.monotonic() > give_up:
            raise SystemExit("keys: not within %d s: %s" % (within, what))
        time.sleep(every)
    return found


def postgres_programs():
    """The folder of its programs: the newest; Debian has them where no PATH leads."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: float(path.split("/")[4]))
    found = shutil.which("initdb")
    return os.path.dirname(os.path.realpath(found)) if found else folders[-1] if folders else None


def nginx_program():
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def missing():
    """What is to be installed."""
    lacking = []
    if not postgres_programs():
        lacking.append("PostgreSQL: apt-get install postgresql")
    if not nginx_program():
        lacking.append("nginx: apt-get install nginx-light")
    if not shutil.which("redis-server"):
        lacking.append("Redis: apt-get install redis-server")
    if not shutil.which("curl"):
        lacking.append("curl: apt-get install curl")
    return lacking


class Postgres:
    """A PostgreSQL of its own in a temporary folder, with a password."""

    def __init__(self, *settings, port=None):
        self.bin, self.port, self.password = postgres_programs(), port or command.free_port(), secrets.token_hex(16)
        self.folder = tempfile.mkdtemp(prefix="keys-postgres-")
        self.data = os.path.join(self.folder, "data")
        self.url = "postgresql://mishikallm:%s@127.0.0.1:%d/postgres" % (self.password, self.port)
        self.log_path = os.path.join(self.folder, "log")
        self.settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=" + self.folder, *settings)
        self.process, self.first_password = None, self.password
        word = os.path.join(self.folder, "password")
        with open(word, "w") as file:
            file.write(self.password)
        # It refuses to run as root.
        self.owner = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self.owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            for path in (self.folder, word):
                os.chown(path, user.pw_uid, user.pw_gid)
        made = subprocess.run([os.path.join(self.bin, "initdb"), "-D", self.data, "-U", "mishikallm", "--auth=scram-sha-256", "--pwfile", word, "-E", "UTF8",
                               "--locale=C", "--no-sync"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", **self.owner)
        if made.returncode != 0:
            raise SystemExit("keys: initdb: " + made.stdout)
        self.start()

    def start(self):
        line = [os.path.join(self.bin, "postgres"), "-D", self.data, "-p", str(self.port)]
        for setting in self.settings:
            line += ["-c", setting]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", preexec_fn=dying(signal.SIGQUIT), **self.owner)
        until("PostgreSQL answers", lambda: self.query("SELECT 1", fails=True) == "1", every=0.05)

    def stop(self):
        """At once, as a machine that fails: `pg_ctl stop -m immediate`."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def query(self, sql, fails=False):
        """What psql prints: lines, with | between columns."""
        done = subprocess.run([os.path.join(self.bin, "psql"), "-XAtqc", sql, self.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
        if done.returncode != 0 and not fails:
            raise SystemExit("keys: psql: " + done.stderr)
        return done.stdout.strip()

    def change_password(self):
        """Who is connected is so no more."""
        self.first_password, self.password = self.password, secrets.token_hex(16)
        self.query("ALTER ROLE mishikallm PASSWORD '%s'" % self.password)
        self.url = self.url.replace(self.first_password, self.password)
        self.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = current_user")

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def close(self):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis:
    """A Redis of its own, with a password, that keeps nothing."""

    def __init__(self, port=None, password=None):
        self.port, self.password = port or command.free_port(), password or secrets.token_hex(16)
        self.folder = tempfile.mkdtemp(prefix="keys-redis-")
        self.url = "redis://:%s@127.0.0.1:%d" % (self.password, self.port)
        line = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", self.password, "--save", "", "--dir", self.folder]
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=dying())
        until("Redis answers", self.answers, every=0.05)

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"-NOAUTH")
        except OSError:
            return False

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


NGINX = """
user %(user)s;
worker_processes 1;
worker_rlimit_nofile 8000;
daemon off;
pid %(folder)s/pid;
error_log %(folder)s/error.log warn;
events { worker_connections 4000; }
http {
    access_log off;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    upstream replicas {
        %(servers)s
        keepalive 64;
    }
    server {
        listen 127.0.0.1:%(port)d backlog=4096;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_buffering off;
        proxy_read_timeout 600s;
        location / { proxy_pass http://replicas; }
    }
}
"""


class Nginx:
    """One address for several; requests go to them in turn."""

    def __init__(self, ports):
        self.port, self.folder = command.free_port(), tempfile.mkdtemp(prefix="keys-nginx-")
        self.url = "http://127.0.0.1:%d" % self.port
        servers = "\n        ".join("server 127.0.0.1:%d max_fails=0;" % port for port in ports)
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as file:
            file.write(NGINX % {"user": getpass.getuser(), "folder": self.folder, "port": self.port, "servers": servers})
        self.process = subprocess.Popen([nginx_program(), "-e", "stderr", "-p", self.folder, "-c", path], stdin=subprocess.DEVNULL, preexec_fn=dying(signal.SIGTERM))
        until("nginx answers", lambda: answers(self.url))

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Upstream:
    """The program of upstream.py."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "upstream.py")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=dying())
        self.url = "http://127.0.0.1:%d" % int(self.process.stdout.readline())

    def seen(self):
        with opener().open(self.url + "/seen") as answer:
            return json.load(answer)

    def close(self):
        self.process.kill()
        self.process.wait()


def opener():
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url):
    try:
        opener().open(url, timeout=5).close()
        return True
    except urllib.error.HTTPError:
        return True  # what it answers is for the trials
    except OSError:
        return False
