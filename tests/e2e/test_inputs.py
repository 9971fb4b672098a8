"""
Every call of the API with what no friend would send. Which calls there are, what they take and may answer is
read from the host's own document, so that a new one is among them by itself; each answer is held against that
document (contract.py): a status that it does not name fails, and so does an error that is no problem+json.
"""
import json
import re
import urllib.parse

import pytest
import requests

from contract import BASE
from host import PASSWORD, Api, Host, running

UUID = "01a210b8-fd3a-7773-89e0-40bead06f435"
MIB = 1 << 20
TEXTS = ("", " ", "\x00", "a\x00b", "\n", "\r\nSet-Cookie: a=b", "../../etc/passwd", "..\\..\\x", "<script>alert(1)</script>",
         "<img src=x onerror=alert(1)>", "' or 1=1 --", "\"; drop table run; --", "$(id)", "%00", "%2e%2e%2f", "${HOME}",
         "{{7*7}}", "\u202eabc", "\ufeffa", "\U0001f600" * 20, "\u0000\u0001\u001b[31m", "a" * 70_000, "0x10", "1e999", "-0",
         "9223372036854775808", "NaN", "null", "2026-02-30T25:61:61Z", "* * * * * *", "@reboot")
VALUES = (None, True, 0, -1, 2**31, 2**63 - 1, -2**63, 1.5, 1e308, [], {}, [[]], [None], {"a": {"b": []}}, *TEXTS)
BODIES = (b"", b" ", b"{", b"[]", b"null", b"1", b'"a"', b"{}{}", b'{"a":1,"a":2}', b"{'a': 1}", b'{"a":}', b"\xff\xfe",
          b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"\\u0000":1}', b'{"a":1e999}', b'{"a":NaN}',
          b'{"a":99999999999999999999999}', b'\xef\xbb\xbf{}', b"[" * 60_000, b'{"a":' * 20_000, b"{}\x00", b"<a/>")
NO_JSON = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "", "json",
           "application/json; charset=utf-16", "application/json-patch+json")
# They would end the walk's own session, or wait for one that never comes.
LEFT_OUT = {("POST", "/auth/logout"), ("GET", "/events")}


@pytest.fixture(scope="module")
def house():
    with running(Host("inputs")) as started:
        yield started


@pytest.fixture(scope="module")
def admin(house):
    return Api(house.url, "admin", PASSWORD)


@pytest.fixture(scope="module")
def document(admin):
    return admin.get("/openapi.json").json()


@pytest.fixture(scope="module")
def things(admin):
    """What there is of each kind of thing that an address names."""
    assert admin.run("sp500-daily")["status"] == "succeeded"
    settings = {"schedule": "0 22 * * 1-5", "enabled": False}
    assert admin.http.patch(f"{admin.url}{BASE}/ingestion/pipelines/sp500-daily", json=settings,
                            timeout=30).status_code == 200
    run = admin.get("/ingestion/pipelines/sp500-daily/runs").json()["items"][0]
    assert admin.post("/users", {"username": "victim", "password": "the pass phrase of a victim",
                                 "role": "viewer"}).status_code == 201
    channel = admin.post("/alerts/channels", {"name": "victim", "kind": "webhook", "url": "https://192.0.2.1/x"})
    assert channel.status_code == 201, channel.text
    return {"pipeline_id": "sp500-daily", "run_id": run["id"], "job_id": run["jobs"][0]["id"], "version": "1",
            "username": "victim", "channel_id": channel.json()["id"], "dataset": "market.sp500_daily",
            "session_id": UUID, "token_id": UUID, "backfill_id": UUID}


class Walk:
    """Asks, and keeps what was wrong; the address is sent as it is given."""

    def __init__(self, admin):
        self.admin = admin
        self.n = 0
        self.wrong = []

    def ask(self, method, path, may=(), **arguments):
        """An answer of the host that is not its fault; `may`: what the answer has to be of."""
        request = requests.Request(method, self.admin.url + BASE, **arguments)
        made = self.admin.http.prepare_request(request)
        made.url = self.admin.url + BASE + path
        self.n += 1
        what = (method, path[:200], str(arguments)[:200])
        try:
            answer = self.admin.http.send(made, timeout=30, allow_redirects=False)
        except (AssertionError, requests.ConnectionError) as found:
            if not re.search(r"answered (414|431)\b", str(found)):  # the HTTP layer's own words
                self.wrong.append((*what, str(found)[:300]))
            return None
        if answer.status_code >= 500 or (may and answer.status_code not in may):
            self.wrong.append((*what, answer.status_code, answer.text[:300]))
        if answer.status_code in (401, 403) and path != "/auth/login":
            self.admin.login("admin", PASSWORD)
        return answer


@pytest.fixture
def walk(admin):
    made = Walk(admin)
    yield made
    assert made.wrong == [], f"{len(made.wrong)} of {made.n}: {[one[:2] + one[3:] for one in made.wrong[:8]]}"
    assert made.n > 20


def operations(document, things):
    for pattern, methods in sorted(document["paths"].items()):
        path = pattern[len(BASE):]
        for method, operation in sorted(methods.items()):
            if pattern.startswith(BASE + "/") and (method.upper(), path) not in LEFT_OUT:
                yield method.upper(), re.sub(r"\{(\w+)\}", lambda m: things[m[1]], path), path, operation


def with_bodies(document, things):
    for method, path, _, operation in operations(document, things):
        if "requestBody" in operation:
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
            yield method, path, document["components"]["schemas"][name]


def quoted(text):
    return urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")


def test_bodies_that_are_no_json(walk, document, things):
    for method, path, _ in with_bodies(document, things):
        for body in BODIES:
            answer = walk.ask(method, path, data=body, headers={"Content-Type": "application/json"})
            if answer is not None and body[:1] not in (b"{", b"", b" ", b"\xef") and answer.status_code < 400:
                walk.wrong.append((method, path, body[:50], answer.status_code))
        for kind in NO_JSON:
            walk.ask(method, path, data=b'{"no_such_member": 1}', headers={"Content-Type": kind},
                     may=(400, 404, 415, 422, 429) if kind.startswith("application/json;") else (415, 429))


def plausible(schema):
    """A value that the schema would take, as far as its type says."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00.000Z"
    return {"string": "plausible-text", "integer": 1, "number": 1, "boolean": False, "array": [],
            "object": {}}.get(kind)


def test_members_of_every_type(walk, document, things):
    """Each member as everything, alone and among others that are right; what is taken may be, a password too."""
    for method, path, schema in with_bodies(document, things):
        members = schema.get("properties", {})
        whole = {name: plausible(member) for name, member in members.items()}
        for name in [*members, "no_such_member", "__proto__", ""]:
            for value in VALUES:
                for body in ({name: value}, {**whole, name: value}):
                    walk.ask(method, path, json=body)
    users = walk.admin.items("/users")
    assert {"admin", "victim"} <= {user["username"] for user in users}
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]*", user["username"]) for user in users)


def test_addresses(walk, document, things):
    """Names in addresses, as text and percent-encoded, once and twice."""
    for method, _, pattern, _ in operations(document, things):
        for name in re.findall(r"\{(\w+)\}", pattern):
            for text in (*TEXTS, "a" * 9_000, ".", "..", "a/b", UUID.upper(), UUID[:-1]):
                path = pattern.replace("{" + name + "}", quoted(text))
                path = re.sub(r"\{(\w+)\}", lambda m: things[m[1]], path)
                body = {} if method in ("GET", "DELETE") else {"json": {"no_such_member": 1}}
                walk.ask(method, path, **body)
            for raw in ("%", "%zz", "%ff", "%c0%af", "%252e%252e", "a%00b", "%e2%80%ae", "a;b", "a?", "\xff", "a//b"):
                walk.ask(method, re.sub(r"\{(\w+)\}", raw, pattern))
    assert {user["username"] for user in walk.admin.items("/users")} >= {"admin", "victim"}


def test_queries(walk, document, things):
    for method, path, _, operation in operations(document, things):
        if method != "GET":
            continue
        names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
        for name in names:
            for text in (*TEXTS, "-1", "0", "501", "1.5", UUID, ",", "a,,b", "a" * 5000):
                answer = walk.ask(method, f"{path}?{name}={quoted(text)}")
                if name == "limit" and answer is not None and answer.status_code < 400:
                    walk.wrong.append((path, name, text, answer.status_code))
            walk.ask(method, f"{path}?{name}")
            walk.ask(method, f"{path}?{name}=1&{name}=2")
            walk.ask(method, f"{path}?{name}=%ff%fe&{name}=%zz")
        walk.ask(method, path + "?no_such_parameter=1")
        walk.ask(method, path + "?" + "&".join(f"a{i}={i}" for i in range(100)), may=(400,))


def test_headers(walk, document, things):
    for method, path, _, operation in operations(document, things):
        names = {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}
        body = {} if method in ("GET", "DELETE") else {"json": {"no_such_member": 1}}
        if "If-Match" in names:
            for tag in ('"stale"', '"a", "b"', 'W/"1"', "stale", '"', "", "\xff", '"' + "a" * 4000 + '"'):
                walk.ask(method, path, headers={"If-Match": tag.encode("latin-1")}, **body,
                         may=(400, 404, 409, 412, 422))
        if "Idempotency-Key" in names:
            for key in ("", "a" * 256, "a" * 5000, "\xff\xfe"):
                walk.ask(method, path, headers={"Idempotency-Key": key.encode("latin-1")}, **body)
        for name, value in (("Accept", "text/csv"), ("Accept-Encoding", "br;q=2, *"), ("Range", "bytes=5-1"),
                            ("If-None-Match", "*"), ("X-Forwarded-For", "1.2.3.4, \xff"), ("Expect", "200-maybe"),
                            ("Content-Encoding", "gzip"), ("X-Request-Id", "a\tb" * 100)):
            walk.ask(method, path, headers={name: value.encode("latin-1")}, **body)


def test_one_request_one_thing(admin, document, things):
    """A repeated key gives the first answer; with another body it is refused."""
    bodies = {"/users": ({"username": "once", "password": "the pass phrase of once", "role": "viewer"},
                         {"username": "twice", "password": "the pass phrase of once", "role": "viewer"}),
              "/auth/tokens": ({"name": "once"}, {"name": "twice"}),
              "/alerts/channels": ({"name": "once", "kind": "webhook", "url": "https://192.0.2.1/x"},
                                   {"name": "twice", "kind": "webhook", "url": "https://192.0.2.1/x"}),
              "/ingestion/pipelines/{pipeline_id}/trigger": ({}, {"params": {}}),
              "/ingestion/pipelines/{pipeline_id}/backfill": (
                  {"from": "2026-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z"},
                  {"from": "2026-01-01T00:00:00Z", "to": "2026-01-04T00:00:00Z"})}
    found = set()
    for method, path, pattern, operation in operations(document, things):
        if "Idempotency-Key" not in {p["name"] for p in operation.get("parameters", [])}:
            continue
        found.add(pattern)
        headers = {"Idempotency-Key": "once " + pattern}
        first, second = (admin.http.request(method, admin.url + BASE + path, json=bodies[pattern][0], headers=headers,
                                            timeout=30) for _ in range(2))
        other = admin.http.request(method, admin.url + BASE + path, json=bodies[pattern][1], headers=headers, timeout=30)
        assert first.status_code in (201, 202), first.text
        assert second.status_code == first.status_code, second.text
        hidden = {"token": None, "secret": None}
        assert {**first.json(), **hidden} == {**second.json(), **hidden}
        assert other.status_code == 422, other.text
    assert found == set(bodies)


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1]) / 1024


def test_what_is_too_large_costs_nothing(house, walk, document, things):
    """Ten megabytes as a body, a name, a header, an address; again and again."""
    large = b'{"name": "' + b"a" * (10 * MIB) + b'"}'

    def all_of_it():
        for method, path, _ in with_bodies(document, things):
            try:
                walk.ask(method, path, data=large, headers={"Content-Type": "application/json"}, may=(413,))
            except requests.ConnectionError:
                pass  # refused before it was sent whole
        for name in ("Cookie", "Authorization", "If-Match"):
            try:
                walk.ask("GET", "/system", headers={name: "a" * MIB}, may=(400, 401, 413, 431))
            except requests.ConnectionError:
                pass

    all_of_it()
    before = resident_mib(house.process.pid)
    for _ in range(3):
        all_of_it()
    assert resident_mib(house.process.pid) < before + 32


def test_the_host_is_unharmed(house, admin, things):
    """Behind all of it: nothing crashed, no markup was kept as anything but text, a run goes through."""
    assert house.process.poll() is None
    assert requests.get(house.url + "/readyz", timeout=5).status_code == 200
    assert admin.run(things["pipeline_id"])["status"] == "succeeded"
    assert " level=error" not in house.log() and "internal error" not in house.log()
    assert len(json.dumps(admin.items("/audit"))) < 20 * MIB
