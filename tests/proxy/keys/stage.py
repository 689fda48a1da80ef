"""A database, the proxies on it, and the one address that clients know."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import command
import machinery
from machinery import until
from owner import Owner

# Dollars for a token of the prompt, and of the answer.
PRICES = (0.001, 0.01)


class Replica:
    """One proxy. It keeps its port and its folder when it is killed and started again."""

    def __init__(self, binary, config, home, arguments, environment):
        self.port = command.free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.folder = tempfile.mkdtemp(prefix="keys-proxy-")
        path = os.path.join(self.folder, "config.yaml")
        with open(path, "w") as file:
            json.dump(config, file)  # which is YAML
        self.line = [os.path.abspath(binary), "--config", path, "--host", "127.0.0.1", "--port", str(self.port), *arguments]
        self.environment = command.environment(**environment, HOME=home, XDG_DATA_HOME=os.path.join(home, "data"), XDG_STATE_HOME=os.path.join(home, "state"))
        self.log_path, self.process = os.path.join(self.folder, "log"), None
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, cwd=self.folder,
                                            preexec_fn=machinery.dying())
        until("the proxy answers: " + self.log()[-2000:], self.answers)

    def answers(self):
        if self.process.poll() is not None:
            raise SystemExit("keys: the proxy ended with %d:\n%s" % (self.process.returncode, self.log()[-4000:]))
        return machinery.answers(self.url + "/health/liveliness")

    def readiness(self):
        """Status and JSON."""
        return Owner(self.url, "").ask("GET", "/health/readiness")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """As a service manager ends it; how many seconds that took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return time.monotonic() - began

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as file:
            return file.read()


class Stage:
    """A context: `url` for clients, `replicas`, the `owner`, the `upstream` or a real Triton behind."""

    def __init__(self, trial, database, replicas=1, arguments=(), postgres=(), one_home=False, redis=False, **general):
        self.trial, self.kind, self.secrets = trial, database, [trial.master]
        self.home = tempfile.mkdtemp(prefix="keys-home-")
        self.upstream, self.nginx, self.postgres, self.replicas = machinery.Upstream(), None, None, []
        self.redis, router = machinery.Redis() if redis else None, {"num_retries": 0}
        environment = {"MASTER_KEY": trial.master}
        general = {"master_key": "os.environ/MASTER_KEY", **general}
        if database == "postgres":
            self.postgres = machinery.Postgres(*postgres)
            self.secrets += [self.postgres.password, self.postgres.url]
            environment["KEYS_URL"] = self.postgres.url
            general["database_url"] = "os.environ/KEYS_URL"
        if self.redis:
            self.secrets += [self.redis.password, self.redis.url]
            environment["REDIS_URL"] = self.redis.url
            router["redis_url"] = "os.environ/REDIS_URL"
        config = {"model_list": self.models(), "router_settings": router, "general_settings": general}
        for number in range(replicas):
            home = self.home if one_home else os.path.join(self.home, str(number))
            os.makedirs(home, exist_ok=True)
            self.replicas.append(Replica(trial.binary, config, home, arguments, environment))
        if replicas > 1:
            self.nginx = machinery.Nginx([replica.port for replica in self.replicas])
        self.url = self.nginx.url if self.nginx else self.replicas[0].url
        self.owner = Owner(self.url, trial.master)
        if self.postgres:
            for replica in self.replicas:
                until("readiness says that the database is there", lambda: ready(replica, "db"))
        if self.redis:
            for replica in self.replicas:
                until("readiness says that Redis is there", lambda: ready(replica, "redis"))

    def models(self):
        prices = {"input_cost_per_token": PRICES[0], "output_cost_per_token": PRICES[1]}
        list_ = [
            {"model_name": "chat", "mishikallm_params": {"model": "triton/llm", "api_base": self.upstream.url + "/generate", **prices}},
            {"model_name": "by the answer", "mishikallm_params": {"model": "triton/llm", "api_base": self.upstream.url + "/generate", "output_cost_per_token": PRICES[1]}},
            {"model_name": "other", "mishikallm_params": {"model": "triton/llm", "api_base": self.upstream.url + "/generate", **prices}},
        ]
        if self.trial.triton:
            list_ += [
                {"model_name": "real", "mishikallm_params": {"model": "triton/tiny_llm", "api_base": self.trial.triton, **prices}},
                {"model_name": "embeddings", "mishikallm_params": {"model": "triton/minilm", "api_base": self.trial.triton, "input_cost_per_token": PRICES[0]}},
            ]
        return list_

    @property
    def urls(self):
        """Of the replicas themselves."""
        return [replica.url for replica in self.replicas]

    def name(self):
        kind = self.kind + " and Redis" if self.redis else self.kind
        return kind if len(self.replicas) == 1 else "%s, %d replicas" % (kind, len(self.replicas))

    def sqlite(self):
        """The path of the file."""
        for folder, _, files in os.walk(self.home):
            for file in files:
                if file.endswith(".db"):
                    return os.path.join(folder, file)
        raise SystemExit("keys: there is no database below %s" % self.home)

    def files(self):
        """Of the proxies' own, without the database's server."""
        for top in (self.home, *(replica.folder for replica in self.replicas)):
            for folder, _, files in os.walk(top):
                yield from (os.path.join(folder, file) for file in files)

    def leaks(self):
        """Secrets that a log has, which no log may have."""
        return [(replica.port, secret[:7] + "…") for replica in self.replicas for secret in self.secrets if secret in replica.log()]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for replica in self.replicas:
            replica.kill()
        for leak in self.leaks():
            self.trial.problem("%s: a log has a secret: %s" % (self.name(), leak))
        if kind is not None:
            for replica in self.replicas:
                self.trial.say("what the proxy at %d said last:\n%s" % (replica.port, replica.log()[-3000:]))
        for machine in filter(None, (self.nginx, self.postgres, self.redis, self.upstream)):
            machine.close()
        for folder in (self.home, *(replica.folder for replica in self.replicas)):
            shutil.rmtree(folder, ignore_errors=True)


def ready(replica, what="db"):
    """Whether it says that the database is there, or Redis."""
    status, told = replica.readiness()
    return status == 200 and isinstance(told, dict) and told.get(what) == "connected"
