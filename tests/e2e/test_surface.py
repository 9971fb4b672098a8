"""What programs that watch the host see: metrics, readiness, the OpenAPI document."""
import os
import re

import pytest
import requests

from host import ROOT, Api, Host, PASSWORD, running

PIPELINE = """\
id: {id}
jobs:
  - {{id: job, transform: {{sql: {id}.sql}}}}
"""


@pytest.fixture(scope="module")
def small_host():
    host = Host("surface")
    for name, sql in (("good", "select 1"), ("bad", "select 1/0")):
        for suffix, text in (("yaml", PIPELINE.format(id=name)), ("sql", sql)):
            path = os.path.join(host.folder, f"app/config/pipelines/{name}.{suffix}")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    with running(host):
        yield host


@pytest.fixture(scope="module")
def small_api(small_host):
    return Api(small_host.url, "admin", PASSWORD)


def samples(host):
    """Metrics by name and labels; each line is one sample or says what a family is."""
    answer = requests.get(host.url + "/metrics", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found, families = {}, set()
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in families, f"{name} comes twice"
            families.add(name)
        elif not line.startswith("# HELP "):
            match = re.fullmatch(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? (\S+)', line)
            assert match, line
            base = re.sub("_(bucket|sum|count)$", "", match[1])
            assert match[1] in families or base in families, f"{line} before its TYPE"
            key = match[1] + (match[2] or "")
            assert key not in found, f"{key} comes twice"
            found[key] = float(match[3])
    return found, families


def test_what_happens_is_counted(small_host, small_api):
    before, _ = samples(small_host)
    assert small_api.run("good")["status"] == "succeeded"
    assert small_api.run("bad")["status"] == "failed"
    after, _ = samples(small_host)

    def risen(key):
        return after[key] - before.get(key, 0)

    assert risen('headgate_attempts_total{outcome="succeeded"}') == 1
    assert risen('headgate_attempts_total{outcome="failed"}') == 1
    assert risen('headgate_http_requests_total{method="POST",'
                 'route="/api/v1/ingestion/pipelines/{pipeline_id}/trigger",status="202"}') == 2
    assert after["headgate_leader"] == 1
    assert after['headgate_runs_active{state="running"}'] == 0
    assert after['headgate_database_up{database="metadata"}'] == 1
    assert sum(value for key, value in after.items()
               if key.startswith('headgate_workers{lane="runs"')) == 2


def test_the_docs_name_every_metric(small_host):
    _, families = samples(small_host)
    with open(os.path.join(ROOT, "docs/http.md"), encoding="utf-8") as f:
        named = set(re.findall(r"^\| `((?:headgate|process)_[a-z_]+)` \|", f.read(), re.MULTILINE))
    assert named == families


def test_the_docs_name_every_parameter(small_api):
    """The part of the docs on parameters says of each call which it takes."""
    with open(os.path.join(ROOT, "docs/http.md"), encoding="utf-8") as f:
        part = f.read().split("**Parameters.**")[1].split("## ")[0]
    told = {}
    for calls, names in re.findall(r"^\| (`GET [^|]+) \| (.+) \|$", part, re.MULTILINE):
        for call in re.findall(r"`GET ([^`]+)`", calls):
            told[call.removeprefix("...")] = set(re.findall(r"`([a-z_]+)`", names))
    document = small_api.get("/openapi.json").json()
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            named = {p["name"] for p in call.get("parameters", []) if p["in"] == "query"}
            shown = re.sub(r"\{(\w+?)(_id)?\}", lambda m: {"dataset": "SCHEMA.TABLE"}.get(
                m[1], "JOB" if m[1] == "job" else "ID"), path)
            found = [names for call, names in told.items() if shown.endswith(call)]
            expected = found[0] if method == "get" and found else set()
            assert named - {"limit", "cursor"} <= expected, (path, named, expected)


def test_ready(small_host):
    assert requests.get(small_host.url + "/readyz", timeout=10).json() == {
        "status": "ready", "warnings": []}


def test_the_document_is_for_users(small_host, small_api):
    address = small_host.url + "/api/v1/openapi.json"
    assert requests.get(address, timeout=10).status_code == 401
    document = small_api.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    trigger = document["paths"]["/api/v1/ingestion/pipelines/{pipeline_id}/trigger"]["post"]
    assert trigger["operationId"] == "trigger_pipeline"
    assert {"202", "401", "403", "404", "409", "422"} <= set(trigger["responses"])
