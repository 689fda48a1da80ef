"""What Prometheus' own reader makes of the proxy's numbers, after calls of each kind."""

import os
import time
import unittest

import httpx
import openai
from prometheus_client.parser import text_string_to_metric_families

URL, KEY = os.environ["PROXY"], os.environ["PROXY_KEY"]
QUESTION = [{"role": "user", "content": "What is a ship?"}]
GIVE_UP = 30  # seconds; a request is counted when its last byte is out
# Whatever happens, these are there.
ALWAYS = ("mishikallm_build_info", "mishikallm_in_flight", "mishikallm_start_time_seconds", "mishikallm_deployment_in_flight",
          "mishikallm_deployment_cooling_down", "mishikallm_deployment_cooldowns", "mishikallm_deployment_requests")
# By their names in the file, of which the reader takes `_total`.
AFTER_CALLS = ("mishikallm_requests", "mishikallm_errors", "mishikallm_turned_away", "mishikallm_prompt_tokens", "mishikallm_completion_tokens",
               "mishikallm_request_duration_seconds", "mishikallm_upstream_duration_seconds", "mishikallm_overhead_seconds",
               "mishikallm_time_to_first_token_seconds", "mishikallm_time_per_output_token_seconds")


def families():
    answer = httpx.get(URL + "/metrics", headers={"authorization": "Bearer " + KEY})
    answer.raise_for_status()
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def total(family, **labels):
    """The sum of a counter's series that have these labels."""
    return sum(sample.value for sample in family.samples if labels.items() <= sample.labels.items())


def once(condition):
    until = time.monotonic() + GIVE_UP
    while True:
        found = families()
        if condition(found):
            return found
        if time.monotonic() > until:
            raise AssertionError("not counted: %s" % found.get("mishikallm_requests"))
        time.sleep(0.01)


class Numbers(unittest.TestCase):

    def test_they_are_read_and_right(self):
        self.assertEqual(set(ALWAYS) - set(families()), set())
        client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0, timeout=60)
        self.addCleanup(client.close)
        whole = client.chat.completions.create(model="chat", messages=QUESTION, max_tokens=8)
        stream = client.chat.completions.create(model="chat", messages=QUESTION, max_tokens=8, stream=True, stream_options={"include_usage": True})
        streamed = [chunk for chunk in stream][-1].usage
        client.embeddings.create(model="embeddings", input="a ship")
        for model, error in (("broken", openai.APIStatusError), ("gone", openai.InternalServerError), ("no \"such\"\nmodel", openai.NotFoundError)):
            with self.assertRaises(error):
                client.chat.completions.create(model=model, messages=QUESTION)
        self.assertEqual(httpx.get(URL + "/v1/models").status_code, 401)

        found = once(lambda now: "mishikallm_requests" in now and total(now["mishikallm_requests"]) == 6)
        self.assertEqual(set(ALWAYS + AFTER_CALLS) - set(found), set())
        for family in found.values():
            self.assertTrue(family.documentation, family.name)
            self.assertIn(family.type, ("counter", "gauge", "histogram"), family.name)
            self.assertTrue(family.samples, family.name)
        requests, errors = found["mishikallm_requests"], found["mishikallm_errors"]
        self.assertEqual(total(requests, model="chat", deployment="chat-1", status="200"), 2)
        self.assertEqual(total(requests, model="embeddings", operation="embeddings", status="200"), 1)
        self.assertEqual(total(requests, model="unknown", deployment="", status="404"), 1)
        self.assertEqual(total(errors), 3)
        self.assertEqual(total(errors, model="gone", kind="service_unavailable_error"), 1)
        self.assertEqual(total(found["mishikallm_turned_away"], status="401"), 1)
        tokens = total(found["mishikallm_completion_tokens"], model="chat")
        self.assertEqual(tokens, whole.usage.completion_tokens + streamed.completion_tokens)
        first = [s for s in found["mishikallm_time_to_first_token_seconds"].samples if s.name.endswith("_count")]
        self.assertEqual([(s.labels["model"], s.value) for s in first], [("chat", 1)])
        self.assertEqual(total(found["mishikallm_in_flight"]), 0)


if __name__ == "__main__":
    unittest.main()
