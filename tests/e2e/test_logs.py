"""Logs of jobs: all of what an attempt said, in pages from either end, archived, after a crash too.
And the host's own: what is in its lines."""
import glob
import gzip
import json
import os
import signal
import stat
import time

import pytest
import requests

from host import PASSWORD, Api, Host, running

N_FILES = 1500  # a csv source says a line of each

TALKS = """\
id: talks
jobs:
  - {id: job, extract: {source: csv, config: {path: ../parts/*.csv, columns: {n: int64}}}}
  - {id: load, needs: [job], load: {table: logs.talks, mode: append}}
"""

SLEEPS = """\
id: sleeps
jobs:
  - {id: job, transform: {sql: sleeps.sql}}
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def part(host, i):
    return os.path.join(host.folder, f"app/config/parts/{i:04}.csv")


@pytest.fixture(scope="module")
def log_host():
    host = Host("logs")
    write(os.path.join(host.folder, "app/config/pipelines/talks.yaml"), TALKS)
    write(os.path.join(host.folder, "app/config/pipelines/sleeps.yaml"), SLEEPS)
    write(os.path.join(host.folder, "app/config/pipelines/sleeps.sql"), "select pg_sleep(60)")
    for i in range(N_FILES):
        write(part(host, i), f"n\n{i}\n")
    with running(host):
        yield host


@pytest.fixture(scope="module")
def log_api(log_host):
    return Api(log_host.url, "admin", PASSWORD)


def logs_of(host, run):
    return os.path.join(host.data_dir, "logs", run["id"])


def wait_for(what, within_s=30):
    until = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_log_is_archived_and_read_from_either_end(log_host, log_api):
    run = log_api.run("talks")
    assert run["status"] == "succeeded", run
    path = f"/ingestion/runs/{run['id']}/jobs/job/logs"
    file = os.path.join(logs_of(log_host, run), "job.1.jsonl")
    wait_for(lambda: os.path.exists(file + ".gz") and not os.path.exists(file))
    whole = log_api.items(path, limit=500)
    with gzip.open(file + ".gz", "rt", encoding="utf-8") as f:
        kept = [json.loads(line) for line in f]
    assert [{**line, "attempt": 1} for line in kept] == whole
    said = [line["message"] for line in whole if "rows read" in line["message"]]
    assert said == [f"{i:04}.csv: 1 rows read, 0 of them rejected" for i in range(N_FILES)]

    last = log_api.get(path, params={"tail": 20}).json()
    assert last["items"] == whole[-20:]
    before = log_api.get(path, params={"tail": 20, "cursor": last["next_cursor"]}).json()
    assert before["items"] == whole[-40:-20]
    middle = log_api.get(path, params={"attempt": 1, "line": 751, "limit": 1}).json()
    assert middle["items"] == whole[750:751]
    assert log_api.items(path, attempt=2) == []


def test_only_what_is_bad(log_host, log_api):
    for i in (3, 700):
        write(part(log_host, i), f"n\n{i}\n{i + 1}\n")
    for i in range(N_FILES, N_FILES + 30):
        write(part(log_host, i), f"n\n{i}\n")
    run = log_api.run("talks")
    path = f"/ingestion/runs/{run['id']}/jobs/job/logs"
    whole = log_api.items(path)
    bad = log_api.items(path, level="warning", limit=1)
    assert bad == [line for line in whole if line["level"] in ("warning", "error")]
    assert [line["message"].split()[0] for line in bad] == ["0003.csv", "0700.csv"]
    assert log_api.items(path, level="error") == []
    assert log_api.get(path, params={"level": "warning", "tail": 1}).json()["items"] == bad[-1:]


@pytest.mark.parametrize("params", [
    {"level": "loud"}, {"attempt": 0}, {"line": 5}, {"line": "x", "attempt": 1}, {"tail": 501},
    {"tail": 5, "limit": 5}, {"tail": 5, "line": 5, "attempt": 1}, {"cursor": "1"}, {"cursor": "1.-5"},
    {"cursor": "x.5"}, {"lines": 5}])
def test_bad_questions(log_api, params):
    run = log_api.get("/ingestion/pipelines/talks/runs").json()["items"][0]
    answer = log_api.get(f"/ingestion/runs/{run['id']}/jobs/job/logs", params=params)
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]


def test_a_cursor_from_anywhere(log_api):
    """Cursors are the client's: any number gives some page, and no line that is none."""
    run = log_api.get("/ingestion/pipelines/talks/runs").json()["items"][0]
    path = f"/ingestion/runs/{run['id']}/jobs/job/logs"
    whole = log_api.items(path, limit=500)
    for cursor in ("1.7", "1.100001", "1.99999999999999", "7.0", "2147483647.9223372036854775807"):
        for more in ({}, {"tail": 50}):
            page = log_api.get(path, params={"cursor": cursor, **more})
            assert page.status_code == 200, page.text
            assert all(line in whole for line in page.json()["items"])


def test_what_a_killed_host_leaves(log_host, log_api):
    """The attempt that died with its host says so, and its log has ended."""
    answer = log_api.post("/ingestion/pipelines/sleeps/trigger")
    run = {"id": answer.json()["run_id"]}
    wait_for(lambda: log_api.get(f"/ingestion/runs/{run['id']}").json()["status"] == "running")
    time.sleep(0.5)
    log_host.process.kill()
    log_host.process.wait()
    log_host.start()
    api = Api(log_host.url, "admin", PASSWORD)
    path = f"/ingestion/runs/{run['id']}/jobs/job/logs"
    wait_for(lambda: api.items(path, attempt=1))
    last = api.items(path, attempt=1)[-1]
    assert last["level"] == "error"
    assert last["message"].startswith("this attempt ended with its host, which was killed")
    ended, = glob.glob(os.path.join(logs_of(log_host, run), "job.1.jsonl*"))
    assert not os.stat(ended).st_mode & (stat.S_IWUSR | stat.S_IWGRP)
    assert api.post(f"/ingestion/runs/{run['id']}/cancel").status_code == 202
    assert api.wait_for_run(run["id"])["status"] == "cancelled"


# ---- the host's log ----

FAILS = """\
id: fails
retries: {max: 1, backoff: 1ms}
jobs:
  - {id: divide, transform: {sql: fails.sql}}
"""


class JsonHost(Host):
    """Logs as JSON, down to the probes."""

    def environment(self, **more):
        return super().environment(HEADGATE_LOG_FORMAT="json", HEADGATE_LOG="debug", **more)


@pytest.fixture(scope="module")
def json_host():
    host = JsonHost("logs-json")
    if os.path.exists(host.log_path):
        os.unlink(host.log_path)  # lines of an earlier run
    write(os.path.join(host.folder, "app/config/pipelines/fails.yaml"), FAILS)
    write(os.path.join(host.folder, "app/config/pipelines/fails.sql"), "select 1/0")
    with running(host):
        yield host


@pytest.fixture(scope="module")
def json_api(json_host):
    return Api(json_host.url, "admin", PASSWORD)


def lines_of(host):
    """Every line that the host has logged; each is one JSON object in which no key is twice."""
    def no_twice(pairs):
        assert len({key for key, _ in pairs}) == len(pairs), pairs
        return dict(pairs)
    lines = []
    with open(host.log_path, encoding="utf-8", errors="replace") as f:
        logged = f.read()
    for text in logged[:logged.rfind("\n") + 1].splitlines():
        try:
            lines.append(json.loads(text, object_pairs_hook=no_twice))
        except ValueError:
            assert not text.startswith("{"), text  # what the programs of PostgreSQL say
    for line in lines:
        assert {"at", "level", "message"} <= line.keys()
        assert line["level"] in ("debug", "info", "warning", "error")
    return lines


def wait_for_lines(host, **fields):
    found = []

    def look():
        found[:] = [line for line in lines_of(host)
                    if all(line.get(name) == value for name, value in fields.items())]
        return found
    wait_for(look)
    return found


def request_line(host, answer):
    line, = wait_for_lines(host, message="request", request_id=answer.headers["X-Request-Id"])
    return line


def test_the_line_of_a_request(json_host, json_api):
    answer = json_api.get("/ingestion/pipelines", params={"limit": 1})
    line = request_line(json_host, answer)
    assert line.pop("at") and isinstance(line.pop("duration_ms"), int)
    assert line == {
        "level": "info", "message": "request", "request_id": answer.headers["X-Request-Id"],
        "method": "GET", "route": "/api/v1/ingestion/pipelines", "status": 200,
        "bytes": len(answer.content), "principal": "admin", "principal_kind": "user",
        "address": "127.0.0.1"}


def test_lines_of_other_requests(json_host, json_api):
    made = json_api.post("/auth/tokens", {"name": "of-logs"}).json()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    by_token = requests.get(json_host.url + "/api/v1/system", headers=bearer, timeout=10)
    assert request_line(json_host, by_token)["principal_kind"] == "token"
    nobody = requests.get(json_host.url + "/api/v1/system", timeout=10)
    line = request_line(json_host, nobody)
    assert (line["status"], line["level"]) == (401, "info") and "principal" not in line
    head = requests.head(json_host.url + "/api/v1/system", headers=bearer, timeout=10)
    line = request_line(json_host, head)
    assert (line["method"], line["bytes"]) == ("HEAD", 0)
    for path in ("/healthz", "/", "/assets/nothing-here"):
        answer = requests.get(json_host.url + path, timeout=10)
        level = "debug" if answer.status_code < 400 else "info"
        assert request_line(json_host, answer)["level"] == level


def test_lines_of_a_run(json_host, json_api):
    """What a request sets going says whose it is; what a run says, which attempt."""
    answer = json_api.post("/ingestion/pipelines/fails/trigger")
    run_id = answer.json()["run_id"]
    assert json_api.wait_for_run(run_id)["status"] == "failed"
    created, = wait_for_lines(json_host, message="run created", run_id=run_id)
    assert created["request_id"] == answer.headers["X-Request-Id"]
    ended, = wait_for_lines(json_host, message="run ended", run_id=run_id)
    assert (ended["level"], ended["status"], ended["job_id"]) == ("warning", "failed", "divide")
    assert "division by zero" in ended["error"] and isinstance(ended["duration_ms"], int)
    failed = wait_for_lines(json_host, message="an attempt failed", run_id=run_id)
    assert [line["attempt"] for line in failed] == [1, 2]
    assert all(line["level"] == "warning" and line["job_id"] == "divide" for line in failed)
    assert all(line["pipeline_id"] == "fails" for line in failed + [created, ended])


def test_hostile_requests_stay_in_their_line(json_host, json_api):
    before = len(lines_of(json_host))
    for name in ("\x1b[2J", "a\nb", "\u009b31m", '"},{"level":"error', "x" * 100000):
        answer = json_api.post("/auth/login", {"username": name, "password": name})
        assert answer.status_code in (401, 422, 429)
        requests.get(json_host.url + "/api/v1/" + requests.utils.quote(name[:2000], safe=""), timeout=10)
    after = lines_of(json_host)
    assert len(after) > before
    assert all(len(json.dumps(line)) < 8192 for line in after)


def test_no_secret_is_logged(json_host, json_api):
    made = json_api.post("/auth/tokens", {"name": "canary"}).json()
    cookie = json_api.http.cookies["headgate_session"]
    bearer = {"Authorization": f"Bearer {made['token']}"}
    for path in (f"/api/v1/system?token={made['token']}", f"/api/v1/{made['token']}",
                 f"/api/v1/auth/tokens/{made['token']}", f"/{cookie}"):
        requests.get(json_host.url + path, headers=bearer, timeout=10)
    json_api.post("/auth/login", {"username": "admin", "password": "canary-of-a-password"})
    json_api.get("/auth/me")
    with open(json_host.log_path, encoding="utf-8", errors="replace") as f:
        log = f.read()
    for secret in (PASSWORD, made["token"], cookie, "canary-of-a-password"):
        assert secret not in log


def times_read(host):
    return sum(line["message"] == "the pipeline files were read again" for line in lines_of(host))


def test_a_removed_file_is_logged(json_host, json_api):
    before = times_read(json_host)
    path = os.path.join(json_host.folder, "app/config/pipelines/goes.yaml")
    write(path, FAILS.replace("id: fails", "id: goes"))
    os.kill(json_host.process.pid, signal.SIGHUP)
    wait_for(lambda: json_api.get("/ingestion/pipelines/goes").status_code == 200)
    os.unlink(path)
    os.kill(json_host.process.pid, signal.SIGHUP)
    line, = wait_for_lines(json_host, pipeline_id="goes", level="warning")
    assert line["message"].startswith("a pipeline's file was removed")
    assert line["file"].endswith("pipelines/goes.yaml")
    wait_for(lambda: times_read(json_host) == before + 2)
    os.kill(json_host.process.pid, signal.SIGHUP)  # it is said once
    wait_for(lambda: times_read(json_host) == before + 3)
    assert len(wait_for_lines(json_host, pipeline_id="goes", level="warning")) == 1
