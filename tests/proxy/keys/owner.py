"""Who has the master key: makes keys, and reads what was spent."""

import http.client
import json
import urllib.parse

PARTS = 10 ** 12  # of a dollar; money is compared as whole numbers


def exact(dollars):
    return round(dollars * PARTS)


def text(amount):
    """Of money, for a table."""
    return ("%.6f" % (amount / PARTS)).rstrip("0").rstrip(".") + " $"


class Refused(Exception):

    def __init__(self, path, status, told):
        super().__init__("%s: %d %s" % (path, status, json.dumps(told)[:300]))
        self.status, self.told = status, told


class Owner:
    """Each call is a connection of its own: replicas come and go."""

    def __init__(self, url, key):
        self.address, self.key = url.removeprefix("http://"), key

    def ask(self, method, path, body=None):
        """Status and JSON, whatever they are; a body that is a text is sent as it is."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            headers = {"authorization": "Bearer " + self.key, "content-type": "application/json"}
            sent = body if body is None or isinstance(body, str) else json.dumps(body)
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            told = answer.read().decode()
            return answer.status, json.loads(told) if told.startswith(("{", "[")) else told
        finally:
            connection.close()

    def post(self, path, **body):
        status, told = self.ask("POST", path, body)
        if status != 200:
            raise Refused(path, status, told)
        return told

    def get(self, path, **query):
        path = path + ("?" + urllib.parse.urlencode(query) if query else "")
        status, told = self.ask("GET", path)
        if status != 200:
            raise Refused(path, status, told)
        return told

    def make(self, **fields):
        """A new key."""
        return self.post("/key/generate", **fields)["key"]

    def info(self, key):
        return self.get("/key/info", key=key)["info"]

    def spend(self, key):
        return exact(self.info(key)["spend"])

    def logs(self, key):
        """All of a key, of however many pages, the newest first."""
        found, page = [], 1
        while True:
            told = self.get("/spend/logs/v2", api_key=key, page=page, page_size=100)
            found += told["data"]
            if page >= told["total_pages"]:
                return found
            page += 1
