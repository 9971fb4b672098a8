"""Fire times, backfills, overrides, versions and the pause, on a host with pipelines of its own."""
import os
import shutil
import time

import pytest

from host import PASSWORD, Api, Host, running

DAILY = """\
id: daily
schedule: "0 3 * * *"
timezone: America/New_York
missed: all
missed_limit: 5
missed_window: 2d
params:
  type: object
  additionalProperties: false
  properties: {note: {type: string, default: none}}
jobs:
  - {id: look, transform: {sql: look.sql}}
"""
# Fails where a name is bound to something else.
LOOK = """\
SELECT 1 / (CASE WHEN ${run.interval_end} = ${run.scheduled_for}
  AND ${run.scheduled_for} - ${run.interval_start} BETWEEN interval '23 hours' AND interval '25 hours'
  AND ${params.note} IN ('none', 'again') THEN 1 ELSE 0 END);
"""
ONCE = """\
id: once
jobs:
  - {id: nothing, transform: {sql: nothing.sql}}
"""
P = "/ingestion/pipelines/daily"


@pytest.fixture(scope="module")
def host():
    made = Host("schedules")
    folder = os.path.join(os.path.dirname(made.config), "pipelines")
    shutil.rmtree(folder)
    shutil.rmtree(os.path.join(os.path.dirname(made.config), "samples-pipelines"), ignore_errors=True)
    os.makedirs(folder)
    for name, text in (("daily.yaml", DAILY), ("look.sql", LOOK), ("once.yaml", ONCE), ("nothing.sql", "SELECT 1;\n")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    with running(made) as started:
        yield started


@pytest.fixture(scope="module")
def api(host):
    return Api(host.url, "admin", PASSWORD)


def wait_for_backfill(api, made, within_s=60):
    end = time.monotonic() + within_s
    while True:
        backfill = api.get(f"{P}/backfills/{made['id']}").json()
        if backfill["status"] != "running":
            return backfill
        assert time.monotonic() < end, backfill
        time.sleep(0.1)


def test_next_fire_times_mark_the_days_on_which_clocks_change(api):
    answer = api.get("/ingestion/schedules/next", params={
        "cron": "30 2 * * *", "timezone": "America/New_York", "count": 3, "after": "2026-03-07T00:00:00Z"})
    assert answer.status_code == 200
    assert [(t["at"], t["local_time"], t["offset"]) for t in answer.json()["items"]] == [
        ("2026-03-07T07:30:00.000Z", "2026-03-07T02:30:00-05:00", "-05:00"),
        ("2026-03-08T07:00:00.000Z", "2026-03-08T03:00:00-04:00", "-04:00"),
        ("2026-03-09T06:30:00.000Z", "2026-03-09T02:30:00-04:00", "-04:00")]
    assert [t["dst"] for t in answer.json()["items"]] == [
        None, {"changes_at": "2026-03-08T07:00:00.000Z", "offset_before": "-05:00", "offset_after": "-04:00",
               "effect": "moved"}, None]
    assert len(api.get("/ingestion/schedules/next", params={"cron": "@daily"}).json()["items"]) == 5


@pytest.mark.parametrize("query, says", [
    ({}, "cron"), ({"cron": "61 * * * *"}, "inute"), ({"cron": "@reboot"}, "@reboot"), ({"cron": ""}, "ields"),
    ({"cron": "0 0 31 2 *"}, "never comes"), ({"cron": "@daily", "timezone": "Moon/Tycho"}, "Moon/Tycho"),
    ({"cron": "@daily", "timezone": "../../../etc/passwd"}, "no name of a time zone"),
    ({"cron": "@daily", "count": "0"}, "count"), ({"cron": "@daily", "count": "101"}, "count"),
    ({"cron": "@daily", "after": "yesterday"}, "after"), ({"cron": "*" * 1500}, "longer"),
    ({"cron": "<script>alert(1)</script>"}, "ields")])
def test_bad_fire_time_queries(api, query, says):
    answer = api.get("/ingestion/schedules/next", params=query)
    assert answer.status_code == 400 and says in answer.json()["detail"], answer.text


def test_a_backfill_binds_its_times(api):
    answer = api.post(f"{P}/backfill", {"from": "2026-03-07T00:00:00Z", "to": "2026-03-10T00:00:00Z",
                                        "params": {"note": "again"}})
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert made["runs"] == 3 and made["kind"] == "backfill"
    assert answer.headers["Location"] == made["status_url"]
    ended = wait_for_backfill(api, made)
    assert ended["status"] == "succeeded" and ended["runs_succeeded"] == ended["runs_made"] == 3, ended
    runs = [r for r in api.items(f"{P}/runs") if r["backfill_id"] == made["id"]]
    assert [(r["interval_start"][:13], r["scheduled_for"][:13]) for r in reversed(runs)] == [
        ("2026-03-06T08", "2026-03-07T08"), ("2026-03-07T08", "2026-03-08T07"), ("2026-03-08T07", "2026-03-09T07")]
    assert {(r["trigger"], r["status"], r["params"]["note"], r["version"]) for r in runs} == \
        {("backfill", "succeeded", "again", 1)}
    for earlier, later in zip(runs[1:], runs):
        assert earlier["finished_at"] <= later["started_at"]
    assert [b["id"] for b in api.items(f"{P}/backfills")] == [made["id"]]
    again = api.post(f"{P}/backfills/{made['id']}/cancel")
    assert again.status_code == 409 and "succeeded" in again.json()["detail"]


@pytest.mark.parametrize("body, pointer", [
    ({}, "/from"), ({"from": "2026-03-01T00:00:00Z"}, "/to"), ({"from": 5, "to": 6}, "/from"),
    ({"from": "2026-03-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, "/to"),
    ({"from": "2026-03-01T00:00:00Z", "to": "2999-02-01T00:00:00Z"}, "/to"),
    ({"from": "2020-03-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, "/to"),
    ({"from": "2026-03-01T09:00:00Z", "to": "2026-03-01T10:00:00Z"}, "/from"),
    ({"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "params": {"x": 1}}, "/params/x"),
    ({"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "params": []}, "/params"),
    ({"since": "2026-03-01T00:00:00Z"}, "/since")])
def test_bad_backfills(api, body, pointer):
    answer = api.post(f"{P}/backfill", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_what_has_no_backfill(api):
    window = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
    assert api.post("/ingestion/pipelines/nobody/backfill", window).status_code == 404
    answer = api.post("/ingestion/pipelines/once/backfill", window)
    assert answer.status_code == 422 and "no schedule" in answer.json()["detail"]
    for path in (f"{P}/backfills/none", f"{P}/backfills/01a21790-c15f-709e-b439-b64bc5dd9ca1"):
        assert api.get(path).status_code == 404
        assert api.post(path + "/cancel").status_code == 404


def test_overrides_are_validated_and_go_back(api):
    url = f"{api.url}/api/v1{P}"
    assert api.get(P).json()["file_settings"] == {
        "schedule": "0 3 * * *", "timezone": "America/New_York", "parallelism": 1, "retries": 0, "enabled": True}
    for patch, pointer in (({"timezone": "Moon/Tycho"}, "/timezone"), ({"timezone": None}, "/timezone"),
                           ({"schedule": "@reboot"}, "/schedule"), ({"schedule": "0 3 31 2 *"}, "/schedule")):
        answer = api.http.patch(url, json=patch, timeout=30)
        assert answer.status_code == 422 and answer.json()["errors"][0]["pointer"] == pointer
    answer = api.http.patch(url, json={"schedule": "@yearly", "timezone": "Asia/Tokyo"}, timeout=30)
    assert answer.json()["overrides"] == {"schedule": "@yearly", "timezone": "Asia/Tokyo"}
    assert answer.json()["next_run_at"].endswith("-12-31T15:00:00.000Z")
    stale = api.http.delete(f"{url}/overrides", headers={"If-Match": '"stale"'}, timeout=30)
    assert stale.status_code == 412
    answer = api.http.delete(f"{url}/overrides", timeout=30)
    assert answer.status_code == 200 and answer.json()["overrides"] == {}
    assert answer.json()["schedule"] == "0 3 * * *" and answer.headers["ETag"] == api.get(P).headers["ETag"]
    assert (answer.json()["missed"], answer.json()["missed_limit"], answer.json()["missed_window_ms"]) == \
        ("all", 5, 172800000)
    assert api.http.delete(f"{api.url}/api/v1/ingestion/pipelines/nobody/overrides", timeout=30).status_code == 404


def test_versions(api):
    versions = api.items(f"{P}/versions")
    assert [(v["version"], v["is_current"]) for v in versions] == [(1, True)]
    assert api.get(f"{P}/versions/1").json()["definition"]["id"] == "daily"
    for none in ("0", "2", "x", "1e3"):
        assert api.get(f"{P}/versions/{none}").status_code == 404
    assert api.get("/ingestion/pipelines/nobody/versions").status_code == 404


def test_a_pause_outlives_the_host(host, api):
    done = host.command("pause")
    assert done.returncode == 0 and "resume" in done.stdout, done
    system = api.get("/system").json()
    assert system["paused"] and system["paused_at"]
    done = host.command("run", "once")
    assert done.returncode == 1 and "paused" in done.stderr and "headgate resume" in done.stderr, done
    run = api.post("/ingestion/pipelines/once/trigger").json()
    host.stop()
    done = host.command("run", "once")
    assert done.returncode == 1 and "paused" in done.stderr, done
    host.start()
    api.login("admin", PASSWORD)
    assert api.get("/system").json()["paused"]
    assert api.get(run["status_url"].removeprefix("/api/v1")).json()["status"] == "queued"
    done = host.command("resume")
    assert done.returncode == 0, done
    assert api.wait_for_run(run["run_id"])["status"] == "succeeded"
    system = api.get("/system").json()
    assert not system["paused"] and system["paused_at"] is None


def test_one_pipeline_is_paused(host, api):
    assert host.command("pause", "daily").returncode == 0
    assert api.get(P).json()["status"] == "paused" and api.get(P).json()["next_run_at"] is None
    assert host.command("resume", "daily").returncode == 0
    assert api.get(P).json()["enabled"] and api.get(P).json()["next_run_at"]
    for arguments, says in ((("pause", "nobody"), 'no pipeline "nobody"'), (("pause", "a", "b"), "usage"),
                            (("resume", "--all"), "unknown option")):
        done = host.command(*arguments)
        assert done.returncode == 2 and says in done.stderr, done


def test_a_host_that_is_away_is_paused_in_its_database(host, api):
    host.stop()
    assert host.command("pause").returncode == 0
    assert host.command("pause", "daily").returncode == 0
    assert host.command("pause", "nobody").returncode == 2
    host.start()
    api.login("admin", PASSWORD)
    assert api.get("/system").json()["paused"] and api.get(P).json()["status"] == "paused"
    host.stop()
    assert host.command("resume").returncode == 0
    assert host.command("resume", "daily").returncode == 0
    host.start()
    api.login("admin", PASSWORD)
    assert not api.get("/system").json()["paused"] and api.get(P).json()["next_run_at"]


def test_who_comes_second_leaves_the_databases_running(host, api):
    """A host that has its data folder and no control socket: one that starts, or `headgate run`."""
    control = os.path.join(host.data_dir, "control.sock")
    os.rename(control, control + ".away")
    try:
        for arguments in (("migrate",), ("pause",), ("resume", "daily")):
            done = host.command(*arguments)
            assert done.returncode == 1 and "another headgate uses the data folder" in done.stderr, done
            assert api.run("once")["status"] == "succeeded"
    finally:
        os.rename(control + ".away", control)
    assert not api.get("/system").json()["paused"]
