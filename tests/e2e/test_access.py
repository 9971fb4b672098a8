"""Who may come in, by what, and what is written down of it: users, tokens, sessions, the audit log."""
import concurrent.futures
import os
import re
import shutil
import socket
import subprocess
import time

import pytest
import requests
from requests.adapters import HTTPAdapter

from contract import BASE
from host import PASSWORD, Api, Host, running

ROLES = ("viewer", "data_scientist", "admin")
ORIGIN = {"Origin": "https://elsewhere.example"}
UUID = "01a210b8-fd3a-7773-89e0-40bead06f435"
TOKEN = re.compile(r"hgt_[0-9A-Za-z]{36}")
HOSTILE = ("", " ", "a b", "Uma", "../../etc", "a/b", "<script>alert(1)</script>", "' or 1=1 --",
           "uma\x00", "uma\n", "ümlaut", "\u202euma", "\U0001f600", "-uma", ".uma", "a" * 65, "%2e%2e")


class From(HTTPAdapter):
    """Asks from another loopback address, which has a throttle of its own."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **more):
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **more)


class Client(Api):
    """The API as somebody who may have signed in, or who has a token."""

    def __init__(self, url, username=None, password=None, token=None, address=None):
        super().__init__(url)
        if address:
            self.http.mount("http://", From(address))
        if token:
            self.http.headers["Authorization"] = f"Bearer {token}"
        if username:
            answer = self.login(username, password)
            assert answer.status_code == 200, answer.text

    def ask(self, method, path, **arguments):
        return self.http.request(method, f"{self.url}{BASE}{path}", timeout=30, **arguments)

    def patch(self, path, body, **arguments):
        return self.ask("PATCH", path, json=body, **arguments)

    def delete(self, path, **arguments):
        return self.ask("DELETE", path, **arguments)

    def me(self):
        return self.get("/auth/me").status_code

    def new_token(self, **body):
        answer = self.post("/auth/tokens", {"name": "a token", **body})
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def house():
    with running(Host("access")) as started:
        yield started


@pytest.fixture(scope="module")
def admin(house):
    return Client(house.url, "admin", PASSWORD)


def password_of(name):
    return f"the pass phrase of {name}"


def add(admin, name, role):
    """A user who is there for this test, signed in."""
    admin.delete(f"/users/{name}")
    answer = admin.post("/users", {"username": name, "password": password_of(name), "role": role})
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"username": name, "role": role, "disabled": False,
                             "origin": "api", "file": None,
                             "created_at": answer.json()["created_at"]}
    assert answer.headers["Location"] == f"{BASE}/users/{name}"
    return Client(admin.url, name, password_of(name))


def sign_in(admin, name, **more):
    return Client(admin.url, name, password_of(name), **more)


def problem(answer, status, pointer=None):
    assert answer.status_code == status, answer.text
    told = answer.json()
    if pointer:
        assert [e["pointer"] for e in told["errors"]] == [pointer], told
    return told


def sql(host, text, database="metadata"):
    """What a database of the host's itself says."""
    with open(os.path.join(host.data_dir, "postgres/postmaster.pid"), encoding="utf-8") as f:
        lines = f.read().split("\n")
    done = subprocess.run(
        ["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", lines[4], "-p", lines[3],
         "-U", "headgate", "-d", database, "-c", text],
        env=host.environment(PSQLRC="/dev/null"), cwd=host.data_dir, capture_output=True, text=True,
        timeout=60, check=False, **host.as_user())
    return done


def sql_value(host, text):
    done = sql(host, text)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


needs_psql = pytest.mark.skipif(not shutil.which("psql"), reason="needs psql")


# ---- roles ----

ENDS_SIGN_IN = ("/auth/logout", "/auth/sessions")


def named(role):
    return "walking-" + role


def operations(admin):
    document = admin.get("/openapi.json").json()
    for pattern, methods in sorted(document["paths"].items()):
        if not pattern.startswith(BASE + "/"):
            continue
        path = re.sub(r"\{(?:run|session|token|backfill)_id\}", UUID, pattern[len(BASE):])
        path = re.sub(r"\{version\}", "1", path)
        path = re.sub(r"\{\w+\}", "no-such-thing", path)
        for method, operation in sorted(methods.items()):
            yield method.upper(), path, operation


def walk(client, method, path):
    """A body that no operation takes: whoever is let in changes nothing."""
    body = {} if method == "GET" else {"json": {"no_such_member": 1}}
    return client.ask(method, path, **body).status_code


def signed_in_ways(admin):
    """Who asks, by what, and as which role: None for nobody. Each way a person or a program may come, or no longer may."""
    people = {role: add(admin, named(role), role) for role in ROLES}
    for role, person in people.items():
        yield f"session of {role}", person, role
        yield f"token of {role}", Client(admin.url, token=person.new_token()["token"]), role
        stranger = sign_in(admin, named(role))
        stranger.http.headers.update(ORIGIN)
        yield f"session of {role} from another origin", stranger, role
        program = Client(admin.url, token=person.new_token()["token"])
        program.http.headers.update(ORIGIN)
        yield f"token of {role} from another origin", program, role
    lowered = people["admin"].new_token(role="viewer")["token"]
    yield "token of an admin for viewers", Client(admin.url, token=lowered), "viewer"
    demoted = add(admin, "walking-demoted", "admin")
    token = demoted.new_token()["token"]
    assert admin.patch("/users/walking-demoted", {"role": "data_scientist"}).status_code == 200
    yield "token of who was an admin", Client(admin.url, token=token), "data_scientist"
    yield "session of who was an admin", sign_in(admin, "walking-demoted"), "data_scientist"
    yield from signed_out_ways(admin)


def signed_out_ways(admin):
    yield "nobody", Client(admin.url), None
    yield "unknown token", Client(admin.url, token="hgt_" + "x" * 36), None
    yield "malformed token", Client(admin.url, token="hgt_"), None
    for what, end in (("disabled", lambda name: admin.patch(f"/users/{name}", {"disabled": True})),
                      ("removed", lambda name: admin.delete(f"/users/{name}"))):
        name = "walking-" + what
        person = add(admin, name, "admin")
        token = person.new_token()["token"]
        assert end(name).status_code < 300
        yield f"session of who was {what}", person, None
        yield f"token of who was {what}", Client(admin.url, token=token), None
    person = add(admin, "walking-out", "admin")
    made = person.new_token()
    assert person.delete(f"/auth/tokens/{made['id']}").status_code == 204
    cookie = person.http.cookies["headgate_session"]
    assert person.post("/auth/logout").status_code == 204
    person.http.cookies.set("headgate_session", cookie)
    yield "session that was ended", person, None
    yield "token that was deleted", Client(admin.url, token=made["token"]), None


def may(operation, role, method, way):
    """What the table of roles says: True, or the status that refuses."""
    if operation["security"] == []:
        return True
    if role is None:
        return 401
    if ROLES.index(role) < ROLES.index(operation["x-role"]):
        return 403
    return 403 if method != "GET" and way.startswith("session") and way.endswith("another origin") else True


def test_every_operation_for_every_role_and_way_to_sign_in(admin):
    ways = list(signed_in_ways(admin))
    before = {path: admin.items(path) for path in ("/users", "/alerts/channels")}
    settings = [(p["id"], p["overrides"]) for p in admin.items("/ingestion/pipelines")]
    n_walked, wrong = 0, []
    for method, path, operation in operations(admin):
        for way, client, role in ways:
            expected = may(operation, role, method, way)
            if path in ENDS_SIGN_IN and method != "GET" and expected is True:
                continue  # below
            status = walk(client, method, path)
            n_walked += 1
            refused = status in (401, 403) and path != "/auth/login"
            if status >= 500 or refused != (expected is not True) or (refused and status != expected):
                wrong.append((method, path, way, status, expected))
    assert wrong == []
    assert n_walked > 900
    assert before == {path: admin.items(path) for path in before}
    assert settings == [(p["id"], p["overrides"]) for p in admin.items("/ingestion/pipelines")]
    for role in ROLES:
        person = sign_in(admin, named(role))
        assert person.delete("/auth/sessions").status_code == 204
        assert person.post("/auth/logout").status_code == 204
        assert person.me() == 401
    for user in admin.items("/users"):
        if user["username"].startswith("walking-"):
            assert admin.delete(f"/users/{user['username']}").status_code == 204


def test_a_viewer_sees_no_rows_and_changes_nothing(admin):
    vera = add(admin, "vera", "viewer")
    for path in ("/users", "/audit", "/datasets/a.b/rows", "/ingestion/quarantine"):
        assert "viewer" in problem(vera.get(path), 403)["detail"]
    problem(vera.post("/ingestion/pipelines/sp500-daily/trigger"), 403)
    problem(vera.patch("/users/vera", {"role": "admin"}), 403)
    assert vera.get("/auth/me").json() == {"user": {"username": "vera", "role": "viewer"}}


# ---- signing in ----

def test_guessing_is_slowed_down_by_name(admin):
    add(admin, "gina", "viewer")
    guesser = Client(admin.url, address="127.0.0.11")
    for i in range(5):
        problem(guesser.login("gina", f"guess {i}"), 401)
    answer = guesser.login("gina", password_of("gina"))
    problem(answer, 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    # Nor from elsewhere; others come in.
    problem(Client(admin.url, address="127.0.0.12").login("gina", password_of("gina")), 429)
    assert guesser.login("admin", PASSWORD).status_code == 200


def test_guessing_is_slowed_down_by_address(admin):
    guesser = Client(admin.url, address="127.0.0.13")
    statuses = [guesser.login(f"nobody-{i}", "x").status_code for i in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    problem(guesser.login("admin", PASSWORD), 429)
    assert Client(admin.url, address="127.0.0.14").login("admin", PASSWORD).status_code == 200


def test_a_wrong_name_and_a_wrong_password_look_the_same(admin):
    client = Client(admin.url, address="127.0.0.15")
    add(admin, "nora", "viewer")
    known = problem(client.login("nora", "not this one"), 401)
    unknown = problem(client.login("nobody-at-all", "not this one"), 401)
    for told in (known, unknown):
        for changing in ("request_id", "instance"):
            told.pop(changing, None)
    assert known == unknown


def test_log_in_bodies(admin):
    client = Client(admin.url, address="127.0.0.16")
    problem(client.login("", ""), 422, "/username")
    problem(client.login("admin", ""), 422, "/password")
    problem(client.post("/auth/login", {"username": "admin", "password": 5}), 422, "/password")
    problem(client.post("/auth/login", {"username": "a", "password": "b", "role": "admin"}), 422)
    problem(client.ask("POST", "/auth/login", data="username=admin"), 415)
    problem(client.ask("POST", "/auth/login", data="{",
                       headers={"Content-Type": "application/json"}), 400)
    problem(client.login("a" * 5000, "x"), 401)
    problem(client.login("admin' or '1'='1", "x"), 401)


def test_the_cookie(admin):
    client = Client(admin.url)
    answer = client.login("admin", PASSWORD)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("headgate_session=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert client.post("/auth/logout").status_code == 204
    assert client.me() == 401
    # What a browser has kept is worth nothing.
    client.http.cookies.set("headgate_session", cookie.split("=", 1)[1].split(";")[0])
    assert client.me() == 401


# ---- other origins ----

def test_a_cookie_from_another_origin_changes_nothing(admin):
    body = {"name": "from elsewhere"}
    for headers in (ORIGIN, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"}):
        problem(admin.post("/auth/tokens", body, headers=headers), 403)
        problem(admin.delete(f"/auth/tokens/{UUID}", headers=headers), 403)
        problem(admin.patch("/users/admin", {"role": "viewer"}, headers=headers), 403)
        problem(admin.post("/auth/login", {"username": "admin", "password": PASSWORD},
                           headers=headers), 403)
        # Reading is the browser's to guard.
        assert admin.get("/auth/me", headers=headers).status_code == 200
    assert not [t for t in admin.items("/auth/tokens") if t["name"] == "from elsewhere"]
    assert admin.post("/auth/tokens", {"name": "ours"},
                      headers={"Origin": admin.url}).status_code == 201


def test_a_token_comes_from_anywhere(admin):
    client = Client(admin.url, token=admin.new_token()["token"])
    assert client.post("/auth/tokens", {"name": "x"}, headers=ORIGIN).status_code == 201


def handshake(admin, **headers):
    """The status that the host gives to who opens a WebSocket."""
    lines = {"Host": f"127.0.0.1:{admin.url.rsplit(':', 1)[1]}", "Upgrade": "websocket",
             "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", **headers}
    with socket.create_connection(("127.0.0.1", int(admin.url.rsplit(":", 1)[1])), 30) as s:
        s.sendall((f"GET {BASE}/events HTTP/1.1\r\n"
                   + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n").encode())
        return int(s.makefile("rb").readline().split()[1])


def test_live_updates_take_a_token_from_anywhere_and_a_cookie_from_here(admin):
    made = admin.new_token()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    cookie = {"Cookie": f"headgate_session={admin.http.cookies['headgate_session']}"}
    assert handshake(admin, **bearer) == 101
    assert handshake(admin, **bearer, **ORIGIN) == 101
    assert handshake(admin, **cookie, Origin=admin.url) == 101
    assert handshake(admin, **cookie, **ORIGIN) == 403
    assert handshake(admin, **cookie) == 403
    assert handshake(admin, Origin=admin.url) == 401
    assert admin.delete(f"/auth/tokens/{made['id']}").status_code == 204
    assert handshake(admin, **bearer) == 401
    # A wrong token is not made good by a cookie.
    assert handshake(admin, **bearer, **cookie, Origin=admin.url) == 401


# ---- tokens ----

def test_a_token_is_shown_once(house, admin):
    made = admin.new_token(name="a script's", expires_in_days=1)
    assert TOKEN.fullmatch(made["token"])
    assert made["token"].startswith(made["hint"]) and len(made["hint"]) == 10
    client = Client(admin.url, token=made["token"])
    assert client.get("/auth/me").json()["user"] == {"username": "admin", "role": "admin"}
    listed = [t for t in admin.items("/auth/tokens") if t["id"] == made["id"]]
    assert len(listed) == 1 and "token" not in listed[0]
    assert listed[0]["last_used_at"] is not None
    assert made["token"] not in open(house.log_path, encoding="utf-8").read()


def test_a_repeated_request_makes_one_token_and_shows_it_once(admin):
    key = {"Idempotency-Key": "token-1"}
    body = {"name": "asked for twice"}
    first = admin.post("/auth/tokens", body, headers=key)
    second = admin.post("/auth/tokens", body, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == {**first.json(), "token": None}
    assert len([t for t in admin.items("/auth/tokens") if t["name"] == body["name"]]) == 1
    problem(admin.post("/auth/tokens", {"name": "another"}, headers=key), 422)
    # The key is the user's who sent it.
    other = add(admin, "ida", "viewer").post("/auth/tokens", body, headers=key)
    assert other.json()["id"] != first.json()["id"] and other.json()["token"]


def test_a_token_may_less_than_its_owner(admin):
    sara = add(admin, "sara", "data_scientist")
    problem(sara.post("/auth/tokens", {"name": "x", "role": "admin"}), 422, "/role")
    weak = Client(admin.url, token=admin.new_token(role="viewer")["token"])
    problem(weak.get("/users"), 403)
    problem(weak.post("/auth/tokens", {"name": "x", "role": "data_scientist"}), 422, "/role")
    assert weak.new_token()["role"] == "viewer"
    strong = Client(admin.url, token=sara.new_token()["token"])
    assert strong.get("/ingestion/quarantine").status_code == 200
    # Its owner's role counts at each use.
    assert admin.patch("/users/sara", {"role": "viewer"}).status_code == 200
    problem(strong.get("/ingestion/quarantine"), 403)
    assert admin.patch("/users/sara", {"disabled": True}).status_code == 200
    assert strong.me() == 401
    assert admin.patch("/users/sara", {"disabled": False}).status_code == 200
    assert strong.me() == 200
    assert admin.delete("/users/sara").status_code == 204
    assert strong.me() == 401


def test_tokens_end(admin):
    mona, other = add(admin, "mona", "data_scientist"), add(admin, "otto", "data_scientist")
    parent = mona.new_token(expires_in_days=2)
    by_parent = Client(admin.url, token=parent["token"])
    child = by_parent.new_token(expires_in_days=300)
    by_child = Client(admin.url, token=child["token"])
    assert child["expires_at"] <= parent["expires_at"]
    # Nobody but its owner and an admin sees it or ends it.
    problem(other.delete(f"/auth/tokens/{parent['id']}"), 404)
    problem(other.get("/auth/tokens?username=mona"), 403)
    assert {t["id"] for t in admin.items("/auth/tokens", username="mona")} == {
        parent["id"], child["id"]}
    assert by_child.me() == 200
    assert admin.delete(f"/auth/tokens/{parent['id']}").status_code == 204
    assert (by_parent.me(), by_child.me()) == (401, 401)
    problem(admin.delete(f"/auth/tokens/{parent['id']}"), 404)
    problem(admin.delete("/auth/tokens/no-uuid"), 404)


@needs_psql
def test_a_token_that_is_over_is_none(house, admin):
    made = admin.new_token()
    client = Client(admin.url, token=made["token"])
    assert client.me() == 200
    sql_value(house, "update api_token set expires_at = now() - interval '1 second'"
                     f" where id = '{made['id']}'")
    assert client.me() == 401


def test_tokens_that_are_none(admin):
    good = admin.new_token()["token"]
    for value in ("Bearer", "Bearer ", "Bearer x", "Bearer " + good[:-1] + "!", "Bearer " + good + "A",
                  "Bearer hgt_" + "0" * 36, "Basic YWRtaW46YWRtaW4=", good, "Bearer " + "A" * 4000):
        answer = requests.get(f"{admin.url}{BASE}/auth/me", headers={"Authorization": value},
                              cookies=admin.http.cookies, timeout=30)
        problem(answer, 401)
    answer = requests.get(f"{admin.url}{BASE}/auth/me", headers={"Authorization": f"bearer  {good}"},
                          timeout=30)
    assert answer.status_code == 200


@pytest.mark.parametrize("body, pointer", [
    ({}, "/name"), ({"name": 5}, "/name"), ({"name": ""}, "/name"), ({"name": "a" * 101}, "/name"),
    ({"name": "bell\x07"}, "/name"), ({"name": "x", "role": "root"}, "/role"),
    ({"name": "x", "role": None}, "/role"), ({"name": "x", "expires_in_days": 0}, "/expires_in_days"),
    ({"name": "x", "expires_in_days": 366}, "/expires_in_days"),
    ({"name": "x", "expires_in_days": 1.5}, "/expires_in_days"),
    ({"name": "x", "expires_in_days": 10**18}, "/expires_in_days"), ({"name": "x", "scope": "a"}, "/scope"),
])
def test_bodies_that_make_no_token(admin, body, pointer):
    problem(admin.post("/auth/tokens", body), 422, pointer)


def test_names_come_back_as_they_are(admin):
    for name in HOSTILE[3:8] + HOSTILE[10:13]:
        made = admin.new_token(name=name)
        assert made["name"] == name
        assert admin.delete(f"/auth/tokens/{made['id']}").status_code == 204


# ---- users ----

@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_are_none(admin, name):
    answer = admin.post("/users", {"username": name, "password": "long enough for all",
                                   "role": "viewer"})
    # JSON with a NUL in it is refused as a whole.
    problem(answer, 400 if "\x00" in name else 422)
    assert admin.get(f"/users/{requests.utils.quote(name, safe='')}").status_code in (
        (200,) if name == "" else (400, 404))


@pytest.mark.parametrize("password", [
    "", "eleven char", "PasswordPassword", "aaaaaaaaaaaaaaaa", "abcabcabcabcabc", "pat-the-postman",
    "PAT-THE-POSTMAN", "1" * 1025, "p@ssw0rd 1234"])
def test_passwords_that_are_none(admin, password):
    body = {"username": "pat-the-postman", "password": password, "role": "viewer"}
    told = problem(admin.post("/users", body), 422, "/password")
    assert not password or password not in str(told)


def test_a_password_has_twelve_characters(admin):
    body = {"username": "tess", "password": "žluťoučký ků", "role": "viewer"}
    assert len(body["password"]) == 12
    assert admin.post("/users", body).status_code == 201
    assert Client(admin.url, "tess", body["password"]).me() == 200
    assert admin.delete("/users/tess").status_code == 204


def test_a_change_on_an_older_state_is_refused(admin):
    add(admin, "eva", "viewer")
    seen = admin.get("/users/eva").headers["ETag"]
    assert admin.patch("/users/eva", {"role": "data_scientist"},
                       headers={"If-Match": seen}).status_code == 200
    problem(admin.patch("/users/eva", {"role": "admin"}, headers={"If-Match": seen}), 412)
    problem(admin.delete("/users/eva", headers={"If-Match": seen}), 412)
    assert admin.get("/users/eva").json()["role"] == "data_scientist"
    # Another of the same name is another.
    assert admin.delete("/users/eva").status_code == 204
    add(admin, "eva", "viewer")
    problem(admin.patch("/users/eva", {"role": "admin"}, headers={"If-Match": seen}), 412)


def test_the_same_name_twice(admin):
    add(admin, "dan", "viewer")
    problem(admin.post("/users", {"username": "dan", "password": password_of("dan"),
                                  "role": "admin"}), 409)
    assert admin.get("/users/dan").json()["role"] == "viewer"


def test_the_last_admin_stays(admin):
    others = [u["username"] for u in admin.items("/users")
              if u["role"] == "admin" and u["username"] != "admin"]
    assert others == []
    problem(admin.delete("/users/admin"), 409)
    problem(admin.patch("/users/admin", {"role": "viewer"}), 409)
    problem(admin.patch("/users/admin", {"disabled": True}), 409)
    # Two who take each other away at the same moment: one of them stays.
    for _ in range(5):
        ada = add(admin, "ada", "admin")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            took = [pool.submit(ada.patch, "/users/admin", {"role": "viewer"}),
                    pool.submit(admin.patch, "/users/ada", {"role": "viewer"})]
        statuses = sorted(t.result().status_code for t in took)
        assert statuses in ([200, 403], [200, 409]), statuses
        left = [u["username"] for u in (ada if ada.get("/users").status_code == 200 else admin)
                .items("/users") if u["role"] == "admin"]
        assert len(left) == 1
        if left == ["ada"]:
            assert ada.patch("/users/admin", {"role": "admin"}).status_code == 200
        assert admin.delete("/users/ada").status_code == 204


# ---- sessions and one's password ----

def test_sessions_are_seen_and_ended(admin):
    here = add(admin, "sven", "viewer")
    there = sign_in(admin, "sven", address="127.0.0.17")
    sessions = here.items("/auth/sessions")
    assert [s["current"] for s in sessions] == [False, True]
    assert [s["source_ip"] for s in sessions] == ["127.0.0.17", "127.0.0.1"]
    assert all("requests" in s["user_agent"] for s in sessions)
    other = add(admin, "olga", "viewer")
    problem(other.delete(f"/auth/sessions/{sessions[0]['id']}"), 404)
    problem(other.get("/auth/sessions?username=sven"), 403)
    assert here.delete(f"/auth/sessions/{sessions[0]['id']}").status_code == 204
    assert (here.me(), there.me()) == (200, 401)
    problem(here.delete(f"/auth/sessions/{sessions[0]['id']}"), 404)
    problem(here.delete("/auth/sessions/x"), 404)
    there = sign_in(admin, "sven")
    assert here.delete("/auth/sessions").status_code == 204
    assert (here.me(), there.me()) == (200, 401)
    # An admin sees and ends anybody's.
    theirs = admin.items("/auth/sessions", username="sven")
    assert [s["current"] for s in theirs] == [False]
    assert admin.delete(f"/auth/sessions/{theirs[0]['id']}").status_code == 204
    assert here.me() == 401


def test_a_new_password_ends_the_other_sessions(admin):
    here = add(admin, "paul", "viewer")
    there = sign_in(admin, "paul")
    token = Client(admin.url, token=here.new_token()["token"])
    old, new = password_of("paul"), "a wholly new phrase"
    problem(here.post("/auth/password", {"current_password": "wrong", "new_password": new}), 422,
            "/current_password")
    problem(here.post("/auth/password", {"current_password": old, "new_password": "short"}), 422,
            "/new_password")
    assert there.me() == 200
    answer = here.post("/auth/password", {"current_password": old, "new_password": new})
    assert answer.status_code == 204
    assert (here.me(), there.me(), token.me()) == (200, 401, 200)
    problem(Client(admin.url, address="127.0.0.18").login("paul", old), 401)
    assert Client(admin.url, address="127.0.0.18").login("paul", new).status_code == 200
    # Guessing at it is an attempt to sign in.
    wrong = {"current_password": "wrong", "new_password": "one more phrase"}
    statuses = [here.post("/auth/password", wrong).status_code for _ in range(7)]
    assert statuses == [422] * 5 + [429] * 2


def test_an_admin_sets_a_password(admin):
    theirs = add(admin, "rita", "viewer")
    assert admin.patch("/users/rita", {"password": "given by the admin"}).status_code == 200
    assert theirs.me() == 401
    assert Client(admin.url).login("rita", "given by the admin").status_code == 200
    assert admin.patch("/users/rita", {"disabled": True}).status_code == 200
    problem(Client(admin.url, address="127.0.0.19").login("rita", "given by the admin"), 401)


# ---- rights that end while a long answer is sent ----

LONG_ROWS = 120000      # of a kilobyte: far more than is read here, or fits in any buffer on the way
READ_WITHIN_S = 30


def read_slowly(answer):
    """Takes an export in small bites until it ends; gives whether that was its end."""
    until = time.monotonic() + READ_WITHIN_S
    try:
        for _ in answer.iter_content(64 << 10):
            assert time.monotonic() < until, "the export goes on"
            time.sleep(0.01)
    except requests.exceptions.RequestException:
        return False
    return True


@pytest.fixture
def long_table(house, admin):
    assert admin.run("orders")["status"] == "succeeded"
    done = sql(house, "insert into shop.orders (order_id, customer) select n, repeat('x', 1000)"
                      f" from generate_series(1000001, {1000000 + LONG_ROWS}) n", "warehouse")
    assert done.returncode == 0, done.stderr
    yield "/datasets/shop.orders/export"
    sql(house, "delete from shop.orders where order_id > 1000000", "warehouse")


@needs_psql
def test_an_export_ends_with_the_right_to_it(house, admin, long_table):
    """Two at a time, for there are no more at once."""
    def session_of(name):
        return add(admin, name, "data_scientist")

    def token_of(name):
        made = session_of(name).new_token()
        return Client(admin.url, token=made["token"]), made["id"]

    by_token, token_id = token_of("tess")
    ways = (
        (session_of("dora"), lambda: admin.patch("/users/dora", {"role": "viewer"})),
        (by_token, lambda: admin.delete(f"/auth/tokens/{token_id}")),
        (token_of("rick")[0], lambda: admin.delete("/users/rick")),
        (session_of("olga"), lambda: sign_in(admin, "olga").delete("/auth/sessions")),
    )
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for pair in (ways[:2], ways[2:]):
            answers = [client.get(long_table, stream=True) for client, _ in pair]
            assert [answer.status_code for answer in answers] == [200, 200]
            for _, end in pair:
                assert end().status_code in (200, 204)
            assert list(pool.map(read_slowly, answers)) == [False, False]
    assert house.log().count("a long answer was cut") == len(ways)
    # Whoever keeps the right is not held up, and gets the whole.
    answer = admin.get(long_table, stream=True)
    assert sum(piece.count(b"x" * 1000 + b",") for piece in answer.iter_lines()) == LONG_ROWS


# ---- the audit log ----

def test_what_was_changed_is_written_down(house, admin):
    mary = add(admin, "mary", "data_scientist")
    admin.patch("/users/mary", {"role": "viewer"})
    admin.patch("/users/mary", {"role": "data_scientist"})
    request = mary.post("/ingestion/pipelines/sp500-daily/trigger")
    assert request.status_code == 202, request.text
    admin.wait_for_run(request.json()["run_id"])
    problem(mary.post("/users", {}), 403)
    problem(mary.patch("/ingestion/pipelines/sp500-daily", {}), 403)
    problem(Client(admin.url, address="127.0.0.20").login("mary", "a guess"), 401)
    problem(Client(admin.url, address="127.0.0.20").login("her secret typed here", "x"), 401)
    assert house.command("pause").returncode == 0
    assert house.command("resume").returncode == 0

    rows = admin.items("/audit")
    assert [int(r["id"]) for r in rows] == list(range(len(rows), 0, -1))
    brief = [(r["actor_kind"], r["actor"], r["action"], r["object"], r["outcome"]) for r in rows]
    whoami = house.user.pw_name
    wanted = [
        ("local", whoami, "host.resume", None, "ok"),
        ("local", whoami, "host.pause", None, "ok"),
        ("nobody", None, "session.begin", None, "denied"),
        ("nobody", None, "session.begin", "mary", "denied"),
        ("user", "mary", "pipeline.update", "sp500-daily", "denied"),
        ("user", "mary", "user.create", None, "denied"),
        ("user", "mary", "pipeline.trigger", "sp500-daily", "ok"),
        ("user", "admin", "user.update", "mary", "ok"),
        ("user", "admin", "user.update", "mary", "ok"),
        ("nobody", None, "session.begin", "mary", "ok"),
        ("user", "admin", "user.create", "mary", "ok"),
    ]
    assert brief[:len(wanted)] == wanted
    trigger = rows[6]
    assert trigger["source_ip"] == "127.0.0.1"
    assert trigger["request_id"] == request.headers["X-Request-Id"]
    assert trigger["sign_in_id"] == mary.items("/auth/sessions")[0]["id"]
    assert rows[7]["fields"] == ["role"]
    assert len({r["hash"] for r in rows}) == len(rows)
    only = admin.items("/audit", actor="mary", action="pipeline.trigger")
    assert [r["id"] for r in only] == [trigger["id"]]
    assert "her secret" not in str(rows) and PASSWORD not in str(rows)
    problem(admin.get("/audit?cursor=x"), 400)
    problem(admin.get("/audit?limit=0"), 400)


@needs_psql
def test_many_at_once_make_one_chain(house, admin):
    before = int(sql_value(house, "select count(*) from audit"))
    people = [Client(admin.url, "admin", PASSWORD) for _ in range(6)]

    def make_and_end(person):
        for _ in range(5):
            assert person.delete(f"/auth/tokens/{person.new_token()['id']}").status_code == 204

    with concurrent.futures.ThreadPoolExecutor(len(people)) as pool:
        for done in [pool.submit(make_and_end, person) for person in people]:
            done.result()
    assert int(sql_value(house, "select count(*) from audit")) == before + 6 + 60
    assert sql_value(house, "select audit_broken_at()") == ""


@needs_psql
def test_the_audit_log_only_grows(house):
    for change in ("update audit set actor = 'eve'", "delete from audit", "truncate audit"):
        done = sql(house, change)
        assert done.returncode != 0 and "the audit log only grows" in done.stderr
    assert sql_value(house, "select audit_broken_at()") == ""


@needs_psql
def test_no_secret_is_stored_as_it_is(house, admin):
    made = admin.new_token(name="looked for")
    session = admin.http.cookies["headgate_session"]
    for table in ("api_token", "session", "user_account", "audit"):
        for secret in (made["token"], made["token"][10:], session, PASSWORD):
            found = sql_value(house, f"select count(*) from {table} t"
                                     f" where strpos(t::text, '{secret}') > 0")
            assert found == "0", table
