"""What goes wrong in earnest: plugins that crash, hang and eat memory, files that are not what they
should be, tables that do not fit. Each fails its own run, says what and where, and the host goes on."""
import gzip
import json
import os
import re

import pytest
import requests

from host import BUILD, PASSWORD, ROOT, Api, Host, running

PLUGINS = ("crash-in-constructor", "crash-in-read", "hang-in-read", "leak", "wrong-major", "numbers")
WORKER_LIMIT_BYTES = 100 << 20
SANITIZED = BUILD != os.path.join(ROOT, "build")

FLOW = """\
id: {id}
jobs:
  - id: fetch
    extract:
      source: csv
      config: {{path: ../data/{path}, columns: {columns}}}
  - id: load
    needs: [fetch]
    load: {{table: {table}, mode: {mode}}}
"""

REJECTS_THEN_STOPS = """\
id: rejects-then-stops
jobs:
  - {id: fetch, extract: {source: csv, config: {path: ../data/good.csv, columns: {id: int64, name: utf8}}}}
  - id: check
    needs: [fetch]
    check:
      rules:
        - {rule: range, column: id, min: 3, on_fail: reject}
        - {rule: range, column: id, max: 1000, on_fail: stop}
  - {id: load, needs: [check], load: {table: bad.stopped, mode: append}}
"""

PLUGIN_FLOW = """\
id: {id}
jobs:
  - id: fetch
    {timeout}
    extract: {{source: {id}, config: {{n: 5000, batch_rows: 1000}}}}
  - id: load
    needs: [fetch]
    load: {{table: bad.{table}, mode: replace}}
"""


def write_data(folder):
    """The data files, by the kinds of wrong they are."""
    def put(name, data):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)

    good = b"id,name\n" + b"".join(b"%d,name %d\n" % (i, i) for i in range(1, 2001))
    put("good.csv", good)
    os.mkdir(os.path.join(folder, "folder.csv"))
    put("cut.csv.gz", gzip.compress(good)[:-200])
    put("header.csv", b"id,nmae\n1,one\n")
    put("nul.csv", b"id,name\n1,one\n2,t\0wo\n3,three\n")
    put("latin1.csv", b"id,name\n1,one\n2,caf\xe9\n3,three\n")
    put("no-keys.csv", b"id,name\n1,one\n,two\n3,three\n")
    put("words.csv", b"id,name\nyes,one\n")
    with gzip.open(os.path.join(folder, "long.csv.gz"), "wb", compresslevel=1) as f:
        f.write(b"id,name\n1,one\n2,")
        for _ in range(256):
            f.write(b"x" * (1 << 20))
        f.write(b"\n3,three\n")
    put("secret.csv", good)
    os.chmod(os.path.join(folder, "secret.csv"), 0)


FILES = ("good.csv", "missing.csv", "folder.csv", "cut.csv.gz", "header.csv", "nul.csv",
         "latin1.csv", "long.csv.gz", "secret.csv")


def flow_id(path):
    return "file-" + path.split(".")[0]


def write_pipelines(folder):
    def put(id, text):
        with open(os.path.join(folder, id + ".yaml"), "w", encoding="utf-8") as f:
            f.write(text)

    def flow(id, path, table, mode="replace", columns="{id: int64, name: utf8}"):
        put(id, FLOW.format(id=id, path=path, table=table, mode=mode, columns=columns))

    for path in FILES:
        flow(flow_id(path), path, "bad." + flow_id(path).replace("-", "_"))
    merge = "merge, key: [id]"
    flow("no-index-make", "good.csv", "bad.no_index", "append")
    flow("no-index", "good.csv", "bad.no_index", merge)
    flow("types-make", "words.csv", "bad.types", "append", "{id: utf8, name: utf8}")
    flow("types", "good.csv", "bad.types", "append")
    flow("no-keys", "no-keys.csv", "bad.no_keys", merge)
    put("rejects-then-stops", REJECTS_THEN_STOPS)
    for id, timeout in (("crash-in-read", ""), ("hang-in-read", "timeout: 2s"), ("leak", ""),
                        ("numbers", "")):
        put(id, PLUGIN_FLOW.format(id=id, table=id.replace("-", "_"), timeout=timeout))


@pytest.fixture(scope="module")
def bad_host():
    """A host of its own: its plugins are none that anybody ships."""
    host = Host("bad-input")
    app = os.path.dirname(os.path.dirname(host.config))
    source = os.path.join(BUILD, "test-plugins")
    if not os.path.isdir(source):
        source = os.path.join(ROOT, "build/release/test-plugins")
    for name in PLUGINS:
        host.add(os.path.join(source, name + ".so"), "build/plugins")
    write_data(os.path.join(app, "config/data"))
    write_pipelines(os.path.join(app, "config/pipelines"))
    with running(host) as started:
        yield started


@pytest.fixture(scope="module")
def bad_api(bad_host):
    return Api(bad_host.url, "admin", PASSWORD)


def failed(api, pipeline, job="fetch"):
    """Runs a pipeline that must fail; gives its run and what it and the job's log say."""
    run = api.run(pipeline)
    assert run["status"] == "failed", run
    assert run["rows_loaded"] == 0
    assert run["error"], run
    assert run["error"]["job"] == job
    log = api.items(f"/ingestion/runs/{run['id']}/jobs/{job}/logs")
    text = json.dumps(run["error"], ensure_ascii=False) + "\n" + "\n".join(
        line["message"] for line in log)
    assert len(text) < 20000, len(text)
    assert any(line["level"] == "error" and line["message"] == run["error"]["message"]
               for line in log), log
    return run, text


def datasets(api):
    return {d["name"]: int(d["row_count"]) for d in api.items("/datasets")}


def succeeds(api, pipeline, loaded, rejected=0):
    run = api.run(pipeline)
    assert run["status"] == "succeeded", run
    assert (run["rows_loaded"], run["rows_rejected"]) == (loaded, rejected)
    return run


# Plugins

def test_a_plugin_that_cannot_be_loaded_is_listed_with_its_reason(bad_api):
    plugins = bad_api.items("/plugins")
    text = {os.path.basename(p.get("file") or p["id"]).removesuffix(".so"): json.dumps(p)
            for p in plugins}
    assert re.search(r"SIG(SEGV|ABRT)|signal", text["crash-in-constructor"]), text
    assert "major" in text["wrong-major"] or "ABI" in text["wrong-major"], text["wrong-major"]


def test_a_well_behaved_plugin_of_another_maker_loads_its_rows(bad_api):
    succeeds(bad_api, "numbers", 5000)


@pytest.mark.parametrize("plugin, says", [
    # A sanitizer takes the signal and exits.
    ("crash-in-read", "exit code 1" if SANITIZED else "SIGSEGV"),
    ("hang-in-read", r"2000 ms|2 s|timeout|time-?out|in time"),
    ("leak", r"memory"),
])
def test_a_bad_plugin_fails_its_run_and_the_host_goes_on(bad_host, bad_api, plugin, says):
    _, text = failed(bad_api, plugin)
    assert plugin in text, text
    assert re.search(says, text), text
    assert "bad." + plugin.replace("-", "_") not in datasets(bad_api)
    assert requests.get(bad_host.url + "/readyz", timeout=5).status_code == 200
    succeeds(bad_api, "file-good", 2000)


def test_rows_that_a_failed_run_rejected_are_rolled_back(bad_api):
    """The quarantine goes with the rows, and so do the figures."""
    run, _ = failed(bad_api, "rejects-then-stops", "check")
    assert run["rows_rejected"] == 0
    assert [job["rows_rejected"] for job in run["jobs"]] == [0, 0, 0]
    assert bad_api.items("/ingestion/quarantine", run=run["id"]) == []


# Files

@pytest.mark.parametrize("path, says", [
    ("missing.csv", r"[Nn]o such file|not exist|no file|nothing"),
    ("folder.csv", r"files of a folder are named by a pattern"),
    ("secret.csv", r"[Pp]ermission"),
    ("cut.csv.gz", r"truncated|cut|ends|end of"),
    ("header.csv", r"no field [\\\"]*name[\\\"]*; found: id, nmae"),
])
def test_a_file_that_cannot_be_read_fails_the_run_and_is_named(bad_api, path, says):
    _, text = failed(bad_api, flow_id(path))
    assert path in text, text
    assert re.search(says, text), text
    assert "bad." + flow_id(path).replace("-", "_") not in datasets(bad_api)


@pytest.mark.skipif(os.geteuid() != 0, reason="the file's mode stops nobody but another user")
def test_a_denied_file_says_who_must_read_it(bad_host, bad_api):
    run, _ = failed(bad_api, flow_id("secret.csv"))
    assert f"as user {bad_host.user.pw_name}: let it read the file (chmod o+r" in run["error"]["hint"]


@pytest.mark.parametrize("path, says", [
    ("nul.csv", r"NUL"),
    ("latin1.csv", r"not valid utf-8"),
    ("long.csv.gz", r"long|more than"),
])
def test_a_row_that_is_no_text_is_rejected_with_its_place(bad_api, path, says):
    run = succeeds(bad_api, flow_id(path), 2, 1)
    rows = bad_api.items("/ingestion/quarantine", run=run["id"])
    assert len(rows) == 1
    assert rows[0]["position"].endswith(path + ":3"), rows[0]["position"]
    assert re.search(says, rows[0]["reasons"][0]["message"]), rows[0]["reasons"]
    assert len(json.dumps(rows[0])) < 100000


@pytest.mark.skipif(SANITIZED, reason="sanitizers take memory of their own")
def test_a_line_of_256_mb_was_read_in_bounded_memory(bad_host, bad_api):
    succeeds(bad_api, "file-long", 2, 1)
    peaks = []
    for pid in bad_host.children():
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            if b"\0worker\0" not in f.read():
                continue
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            peaks.append(int(re.search(r"VmHWM:\s*(\d+) kB", f.read()).group(1)) << 10)
    assert peaks and max(peaks) < WORKER_LIMIT_BYTES, peaks


# Tables

def test_a_merge_without_a_unique_index_is_refused_with_the_statement(bad_api):
    succeeds(bad_api, "no-index-make", 2000)
    _, text = failed(bad_api, "no-index", "load")
    assert "bad.no_index" in text, text
    assert re.search(r"CREATE UNIQUE INDEX|ADD PRIMARY KEY", text), text
    assert datasets(bad_api)["bad.no_index"] == 2000


def test_a_table_of_other_types_is_refused_with_what_helps(bad_api):
    succeeds(bad_api, "types-make", 1)
    _, text = failed(bad_api, "types", "load")
    assert re.search(r"\bid\b", text) and "text" in text and "bigint" in text, text
    # No statement makes numbers of any text.
    assert r'Have the source give \"id\" as text' in text and "ALTER TABLE" not in text, text
    assert datasets(bad_api)["bad.types"] == 1


def test_rows_without_a_key_are_rejected(bad_api):
    run = succeeds(bad_api, "no-keys", 2, 1)
    rows = bad_api.items("/ingestion/quarantine", run=run["id"])
    assert rows[0]["position"].endswith("no-keys.csv:3")
    assert re.search(r"null|empty|missing", rows[0]["reasons"][0]["message"]), rows[0]
