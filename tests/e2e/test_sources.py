"""Sources other than csv files: a table of another PostgreSQL, whose password is named and never
told, and files of JSON Lines."""
import glob
import json
import os
import signal
import time

import pytest

from host import PASSWORD, Api, Host, running
from source_server import SourceServer

SECRET = "hunter2 and 'quotes'"

TABLE = """\
id: {id}
retries: {{max: 2, backoff: 1ms}}
jobs:
  - id: read
    extract:
      source: postgres
      config:
        host: {host}
        port: {port}
        dbname: {dbname}
        user: {user}
        {password}
        table: {table}
        cursor: id
  - id: load
    needs: [read]
    load: {{table: source.{target}}}
"""

LINES = """\
id: lines
jobs:
  - id: read
    extract:
      source: jsonl
      config: {path: ../data/events.jsonl, columns: {id: int64, at: timestamp, tags: json}}
  - id: load
    needs: [read]
    load: {table: source.events, mode: merge, key: [id]}
"""

# Nothing but the order of the columns says which field is which.
FIELDS = """\
id: fields
jobs:
  - id: read
    extract:
      source: csv
      config: {path: ../data/fields.csv, header: false, columns: {symbol: utf8, id: utf8, at: date}}
  - id: check
    needs: [read]
    check:
      rules:
        - {rule: schema, order: true, columns: {symbol: utf8, id: utf8, at: date}, on_fail: stop}
  - id: load
    needs: [check]
    load: {table: source.fields}
"""


class SourcesHost(Host):
    """With the pipelines of this file, and the password in its environment."""

    def __init__(self, server):
        self.server = server
        super().__init__("sources")

    def _lay_out(self):
        super()._lay_out()
        self._put("pipelines/../secret/password", SECRET + "\n")
        self._put("data/events.jsonl", "".join(
            json.dumps({"id": i % 3, "at": "2026-01-01T00:00:00Z", "tags": [i]}) + "\n"
            for i in range(5)))
        self._put("pipelines/lines.yaml", LINES)
        self._put("data/fields.csv", "A1,B2,2026-01-02\n")
        self._put("pipelines/fields.yaml", FIELDS)
        self._put_table("by-variable", "password: ${SOURCE_PASSWORD}")
        self._put_table("by-file", "password: ${file:../secret/password}")
        self._put_table("wrong", "password: ${WRONG_PASSWORD}")
        self._put_table("in-the-clear", "password: swordfish")
        self._put_table("unset", "password: ${NOT_SET_PASSWORD}")

    def _put(self, name, text):
        path = os.path.normpath(os.path.join(self.folder, "app/config", name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def _put_table(self, name, password, **more):
        values = {"id": name, "host": "127.0.0.1", "port": self.server.port, "dbname": "postgres",
                  "user": "reader", "table": "shop.orders", "target": name.replace("-", "_"),
                  "password": password, **more}
        self._put(f"pipelines/{name}.yaml", TABLE.format(**values))

    def put_own_cluster(self):
        """A pipeline that names the socket of the host's own PostgreSQL, known only now."""
        with open(os.path.join(self.data_dir, "postgres/postmaster.pid"), encoding="utf-8") as f:
            lines = f.read().splitlines()
        self._put_table("own-cluster", "", host=lines[4], port=lines[3], dbname="metadata",
                        user="headgate_admin", table="account")
        self.process.send_signal(signal.SIGHUP)

    def environment(self, **more):
        return super().environment(SOURCE_PASSWORD=SECRET, WRONG_PASSWORD="not the pass word",
                                   **more)


@pytest.fixture(scope="module")
def server():
    source = SourceServer("owner's own")
    try:
        source.start()
        quoted = SECRET.replace("'", "''")
        source.sql(f"CREATE ROLE reader LOGIN PASSWORD '{quoted}'", "CREATE SCHEMA shop",
                   "GRANT USAGE ON SCHEMA shop TO reader",
                   "CREATE TABLE shop.orders (id bigint primary key, total numeric(12,2))",
                   "GRANT SELECT ON shop.orders TO reader",
                   "INSERT INTO shop.orders SELECT i, i / 4.0 FROM generate_series(1, 3000) i")
        yield source
    finally:
        source.remove()


@pytest.fixture(scope="module")
def host(server):
    with running(SourcesHost(server)) as started:
        yield started


@pytest.fixture(scope="module")
def api(host):
    return Api(host.url, "admin", PASSWORD)


def loaded(run):
    assert run["status"] == "succeeded", run
    return run["rows_loaded"]


def test_a_table_lands_and_then_only_what_is_new(api, server):
    assert loaded(api.run("by-variable")) == 3000
    server.sql("INSERT INTO shop.orders VALUES (3001, 7), (3002, null)")
    assert loaded(api.run("by-variable")) == 2
    assert loaded(api.run("by-variable")) == 0
    rows = api.get("/datasets/source.by_variable/rows", params={"order": "-id", "limit": 1})
    assert rows.json()["rows"] == [["3002", None]], rows.text


def test_a_password_may_be_in_a_file(api):
    assert loaded(api.run("by-file")) >= 3000


def test_a_wrong_password_is_told_without_it(api):
    run = api.run("wrong")
    assert run["status"] == "failed"
    assert "password authentication failed" in json.dumps(run)
    assert "not the pass word" not in json.dumps(run)
    # A wrong password stays wrong, and each attempt counts towards locking the account.
    assert [job["attempt"] for job in run["jobs"]] == [1, 1], run


@pytest.mark.parametrize("pipeline, words", [
    ("in-the-clear", "is a secret, and pipeline files are stored in the clear"),
    ("unset", "the environment variable NOT_SET_PASSWORD is not set"),
])
def test_a_file_that_gives_no_password_is_refused(api, pipeline, words):
    found = api.get(f"/ingestion/pipelines/{pipeline}")
    assert found.status_code == 200, found.text
    assert words in found.text
    assert "swordfish" not in found.text


def test_the_own_cluster_is_not_read_past_its_roles(host, api):
    host.put_own_cluster()
    until = time.monotonic() + 30
    while api.get("/ingestion/pipelines/own-cluster").status_code != 200:
        assert time.monotonic() < until, host.log()
        time.sleep(0.1)
    run = api.run("own-cluster")
    assert run["status"] == "failed"
    assert "may not read Headgate's own database" in json.dumps(run), run


def test_no_secret_is_told_or_kept(host, api):
    """Not by the API, in the log, in the metadata, or in what a worker was started with."""
    told = api.get("/ingestion/pipelines/by-variable").text
    for run in (r for p in ("by-variable", "by-file", "wrong")
                for r in api.items(f"/ingestion/pipelines/{p}/runs")):
        told += json.dumps(api.get(f"/ingestion/runs/{run['id']}").json())
        for job in ("read", "load"):
            told += api.get(f"/ingestion/runs/{run['id']}/jobs/{job}/logs").text
    for pid in host.children():
        for file in ("environ", "cmdline"):
            with open(f"/proc/{pid}/{file}", encoding="utf-8", errors="replace") as f:
                told += f.read()
    with open(host.log_path, encoding="utf-8", errors="replace") as f:
        told += f.read()
    for segment in glob.glob(os.path.join(host.data_dir, "postgres/pg_wal/0*")):
        with open(segment, "rb") as f:
            told += f.read().decode("latin-1")
    assert "${SOURCE_PASSWORD}" in told     # so that what is stored has been looked into
    for secret in (SECRET, json.dumps(SECRET), "not the pass word"):
        assert secret not in told


def test_lines_of_json_land(api):
    assert loaded(api.run("lines")) == 3


def test_columns_keep_the_order_of_the_file(api):
    """And not the one that jsonb sorts keys by: short names first."""
    assert loaded(api.run("fields")) == 1
    page = api.get("/datasets/source.fields/rows").json()
    assert [c["name"] for c in page["columns"]] == ["symbol", "id", "at"]
    assert page["rows"] == [["A1", "B2", "2026-01-02"]]
