"""The lines about virtual keys, of README.md and of proxy/KEYS.md, as they stand there. `readme` runs them, in its own view of the machine."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import command

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(HERE, "keys"))

import machinery  # noqa: E402

README, PAGE = os.path.join(ROOT, "README.md"), os.path.join(ROOT, "proxy", "KEYS.md")
# Until both calls are in the database.
A_MOMENT = """until [ "$(curl -s http://localhost:4000/spend/logs -H "Authorization: Bearer $MISHIKALLM_MASTER_KEY" | grep -o '"request_id"' | wc -l)" = 2 ]; do :; done"""
# What each block prints, in the order of the blocks.
USED = ['"content": ?"I am a small language model']
WATCHED = ["^ALIAS +KEY +HASH", "^alice +sk-", "^alias +alice$", r"^spend +\$0\.0000\d+ of \$5 / 30d$", "^limits +60 rpm$", "^DAY +SPEND +MODELS$", r"^in all: +\$0\.0000\d+$"]
BY_CURL = ['"key": ?"sk-', '"key_alias": ?"bob"', '"key_name": ?"sk-\\.\\.\\.', '"key_alias": ?"alice"', '"total_count": ?2', '"spend": ?[0-9.e-]+']
COMMANDS = ["^limits +120 rpm$", "^blocked: alice$", "^unblocked: alice$", "^alias +alice$", '^{"keys": ?\\[', "^ALIAS +KEY +HASH +SPEND$", "^in all: +\\$0\\.0000"]
TEAMS = ["^sk-", r"^spend +\$0 of \$100 / 1mo$", "^keys +1$", "^ALIAS +ID +MODELS"]
REPLICAS = ['"content": ?"I am a small language model', "^carol +sk-", "^deleted: carol$"]

COUNTED = ['"content": ?"I am a small language model', '"redis": ?"connected"', "deleted: dave$"]


def blocks(path, section, expected):
    """The fenced blocks of a file, or of one of its sections, in order."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if section:
        text = re.search(r"^## %s\n(.*?)^## " % section, text, re.S | re.M).group(1)
    found = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.S | re.M)
    if [language for language, _ in found] != expected:
        sys.exit("virtual keys: %s has the blocks %s" % (path, [language for language, _ in found]))
    return [block for _, block in found]


def until_it_answers(process, *ports):
    until = time.monotonic() + command.GIVE_UP
    for port in ports:
        while True:
            try:
                urllib.request.urlopen("http://localhost:%d/health/liveliness" % port).read()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit("virtual keys: mishikallm did not start")
                time.sleep(0.01)


def served(block, environment, *ports):
    """The proxies that a block starts. Their shell waits for their end."""
    process = subprocess.Popen(["bash", "-ec", "trap wait TERM\n" + block + "\nwait"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    until_it_answers(process, *ports)
    return process


def ended(process):
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def told(parts, environment):
    """What each part of a session prints, held to what it is to print."""
    mark = "== the next part =="
    script = ("\necho '\n%s'\n" % mark).join(lines for lines, _ in parts)
    done = subprocess.run(["bash", "-ec", script], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    said = done.stdout.split(mark + "\n")
    for printed, (lines, patterns) in zip(said, parts):
        print(printed.strip()[:1500])
        missing = [pattern for pattern in patterns if not re.search(pattern, printed, re.M)]
        if missing:
            sys.exit("virtual keys: no %s in what this prints:\n%s\n%s\n%s" % (missing, lines, printed, done.stderr))
    if done.returncode != 0 or len(said) != len(parts):
        sys.exit("virtual keys: it ended with %d\n%s\n%s" % (done.returncode, done.stdout, done.stderr))


def run(python, environment, folder):
    """`environment` has the command on its PATH."""
    config, serve, used, program, watched, by_curl = blocks(README, "Virtual keys", ["yaml", "sh", "sh", "python", "sh", "sh"])
    replicas, shared, with_redis, counting, counted, commands, teams = blocks(PAGE, None, ["sh", "sh", "yaml", "sh", "sh", "sh", "sh"])
    for name, shown, page in (("keys.yaml", config, README), ("redis.yaml", with_redis, PAGE)):
        with open(os.path.join(ROOT, "examples", "proxy", name), encoding="utf-8") as file:
            if file.read() != shown:
                sys.exit("virtual keys: examples/proxy/%s is not what %s shows" % (name, page))
    path = os.path.join(folder, "program.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(program)
    environment = {**environment, "HOME": folder}
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "DATABASE_URL"):
        environment.pop(name, None)
    process = served(serve, environment, 4000)
    try:
        told([(used, USED), ("'%s' -B '%s'" % (python, path), ["^I am a small language model"]), (A_MOMENT, []), (watched, WATCHED), (by_curl, BY_CURL),
              (commands, COMMANDS), (teams, TEAMS)], environment)
    finally:
        ended(process)
    if not os.path.exists(os.path.join(folder, ".local", "share", "mishikallm", "mishikallm.db")):
        sys.exit("virtual keys: the database is not where the page says")
    postgres = machinery.Postgres(port=5432)
    postgres.query("CREATE DATABASE mishikallm")
    postgres.query("ALTER ROLE mishikallm PASSWORD 'a-password'")
    process = served(replicas, environment, 4000, 4001)
    try:
        told([("export MISHIKALLM_MASTER_KEY=sk-a-key-of-your-own\n" + shared, REPLICAS)], environment)
    finally:
        ended(process)
    redis = machinery.Redis(port=6379, password="another-password")
    process = served(counting, environment, 4000, 4001)
    try:
        told([("export MISHIKALLM_MASTER_KEY=sk-a-key-of-your-own\n" + counted, COUNTED)], environment)
    finally:
        ended(process)
        postgres.stop()
        redis.close()
    print("readme: the lines about virtual keys run as they are written")
