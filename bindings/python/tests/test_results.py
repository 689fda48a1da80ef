"""What calls give back."""

import copy
import json
import pickle
import unittest

import mishikallm
from mishikallm import results

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}


def answer():
    return results.reader(results.ChatCompletion)(json.dumps(ANSWER))


class Objects(unittest.TestCase):
    def test_attributes_and_items_are_the_same(self):
        a = answer()
        self.assertIs(a.choices[0].message.tool_calls[0].function, a["choices"][0]["message"]["tool_calls"][0]["function"])
        self.assertEqual(a.choices[0].message.tool_calls[0].function.name, "f")
        self.assertEqual(a.get("model"), "m")
        self.assertEqual(a.get("nothing", 7), 7)

    def test_a_known_field_that_is_absent_is_none_and_nonsense_is_an_error(self):
        a = answer()
        self.assertIsNone(a.system_fingerprint)
        self.assertIsNone(a.choices[0].logprobs)
        self.assertIsNone(a.usage.estimated)
        self.assertNotIn("system_fingerprint", a)
        with self.assertRaises(KeyError):
            a["system_fingerprint"]
        with self.assertRaisesRegex(AttributeError, "ChatCompletion has no field 'choises'"):
            a.choises
        self.assertFalse(hasattr(a, "choises"))

    def test_it_is_a_mapping(self):
        a = answer()
        self.assertIn("choices", a)
        self.assertEqual(list(a), list(ANSWER))
        self.assertEqual({**a}, ANSWER)
        self.assertEqual(a, ANSWER)
        self.assertEqual(a, answer())
        self.assertNotEqual(a, {**ANSWER, "model": "n"})
        self.assertEqual(json.loads(json.dumps(a)), ANSWER)
        self.assertIn("choices", dir(a))

    def test_it_can_be_changed(self):
        a = answer()
        a.choices[0].message.content = "x"
        self.assertEqual(a["choices"][0]["message"]["content"], "x")
        del a.usage
        self.assertNotIn("usage", a)
        with self.assertRaises(AttributeError):
            del a.usage

    def test_dumps_are_plain_and_apart(self):
        a = answer()
        dump = a.model_dump()
        self.assertEqual(dump, ANSWER)
        self.assertIs(type(dump["choices"][0]["message"]), dict)
        dump["choices"][0]["index"] = 9
        self.assertEqual(a.choices[0].index, 0)
        self.assertNotIn("content", a.model_dump(exclude_none=True)["choices"][0]["message"])
        for text in (a.json(), a.model_dump_json(), a.model_dump_json(indent=2)):
            self.assertEqual(json.loads(text), ANSWER)
        self.assertEqual(a.to_dict(), ANSWER)

    def test_copies_and_pickles_are_equal_and_of_the_same_kind(self):
        a = answer()
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(a, protocol))
            self.assertEqual(again, a)
            self.assertIs(type(again.choices[0].message.tool_calls[0]), results.ToolCall)
        for again in (copy.copy(a), copy.deepcopy(a), a.copy()):
            self.assertEqual(again, a)
            self.assertIs(type(again), results.ChatCompletion)
        self.assertIsNot(copy.deepcopy(a).choices[0], a.choices[0])

    def test_repr_tells_kind_and_fields(self):
        self.assertIn("ChatCompletion(id='chatcmpl-1', ", repr(answer()))
        self.assertIn("Message(role='assistant', content=None, ", repr(answer()))

    def test_unknown_fields_of_a_later_library_stay(self):
        a = results.reader(results.ChatCompletion)(json.dumps({**ANSWER, "new": {"a": 1}}))
        self.assertEqual(a.new, {"a": 1})

    def test_a_record_has_attributes_at_any_depth(self):
        record = results.reader(results.Record)('{"outputs": [{"data": [[1, 2]], "parameters": {"x": {"y": 1}}}], "copy": 1}')
        self.assertEqual(record.outputs[0].parameters.x.y, 1)
        self.assertEqual(record["copy"], 1)
        with self.assertRaisesRegex(AttributeError, "it has outputs, copy"):
            record.nothing
        self.assertEqual(pickle.loads(pickle.dumps(record)), record)
        self.assertIs(type(copy.deepcopy(record).outputs[0]), results.Record)

    def test_the_package_tells_what_it_is(self):
        info = mishikallm.library_info()
        self.assertEqual(info.version, mishikallm.__version__)
        self.assertIn("chat.completions", info.operations)
        for name in mishikallm.__all__:
            self.assertTrue(hasattr(mishikallm, name), name)


if __name__ == "__main__":
    unittest.main()
