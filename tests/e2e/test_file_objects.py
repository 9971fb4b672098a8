"""Users and alert channels that stand in the host's files."""
import os
import signal
import time

import pytest

from alert_sink import Sink
from host import PASSWORD, Api, Host, running

ADA = "a word for ada alone"
BEN = "a word for ben alone"
WITHIN_S = 60
NOT_APPLIED = "the configuration has errors, the old one stays"

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OPS = """\
name: ops
kind: webhook
url: {url}/ops
secret: ${{file:../secrets/ops}}
"""
BAD = """\
id: bad-ops
name: Bad
jobs: [{id: job, transform: {sql: bad-ops.sql}}]
on_failure: [ops, nobody]
"""

BEN_USER = "- {username: ben, role: viewer, password: \"${file:../secrets/ben}\"}\n"


class FileHost(Host):
    """A host whose files are written by the test."""

    def write(self, name, text):
        path = os.path.join(os.path.dirname(self.config), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def forget(self, name):
        os.remove(os.path.join(os.path.dirname(self.config), name))

    def reload(self):
        """What is logged of it stands in log_since() of what this gives."""
        mark = os.path.getsize(self.log_path)
        self.process.send_signal(signal.SIGHUP)
        return mark

    def log_since(self, mark):
        with open(self.log_path, "rb") as f:
            f.seek(mark)
            return f.read().decode("utf-8", "replace")


@pytest.fixture(scope="module")
def sink():
    made = Sink()
    yield made
    made.close()


@pytest.fixture(scope="module")
def file_host(sink):
    host = FileHost("file-objects")
    with open(host.config, "a", encoding="utf-8") as f:
        f.write("outbound: {allow_private: [127.0.0.1/32]}\n")
    host.write("secrets/ops", SECRET + "\n")
    host.write("channels/ops.yaml", OPS.format(url=sink.url))
    host.write("pipelines/bad-ops.yaml", BAD)
    host.write("pipelines/bad-ops.sql", "select 1/0")
    with open(host.config, "a", encoding="utf-8") as f:
        f.write("users:\n  - username: ada\n    role: admin\n    password: ${file:secrets/ada}\n")
    host.write("secrets/ada", ADA + "\n")
    host.write("secrets/ben", BEN + "\n")
    host.write("users/people.yaml", BEN_USER)
    with running(host):
        yield host


@pytest.fixture(scope="module")
def admin(file_host):
    return Api(file_host.url, "admin", PASSWORD)


def user(api, name):
    answer = api.get(f"/users/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def becomes(ask, expected):
    until = time.monotonic() + WITHIN_S
    while ask() != expected:
        assert time.monotonic() < until, ask()
        time.sleep(0.1)


def test_users_of_files_may_sign_in(file_host, admin):
    assert Api(file_host.url, "ada", ADA).get("/auth/me").json()["user"]["role"] == "admin"
    assert Api(file_host.url, "ben", BEN).get("/auth/me").json()["user"]["role"] == "viewer"
    ada, ben = user(admin, "ada"), user(admin, "ben")
    assert (ada["origin"], ada["file"]) == ("file", "headgate.yaml")
    assert (ben["origin"], ben["file"]) == ("file", "users/people.yaml")
    # HEADGATE_ADMIN_PASSWORD is a word too: there is an admin beside them.
    assert (user(admin, "admin")["origin"], user(admin, "admin")["file"]) == ("api", None)
    made = [row for row in admin.items("/audit", actor="file") if row["action"] == "user.create"]
    assert {row["object"] for row in made} == {"ada", "ben"}
    assert {row["actor_kind"] for row in made} == {"file"}


def test_the_api_does_not_change_them(file_host, admin):
    for answer in (admin.http.patch(f"{admin.url}/api/v1/users/ben", json={"role": "admin"}),
                   admin.http.delete(f"{admin.url}/api/v1/users/ben")):
        problem = answer.json()
        assert answer.status_code == 409, problem
        assert problem["detail"] == 'The user "ben" comes from the host\'s file users/people.yaml.'
        assert "SIGHUP" in problem["hint"]
    ben = Api(file_host.url, "ben", BEN)
    answer = ben.post("/auth/password", {"current_password": BEN, "new_password": ADA + " too"})
    assert answer.status_code == 409
    assert "comes from a file" in answer.json()["detail"]
    assert "people.yaml" not in answer.text and "keeps the host's files" in answer.json()["hint"]


def test_an_entry_that_goes_takes_the_user_along(file_host, admin):
    ben = Api(file_host.url, "ben", BEN)
    token = ben.post("/auth/tokens", {"name": "a"}).json()["token"]
    file_host.forget("users/people.yaml")
    file_host.reload()
    becomes(lambda: user(admin, "ben")["disabled"], True)
    assert user(admin, "ben")["file"] is None
    assert ben.get("/auth/me").status_code == 401
    bearer = {"Authorization": f"Bearer {token}"}
    assert Api(file_host.url).get("/auth/me", headers=bearer).status_code == 401
    assert Api(file_host.url).login("ben", BEN).status_code == 401
    file_host.write("users/people.yaml", BEN_USER)
    file_host.reload()
    becomes(lambda: user(admin, "ben")["disabled"], False)
    assert Api(file_host.url).login("ben", BEN).status_code == 200
    assert Api(file_host.url).get("/auth/me", headers=bearer).status_code == 401


def test_a_new_password_ends_sessions_and_nothing_else_does(file_host, admin):
    ben = Api(file_host.url, "ben", BEN)
    ada = Api(file_host.url, "ada", ADA)
    rows = len(admin.items("/audit", actor="file"))
    file_host.write("secrets/ben", "quite another word\n")
    file_host.reload()
    becomes(lambda: ben.get("/auth/me").status_code, 401)
    assert ada.get("/auth/me").status_code == 200
    assert Api(file_host.url).login("ben", "quite another word").status_code == 200
    assert len(admin.items("/audit", actor="file")) == rows + 1
    assert admin.items("/audit", actor="file")[0]["fields"] == ["password"]
    file_host.write("secrets/ben", BEN + "\n")
    file_host.reload()
    becomes(lambda: Api(file_host.url).login("ben", BEN).status_code, 200)


@pytest.mark.parametrize("text, told", [
    ("- {username: cleo, role: viewer, password: hidden word here}\n",
     ":1:44: password: found something else, expected ${NAME} or ${file:PATH}"),
    ("- {username: ben, role: viewer, password: \"${file:../secrets/ben}\"}\n",
     ":1:14: there is a user \"ben\" already, at "),
    ("- {username: cleo, role: root, password: \"${file:../secrets/ben}\"}\n",
     ":1:26: "),
    ("- {username: Cleo, role: viewer, password: \"${file:../secrets/ben}\"}\n",
     ":1:14: a user name is 1 to 64 of a-z"),
    ("- {username: cleo, role: viewer, password: \"${file:../secrets/none}\"}\n",
     ":1:44: ${file:../secrets/none}: "),
    ("- {username: cleo, role: viewer}\n", ":1:3: the key \"password\" is missing"),
    ("- {username: cleo, role: viewer, passwort: a}\n", ":1:34: unknown key \"passwort\""),
])
def test_wrong_ones_are_refused_as_a_whole(file_host, admin, text, told):
    before = admin.items("/users")
    file_host.write("users/wrong.yaml", text)
    file_host.write("users/dora.yaml", "username: dora\nrole: viewer\n"
                    "password: ${file:../secrets/ada}\n")
    try:
        done = file_host.command("check")
        assert done.returncode == 2
        assert f"users/wrong.yaml{told}" in done.stderr, done.stderr
        assert "hidden word" not in done.stderr
        mark = file_host.reload()
        becomes(lambda: told in file_host.log_since(mark), True)
        becomes(lambda: NOT_APPLIED in file_host.log_since(mark), True)
        assert admin.items("/users") == before
    finally:
        file_host.forget("users/wrong.yaml")
        file_host.forget("users/dora.yaml")
    assert "users/" not in file_host.command("check").stderr


def channel(api, name):
    return next((one for one in api.items("/alerts/channels") if one["name"] == name), None)


def test_a_channel_of_a_file_is_told(file_host, admin, sink):
    ops = channel(admin, "ops")
    assert (ops["origin"], ops["file"], ops["enabled"]) == ("file", "channels/ops.yaml", True)
    assert ops["target"] == sink.url
    assert admin.run("bad-ops")["status"] == "failed"
    (_, body), = sink.wait("/ops")
    assert b"division by zero" in body
    url = f"{admin.url}/api/v1/alerts/channels/{ops['id']}"
    for answer in (admin.http.patch(url, json={"enabled": False}), admin.http.delete(url)):
        assert answer.status_code == 409
        assert 'The alert channel "ops" comes from the host\'s file channels/ops.yaml' in \
            answer.json()["detail"]
    assert admin.post(f"/alerts/channels/{ops['id']}/test").json()["success"]
    assert {"alert_channel.create"} == {row["action"] for row in admin.items("/audit", actor="file")
                                        if row["object"] == "ops"}


def test_a_channel_goes_and_comes_with_its_entry(file_host, admin, sink):
    told = len(admin.items("/alerts", pipeline="bad-ops"))
    file_host.forget("channels/ops.yaml")
    file_host.reload()
    becomes(lambda: channel(admin, "ops")["enabled"], False)
    assert channel(admin, "ops")["file"] is None
    assert len(admin.items("/alerts", pipeline="bad-ops")) == told >= 1
    file_host.write("channels/ops.yaml", OPS.format(url=sink.url))
    file_host.reload()
    becomes(lambda: channel(admin, "ops")["enabled"], True)
    ops = channel(admin, "ops")
    before = len(sink.at("/ops"))
    assert admin.post(f"/alerts/channels/{ops['id']}/test").json()["success"]
    assert len(sink.at("/ops")) == before + 1


def test_a_run_of_its_own_applies_no_files(file_host):
    """Neither with another configuration on the same data folder: it is not the deployment's."""
    def written():
        ada = Api(file_host.url, "ada", ADA)
        return (len(ada.items("/audit", actor="file")), channel(ada, "ops"))
    before = written()
    with open(file_host.config, encoding="utf-8") as f:
        configuration = f.read()
    file_host.write("../other/headgate.yaml", configuration[:configuration.index("users:")].replace(
        "[pipelines/*.yaml, samples-pipelines/*.yaml]", "[../config/pipelines/bad-ops.yaml]"))
    own = file_host.config
    assert file_host.stop() == 0
    try:
        file_host.config = os.path.join(os.path.dirname(own), "../other/headgate.yaml")
        done = file_host.command("run", "bad-ops")
        assert "this run has a host of its own" in done.stderr, done.stderr
        assert "division by zero" in done.stdout + done.stderr
    finally:
        file_host.config = own
        file_host.start()
    assert written() == before
    assert before[1]["enabled"]


def test_names_without_a_channel_are_warned_of(file_host, admin):
    """By `check`, which asks the running host, and by the host itself."""
    told = 'warning: on_failure: there is no alert channel "nobody"'
    place = "pipelines/bad-ops.yaml:4:19: "
    done = file_host.command("check")
    assert place + told in done.stderr, done.stderr
    assert 'no alert channel "ops"' not in done.stderr
    assert "Make it, or correct the name" in done.stderr
    mark = file_host.reload()
    becomes(lambda: "a pipeline names an alert channel that there is not" in file_host.log_since(mark), True)
    line = next(one for one in reversed(file_host.log_since(mark).splitlines())
                if "names an alert channel that there is not" in one)
    assert 'error="on_failure: there is no alert channel \\"nobody\\""' in line, line
    made = admin.post("/alerts/channels", {"name": "nobody", "kind": "webhook", "enabled": False,
                                           "url": "https://alerts.example.com"})
    assert made.status_code == 201
    try:
        assert told not in file_host.command("check").stderr
    finally:
        admin.http.delete(f"{admin.url}/api/v1/alerts/channels/{made.json()['id']}")


@pytest.mark.parametrize("text, told", [
    ("name: chat\nkind: slack\nurl: https://hooks.example.com/hidden\n",
     ":3:6: the URL of a channel of kind slack is a secret as a whole"),
    ("name: chat\nkind: webhook\nurl: https://a.example.com\nsecret: " + SECRET + "\n",
     ":4:9: secret: found something else, expected ${NAME} or ${file:PATH}"),
    ("name: chat\nkind: webhook\nurl: https://a.example.com\n", ":1:1: \"secret\" is missing"),
    ("name: ops\nkind: slack\nurl: ${file:../secrets/url}\n",
     ":1:7: there is an alert channel \"ops\" already, at "),
    ("name: chat\nkind: email\nto: [a@example.com]\n", ":2:7: no mail server is configured"),
    ("name: chat\nkind: slak\nurl: https://a.example.com\n", ":2:7: there is no kind of channels"),
])
def test_wrong_channels_are_refused_as_a_whole(file_host, admin, text, told):
    before = admin.items("/alerts/channels")
    file_host.write("secrets/url", "https://hooks.example.com/x")
    file_host.write("channels/wrong.yaml", text)
    try:
        done = file_host.command("check")
        assert done.returncode == 2
        assert f"channels/wrong.yaml{told}" in done.stderr, done.stderr
        assert "hidden" not in done.stderr and SECRET not in done.stderr
        mark = file_host.reload()
        becomes(lambda: told in file_host.log_since(mark), True)
        becomes(lambda: NOT_APPLIED in file_host.log_since(mark), True)
        assert admin.items("/alerts/channels") == before
    finally:
        file_host.forget("channels/wrong.yaml")


def test_a_mail_server_waits_for_the_next_start(file_host, admin):
    before = admin.items("/alerts/channels")
    with open(file_host.config, encoding="utf-8") as f:
        configuration = f.read()
    file_host.write("headgate.yaml", configuration +
                    "alerts: {smtp: {host: mail.example.com, from: gate@example.com}}\n")
    file_host.write("channels/mail.yaml", "name: mail\nkind: email\nto: [a@example.com]\n")
    told = 'the alert channel \\"mail\\" needs alerts.smtp, which waits for the next start'
    try:
        assert "channels/mail.yaml" not in file_host.command("check").stderr
        mark = file_host.reload()
        becomes(lambda: told in file_host.log_since(mark), True)
        assert "no mail server is configured" not in file_host.log_since(mark)
        assert admin.items("/alerts/channels") == before
    finally:
        file_host.forget("channels/mail.yaml")
        file_host.write("headgate.yaml", configuration)
        file_host.reload()


def test_the_last_admin_stays(file_host, admin):
    """Without `admin`, whom the API made, only the file's admin is left."""
    ada = Api(file_host.url, "ada", ADA)
    assert ada.http.delete(f"{ada.url}/api/v1/users/admin").status_code == 204
    with open(file_host.config, encoding="utf-8") as f:
        configuration = f.read()
    try:
        file_host.write("headgate.yaml", configuration[:configuration.index("users:")])
        mark = file_host.reload()
        becomes(lambda: "leave no admin who can sign in" in file_host.log_since(mark), True)
        assert ada.get("/auth/me").json()["user"]["role"] == "admin"
        # It does not keep the host from starting, either.
        assert file_host.stop() == 0
        file_host.start()
        assert Api(file_host.url, "ada", ADA).get("/users").status_code == 200
    finally:
        file_host.write("headgate.yaml", configuration)
        file_host.reload()
    ada = Api(file_host.url, "ada", ADA)
    answer = ada.post("/users", {"username": "admin", "password": PASSWORD, "role": "admin"})
    assert answer.status_code == 201


def test_one_secret_is_one(file_host):
    """Without the channel of the file, which has two."""
    admin = Api(file_host.url, "ada", ADA)
    file_host.forget("channels/ops.yaml")
    file_host.reload()
    becomes(lambda: channel(admin, "ops")["enabled"], False)
    url = f"{admin.url}/api/v1/alerts/channels/"
    assert admin.http.delete(url + channel(admin, "ops")["id"]).status_code == 204
    wish = {"name": "chat", "kind": "slack", "url": "https://hooks.example.com/x"}
    assert admin.post("/alerts/channels", wish).status_code == 201
    done = file_host.command("key", "rotate")
    assert "1 secret sealed anew\n" in done.stdout, done


def test_an_admin_of_the_files_is_the_first_user():
    host = FileHost("file-admin")
    host.write("users/ada.yaml", "username: ada\nrole: admin\npassword: ${file:../secrets/ada}\n")
    host.write("secrets/ada", ADA)
    environment = host.environment

    def without_password(**more):
        env = environment(**more)
        del env["HEADGATE_ADMIN_PASSWORD"]
        return env
    host.environment = without_password
    with running(host):
        users = Api(host.url, "ada", ADA).items("/users")
        assert [one["username"] for one in users] == ["ada"]
        assert not os.path.exists(os.path.join(host.data_dir, "admin-password"))
