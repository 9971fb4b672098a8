"""Logs of jobs: all of what an attempt said, in pages from either end, archived, after a crash too."""
import glob
import gzip
import json
import os
import stat
import time

import pytest

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
