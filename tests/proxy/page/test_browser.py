"""The page at / in Chromium, used as a person would; every test also holds it to its policy, to no error and to no other server."""

import json
import os
import subprocess
import unittest

from playwright.sync_api import expect

import breaking
import cancelled
from visiting import KEY, NO_KEY, OPEN_PROXY, PHONE, PROXY, QUESTION, TABS, Visit, setUpModule, shot  # noqa: F401


class Stranger(Visit):
    key = None
    allowed = (NO_KEY,)

    def test_nothing_is_shown_of_the_configuration(self):
        expect(self.page.locator("#key-note")).to_contain_text("needs a key")
        shot(self.page, "light-stranger")
        expect(self.page.get_by_label("Key", exact=True)).to_be_focused()
        for tab in TABS:
            self.open(tab)
            text = self.page.locator("body").inner_text()
            for name in ("minilm", "tiny_llm", "vllm_shape", "chat-1"):
                self.assertNotIn(name, text)
        self.assertNotIn("embeddings", self.page.locator("#embed-model").inner_text())

    def test_a_wrong_key_and_then_the_right_one(self):
        expect(self.page.locator("#key-note")).to_contain_text("needs a key")
        self.give("sk-wrong")
        expect(self.page.locator("#key-note")).to_have_text("The proxy does not accept this key.")
        expect(self.page.get_by_label("Key", exact=True)).to_be_focused()
        expect(self.models).to_have_count(0)
        self.give(KEY)
        expect(self.models).not_to_have_count(0)
        # It is there after a reload, and nowhere in another tab.
        self.page.reload()
        expect(self.models).not_to_have_count(0)
        self.assertEqual(self.page.evaluate("localStorage.length"), 0)
        self.assertEqual(self.context.cookies(), [])
        self.page.get_by_role("button", name="Forget").click()
        expect(self.page.locator("#key-note")).to_contain_text("needs a key")
        self.assertEqual(self.page.evaluate("sessionStorage.length"), 0)

    def test_a_message_without_a_key(self):
        self.choose("another one…")
        self.page.get_by_label("Another model’s name").first.fill("chat")
        self.page.get_by_label("Message").fill("Who are you?")
        self.page.get_by_role("button", name="Send").click()
        expect(self.page.locator("#chat-alert")).to_contain_text("needs a key")
        expect(self.page.get_by_label("Message")).to_have_value("Who are you?")


class Chat(Visit):

    def test_an_answer_comes_in_pieces(self):
        self.page.evaluate("""() => {
            window.lengths = new Set();
            new MutationObserver(() => lengths.add(document.querySelector('.assistant .text')?.textContent.length))
                .observe(document.getElementById('chat-log'), {childList: true, subtree: true, characterData: true});
        }""")
        self.send(QUESTION)
        self.assertTrue(self.answered())
        self.assertGreater(self.page.evaluate("lengths.size"), 5)
        self.assertIn("by chat-1", self.answer.locator(".fate").inner_text())
        # A second question goes with the first and its answer.
        with self.page.expect_request("**/v1/chat/completions") as sent:
            self.send("And then?")
        self.assertEqual([message["role"] for message in sent.value.post_data_json["messages"]], ["user", "assistant", "user"])
        self.answered()
        expect(self.page.locator(".turn")).to_have_count(4)
        self.page.get_by_role("button", name="Clear").click()
        expect(self.page.locator(".turn")).to_have_count(0)

    def test_settings_are_sent(self):
        self.choose("chat")
        self.page.get_by_label("System prompt").fill("Be short.")
        self.page.get_by_label("Temperature").fill("0.5")
        self.page.get_by_label("Max tokens").fill("5")
        with self.page.expect_request("**/v1/chat/completions") as sent:
            self.send(QUESTION)
        body = sent.value.post_data_json
        self.assertEqual((body["temperature"], body["max_tokens"], body["messages"][0]["role"]), (0.5, 5, "system"))
        expect(self.answer.locator(".fate")).to_contain_text("cut at the length limit")

    def test_a_number_that_is_none(self):
        self.page.get_by_label("Max tokens").fill("0")
        self.send(QUESTION)
        expect(self.page.locator("#chat-alert")).to_contain_text("Max tokens")
        expect(self.page.locator(".turn")).to_have_count(0)

    def test_stop_reaches_triton(self):
        self.send(QUESTION, "long")
        expect(self.answer.locator(".text")).to_contain_text(" ")
        self.page.get_by_role("button", name="Stop").click()
        expect(self.answer.locator(".fate")).to_have_text("stopped")
        expect(self.page.get_by_role("button", name="Send")).to_be_visible()
        self.assertIsNotNone(cancelled.tokens("the-page-stops"), "Triton's log has no cancellation")

    def test_clear_stops_too(self):
        self.send(QUESTION, "long")
        expect(self.answer.locator(".text")).to_contain_text(" ")
        self.page.get_by_role("button", name="Clear").click()
        expect(self.page.locator(".turn")).to_have_count(0)
        self.send(QUESTION)
        self.answered()
        expect(self.page.locator(".turn")).to_have_count(2)

    def test_a_failure_in_the_middle(self):
        self.send(QUESTION, "half")
        expect(self.answer.locator(".fate.bad")).to_contain_text("fails after two tokens")
        shot(self.page, "light-failure")
        expect(self.answer.locator(".text")).to_have_text("Half an")

    def test_markup_stays_text(self):
        markup = "<img src=x onerror=document.title='taken'> <b>bold</b>"
        self.send(markup)
        self.answered()
        expect(self.page.locator(".turn.user .text")).to_have_text(markup)
        self.assertEqual(self.page.locator("#chat-log img, #chat-log b").count(), 0)
        self.assertEqual(self.page.title(), "MishikaLLM")

    def test_by_keyboard(self):
        self.page.locator("#tab-chat").focus()
        for key, name in (("ArrowRight", "embed"), ("End", "routes"), ("ArrowRight", "chat"), ("ArrowLeft", "routes"), ("Home", "chat")):
            self.page.keyboard.press(key)
            expect(self.page.locator("#tab-" + name)).to_be_focused()
            expect(self.page.locator("#" + name)).to_be_visible()
        unnamed = self.page.evaluate("""() => [...document.querySelectorAll('input, select, textarea')]
            .filter((field) => !field.labels.length && !field.ariaLabel).map((field) => field.id)""")
        self.assertEqual(unnamed, [])


class Failing(Visit):
    allowed = ("the server responded with a status of 500", "the server responded with a status of 404")

    def test_a_model_that_fails(self):
        self.send(QUESTION, "broken")
        expect(self.page.locator("#chat-alert")).to_be_visible()
        expect(self.page.locator(".turn")).to_have_count(0)
        expect(self.page.get_by_label("Message")).to_have_value(QUESTION)

    def test_a_model_that_is_none(self):
        self.choose("another one…")
        self.page.get_by_label("Another model’s name").first.fill("nobody")
        self.page.get_by_label("Message").fill(QUESTION)
        self.page.get_by_role("button", name="Send").click()
        expect(self.page.locator("#chat-alert")).to_contain_text("nobody")


class Nonsense(Visit):
    """Answers that are none of the proxy's, as something that stands before it may give."""

    EVENTS = "text/event-stream"
    HALF = 'data: {"choices": [{"index": 0, "delta": {"content": "Half"}}]}\n\n'
    WHOLE = HALF + 'data: {"choices": [{}]}\n\n: a comment\n\ndata:\n\ndata: {"choices": [], "usage": null}\n\ndata: [DONE]\n\n'

    def instead(self, path, body, kind="application/json"):
        self.page.unroute("**/v1/" + path)
        self.page.route("**/v1/" + path, lambda route: route.fulfill(content_type=kind, body=body))

    def test_streams(self):
        for body, told in (
                (self.HALF, "The connection ended before the answer was complete."),
                (self.HALF + "data: {nonsense\n\n", "A part of the answer is not what the proxy sends."),
                (self.HALF + "data: null\n\n", "A part of the answer is not what the proxy sends."),
                (self.HALF + 'data: {"error": {"message": {}}}\n\n', "The model failed.")):
            with self.subTest(body):
                self.instead("chat/completions", body, self.EVENTS)
                self.send(QUESTION)
                expect(self.answer.locator(".fate.bad")).to_contain_text(told)
                expect(self.answer.locator(".text")).to_have_text("Half")
                self.page.get_by_role("button", name="Clear").click()
        self.instead("chat/completions", self.WHOLE, self.EVENTS)
        self.send(QUESTION)
        expect(self.answer.locator(".fate:not(.bad)")).to_contain_text("first after")

    def test_no_streams(self):
        for body, kind in (("<p>Sign in</p>", "text/html"), ('{"choices": []}', "application/json")):
            with self.subTest(body):
                self.instead("chat/completions", body, kind)
                self.send(QUESTION)
                expect(self.page.locator("#chat-alert")).to_contain_text("The answer is no stream of events.")
                expect(self.page.get_by_label("Message")).to_have_value(QUESTION)
                expect(self.page.locator(".turn")).to_have_count(0)

    def test_embeddings(self):
        self.open("Embeddings")
        self.page.get_by_label("Texts, one on each line").fill("one")
        for body, told in (
                ("<p>Sign in</p>", "The answer is not what the proxy sends."),
                ("null", "The answer is not what the proxy sends."),
                ("{}", "Of 1 texts came 0 vectors."),
                ('{"data": []}', "Of 1 texts came 0 vectors."),
                ('{"data": [null]}', "something else than vectors"),
                ('{"data": [{"embedding": []}]}', "something else than vectors"),
                ('{"data": [{"embedding": "AAAA"}]}', "something else than vectors"),
                ('{"data": [{"embedding": [null]}]}', "something else than vectors")):
            with self.subTest(body):
                self.instead("embeddings", body)
                self.page.get_by_role("button", name="Embed").last.click()
                expect(self.page.locator("#embed-alert")).to_contain_text(told)
        # No direction, another length: no similarity, and no error.
        self.page.get_by_label("Texts, one on each line").fill("one\ntwo\nthree")
        self.instead("embeddings", '{"data": [{"embedding": [1, 0]}, {"embedding": [0, 0]}, {"embedding": [1]}]}')
        self.page.get_by_role("button", name="Embed").last.click()
        similar = self.page.locator("#embed-result tr td:last-child")
        expect(similar).to_have_text(["1.000", "–", "–"])
        expect(self.page.locator("#embed-alert")).to_be_hidden()

    def test_models(self):
        for body, count in (('{"data": [{"id": "<b>x</b>"}, {"id": 5}, null]}', 1), ('{"data": "many"}', 0), ("[]", 0)):
            with self.subTest(body):
                self.instead("models", body)
                self.page.reload()
                expect(self.models).to_have_count(count)
                expect(self.page.locator("#models-alert")).to_be_hidden()
        self.instead("models", "<p>Sign in</p>")
        self.page.reload()
        expect(self.page.locator("#chat-alert")).to_contain_text("The answer is not what the proxy sends.")

    def test_markup_of_a_model_stays_text(self):
        markup = "<img src=x onerror=document.title='taken'><script>document.title='taken'</script>"
        chunk = json.dumps({"choices": [{"delta": {"content": markup, "reasoning_content": markup}}]})
        self.instead("chat/completions", "data: %s\n\ndata: [DONE]\n\n" % chunk, self.EVENTS)
        self.send(QUESTION)
        expect(self.answer.locator(".text")).to_contain_text("<img src=x onerror")
        expect(self.answer.locator("details")).to_contain_text("Thoughts")
        self.assertEqual(self.page.locator("#chat-log img, #chat-log script").count(), 0)
        self.assertEqual(self.page.title(), "MishikaLLM")

    def test_stopping_embeddings(self):
        self.page.route("**/v1/embeddings", lambda route: None)
        self.open("Embeddings")
        self.choose("embeddings", "embed")
        self.page.get_by_role("button", name="Embed").last.click()
        expect(self.page.locator("#embed-send")).to_be_hidden()
        with self.page.expect_event("requestfailed") as failed:
            self.page.get_by_role("button", name="Stop").click()
        self.assertTrue(failed.value.url.endswith("/v1/embeddings"))
        expect(self.page.locator("#embed-result")).to_have_text("stopped")
        expect(self.page.locator("#embed-alert")).to_be_hidden()
        self.page.unroute("**/v1/embeddings")
        self.page.get_by_role("button", name="Embed").last.click()
        expect(self.page.locator("#embed-result caption")).to_contain_text("384 dimensions")


class Broken(Visit):
    """The page of a proxy whose connections break."""

    key = None
    allowed = ("net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_EMPTY_RESPONSE")

    @classmethod
    def setUpClass(cls):
        cls.server = breaking.Server(PROXY)
        cls.addClassCleanup(cls.server.close)
        cls.proxy = cls.server.url

    def test_a_stream_is_cut(self):
        self.send(QUESTION)
        expect(self.answer.locator(".text")).to_have_text("Half")
        self.server.breaks.set()
        expect(self.answer.locator(".fate.bad")).to_have_text("The connection broke before the answer was complete.")
        expect(self.answer.locator(".text")).to_have_text("Half")
        expect(self.page.get_by_role("button", name="Send")).to_be_visible()

    def test_nobody_answers(self):
        self.open("Embeddings")
        self.page.get_by_role("button", name="Embed").last.click()
        expect(self.page.locator("#embed-alert")).to_have_text("The proxy does not answer. Is it still running?")


class Keys(Visit):
    allowed = (NO_KEY,)

    def test_a_key_that_no_header_holds(self):
        self.give("ключ")
        expect(self.page.locator("#key-note")).to_contain_text("ASCII")
        expect(self.page.get_by_label("Key", exact=True)).to_be_focused()
        self.assertEqual(self.page.evaluate("sessionStorage.length"), 1)

    def test_a_browser_that_keeps_nothing(self):
        self.context.add_init_script(
            "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('no', 'SecurityError'); }})")
        self.page.reload()
        expect(self.page.locator("#key-note")).to_contain_text("needs a key")
        self.give(KEY)
        expect(self.models).not_to_have_count(0)
        self.send(QUESTION)
        self.answered()


class Programs(Visit):
    """What the page says to do in a program is run as it stands."""

    def tried(self, place, *started):
        shown = self.page.locator("#%s pre" % place).inner_text()
        environment = {**os.environ, "MISHIKALLM_API_KEY": KEY}
        result = subprocess.run([*started, shown], env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, shown + result.stderr)
        self.assertNotIn(KEY, shown)
        return result.stdout

    def python(self, place):
        self.page.locator("#" + place).get_by_role("button", name="Python").click()
        return self.tried(place, os.environ["OPENAI_PYTHON"], "-B", "-c")

    def test_a_chat(self):
        self.page.get_by_label("Temperature").fill("0")
        self.send("What's a \"ship\"? \\n é 🚢")
        answer = self.answered()
        self.assertIn("data: [DONE]", self.tried("chat-same", "bash", "-c"))
        self.assertEqual(self.python("chat-same").strip(), answer.strip())

    def test_embeddings(self):
        self.open("Embeddings")
        self.choose("embeddings", "embed")
        self.page.get_by_role("button", name="Embed").last.click()
        expect(self.page.locator("#embed-result caption")).to_contain_text("384 dimensions, 3 vectors")
        self.assertIn('"embedding"', self.tried("embed-same", "bash", "-c"))
        self.assertTrue(self.python("embed-same").startswith("384 ["))

    def test_copying(self):
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.send(QUESTION)
        self.answered()
        self.page.get_by_role("button", name="Copy").click()
        expect(self.page.locator("#chat-same").get_by_role("status")).to_have_text("Copied")
        self.assertEqual(self.page.evaluate("navigator.clipboard.readText()"), self.page.locator("#chat-same pre").inner_text())


class Open(Programs):
    """A proxy without a master key."""

    proxy, key = OPEN_PROXY, None

    def test_no_key_is_asked_for(self):
        expect(self.models).not_to_have_count(0)
        expect(self.page.get_by_label("Key", exact=True)).to_have_attribute("placeholder", "not needed")
        expect(self.page.locator("#key-note")).to_have_text("")


class Read(Visit):

    def test_models_lead_to_where_they_are_tried(self):
        self.open("Models")
        row = self.models.filter(has=self.page.get_by_text("half", exact=True))
        row.get_by_role("button", name="Chat").click()
        expect(self.page.get_by_label("Message")).to_be_focused()
        expect(self.page.locator("#chat-model")).to_have_value("half")

    def test_the_routes_are_those_of_the_document(self):
        self.open("Routes")
        expect(self.page.locator(".route")).not_to_have_count(0)
        document = self.page.request.get(PROXY + "/openapi.json").json()
        self.assertEqual(sorted(self.page.locator(".route .path").all_inner_texts()), sorted(document["paths"]))
        route = self.page.locator(".route").filter(has=self.page.get_by_text("/v1/chat/completions", exact=True))
        route.locator("summary").first.click()
        for text in ("messages required", "max_tokens", "Who asks; not sent to the model.", "text/event-stream"):
            expect(route).to_contain_text(text)
        for route in self.page.locator(".route").all()[1:]:
            route.locator("summary").first.click()
            expect(route.get_by_role("heading", name="Answers")).to_be_visible()


class Policy(Visit):
    allowed = ("Content Security Policy",)

    def test_nobody_elses_script_runs_and_nobody_else_is_asked(self):
        refused = self.page.evaluate("""async () => {
            const script = document.createElement('script');
            script.textContent = 'window.taken = true';
            document.body.append(script);
            const element = document.createElement('p');
            element.setAttribute('style', 'color: red');
            const other = await fetch('http://127.0.0.1:9/').then(() => 'asked', () => 'refused');
            return [window.taken, getComputedStyle(element).color, other];
        }""")
        self.assertEqual((refused[0], refused[2]), (None, "refused"))
        self.assertGreaterEqual(len([text for text in self.said if self.allowed[0] in text]), 3)


class Looks(Visit):

    def walk(self, name):
        self.send(QUESTION)
        self.answered()
        self.send("Thank you. And a shorter one?")
        self.answered()
        self.fits(name + "-chat")
        self.open("Embeddings")
        self.choose("embeddings", "embed")
        self.page.get_by_role("button", name="Embed").last.click()
        expect(self.page.locator("#embed-result table")).to_be_visible()
        self.fits(name + "-embeddings")
        self.open("Models")
        self.fits(name + "-models")
        self.open("Routes")
        expect(self.page.locator(".route")).not_to_have_count(0)
        self.page.locator(".route summary").first.click()
        self.fits(name + "-routes")

    def fits(self, name):
        shot(self.page, name)
        for place in ("html", "#tabs", "header"):
            wide = self.page.locator(place).evaluate("(element) => [element.scrollWidth, element.clientWidth]")
            self.assertLessEqual(wide[0], wide[1], name + " " + place)

    name = "light"

    def test_nothing_is_wider_than_the_window(self):
        self.walk(self.name)


class LooksDark(Looks):
    look = {"color_scheme": "dark"}

    name = "dark"

    def test_it_is_dark(self):
        self.assertEqual(self.page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(19, 22, 25)")


class LooksPhone(Looks):
    look = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    name = "phone"


if __name__ == "__main__":
    unittest.main(verbosity=2)
