"""Alert channels: who is told when a run fails, of what, and how often."""
import base64
import hashlib
import hmac
import json
import os
import time
import uuid

import pytest
import requests

from alert_sink import Sink
from host import PASSWORD, Api, Host, running

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


def test_who_is_not_told(alert_api):
    assert alert_api.run("good")["status"] == "succeeded"
    assert alert_api.run("bad-untold")["status"] == "failed"
    # What is told comes in the order of the runs, so this one is behind them.
    alert_api.run("bad-orphan")
    _, delivery = wait_for_delivery(alert_api, "bad-orphan", "failed")
    assert delivery["error"] == "there is no channel of this name"
    assert alert_api.items("/alerts", pipeline="good") == []
    assert alert_api.items("/alerts", pipeline="bad-untold") == []
