"""A browser's visit to the page, as a person makes it: what the tests of the page begin with."""

import os
import unittest

from playwright.sync_api import expect, sync_playwright

PROXY, OPEN_PROXY, KEY, SCREENSHOTS = (os.environ[name] for name in ("PROXY", "OPEN_PROXY", "PROXY_KEY", "SCREENSHOTS"))
PATIENCE = 20_000  # milliseconds
PHONE = {"width": 360, "height": 740}
TABS = ("Chat", "Embeddings", "Models", "Keys", "Routes")
QUESTION = "Tell me a story about the sea."
NO_KEY = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"

expect.set_options(timeout=PATIENCE)


def setUpModule():
    global DRIVER, BROWSER
    DRIVER = sync_playwright().start()
    BROWSER = DRIVER.chromium.launch(executable_path=os.environ["CHROMIUM"])
    unittest.addModuleCleanup(DRIVER.stop)
    unittest.addModuleCleanup(BROWSER.close)


def shot(page, name):
    """What it looks like; kept where --screenshots says."""
    if SCREENSHOTS:
        os.makedirs(SCREENSHOTS, exist_ok=True)
        page.screenshot(path=os.path.join(SCREENSHOTS, name + ".png"))


class Visit(unittest.TestCase):
    """A browser of one's own, in which nothing was done yet."""

    proxy, key = PROXY, KEY
    allowed = ()  # parts of messages that the browser's console may show
    look = {}

    def setUp(self):
        self.context = BROWSER.new_context(**{"viewport": {"width": 1200, "height": 860}, "color_scheme": "light", **self.look})
        self.addCleanup(self.context.close)
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append("uncaught: %s" % error))
        self.page.on("request", lambda request: self.asked.append(request.url))
        # Whatever is typed, this is how a person comes.
        self.page.goto(self.proxy + "/")
        if self.key:
            self.give(self.key)
            expect(self.models).not_to_have_count(0)
            self.said.remove(NO_KEY)

    def tearDown(self):
        self.assertEqual([text for text in self.said if not any(part in text for part in self.allowed)], [])
        self.assertEqual([url for url in self.asked if not url.startswith((self.proxy + "/", "data:"))], [])

    def give(self, key):
        self.page.get_by_label("Key", exact=True).fill(key)
        self.page.get_by_role("button", name="Use").click()

    def open(self, tab):
        self.page.get_by_role("tab", name=tab).click()

    def choose(self, model, panel="chat"):
        folded = self.page.locator("#%s-settings:not([open]) summary" % panel)
        if folded.count() and folded.is_visible():
            folded.click()
        self.page.locator("#%s-model" % panel).select_option(model)

    def send(self, text, model="chat"):
        self.choose(model)
        self.page.get_by_label("Message").fill(text)
        self.page.get_by_label("Message").press("Enter")

    @property
    def models(self):
        return self.page.locator("#models-list li")

    @property
    def answer(self):
        return self.page.locator(".turn.assistant").last

    def answered(self):
        expect(self.answer.locator(".fate")).to_contain_text("tokens")
        return self.answer.locator(".text").inner_text()
