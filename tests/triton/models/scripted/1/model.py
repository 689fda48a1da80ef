"""Calls tools as a model of the family would whose chat template made the prompt: the format is known by the template's marks.

Asked about the weather in one city or several, with a tool in the prompt, it calls that tool for each; given the tool's
answer, it says it. Without tools it thinks (`<think>`) and greets. Three characters are a token.
"""

import json
import re

import serving

THOUGHT = "The user says hello."
GREETING = "Hello! 🌊"


def hermes(name, cities):
    return "\n".join(f'<tool_call>\n{json.dumps({"name": name, "arguments": {"city": city}})}\n</tool_call>'
                     for city in cities)


def mistral(name, cities):
    return "[TOOL_CALLS] " + json.dumps([{"name": name, "arguments": {"city": city}} for city in cities]) + "</s>"


def llama(name, cities):
    return "; ".join(json.dumps({"name": name, "parameters": {"city": city}}) for city in cities) + "<|eot_id|>"


def pythonic(name, cities):
    return "[" + ", ".join(f'{name}(city="{city}")' for city in cities) + "]"


# What a template writes, and how its models call.
FAMILIES = {"<|im_start|>": hermes, "[INST]": mistral, "<|start_header_id|>": llama, "<|header_start|>": pythonic}

# What stands before a tool's answer.
ANSWERS = ("<tool_response>", "[TOOL_RESULTS]", "<|start_header_id|>ipython<|end_header_id|>", "<|header_start|>ipython<|header_end|>")


def answer_to(prompt):
    answer = max(prompt.rfind(mark) for mark in ANSWERS)
    if answer >= 0:
        degrees = re.search(r"-?\d+", prompt[answer:])
        return f"It is {degrees.group()} degrees."
    tool = re.search(r'"name":\s*"(\w+)"', prompt)
    if tool is None:
        # A template that has begun the thought is gone on with.
        begun = "" if prompt.rstrip().endswith("<think>") else "<think>\n"
        return f"{begun}{THOUGHT}\n</think>\n\n{GREETING}"
    family = next(family for mark, family in FAMILIES.items() if mark in prompt)
    return family(tool.group(1), re.findall(r"\b(?:in|and) ([A-Z]\w+)", prompt))


class TritonPythonModel(serving.Decoupled):

    WRITES = False

    def answer(self, request, is_cancelled):
        text = answer_to(serving.required(request, "text_input"))
        if not serving.value(request, "stream", False):
            yield [serving.texts("text_output", [text])], True
            return
        parts = [text[at:at + 3] for at in range(0, len(text), 3)]
        pace = self.pace(serving.parameters(request))
        for part in self.paced(parts, pace, is_cancelled):
            yield [serving.texts("text_output", [part])], False
