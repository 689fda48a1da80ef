"""Runs what the documents show.   usage: check_documents.py PYTHON TRITON_URL

- The documentation's three SDK examples, from data/documentation.md, which is a verbatim copy, against http://localhost:8000 and
  https://your-triton-api-base: a network namespace of its own has relay.py there, and behind it the real Triton. The third has an `await`
  and uses a name that it does not import: its lines run unchanged in the body of an `async def`, after an `import mishikallm`.
- Every code block of README.md: those of Python in the same place, those of the shell for what they say.
"""

import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)


def blocks(path):
    with open(path, encoding="utf-8") as file:
        return BLOCK.findall(file.read())


def program(code, after=""):
    """The code as it stands; with an await outside of a function it is put into one."""
    if not re.search(r"^(\w+ = )?await |^async (for|with) ", code, re.M):
        return code + after
    body = "".join("    " + line if line.strip() else line for line in (code + after).splitlines(True))
    return "import asyncio\nimport mishikallm\n\nasync def main():\n%s\nasyncio.run(main())\n" % body


def run(python, text, folder, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MISHIKALLM_LIBRARY", "MISHIKALLM_LOG")}
    return subprocess.run([python, "-B", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                          cwd=folder, env={**kept, **environment})


def certificates(folder):
    """A throwaway authority, and a certificate of it for the documentation's host."""
    import relay

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    with open(os.path.join(folder, "names"), "w") as file:
        file.write("subjectAltName=DNS:%s\nbasicConstraints=CA:FALSE\n" % relay.NAME)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=throwaway authority", "-keyout", "ca.key",
            "-out", "ca.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + relay.NAME, "-keyout", "host.key", "-out", "host.csr")
    openssl("x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names",
            "-out", "host.pem")


# What a person would look at after the documentation's lines.
SHOWN = {
    0: ("POST http://localhost:8000/generate", "\nprint(repr(response.choices[0].message.content), response.choices[0].finish_reason)\n"),
    1: ("POST http://localhost:8000/infer", "\nprint(repr(response.choices[0].message.content), response.choices[0].finish_reason)\n"),
    2: ("POST https://your-triton-api-base/triton/embeddings", "\nprint(len(response.data), len(response.data[0].embedding))\n"),
}


def documentation(python, relay, folder):
    found = blocks(os.path.join(HERE, "data", "documentation.md"))
    if len(found) != 3:
        yield "data/documentation.md: expected 3 blocks, found %d" % len(found)
    for number, (_, code) in enumerate(found):
        path, after = SHOWN[number]
        relay.asked.clear()
        text = program(code, after)
        told = run(python, text, folder, HTTPS_PROXY=relay.proxy, SSL_CERT_FILE=os.path.join(folder, "ca.pem"))
        missing = [line for line in code.splitlines() if line.strip() and line not in text]
        expected = r"1 16" if number == 2 else r"'.+' \w+"
        if told.returncode != 0 or relay.asked != [path] or missing or not re.fullmatch(expected + "\n", told.stdout):
            yield "the documentation's example %d: asked %s\n%s" % (number + 1, relay.asked, told.stdout)
        else:
            print("documentation, example %d: %s -> %s" % (number + 1, path, told.stdout.strip()), flush=True)


def readme(python, relay, folder):
    """A block of Python is a program of its own. A `# prints WORDS` at a line's end is held to what it prints."""
    for number, (language, code) in enumerate(blocks(os.path.join(PACKAGE, "README.md")), 1):
        name = "README.md, block %d (%s)" % (number, language)
        if language == "python":
            expected = re.findall(r"# prints (.+)$", code, re.M)
            told = run(python, program(code), folder)
            missing = [words for words in expected if words not in told.stdout]
            if told.returncode != 0 or missing:
                yield "%s: %s\n%s" % (name, "does not print %s" % missing if missing else "fails", told.stdout)
                continue
        elif language == "sh":
            problem = shell(python, code)
            if problem:
                yield "%s: %s" % (name, problem)
                continue
        else:
            yield "%s: a block that nothing runs" % name
            continue
        print(name + ": runs", flush=True)


def shell(python, code):
    """The commands of a README block, in the checkout; pip's without an index, into a new environment."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        path = os.path.join(folder, "bin") + os.pathsep + os.environ["PATH"]
        root = os.path.dirname(os.path.dirname(PACKAGE))
        told = subprocess.run(["bash", "-euo", "pipefail", "-c", code], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, env={**os.environ, "PATH": path, "PIP_NO_INDEX": "1",
                                              "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
        return told.stdout if told.returncode != 0 else None


def inside(python, triton, folder):
    """In the namespace."""
    import relay
    gateway = relay.Relay(triton, os.path.join(folder, "host.pem"), os.path.join(folder, "host.key"))
    problems = [*documentation(python, gateway, folder), *readme(python, gateway, folder)]
    print("\n".join(problems) or "documents: everything they show runs")
    return 1 if problems else 0


def main():
    python, url = sys.argv[1:3]
    if len(sys.argv) == 4:
        return inside(python, url, sys.argv[3])
    import relay
    with tempfile.TemporaryDirectory() as folder:
        certificates(folder)
        triton = os.path.join(folder, "triton")
        relay.bridge(triton, url)
        again = [sys.executable, os.path.abspath(__file__), python, triton, folder]
        return subprocess.call([sys.executable, os.path.join(HERE, "alone.py"), *again])


if __name__ == "__main__":
    sys.exit(main())
