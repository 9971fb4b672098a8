"""Alert channels: who is told when a run fails, of what, and how often."""
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import socket
import subprocess
import threading
import time
import uuid

import pytest
import requests

from alert_sink import Sink
from host import PASSWORD, Api, Host, free_port, running
from mail_sink import MailSink
from test_live import message, opened

PIPELINE = """\
id: {id}
name: {name}
jobs:
  - {{id: job, transform: {{sql: {id}.sql}}}}
{on_failure}
"""


def add_pipeline(host, name, sql, channels=(), title=None):
    told = f"on_failure: [{', '.join(channels)}]" if channels else ""
    text = PIPELINE.format(id=name, name=json.dumps(title or name), on_failure=told)
    for suffix, content in (("yaml", text), ("sql", sql)):
        path = os.path.join(host.folder, f"app/config/pipelines/{name}.{suffix}")
        with open(path, "w", encoding="utf-8") as f:
            f.write(content)


def configure(host, text):
    with open(host.config, "a", encoding="utf-8") as f:
        f.write(text)


@pytest.fixture
def sink():
    made = Sink()
    yield made
    made.close()


@pytest.fixture(scope="module")
def alert_host():
    host = Host("alerts")
    configure(host, "outbound: {allow_private: [127.0.0.1/32]}\n")
    for name in ("hooked", "twice", "slow-sink", "slacked", "orphan", "off"):
        add_pipeline(host, f"bad-{name}", "select 1/0", [name], f"Bad & <{name}>")
    add_pipeline(host, "bad-untold", "select 1/0")
    add_pipeline(host, "good", "select 1", ["hooked"])
    with running(host):
        yield host


@pytest.fixture(scope="module")
def alert_api(alert_host):
    return Api(alert_host.url, "admin", PASSWORD)


def make(api, name, url, kind="webhook", **more):
    answer = api.post("/alerts/channels", {"name": name, "kind": kind, "url": url, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def verify(secret, headers, body):
    """The signature as a receiver checks it who knows nothing but the specification."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == "v1," + expected
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60


def wait_for_delivery(api, pipeline, status, within_s=30):
    until = time.monotonic() + within_s
    while True:
        items = api.items("/alerts", pipeline=pipeline)
        found = [(alert, d) for alert in items for d in alert["deliveries"]
                 if d["status"] == status]
        if found:
            return found[0]
        assert time.monotonic() < until, items
        time.sleep(0.1)


def test_a_failed_run_is_told(alert_host, alert_api, sink):
    channel = make(alert_api, "hooked", sink.url + "/hook?token=hidden")
    assert channel["target"] == sink.url
    assert channel["secret"].startswith("whsec_")
    run = alert_api.run("bad-hooked")
    assert run["status"] == "failed"
    (headers, body), = sink.wait("/hook?token=hidden")
    verify(channel["secret"], headers, body)
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert told["type"] == "run.failed"
    assert told["pipeline"] == {"id": "bad-hooked", "name": "Bad & <hooked>"}
    assert told["run"]["id"] == run["id"]
    assert "division by zero" in told["run"]["error"]["message"]
    assert "division by zero" in told["summary"]
    assert told["count"] == 1
    assert told["url"] == f"{alert_host.url}/pipelines/bad-hooked?run={run['id']}"

    alert, delivery = wait_for_delivery(alert_api, "bad-hooked", "sent")
    assert alert["id"] == told["id"] and alert["run_id"] == run["id"]
    assert delivery["id"] == headers["webhook-id"]
    assert delivery["channel"] == "hooked" and delivery["http_status"] == 200
    assert delivery["attempts"] == 1 and delivery["error"] is None
    assert len(sink.got) == 1


def test_who_watches_is_told_what_came_of_it(alert_host, alert_api):
    async def watch():
        async with opened(alert_api, topics="alerts") as ws:
            await asyncio.to_thread(alert_api.run, "bad-orphan")
            told = await message(ws)
            while told["data"]["pipeline_id"] != "bad-orphan":  # of a test before this one
                told = await message(ws)
            return told
    told = asyncio.run(watch())
    assert told["type"] == "alert.failed"
    alert, delivery = wait_for_delivery(alert_api, "bad-orphan", "failed")
    assert told["data"]["id"] == delivery["id"] and told["data"]["alert_id"] == alert["id"]
    assert told["data"]["pipeline_id"] == "bad-orphan"
    assert told["data"]["error"] == "there is no channel of this name"
    metrics = requests.get(alert_host.url + "/metrics", timeout=30).text
    assert re.search(r"^headgate_alert_deliveries_pending \d+$", metrics, re.M), metrics
    assert 'headgate_alert_deliveries_total{outcome="failed"}' in metrics


def test_who_is_not_told(alert_api):
    assert alert_api.run("good")["status"] == "succeeded"
    assert alert_api.run("bad-untold")["status"] == "failed"
    # What is told comes in the order of the runs, so this one is behind them.
    alert_api.run("bad-orphan")
    _, delivery = wait_for_delivery(alert_api, "bad-orphan", "failed")
    assert delivery["error"] == "there is no channel of this name"
    assert alert_api.items("/alerts", pipeline="good") == []
    assert alert_api.items("/alerts", pipeline="bad-untold") == []


def test_slack(alert_api, sink):
    made = make(alert_api, "slacked", sink.url + "/services/T0/B0/hidden", kind="slack")
    assert made["target"] == sink.url and "secret" not in made
    run = alert_api.run("bad-slacked")
    (headers, body), = sink.wait("/services/T0/B0/hidden")
    text = json.loads(body)["text"]
    assert text.startswith("Bad &amp; &lt;slacked&gt; failed: ")
    assert run["id"] in text
    assert "webhook-id" not in headers


def test_again_is_counted(alert_api, sink):
    make(alert_api, "twice", sink.url + "/twice")
    first = alert_api.run("bad-twice")
    sink.wait("/twice")
    second = alert_api.run("bad-twice")
    until = time.monotonic() + 30
    while (alert := alert_api.items("/alerts", pipeline="bad-twice")[0])["count"] < 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert alert["run_id"] == first["id"] and alert["last_run_id"] == second["id"]
    assert len(alert["deliveries"]) == 1
    assert len(sink.at("/twice")) == 1


def test_a_test_says_what_came_of_it(alert_api, sink):
    channel = make(alert_api, "tested", sink.url + "/tested")
    path = f"/alerts/channels/{channel['id']}/test"
    good = alert_api.post(path).json()
    assert good["success"] and good["http_status"] == 200 and good["error"] is None
    headers, body = sink.at("/tested")[0]
    verify(channel["secret"], headers, body)
    assert json.loads(body)["type"] == "test"
    sink.answers = [500]
    bad = alert_api.post(path).json()
    assert not bad["success"] and bad["http_status"] == 500
    assert "/tested" not in bad["error"]
    assert alert_api.post(f"/alerts/channels/{uuid.uuid4()}/test").status_code == 404


def test_addresses_are_guarded(alert_api):
    channel = make(alert_api, "inside", "http://127.0.0.2:1/")
    answer = alert_api.post(f"/alerts/channels/{channel['id']}/test").json()
    assert not answer["success"] and "not public" in answer["error"]


def test_changing_and_removing(alert_api, sink):
    channel = make(alert_api, "changed", sink.url + "/a")
    path = f"/alerts/channels/{channel['id']}"
    answer = alert_api.get(path)
    etag = answer.headers["ETag"]

    def patch(body, **headers):
        return alert_api.http.patch(f"{alert_api.url}/api/v1{path}", json=body, headers=headers,
                                    timeout=30)

    assert patch({"enabled": False}, **{"If-Match": etag}).json()["enabled"] is False
    assert patch({"enabled": True}, **{"If-Match": etag}).status_code == 412
    assert patch({"url": "https://elsewhere.example.com/"}).status_code == 422
    assert patch({"kind": "slack"}).status_code == 422
    assert make_status(alert_api, name="changed", kind="slack", url="https://a.example") == 409
    assert make_status(alert_api, name="x y", kind="slack", url="https://a.example") == 422
    assert make_status(alert_api, name="mail", kind="email", to=["a@b.example"]) == 422
    assert [c["name"] for c in alert_api.items("/alerts/channels") if c["name"] == "changed"]
    assert alert_api.http.delete(f"{alert_api.url}/api/v1{path}", timeout=30).status_code == 204
    assert alert_api.get(path).status_code == 404


def make_status(api, **body):
    return api.post("/alerts/channels", body).status_code


def test_no_secret_shows(alert_host, alert_api, sink):
    channel = make(alert_api, "secret-one", sink.url + "/canary-in-url")
    canaries = [b"canary-in-url", channel["secret"].removeprefix("whsec_").encode()]
    seen = [alert_api.get(path).content for path in
            ("/alerts/channels", f"/alerts/channels/{channel['id']}", "/alerts", "/audit")]
    seen.append(requests.get(alert_host.url + "/metrics", timeout=10).content)
    with open(alert_host.log_path, "rb") as f:
        seen.append(f.read())
    alert_api.post(f"/alerts/channels/{channel['id']}/test")
    for text in seen:
        assert not any(canary in text for canary in canaries)


def test_killed_in_between():
    """Neither an alert that was not sent yet is lost with its host, nor one that was on its way."""
    sink = Sink()
    host = Host("alerts-killed")
    configure(host, "outbound: {allow_private: [127.0.0.1/32]}\n")
    add_pipeline(host, "bad", "select 1/0", ["ops"])
    try:
        with running(host):
            api = Api(host.url, "admin", PASSWORD)
            channel = make(api, "ops", sink.url + "/ops")
            sink.hanging.set()
            run = api.run("bad")
            (first, _), = sink.wait("/ops")
            host.process.kill()
            host.process.wait()
            sink.hanging.clear()
            host.start()
            (_, _), (again, body) = sink.wait("/ops", 2)
            verify(channel["secret"], again, body)
            assert json.loads(body)["run"]["id"] == run["id"]
            assert again["webhook-id"] == first["webhook-id"]
            api = Api(host.url, "admin", PASSWORD)
            _, delivery = wait_for_delivery(api, "bad", "sent")
            assert delivery["attempts"] == 2
    finally:
        sink.close()


def test_a_run_from_the_command_line():
    """`headgate run` without a host tells before it ends."""
    sink = Sink()
    host = Host("alerts-run")
    configure(host, "outbound: {allow_private: [127.0.0.1/32]}\n")
    add_pipeline(host, "bad", "select 1/0", ["ops"])
    try:
        with running(host):
            make(Api(host.url, "admin", PASSWORD), "ops", sink.url + "/ops")
            host.stop()
            assert host.command("run", "bad").returncode == 1
            assert len(sink.at("/ops")) == 1
            host.start()
    finally:
        sink.close()


# ---- mail ----

def certificate(host):
    """For 127.0.0.1, trusted by its own self."""
    folder = os.path.dirname(host.config)
    made = os.path.join(folder, "mail.pem"), os.path.join(folder, "mail.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=mail", "-addext", "subjectAltName=IP:127.0.0.1", "-out", made[0], "-keyout", made[1]],
        check=True, capture_output=True)
    os.chmod(made[0], 0o644)
    return made


SMTP = "alerts: {{smtp: {{host: 127.0.0.1, port: {port}, from: headgate@example.net, {more}}}}}\n"


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_mail(tls):
    host = Host("alerts-mail-" + tls)
    port = free_port()
    pem, key = certificate(host)
    user = None if tls == "none" else ("hg", "pass-canary-1")
    more = "tls: none" if tls == "none" else \
        f"tls: {tls}, username: hg, password: pass-canary-1, ca_file: mail.pem"
    configure(host, SMTP.format(port=port, more=more))
    add_pipeline(host, "bad", "select 1/0", ["post"], "Bäd\r\nBcc: eve@example.com")
    with running(host):
        api = Api(host.url, "admin", PASSWORD)
        answer = api.post("/alerts/channels",
                          {"name": "post", "kind": "email", "to": ["a@example.com", "b@example.org"]})
        assert answer.status_code == 201, answer.text
        channel = answer.json()
        assert channel["to"] == ["a@example.com", "b@example.org"] and channel["target"] is None
        tested = api.post(f"/alerts/channels/{channel['id']}/test").json()
        assert not tested["success"] and "mail server" in tested["error"]  # nobody is there yet
        sink = MailSink(port, tls, pem, key, user)
        try:
            run = api.run("bad")
            (sender, recipients, message), = sink.wait()
            assert sender == "headgate@example.net"
            assert recipients == ["a@example.com", "b@example.org"]
            assert message["Subject"].startswith("Bäd  Bcc: eve@example.com failed: ")
            assert message["Bcc"] is None
            assert run["id"] in message.get_content()
            alert, delivery = wait_for_delivery(api, "bad", "sent")
            assert delivery["id"] in message["Message-ID"]
            sink.refuse = "550 no such user"
            refused = api.post(f"/alerts/channels/{channel['id']}/test").json()
            assert not refused["success"] and "550" in refused["error"]
        finally:
            sink.close()
        assert "pass-canary-1" not in host.log()
        assert b"pass-canary-1" not in api.get("/alerts").content


def test_mail_that_is_not_trusted():
    host = Host("alerts-mail-untrusted")
    port = free_port()
    pem, key = certificate(host)
    configure(host, SMTP.format(port=port, more="tls: implicit"))
    sink = MailSink(port, "implicit", pem, key)
    try:
        with running(host):
            api = Api(host.url, "admin", PASSWORD)
            channel = api.post("/alerts/channels",
                               {"name": "post", "kind": "email", "to": ["a@example.com"]}).json()
            tested = api.post(f"/alerts/channels/{channel['id']}/test").json()
            assert not tested["success"] and sink.got == []
    finally:
        sink.close()


class Tarpit:
    """Takes whoever comes and keeps him: says `first` at once, then a byte of `slowly` a second."""

    def __init__(self, first=b"", slowly=b""):
        self.first, self.slowly = first, slowly
        self.n_kept = 0
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                kept, _ = self._listener.accept()
                self.n_kept += 1
                self._threads.append(threading.Thread(target=self._keep, args=(kept,), daemon=True))
                self._threads[-1].start()

    def _keep(self, kept):
        with kept, contextlib.suppress(OSError):
            kept.sendall(self.first)
            for byte in self.slowly:
                if self._over.wait(1):
                    return
                kept.sendall(bytes([byte]))
            self._over.wait()

    def close(self):
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


def test_sinks_that_hang(sink):
    """Others get theirs meanwhile, the log says why, and a host that stops does not wait for them."""
    mail, drip = Tarpit(b"220 mail\r\n"), Tarpit(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 100)
    host = Host("alerts-hang")
    configure(host, "outbound: {allow_private: [127.0.0.1/32]}\n" +
              SMTP.format(port=mail.port, more="tls: none"))
    add_pipeline(host, "bad", "select 1/0", ["post", "drip", "quick"])
    try:
        with running(host):
            api = Api(host.url, "admin", PASSWORD)
            api.post("/alerts/channels", {"name": "post", "kind": "email", "to": ["a@example.com"]})
            make(api, "drip", f"http://127.0.0.1:{drip.port}/")
            make(api, "quick", sink.url + "/quick")
            api.run("bad")
            sink.wait("/quick")
            alert, _ = wait_for_delivery(api, "bad", "sent")
            assert {d["channel"]: (d["status"], d["error"]) for d in alert["deliveries"]} == {
                "quick": ("sent", None), "post": ("pending", None), "drip": ("pending", None)}
            until = time.monotonic() + 60
            while mail.n_kept < 2 or drip.n_kept < 2:
                assert time.monotonic() < until
                time.sleep(0.1)
            tried = {d["channel"]: d for d in api.items("/alerts", pipeline="bad")[0]["deliveries"]}
            for name, says in (("post", f"the mail server 127.0.0.1:{mail.port}: the time was up"),
                               ("drip", "the time was up")):
                assert tried[name]["status"] == "pending" and says in tried[name]["error"], tried
                assert tried[name]["attempts"] == 2
            # Both are under way again.
    finally:
        mail.close()
        drip.close()
