"""Virtual keys on the page in Chromium: made, used, watched and taken away as their owner does it, and what one of them sees of itself."""

import json
import unittest
import urllib.request
import uuid

from playwright.sync_api import expect

from visiting import KEY, NO_KEY, OPEN_PROXY, PHONE, PROXY, QUESTION, Visit, setUpModule, shot  # noqa: F401

MARKUP = "<img src=x onerror=document.title='taken'><b>"
OTHERS = "Other models’ names, or patterns with *, between commas"
REFRESH = 4_000  # milliseconds, as the page has it


def ask(path, body=None, key=KEY):
    request = urllib.request.Request(PROXY + path, data=None if body is None else json.dumps(body).encode(),
                                     headers={"content-type": "application/json", "authorization": "Bearer " + key})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.load(answer)


def listed():
    return ask("/key/list?return_full_object=true&size=100")["keys"]


def unique(name):
    """Names of keys are unique in a proxy, and the proxy is that of all tests."""
    return name + " " + uuid.uuid4().hex[:6]


class KeysVisit(Visit):

    def setUp(self):
        # Whatever other tests made is gone.
        if tokens := [key["token"] for key in listed()]:
            ask("/key/delete", {"keys": tokens})
        super().setUp()

    def card(self, name):
        return self.page.locator("#keys-list > li").filter(has=self.page.get_by_role("heading", name=name, exact=True))

    def fact(self, card, name):
        return card.locator(".facts > div").filter(has=self.page.get_by_text(name, exact=True)).locator("dd")

    def act(self, name, what):
        self.card(name).locator(".acts").get_by_role("button", name=what).click()

    def sure(self, what):
        self.page.get_by_role("dialog").get_by_role("button", name=what).click()

    def made(self):
        """The key that the page shows, this once."""
        shown = self.page.locator(".made code")
        expect(shown).to_have_count(1)
        return shown.inner_text()

    def put_away(self):
        self.page.get_by_role("button", name="I have it").click()

    def make(self, name, **fields):
        self.page.get_by_role("button", name="New key").click()
        self.page.get_by_label("Name", exact=True).fill(name)
        for label, value in fields.items():
            self.page.locator("#keys-" + label).fill(value)
        self.page.get_by_role("button", name="Make the key").click()
        return self.made()

    def instead(self, path, answer):
        """What the page is answered from now on."""
        self.page.unroute("**/" + path)
        self.page.route("**/" + path, lambda route: route.fulfill(**answer))


class Owner(KeysVisit):

    def test_the_life_of_a_key(self):
        name = unique("team")
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.open("Keys")
        expect(self.page.locator("#keys-lead")).to_contain_text("There are no keys yet.")
        self.page.get_by_role("button", name="New key").click()
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.locator("#keys-models").get_by_label("chat", exact=True).check()
        self.page.get_by_label("Budget in $").fill("5")
        self.page.get_by_label("Budget’s period", exact=True).select_option("each day")
        self.page.get_by_label("Requests / minute").fill("600")
        self.page.get_by_label("Requests at once").fill("3")
        self.page.get_by_label("Expires", exact=True).select_option("in 30 days")
        with self.page.expect_request("**/key/generate") as sent:
            self.page.get_by_role("button", name="Make the key").click()
        self.assertEqual(sent.value.post_data_json, {
            "key_alias": name, "models": ["chat"], "max_budget": 5, "budget_duration": "1d", "rpm_limit": 600,
            "max_parallel_requests": 3, "duration": "30d"})

        # It is shown once.
        key = self.made()
        self.assertTrue(key.startswith("sk-"))
        expect(self.page.locator(".made")).to_contain_text("it is not shown again")
        self.page.locator(".made").get_by_role("button", name="Copy").click()
        expect(self.page.locator(".made").get_by_role("status")).to_have_text("Copied")
        self.assertEqual(self.page.evaluate("navigator.clipboard.readText()"), key)
        self.put_away()
        card = self.card(name)
        expect(card.locator(".badge")).to_have_text("active")
        expect(self.fact(card, "Spend")).to_contain_text("$0.00 of $5.00")
        expect(self.fact(card, "Models")).to_have_text("chat")
        expect(self.fact(card, "Limits")).to_have_text("600 requests/min · 3 at once")
        expect(self.fact(card, "Expires")).to_have_text("in 30 days")
        self.assertNotIn(key, self.page.content())
        self.assertEqual(self.page.evaluate("Object.values(sessionStorage)"), [KEY])
        self.assertEqual(self.page.evaluate("localStorage.length"), 0)

        # Somebody uses it, and the page shows so by itself.
        user = self.somebody(key)
        self.talks(user)
        expect(self.fact(card, "Spend")).not_to_contain_text("$0.00 of")
        expect(card.get_by_role("meter")).not_to_have_js_property("value", 0)
        card.locator("summary").click()
        expect(card.locator(".requests tbody tr")).to_have_count(1)
        expect(card.locator(".requests tbody tr")).to_contain_text("chat")
        self.talks(user)
        expect(card.locator(".requests tbody tr")).to_have_count(2)

        self.act(name, "Block")
        expect(card.locator(".badge")).to_have_text("blocked")
        self.is_refused(user, "does not accept this key: the key is blocked.")
        self.act(name, "Unblock")
        expect(card.locator(".badge")).to_have_text("active")
        self.talks(user)

        # Another key in its place, but only if that is wanted.
        self.act(name, "Regenerate")
        self.sure("Cancel")
        self.talks(user)
        self.act(name, "Regenerate")
        self.sure("Regenerate")
        other = self.made()
        self.assertNotEqual(other, key)
        self.put_away()
        expect(card).to_have_count(1)
        self.is_refused(user, "does not accept this key.")
        user.get_by_label("Key", exact=True).fill(other)
        user.get_by_role("button", name="Use").click()
        self.talks(user)

        self.act(name, "Delete")
        self.sure("Cancel")
        expect(card).to_have_count(1)
        self.act(name, "Delete")
        self.sure("Delete")
        expect(card).to_have_count(0)
        expect(self.page.locator("#keys-said")).to_contain_text("is deleted")
        self.is_refused(user, "does not accept this key.")
        self.assertEqual(listed(), [])

    def test_a_limit_holds(self):
        self.open("Keys")
        user = self.somebody(self.make("mine", patterns="chat", rpm="1"))
        self.talks(user)
        self.is_refused(user, "Try again in")

    def somebody(self, key):
        """Another tab, which knows nothing of the first one's key."""
        page = self.context.new_page()
        page.goto(self.proxy + "/")
        expect(page.locator("#key-note")).to_contain_text("needs a key")
        page.get_by_label("Key", exact=True).fill(key)
        page.get_by_role("button", name="Use").click()
        expect(page.locator("#models-list li")).to_have_count(1)
        return page

    def talks(self, page):
        page.get_by_role("button", name="Clear").click()
        page.get_by_label("Message").fill(QUESTION)
        page.get_by_label("Message").press("Enter")
        expect(page.locator(".turn.assistant .fate")).to_contain_text("tokens")

    def is_refused(self, page, why):
        page.get_by_role("button", name="Clear").click()
        page.get_by_label("Message").fill(QUESTION)
        page.get_by_label("Message").press("Enter")
        expect(page.locator("#chat-alert")).to_contain_text(why)
        expect(page.locator(".turn")).to_have_count(0)

    def test_markup_in_a_name_stays_text(self):
        name = unique(MARKUP)
        self.open("Keys")
        self.make(name, patterns=MARKUP)
        expect(self.page.locator(".made h2")).to_contain_text(name)
        self.put_away()
        card = self.card(name)
        card.locator("summary").click()
        expect(card.locator(".all")).to_contain_text("Hash")
        self.act(name, "Block")
        expect(self.page.locator("#keys-said")).to_contain_text(name)
        self.act(name, "Delete")
        expect(self.page.get_by_role("dialog")).to_contain_text(name)
        self.assertEqual(self.page.locator("main img, main b, dialog img, dialog b").count(), 0)
        self.assertEqual(self.page.title(), "MishikaLLM")
        self.sure("Delete")
        expect(card).to_have_count(0)

    def test_what_the_form_refuses(self):
        self.open("Keys")
        self.page.get_by_role("button", name="New key").click()
        alert = self.page.locator("#keys-form-alert")
        for label, wrong in (("Budget in $", "-1"), ("Requests / minute", "0"), ("Tokens / minute", "1.5"), ("Requests at once", "0")):
            field = self.page.get_by_label(label)
            field.fill(wrong)
            self.page.get_by_role("button", name="Make the key").click()
            self.assertFalse(field.evaluate("(field) => field.validity.valid"), label)
            field.fill("")
        self.page.get_by_label("Expires", exact=True).select_option("another one…")
        other = self.page.get_by_label("Expires after another time, such as 12h")
        expect(other).to_be_focused()
        other.fill("soon")
        self.page.get_by_role("button", name="Make the key").click()
        expect(alert).to_contain_text("such as 12h")
        expect(other).to_be_focused()
        self.assertEqual([url for url in self.asked if "generate" in url], [])
        other.fill("12h")
        with self.page.expect_request("**/key/generate") as sent:
            self.page.get_by_role("button", name="Make the key").click()
        self.assertEqual(sent.value.post_data_json, {"models": [], "duration": "12h"})
        self.made()

    def test_changing_a_key(self):
        ask("/key/generate", {"key_alias": "mine", "models": ["chat", "triton/*"], "max_budget": 1, "budget_duration": "12h", "rpm_limit": 5,
                              "duration": "30d"})
        self.open("Keys")
        self.act("mine", "Edit")
        expect(self.page.get_by_role("heading", name="Change “mine”")).to_be_visible()
        for label, value in (("Name", "mine"), (OTHERS, "triton/*"), ("Budget in $", "1"), ("Another period of the budget, such as 12h", "12h"),
                             ("Requests / minute", "5"), ("Tokens / minute", ""), ("Requests at once", "")):
            expect(self.page.locator("#keys-form").get_by_label(label, exact=True)).to_have_value(value)
        expect(self.page.locator("#keys-models").get_by_label("chat", exact=True)).to_be_checked()
        self.page.get_by_role("button", name="Cancel").click()
        expect(self.page.get_by_role("button", name="Edit mine")).to_be_focused()
        # Nothing of it is left in the form of a new key.
        self.page.get_by_role("button", name="New key").click()
        for label in ("Name", OTHERS, "Budget in $", "Requests / minute"):
            expect(self.page.locator("#keys-form").get_by_label(label, exact=True)).to_have_value("")
        expect(self.page.locator("#keys-duration")).not_to_contain_text("as it is")
        self.page.get_by_role("button", name="Cancel").click()

        self.act("mine", "Edit")
        self.page.get_by_label("Name", exact=True).fill("yours")
        self.page.get_by_label("Budget in $").fill("2.5")
        self.page.get_by_label("Requests / minute").fill("")
        self.page.get_by_label("Tokens / minute").fill("1000")
        self.page.get_by_role("button", name="Save").click()
        card = self.card("yours")
        expect(self.fact(card, "Spend")).to_contain_text("$0.00 of $2.50")
        expect(self.fact(card, "Models")).to_have_text("chat, triton/*")
        expect(self.fact(card, "Limits")).to_have_text("1,000 tokens/min")
        expect(self.fact(card, "Expires")).to_have_text("in 30 days")
        expect(self.page.locator("#keys-said")).to_have_text("“mine” is changed.")
        self.act("yours", "Edit")
        self.page.get_by_label("Budget in $").fill("")
        self.page.get_by_label("Expires", exact=True).select_option("never")
        self.page.get_by_role("button", name="Save").click()
        expect(self.fact(card, "Spend")).to_have_text("$0.00")
        expect(self.fact(card, "Expires")).to_have_text("never")
        self.assertEqual([(key["max_budget"], key["budget_duration"]) for key in listed()], [(None, None)])

    def test_pages_of_keys(self):
        for at in range(23):
            ask("/key/generate", {"key_alias": "key-%02d" % at})
        self.open("Keys")
        expect(self.page.locator("#keys-lead")).to_contain_text("23 keys")
        cards = self.page.locator("#keys-list > li")
        expect(cards).to_have_count(20)
        first = cards.locator("h3").all_inner_texts()
        self.page.get_by_role("button", name="Next").click()
        expect(cards).to_have_count(3)
        second = cards.locator("h3").all_inner_texts()
        self.assertEqual(sorted(first + second), ["key-%02d" % at for at in range(23)])
        # With the last ones of it the page itself goes.
        ask("/key/delete", {"keys": [key["token"] for key in listed() if key["key_alias"] in second]})
        expect(cards).to_have_count(20)
        expect(self.page.locator("#keys-pages")).to_be_hidden()

    def test_by_keyboard(self):
        ask("/key/generate", {"key_alias": "mine"})
        self.open("Keys")
        self.page.get_by_role("button", name="New key").focus()
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_label("Name", exact=True)).to_be_focused()
        self.page.get_by_role("button", name="Cancel").focus()
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("button", name="New key")).to_be_focused()
        delete = self.page.get_by_role("button", name="Delete mine")
        delete.focus()
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
        self.page.keyboard.press("Escape")
        expect(self.page.get_by_role("dialog")).to_be_hidden()
        expect(delete).to_be_focused()
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("Tab")
        self.page.keyboard.press("Enter")
        expect(self.card("mine")).to_have_count(0)
        expect(self.page.get_by_role("button", name="New key")).to_be_focused()
        unnamed = self.page.evaluate("""() => [...document.querySelectorAll('#keys input, #keys select, #keys meter')]
            .filter((field) => !field.labels.length && !field.ariaLabel).map((field) => field.id)""")
        self.assertEqual(unnamed, [])

    def test_whoever_says_no_and_then_yes_at_once_is_heard(self):
        """A browser tells of a dialog's end later than it ends: told of the first, the second was taken for refused."""
        ask("/key/generate", {"key_alias": "mine"})
        self.open("Keys")
        expect(self.page.get_by_role("button", name="Delete mine")).to_be_visible()
        self.page.evaluate("""() => {
            const remove = [...document.querySelectorAll('#keys-list button')].find((one) => one.ariaLabel === 'Delete mine');
            remove.click();
            document.getElementById('sure-no').click();
            remove.click();
        }""")
        # By then the browser has told of the first one.
        self.page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 100))")
        expect(self.card("mine")).to_have_count(1)
        self.sure("Delete")
        expect(self.card("mine")).to_have_count(0)
        self.assertEqual(listed(), [])

    def test_nothing_stays_of_a_key_that_is_forgotten(self):
        self.open("Keys")
        key = self.make(unique("mine"))
        self.page.get_by_role("button", name="Forget").click()
        expect(self.page.locator("#keys-list > li")).to_have_count(0)
        expect(self.page.get_by_role("button", name="New key")).to_be_hidden()
        self.assertNotIn(key, self.page.content())

    def tearDown(self):
        # Of keys that are forgotten, and of those that another tab has.
        self.said = [text for text in self.said if text != NO_KEY]
        super().tearDown()


class ClockVisit(KeysVisit):
    """With a clock that the test turns on."""

    LIST = "**/key/list*"

    def setUp(self):
        super().setUp()
        self.page.clock.install()
        self.page.reload()
        expect(self.models).not_to_have_count(0)

    def asks(self):
        return len([url for url in self.asked if "/key/list" in url])

    def refresh(self):
        with self.page.expect_response(self.LIST):
            self.page.clock.run_for(REFRESH)


class Watched(ClockVisit):

    def test_it_asks_only_while_it_is_seen(self):
        with self.page.expect_response(self.LIST):
            self.open("Keys")
        expect(self.page.locator("#keys-lead")).to_contain_text("no keys")
        self.refresh()
        self.open("Chat")
        before = self.asks()
        self.page.clock.run_for(10 * REFRESH)
        self.assertEqual(self.asks(), before)
        with self.page.expect_response(self.LIST):
            self.open("Keys")
        # As when another tab is before it.
        self.page.evaluate("""() => {
            Object.defineProperty(document, 'visibilityState', {get: () => window.seen || 'hidden', configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        }""")
        before = self.asks()
        self.page.clock.run_for(10 * REFRESH)
        self.assertEqual(self.asks(), before)
        with self.page.expect_response(self.LIST):
            self.page.evaluate("() => { window.seen = 'visible'; document.dispatchEvent(new Event('visibilitychange')); }")

    def test_what_is_open_stays_open_when_it_asks_again(self):
        for name in ("first", "second"):
            ask("/key/generate", {"key_alias": name})
        self.open("Keys")
        details = self.card("first").locator("details")
        details.locator("summary").click()
        expect(details).to_contain_text("none yet")
        self.page.get_by_role("button", name="Block second").focus()
        ask("/key/generate", {"key_alias": "third"})
        self.refresh()
        expect(self.card("third")).to_have_count(1)
        expect(details).to_have_attribute("open", "")
        expect(self.page.get_by_role("button", name="Block second")).to_be_focused()


class Faults(ClockVisit):
    allowed = ("the server responded with a status of 503", "the server responded with a status of 401")

    def test_the_database_is_away_for_a_while(self):
        ask("/key/generate", {"key_alias": "mine"})
        self.open("Keys")
        expect(self.card("mine")).to_have_count(1)
        self.instead("key/list*", {"status": 503, "json": {"error": {"message": "the database is away"}}})
        self.page.get_by_role("button", name="New key").click()
        self.page.get_by_label("Name", exact=True).fill("half a na")
        self.refresh()
        expect(self.page.locator("#keys-alert")).to_have_text("the database is away")
        # What was known is still there, and so is what was typed.
        expect(self.card("mine")).to_have_count(1)
        expect(self.page.get_by_label("Name", exact=True)).to_have_value("half a na")
        expect(self.page.get_by_label("Name", exact=True)).to_be_focused()
        self.page.unroute("**/key/list*")
        self.refresh()
        expect(self.page.locator("#keys-alert")).to_be_hidden()

    def test_the_key_is_taken_away_meanwhile(self):
        ask("/key/generate", {"key_alias": "mine"})
        self.open("Keys")
        expect(self.card("mine")).to_have_count(1)
        self.instead("key/list*", {"status": 401, "json": {"error": {"message": "no"}}})
        self.refresh()
        expect(self.page.locator("#keys-alert")).to_have_text("The proxy does not accept this key.")
        expect(self.card("mine")).to_have_count(0)
        before = self.asks()
        self.page.clock.run_for(10 * REFRESH)
        self.assertEqual(self.asks(), before)

    def test_a_key_is_refused_what_was_typed(self):
        self.open("Keys")
        self.instead("key/generate", {"status": 503, "json": {"error": {"message": "the database is away"}}})
        self.page.get_by_role("button", name="New key").click()
        self.page.get_by_label("Name", exact=True).fill("mine")
        self.page.get_by_role("button", name="Make the key").click()
        expect(self.page.locator("#keys-form-alert")).to_have_text("the database is away")
        expect(self.page.get_by_label("Name", exact=True)).to_have_value("mine")
        expect(self.page.get_by_role("button", name="Make the key")).to_be_enabled()

    def test_nonsense(self):
        self.open("Keys")
        expect(self.page.locator("#keys-lead")).to_contain_text("no keys")
        for body, count in (('{"keys": "many"}', 0), ('{"keys": [null, 5, "text", {"token": 5}]}', 0), ("[]", 0), (json.dumps({"keys": [{
                "token": "ab", "key_alias": None, "spend": "much", "max_budget": "more", "models": 5, "expires": "soon", "metadata": "x"}]}), 1)):
            with self.subTest(body):
                self.instead("key/list*", {"content_type": "application/json", "body": body})
                self.refresh()
                expect(self.page.locator("#keys-list > li")).to_have_count(count)
                expect(self.page.locator("#keys-alert")).to_be_hidden()
        self.instead("key/list*", {"content_type": "text/html", "body": "<p>Sign in</p>"})
        self.refresh()
        expect(self.page.locator("#keys-alert")).to_contain_text("is not what the proxy sends")

    def test_budgets_and_what_is_left_of_them(self):
        self.open("Keys")
        key = {"token": "ab", "key_alias": "mine", "spend": 0, "max_budget": 2}
        for spend, expires, text, badges in (
                (0.0000125, None, "$0.0000125 of $2.00", ["active"]), (1.9, None, "$1.90 of $2.00", ["active"]),
                (2, None, "$2.00 of $2.00", ["budget used up"]), (2, "2020-01-01T00:00:00Z", "$2.00 of $2.00", ["expired", "budget used up"])):
            with self.subTest(spend):
                self.instead("key/list*", {"json": {"keys": [{**key, "spend": spend, "expires": expires}], "total_count": 1, "total_pages": 1}})
                self.page.reload()
                expect(self.fact(self.card("mine"), "Spend")).to_have_text(text)
                expect(self.card("mine").locator(".badge")).to_have_text(badges)
                expect(self.card("mine").get_by_role("meter")).to_have_js_property("value", spend)


class Holder(KeysVisit):
    """Who has an ordinary key, and who has one of a proxy that makes none."""

    allowed = ("the server responded with a status of 40",)

    def test_an_ordinary_key_sees_itself(self):
        ask("/key/generate", {"key_alias": "another"})
        key = ask("/key/generate", {"key_alias": "mine", "max_budget": 1, "models": ["chat"]})["key"]
        self.give(key)
        expect(self.models).to_have_count(1)
        self.open("Keys")
        expect(self.page.locator("#keys-lead")).to_contain_text("This is an ordinary key")
        expect(self.card("mine")).to_have_count(1)
        expect(self.card("another")).to_have_count(0)
        expect(self.fact(self.card("mine"), "Spend")).to_have_text("$0.00 of $1.00")
        for name in ("New key", "Edit", "Block", "Delete", "Regenerate"):
            expect(self.page.get_by_role("button", name=name)).to_have_count(0)
        self.open("Chat")
        self.send(QUESTION)
        self.answered()
        self.open("Keys")
        expect(self.fact(self.card("mine"), "Spend")).not_to_contain_text("$0.00 of")
        expect(self.card("mine").locator(".requests tbody tr")).to_have_count(1)
        shot(self.page, "light-keys-own")
        # And with the master key all of them again.
        self.give(KEY)
        expect(self.card("another")).to_have_count(1)
        expect(self.page.get_by_role("button", name="New key")).to_be_visible()


class WithoutMaster(Visit):
    proxy, key = OPEN_PROXY, None
    allowed = ("the server responded with a status of 40",)

    def test_the_page_says_that_there_are_no_keys(self):
        self.open("Keys")
        expect(self.page.locator("#keys-lead")).to_contain_text("There are no keys to see here: ")
        expect(self.page.locator("#keys-lead")).to_contain_text("master")
        # It says so again, and not what the answer was.
        self.open("Chat")
        with self.page.expect_response("**/key/info"):
            self.open("Keys")
        expect(self.page.locator("#keys-lead")).to_contain_text("There are no keys to see here: ")
        expect(self.page.locator("#keys-alert")).to_be_hidden()
        expect(self.page.get_by_role("button", name="New key")).to_be_hidden()


class Looks(KeysVisit):
    name = "light"

    def fits(self, name):
        shot(self.page, "%s-keys-%s" % (self.name, name))
        for place in ("html", "#tabs", "header"):
            wide = self.page.locator(place).evaluate("(element) => [element.scrollWidth, element.clientWidth]")
            self.assertLessEqual(wide[0], wide[1], name + " " + place)

    def test_nothing_is_wider_than_the_window(self):
        long = "x" * 90
        ask("/key/generate", {"key_alias": long, "models": [long], "metadata": {"owner": long}, "max_budget": 1, "budget_duration": "30d",
                              "rpm_limit": 600000, "tpm_limit": 100000000, "max_parallel_requests": 100, "duration": "30d"})
        self.open("Keys")
        expect(self.card(long)).to_have_count(1)
        self.fits("list")
        self.page.get_by_role("button", name="New key").click()
        self.fits("form")
        self.page.get_by_role("button", name="Cancel").click()
        key = self.make("mine", budget="0.5", patterns="chat")
        self.page.locator(".made").scroll_into_view_if_needed()
        self.fits("made")
        ask("/v1/chat/completions", {"model": "chat", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 4}, key)
        self.put_away()
        self.card("mine").locator("summary").click()
        expect(self.card("mine").locator(".requests tbody tr")).to_have_count(1)
        self.card(long).locator("summary").click()
        expect(self.card(long)).to_contain_text("none yet")
        self.fits("details")
        self.page.get_by_role("button", name="Delete " + long).click()
        self.fits("sure")


class LooksDark(Looks):
    look = {"color_scheme": "dark"}
    name = "dark"


class LooksPhone(Looks):
    look = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    name = "phone"


if __name__ == "__main__":
    unittest.main(verbosity=2)
