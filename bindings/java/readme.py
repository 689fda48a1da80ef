#!/usr/bin/env python3
"""Takes the code blocks out of README.md, so that they can be run.

usage: readme.py java URL > Snippets.java     one class, a method for each block
       readme.py sh URL                       the commands, as a script
       readme.py xml                          the dependency
"""

import os
import re
import sys

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "README.md")
# The models of the test's Triton in place of a reader's.
NAMES = [("triton/llama", "triton/tiny_llm"), ("triton/e5", "triton/minilm"), ("8000 llama", "8000 tiny_llm"),
         ("8000 e5", "8000 minilm")]

HEAD = """import com.fasterxml.jackson.databind.JsonNode;
import io.github.mishikallm.*;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

class Snippets {
"""


def blocks(language, url):
    """The blocks of one language, in order, with the test's server and models in them."""
    with open(README, encoding="utf-8") as file:
        found = re.findall(r"^```%s\n(.*?)^```$" % language, file.read(), re.M | re.S)
    if not found:
        sys.exit("README.md has no block of %s" % language)
    for block in found:
        for ours, theirs in NAMES:
            block = block.replace(ours, theirs)
        yield block.replace("http://localhost:8000", url)


def every_language_is_known():
    """A block that nobody runs is an error."""
    with open(README, encoding="utf-8") as file:
        languages = set(re.findall(r"^```(\S+)$", file.read(), re.M))
    if languages != {"java", "sh", "xml"}:
        sys.exit("README.md: blocks of %s, of which some are not run" % sorted(languages))


def main(language, url="http://localhost:8000"):
    every_language_is_known()
    if language != "java":
        print("\n".join(blocks(language, url)))
        return
    methods = list(blocks("java", url))
    print(HEAD)
    for number, block in enumerate(methods):
        print("    static void block%d() throws Exception {\n%s    }\n" % (number, block))
    print("    public static void main(String[] args) throws Exception {")
    for number in range(len(methods)):
        print('        System.out.println("-- block %d");\n        block%d();' % (number, number))
    print("    }\n}")


main(*sys.argv[1:])
