"""From nothing: SQLite, a key made with curl, and then OpenAI's own client and LangChain with it, in front of a real Triton."""

import json
import os
import subprocess

import command
from stage import Stage

HERE = os.path.dirname(os.path.abspath(__file__))


def run(trial):
    if not trial.triton:
        raise SystemExit("keys: sdk needs a Triton")
    with Stage(trial, "sqlite") as stage:
        made = curl(trial, stage, "/key/generate", {"models": ["real", "embeddings"], "max_budget": 5, "metadata": {"owner": "us"}})
        key = made["key"]
        stage.secrets.append(key)
        environment = {**command.environment(), "PROXY": stage.url, "PROXY_KEY": key, "PROXY_MASTER": trial.master, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": HERE}
        if subprocess.call([trial.python(), os.path.join(HERE, "test_sdk.py")], env=environment) != 0:
            trial.problem("sdk: a test failed")
        info = curl(trial, stage, "/key/info?key=" + key)["info"]
        if not info["spend"] > 0:
            trial.problem("sdk: the key's spend is %r" % info["spend"])
        trial.say("sdk: %s spent %s of %s" % (info["key_name"], info["spend"], info["max_budget"]))


def curl(trial, stage, path, body=None):
    line = ["curl", "-sS", "--fail-with-body", stage.url + path, "-H", "Authorization: Bearer " + trial.master]
    if body is not None:
        line += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=command.environment())
    if done.returncode != 0:
        raise SystemExit("keys: curl: %s %s" % (done.stdout, done.stderr))
    return json.loads(done.stdout)
