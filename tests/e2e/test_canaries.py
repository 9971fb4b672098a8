"""
Secrets that a host is given, of every kind and in every way, and in fields where none belongs; then they are looked
for in all it writes, stores and answers. (Those of the vault itself: test_vault.py.)
"""
import base64
import os
import re
import secrets
import shutil
import subprocess
import time

import pytest
import requests

from alert_sink import Sink
from canary import forms, pieces
from contract import BASE
from host import Api, Host, free_port, running
from mail_sink import MailSink
from source_server import SourceServer
from test_alerts import certificate

pytestmark = [
    pytest.mark.skipif(os.getuid() != 0, reason="only root may read other processes' environ"),
    pytest.mark.skipif(not shutil.which("pg_dump"), reason="needs pg_dump"),
]

CONFIG = """\
outbound: {{allow_private: [127.0.0.1/32]}}
alerts:
  smtp: {{host: 127.0.0.1, port: {smtp}, from: hg@example.net, tls: starttls, ca_file: mail.pem, username: hg,
         password: "${{SMTP_CANARY}}"}}
  channels:
    - {{name: by-file, kind: webhook, url: "{url}/by-file", secret: "${{file:secrets/channel}}"}}
users:
  - {{username: by-file, role: viewer, password: "${{file:secrets/user}}"}}
  - {{username: by-variable, role: viewer, password: "${{USER_CANARY}}"}}
"""
READ = """\
id: {id}
retries: {{max: 1, backoff: 1ms}}
jobs:
  - id: read
    extract:
      source: postgres
      config: {{host: 127.0.0.1, port: {port}, dbname: postgres, user: reader, password: "{password}", table: orders}}
  - id: load
    needs: [read]
    load: {{table: source.{table}}}
on_failure: [by-file, by-api, slack, post]
"""


def canary():
    """Sixteen random letters in what any of these takes as a password."""
    return "can/ary+" + secrets.token_hex(8)


def signing_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


class CanaryHost(Host):
    """With secrets in its environment and files; `given`: all of them, by what they are."""

    def __init__(self, sink, server, smtp_port):
        self.given = {name: canary() for name in (
            "admin", "smtp", "user by file", "user by variable", "reader", "not the reader's")}
        self.given["channel by file"] = signing_secret()
        super().__init__("canaries")
        self.log_path += ".json"
        folder = os.path.dirname(self.config)
        certificate(self)
        os.makedirs(os.path.join(folder, "secrets"))
        for name, what in (("channel", "channel by file"), ("user", "user by file"), ("reader", "reader")):
            self.write(f"secrets/{name}", self.given[what] + "\n")
        with open(self.config, "a", encoding="utf-8") as f:
            f.write(CONFIG.format(smtp=smtp_port, url=sink.url))
        for name, password in (("by-file", "${file:../secrets/reader}"), ("by-variable", "${READER_CANARY}"),
                               ("wrong", "${WRONG_CANARY}")):
            self.write(f"pipelines/read-{name}.yaml", READ.format(
                id="read-" + name, port=server.port, password=password, table=name.replace("-", "_")))

    def write(self, name, text):
        with open(os.path.join(os.path.dirname(self.config), name), "w", encoding="utf-8") as f:
            f.write(text)

    def environment(self, **more):
        given = self.given
        more.setdefault("HEADGATE_LOG_FORMAT", "json")
        more.setdefault("HEADGATE_LOG", "debug")
        env = super().environment(
            SMTP_CANARY=given["smtp"], USER_CANARY=given["user by variable"], READER_CANARY=given["reader"],
            WRONG_CANARY=given["not the reader's"], **more)
        return {**env, "HEADGATE_ADMIN_PASSWORD": given["admin"]}


@pytest.fixture(scope="module")
def sink():
    made = Sink()
    yield made
    made.close()


@pytest.fixture(scope="module")
def canary_host(sink):
    server = SourceServer("owner's own")
    port = free_port()
    try:
        server.start()
        host = CanaryHost(sink, server, port)
        server.sql(f"CREATE ROLE reader LOGIN PASSWORD '{host.given['reader']}'",
                   "CREATE TABLE orders (id bigint primary key)", "GRANT SELECT ON orders TO reader",
                   "INSERT INTO orders SELECT generate_series(1, 100)")
        folder = os.path.dirname(host.config)
        mail = MailSink(port, "starttls", os.path.join(folder, "mail.pem"), os.path.join(folder, "mail.key"),
                        ("hg", host.given["smtp"]))
        try:
            with running(host):
                yield host
        finally:
            mail.close()
    finally:
        server.remove()


def make_people(host, admin):
    """Users, tokens, sessions; passwords in wrong places and wrong ones."""
    given = host.given
    given.update({"user by API": canary(), "her next": canary(), "mistyped": canary(), "typed as a name": canary(),
                  "in a wrong member": canary(), "in a query": canary()})
    made = admin.post("/users", {"username": "ada", "password": given["user by API"], "role": "viewer"})
    assert made.status_code == 201, made.text
    ada = Api(host.url, "ada", given["user by API"])
    changed = ada.post("/auth/password", {"current_password": given["user by API"], "new_password": given["her next"]})
    assert changed.status_code == 204, changed.text
    given["token"] = ada.post("/auth/tokens", {"name": "ada's"}).json()["token"]
    given["session"] = ada.http.cookies["headgate_session"]
    assert ada.get("/auth/me", headers={"Authorization": "Bearer " + given["token"]}).status_code == 200
    for name, password in (("ada", given["mistyped"]), (given["typed as a name"], "x"), ("by-file", given["user by file"]),
                           ("by-variable", given["user by variable"])):
        right = name.startswith("by-")
        assert Api(host.url).login(name, password).status_code == (200 if right else 401)
    assert admin.post("/users", {"usrname": given["in a wrong member"], "password": given["in a wrong member"],
                                 "role": given["in a wrong member"]}).status_code == 422
    assert admin.get("/system", params={"password": given["in a query"]}).status_code == 400
    assert requests.get(host.url + "/api/v1/system", timeout=30, headers={
        "Authorization": "Bearer " + given["mistyped"]}).status_code == 401


def make_channels(host, admin, sink):
    given = host.given
    given["channel by API"] = signing_secret()
    given["slack"] = secrets.token_hex(16)
    for name, kind, more in (("by-api", "webhook", {"url": sink.url + "/by-api", "secret": given["channel by API"]}),
                             ("slack", "slack", {"url": f"{sink.url}/services/{given['slack']}"}),
                             ("post", "email", {"to": ["ops@example.org"]})):
        made = admin.post("/alerts/channels", {"name": name, "kind": kind, **more})
        assert made.status_code == 201, made.text
    for channel in admin.items("/alerts/channels"):
        assert admin.post(f"/alerts/channels/{channel['id']}/test").json()["success"] is True
    sink.answers = [500, 200]


def wait_for_deliveries(admin, n):
    until = time.monotonic() + 60
    while True:
        sent = [d for alert in admin.items("/alerts") for d in alert["deliveries"] if d["status"] == "sent"]
        if len(sent) >= n:
            return
        assert time.monotonic() < until, admin.items("/alerts")
        time.sleep(0.2)


def everything_that_is_answered(host, admin):
    """Each GET of the document, with what there is for the names in its address."""
    document = admin.get("/openapi.json")
    yield "openapi.json", document.content
    names = {"pipeline_id": [p["id"] for p in admin.items("/ingestion/pipelines")],
             "dataset": [d["name"] for d in admin.items("/datasets")],
             "username": [u["username"] for u in admin.items("/users")],
             "channel_id": [c["id"] for c in admin.items("/alerts/channels")], "version": ["1"], "job_id": ["read"],
             "run_id": [r["id"] for p in admin.items("/ingestion/pipelines")
                        for r in admin.items(f"/ingestion/pipelines/{p['id']}/runs")]}
    for pattern, methods in sorted(document.json()["paths"].items()):
        found = re.findall(r"\{(\w+)\}", pattern)
        if "get" not in methods or pattern.endswith("/events") or not set(found) <= set(names):
            continue
        for value in names[found[0]] if found else [None]:
            path = pattern
            for name in found:
                path = path.replace("{" + name + "}", value if name == found[0] else names[name][0])
            answer = admin.http.get(host.url + path, timeout=60)
            assert answer.status_code in (200, 400, 404), f"{path}: {answer.text}"
            yield path, answer.content
    for username in names["username"]:
        for what in ("sessions", "tokens"):
            yield what, admin.get(f"/auth/{what}", params={"username": username}).content
    for tool in (["plugin", "list"], ["check"]):
        done = host.command(*tool)
        yield " ".join(tool), (done.stdout + done.stderr).encode()


def test_what_was_given_is_nowhere(canary_host, sink):
    host = canary_host
    admin = Api(host.url, "admin", host.given["admin"])
    make_people(host, admin)
    make_channels(host, admin, sink)
    for name in ("read-by-file", "read-by-variable"):
        assert admin.run(name)["status"] == "succeeded"
    assert admin.run("read-wrong")["status"] == "failed"
    assert host.command("run", "read-wrong").returncode == 1
    wait_for_deliveries(admin, 4 + 4)
    host.process.send_signal(1)
    rotated = host.command("key", "rotate")
    assert rotated.returncode == 0, rotated.stdout + rotated.stderr
    host.given["session of the admin"] = admin.http.cookies["headgate_session"]
    with open(os.path.join(host.data_dir, "master.key"), encoding="ascii") as f:
        for number, line in enumerate(line for line in f if not line.startswith("#")):
            host.given[f"master key {number}"] = line.split()[1]
    wanted = [(what, form) for what, value in host.given.items() for form in forms(value)]
    places = [*pieces(host, os.path.join(host.data_dir, "master.key")), *everything_that_is_answered(host, admin)]
    found = [(what, place) for place, content in places for what, form in wanted if form in content]
    assert found == []
    assert len(places) > 500
    told = {place for place, content in places if b"read-wrong" in content}
    assert {"pg_dump metadata", "the host's log", BASE + "/alerts", BASE + "/ingestion/pipelines"} <= told
    logs = {place for place, content in places if b"password authentication failed" in content}
    assert any("/logs/" in place for place in logs), sorted(logs)


def test_processes_of_the_host_get_what_they_need_alone(canary_host):
    """A worker's environment: none of the host's variables."""
    for pid in canary_host.children():
        done = subprocess.run(["cat", f"/proc/{pid}/environ"], capture_output=True, check=True, timeout=30)
        assert b"CANARY" not in done.stdout and b"HEADGATE_ADMIN_PASSWORD" not in done.stdout
