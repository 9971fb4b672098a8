"""The command line as people and scripts use it: what it prints, where, and its exit codes."""
import json
import os
import re
import pwd
import shutil
import signal
import socket
import subprocess
import time

import pytest

from host import PASSWORD, Api, Host

TIMEOUT_S = 120

GOOD = """\
id: good
params:
  type: object
  additionalProperties: false
  properties:
    day: {type: string, format: date, default: "2026-01-31"}
jobs:
  - id: fetch
    extract:
      source: csv
      config: {path: ../data/good.csv, columns: {id: int64, name: utf8}}
  - {id: load, needs: [fetch], load: {table: shop.good, mode: replace}}
"""
MISSING = """\
id: missing
jobs:
  - id: fetch
    extract: {source: csv, config: {path: ../data/none.csv, columns: {id: int64}}}
  - {id: load, needs: [fetch], load: {table: shop.missing, mode: replace}}
"""
SLOW = """\
id: {id}
jobs:
  - {{id: wait, transform: {{sql: wait.sql}}}}
"""
GROWING = """\
id: growing
jobs:
  - id: fetch
    extract:
      source: csv
      config: {path: "../data/growing*.csv", columns: {id: int64}}
  - {id: load, needs: [fetch], load: {table: shop.growing, mode: append}}
"""
BROKEN = """\
id: broken
jobs:
  - id: fetch
    extrakt: {source: csv}
"""


def has_user(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


class Command:
    """The binary with a configuration of its own."""

    def __init__(self):
        self.host = Host("command")
        self.config_dir = os.path.dirname(self.host.config)
        for name in ("pipelines", "samples-pipelines"):
            shutil.rmtree(os.path.join(self.config_dir, name), ignore_errors=True)
        os.makedirs(os.path.join(self.config_dir, "pipelines"))
        self.write("data/good.csv", "id,name\n1,one\n2,two\n")
        self.write("pipelines/good.yaml", GOOD)
        self.write("pipelines/missing.yaml", MISSING)

    def write(self, name, text):
        path = os.path.join(self.config_dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o644)
        return path

    def start(self, *args, config=True):
        """Starts `headgate args... -c <config>`."""
        more = ["-c", self.host.config] if config else []
        return subprocess.Popen([self.host.binary, *args, *more], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.host.environment(), **self.host.as_user())

    def run(self, *args, config=True):
        """Runs `headgate args... -c <config>` to its end."""
        with self.start(*args, config=config) as process:
            try:
                out, errors = process.communicate(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


@pytest.fixture(scope="module")
def command():
    made = Command()
    try:
        yield made
    finally:
        made.host.remove()


def test_help_and_version_go_to_stdout(command):
    for args in (["help"], ["--help"], ["-h"]):
        done = command.run(*args, config=False)
        assert done.returncode == 0 and done.stderr == ""
        for name in ("serve", "run", "check", "migrate", "pause", "resume", "plugin", "version"):
            assert f"  {name}" in done.stdout
        assert "worker" not in done.stdout
    for args in (["version"], ["--version"]):
        done = command.run(*args, config=False)
        assert done.returncode == 0 and done.stdout.startswith("headgate ")


@pytest.mark.parametrize("args, says", [
    (["serve"], "serve [-c FILE]"),
    (["run"], "run PIPELINE [--param NAME=VALUE]..."),
    (["check"], "check [-c FILE]"),
    (["migrate"], "migrate [-c FILE]"),
    (["pause"], "pause [PIPELINE] [-c FILE]"),
    (["resume"], "resume [PIPELINE] [-c FILE]"),
    (["plugin"], "plugin run FILE.so --config FILE.json"),
    (["plugin", "run"], "plugin run FILE.so --config FILE.json"),
])
def test_each_command_tells_its_usage(command, args, says):
    for option in ("--help", "-h"):
        done = command.run(*args, option, config=False)
        assert done.returncode == 0 and done.stderr == "", done
        assert done.stdout.startswith("usage: headgate ") and f"headgate {says}" in done.stdout


@pytest.mark.parametrize("args, says", [
    ([], "usage: headgate COMMAND"),
    (["chekc"], 'there is no command "headgate chekc"\n    Did you mean headgate check?'),
    (["xyzzy"], "usage: headgate COMMAND"),
    (["check", "--confg", "x"], "unknown option --confg\n    Did you mean --config?"),
    (["check", "-x"], "unknown option -x"),
    (["check", "-c"], "--config needs a value"),
    (["check", "more"], "usage: headgate check [-c FILE]"),
    (["serve", "more"], "usage: headgate serve [-c FILE]"),
    (["migrate", "more"], "usage: headgate migrate [-c FILE]"),
    (["run"], "usage: headgate run PIPELINE"),
    (["run", "a", "b"], "usage: headgate run PIPELINE"),
    (["run", "good", "--json=yes"], "--json takes no value"),
    (["run", "good", "-p", "day"], '--param takes NAME=VALUE, not "day"'),
    (["run", "good", "--param", "=1"], '--param takes NAME=VALUE, not "=1"'),
    (["plugin"], "usage: headgate plugin list"),
    (["plugin", "lits"], "Did you mean headgate plugin list?"),
    (["plugin", "inspect"], "inspect FILE.so"),
    (["plugin", "run", "x.so"], "plugin run needs --config FILE.json"),
    (["plugin", "run", "x.so", "--config", "x", "--limit", "0"], "0 is outside 1 to"),
    (["worker"], "worker is started by headgate serve"),
    (["check", "-c", "/nonexistent.yaml"], "/nonexistent.yaml"),
])
def test_wrong_use_is_told_with_code_2(command, args, says):
    done = command.run(*args, config=False)
    assert done.returncode == 2, done
    assert says in done.stderr
    assert done.stdout == ""


def test_a_wrong_configuration_is_told_with_its_place(command):
    path = command.write("wrong.yaml", "listen: 127.0.0.1:0\nworkres: 3\n")
    for name in ("check", "serve", "migrate"):
        done = command.run(name, "-c", path, config=False)
        assert done.returncode == 2
        assert f"{path}:2:1" in done.stderr and "workers" in done.stderr
    assert command.run("run", "good", f"--config={path}", config=False).returncode == 2


def test_a_taken_address_is_told_before_anything_is_made(command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", command.host.port))
        taken.listen()
        done = command.run("serve")
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{command.host.port}: Address already in use" in done.stderr
    assert "set `listen` to another port" in done.stderr
    assert not os.listdir(command.host.data_dir)


def test_check_reads_everything(command):
    done = command.run("check")
    assert done.returncode == 0, done
    assert done.stdout == "the configuration and 2 pipeline files are right\n"
    assert done.stderr == ('headgate: no pipeline file matches '
                           f'"{command.config_dir}/samples-pipelines/*.yaml"\n')
    path = command.write("pipelines/broken.yaml", BROKEN)
    try:
        done = command.run("check")
        assert done.returncode == 2
        assert done.stdout == ""
        assert f"{path}:4:5" in done.stderr and 'extract' in done.stderr
        assert done.stderr.endswith("1 of 3 pipeline files have errors\n")
    finally:
        os.remove(path)
    # Nothing was started or written for it.
    assert os.listdir(command.host.data_dir) == []


def test_check_looks_at_the_places_of_files(command):
    """files.roots, and what a source reads outside of them."""
    path = command.write("roots.yaml", "pipelines: pipelines/far.yaml\n"
                         "plugins: {dir: ../build/plugins}\nfiles: {roots: [data, nowhere]}\n")
    far = command.write("pipelines/far.yaml", MISSING.replace("id: missing", "id: far")
                        .replace("../data/none.csv", "/etc/far*.csv"))
    try:
        done = command.run("check", "-c", path, config=False)
        assert done.returncode == 2, done
        assert f'files.roots: there is no folder "{command.config_dir}/nowhere"' in done.stderr
        assert '/data"' not in done.stderr
        assert f'{far}: job "fetch": "/etc/far' in done.stderr
        assert "lies outside of the folders that may be read" in done.stderr
        command.write("roots.yaml", "pipelines: pipelines/far.yaml\n"
                      "plugins: {dir: ../build/plugins}\nfiles: {roots: [/etc]}\n")
        done = command.run("check", "-c", path, config=False)
        assert (done.returncode, done.stderr) == (0, ""), done
    finally:
        os.remove(far)


@pytest.mark.skipif(os.geteuid() != 0 or not has_user("headgate"), reason="needs root, and the user")
def test_check_as_root_tells_what_the_host_could_not_read(command):
    path = command.write("pipelines/secret.yaml", GOOD.replace("id: good", "id: secret"))
    os.chmod(path, 0o600)
    try:
        done = subprocess.run([command.host.binary, "check", "-c", command.host.config], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert done.returncode == 0, done
        assert "as root the host runs as user headgate" in done.stderr
        assert f'cannot read a pipeline file, "{path}"' in done.stderr
        assert "good.yaml" not in done.stderr
    finally:
        os.remove(path)


@pytest.mark.skipif(os.geteuid() != 0 or not has_user("headgate"), reason="needs root, and the user")
def test_check_as_root_tells_what_sources_the_host_could_not_read(command):
    """Root reads them all, and the run would fail."""
    paths = [command.write(f"data/denied-{i}.csv", "id,name\n1,one\n") for i in range(3)]
    pipeline = command.write("pipelines/denied.yaml", GOOD.replace("id: good", "id: denied")
                             .replace("../data/good.csv", "../data/denied-*.csv"))
    try:
        for path in paths[1:]:
            os.chmod(path, 0o600)
        done = subprocess.run([command.host.binary, "check", "-c", command.host.config], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert done.returncode == 0, done
        assert f'{pipeline}: job "fetch": as root the host runs as user headgate' in done.stderr
        assert f'chmod o+r "{paths[1]}", or chown headgate' in done.stderr
        assert "It may not read 1 more file of this job." in done.stderr
        assert paths[0] not in done.stderr and paths[2] not in done.stderr
        assert "good.csv" not in done.stderr
    finally:
        for path in paths + [pipeline]:
            os.remove(path)


def test_check_without_any_pipeline_file(command):
    path = command.write("none.yaml", "pipelines: none/*.yaml\nplugins: {dir: ../build/plugins}\n")
    done = command.run("check", "-c", path, config=False)
    assert done.returncode == 0, done
    assert done.stdout == "the configuration is right; there is no pipeline file\n"
    assert f'no pipeline file matches "{command.config_dir}/none/*.yaml"' in done.stderr


def test_a_plugins_configuration_is_json(command):
    path = command.write("csv.yaml", "path: data/good.csv\n")
    plugin = os.path.join(os.path.dirname(command.host.binary), "plugins/csv.so")
    done = command.run("plugin", "run", plugin, "--config", path, config=False)
    assert done.returncode == 1, done
    assert f"{path}:1:" in done.stderr and "The configuration is read as JSON" in done.stderr


def test_plugins_are_listed(command):
    done = command.run("plugin", "list", "--json")
    assert done.returncode == 0, done
    assert "csv" in json.dumps(json.loads(done.stdout))


def test_migrate(command):
    for _ in range(2):
        done = command.run("migrate")
        assert done.returncode == 0, done
        assert done.stdout == "both databases are up to date\n"


def test_run_shows_a_table(command):
    done = command.run("run", "good")
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["job", "type", "status"]
    assert lines[1].split()[:3] == ["fetch", "extract", "succeeded"]
    assert lines[2].split()[:3] == ["load", "load", "succeeded"]
    assert lines[3].startswith("good: succeeded, 2 rows read, 2 loaded, 0 rejected")
    assert f'no host runs on "{command.host.data_dir}"' in done.stderr


def test_run_prints_json_and_nothing_else(command):
    done = command.run("run", "good", "--json", "-p", "day=2026-02-03")
    assert done.returncode == 0, done
    run = json.loads(done.stdout)
    assert run["status"] == "succeeded"
    assert run["params"] == {"day": "2026-02-03"}
    assert run["rows_loaded"] == 2


def test_a_run_tells_what_it_warns_of(command):
    command.write("pipelines/growing.yaml", GROWING)
    grown = command.write("data/growing.csv", "id\n1\n")
    assert command.run("run", "growing").returncode == 0
    with open(grown, "a", encoding="utf-8") as f:
        f.write("2\n")
    done = command.run("run", "growing")
    assert done.returncode == 0, done
    warning = "growing.csv has changed since it was read and is left out."
    assert any(line.startswith("warning: fetch: ") and warning in line
               for line in done.stdout.splitlines()), done
    assert "warning run ended" in done.stderr and "warnings=1" in done.stderr
    run = json.loads(command.run("run", "growing", "--json").stdout)
    assert [w["job"] for w in run["warnings"]] == ["fetch"] and warning in run["warnings"][0]["message"]
    assert [len(job["warnings"]) for job in run["jobs"]] == [1, 0]
    command.write("pipelines/growing.yaml", GROWING.replace("{id: int64}}", "{id: int64}, changed_files: fail}"))
    done = command.run("run", "growing")
    assert done.returncode == 1 and "growing.csv has changed since it was read" in done.stdout, done
    assert "give a changed file a new name" in done.stdout.lower()


def test_a_failed_run_is_code_1(command):
    done = command.run("run", "missing")
    assert done.returncode == 1, done
    assert "missing: failed" in done.stdout
    assert "none.csv" in done.stdout
    done = command.run("run", "missing", "--json")
    assert done.returncode == 1, done
    run = json.loads(done.stdout)
    assert run["status"] == "failed"
    assert run["error"]["job"] == "fetch" and "none.csv" in run["error"]["message"]


def test_what_the_first_attempt_said_is_not_lost(command):
    """Each attempt at the script says something else; a sequence keeps its number past a rollback."""
    command.write("pipelines/count.sql", "create sequence if not exists shop.said;\n")
    command.write("pipelines/said.sql", "do $$ begin raise exception 'said %', "
                  "nextval('shop.said'); end $$;\n")
    paths = [command.write("pipelines/count.yaml", SLOW.format(id="count").replace("wait", "count")),
             command.write("pipelines/said.yaml", "retries: {max: 2, backoff: 10ms}\n"
                           + SLOW.format(id="said").replace("wait", "said"))]
    try:
        assert command.run("run", "good").returncode == 0
        assert command.run("run", "count").returncode == 0
        done = command.run("run", "said")
        assert done.returncode == 1, done
        assert "said: said.sql: said 3\n" in done.stdout
        assert "The first attempt said: said.sql: said 1\n" in done.stdout
        run = json.loads(command.run("run", "said", "--json").stdout)
        assert run["error"]["message"].endswith("said 6")
        assert run["error"]["first_attempt"].endswith("said 4")
        assert run["jobs"][0]["error"]["first_attempt"].endswith("said 4")
        # One that says the same each time, and one that succeeds in the end, have none.
        run = json.loads(command.run("run", "missing", "--json").stdout)
        assert "first_attempt" not in run["error"]
        assert [job["error"]["message"] for job in run["jobs"] if job["status"] == "skipped"] == \
            ['it did not run, since the job "fetch" failed']
    finally:
        for path in paths:
            os.remove(path)


@pytest.mark.parametrize("args, says", [
    (["nope"], 'there is no pipeline "nope"'),
    (["good", "-p", "day=2026-02-30"], "the parameters do not fit"),
    (["good", "-p", "dya=2026-02-03"], "dya"),
    (["missing", "-p", "day=2026-02-03"], "day"),
])
def test_a_run_that_cannot_be_made_is_code_2(command, args, says):
    done = command.run("run", *args)
    assert done.returncode == 2, done
    assert says in done.stderr
    assert done.stdout == ""


def lines_until(stream, text):
    log = []
    while not log or text not in log[-1]:
        log.append(stream.readline())
        assert log[-1], log
    return log


def test_a_run_without_a_host_lets_go_and_is_taken_up(command):
    """Ctrl-C leaves a run that nobody works on; the next one takes it up and comes behind it."""
    command.write("pipelines/times.sql", "create sequence if not exists shop.times;\n")
    command.write("pipelines/let-go.sql",
                  "select pg_sleep(case nextval('shop.times') when 1 then 600 else 0 end);\n")
    paths = [command.write(f"pipelines/{id}.yaml", SLOW.format(id=id).replace("wait.sql", f"{id}.sql"))
             for id in ("times", "let-go")]
    try:
        assert command.run("run", "good").returncode == 0
        assert command.run("run", "times").returncode == 0
        first = command.start("run", "let-go")
        log = lines_until(first.stderr, "run created")
        time.sleep(2)
        first.send_signal(signal.SIGINT)
        out, errors = first.communicate(timeout=TIMEOUT_S)
        assert first.returncode == 3 and out == "", errors
        assert "interrupted" in errors and "or with the next `headgate run`" in errors
        run_id = re.search(r"run_id=(\S+)", log[-1]).group(1)
        assert f"Run {run_id} goes on" in errors
        done = command.run("run", "let-go")
        assert done.returncode == 0, done
        assert f"run {run_id} was left by a Headgate that ended: it goes first" in done.stderr
        assert f"run_id={run_id} status=succeeded" in done.stderr
        assert run_id not in done.stdout and "let-go: succeeded" in done.stdout
    finally:
        for path in paths:
            os.remove(path)


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_nothing_is_made_by_pausing(command, name):
    elsewhere = os.path.join(command.config_dir, "elsewhere")
    path = command.write("elsewhere.yaml", f"data_dir: {elsewhere}\nlisten: 127.0.0.1:0\n")
    env = {k: v for k, v in command.host.environment().items() if k != "HEADGATE_DATA_DIR"}
    done = subprocess.run([command.host.binary, name, "-c", path], capture_output=True, text=True,
                          env=env, timeout=TIMEOUT_S, check=False, **command.host.as_user())
    assert done.returncode == 2 and done.stdout == "", done
    assert f'there are no databases of Headgate in "{elsewhere}"' in done.stderr
    assert not os.path.exists(elsewhere)


def test_a_running_host_is_told_of_new_files(command):
    command.host.start()
    with open(command.host.config, encoding="utf-8") as f:
        configuration = f.read()
    try:
        command.write("headgate.yaml", configuration + "files: {roots: [data]}\n")
        command.write("pipelines/fresh.yaml", GOOD.replace("id: good", "id: fresh")
                      .replace("shop.good", "shop.fresh"))
        done = command.run("run", "fresh")
        assert done.returncode == 2
        pid = command.host.process.pid
        assert 'there is no pipeline "fresh"' in done.stderr and f"kill -HUP {pid}" in done.stderr
        os.kill(pid, signal.SIGHUP)
        until = time.monotonic() + TIMEOUT_S
        while done.returncode == 2 and time.monotonic() < until:
            done = command.run("run", "fresh")
        assert done.returncode == 0, done
        assert done.stdout.splitlines()[-1].startswith("fresh: succeeded, 2 rows read")
        assert "wait for the next start keys=files.roots\n" in command.host.log()
    finally:
        command.write("headgate.yaml", configuration)
        assert command.host.stop() == 0


@pytest.mark.parametrize("number, says", [
    (signal.SIGKILL, "the other side of the control socket is gone"),
    (signal.SIGTERM, "It may still end before the host has stopped"),
])
def test_a_run_that_is_lost_sight_of_is_code_3(command, number, says):
    command.write("pipelines/wait.sql", "select pg_sleep(600);\n")
    id = f"slow-{number.name.lower()}"
    path = command.write(f"pipelines/{id}.yaml", SLOW.format(id=id))
    host = command.host
    waiting = None
    try:
        host.start()
        waiting = command.start("run", id)
        api = Api(host.url, "admin", PASSWORD)
        until = time.monotonic() + TIMEOUT_S
        running = []
        while not running:
            assert waiting.poll() is None and time.monotonic() < until
            running = api.items(f"/ingestion/pipelines/{id}/runs", status="running")
        os.kill(host.process.pid, number)
        out, errors = waiting.communicate(timeout=TIMEOUT_S)
        assert waiting.returncode == 3, errors
        assert out == "" and says in errors
        assert "no host runs" not in errors
        assert f"Run {running[0]['id']} may go on" in errors
    finally:
        if waiting:
            waiting.kill()
        host.process.kill()
        host.process.wait()
        host.process = None
        os.remove(path)
        command.run("migrate")  # takes up what a killed host left, and stops it


def test_a_run_is_followed_past_a_restart_of_the_database(command):
    """The server of the host dies; the host starts it again, and the task gets another attempt."""
    command.write("pipelines/wait.sql", "select pg_sleep(3);\n")
    path = command.write("pipelines/slow-db.yaml", SLOW.format(id="slow-db")
                         + "retries: {max: 3, backoff: 500ms}\n")
    host = command.host
    waiting = None
    try:
        host.start()
        api = Api(host.url, "admin", PASSWORD)
        cancel_what_is_left(api)
        waiting = command.start("run", "slow-db")
        until = time.monotonic() + TIMEOUT_S
        while not api.items("/ingestion/pipelines/slow-db/runs", status="running"):
            assert waiting.poll() is None and time.monotonic() < until
        os.kill(server_of(host), signal.SIGKILL)
        out, errors = waiting.communicate(timeout=TIMEOUT_S)
        assert waiting.returncode == 0, errors
        assert "slow-db: succeeded" in out
    finally:
        if waiting:
            waiting.kill()
        host.stop()
        os.remove(path)


def is_worker(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return b"\0worker" in f.read()
    except FileNotFoundError:
        return False


def server_of(host):
    """The process of the host's own PostgreSQL."""
    with open(os.path.join(host.data_dir, "postgres/postmaster.pid"), encoding="utf-8") as f:
        return int(f.readline())


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def cancel_what_is_left(api):
    """Runs of hosts that were killed go on, and would hold all workers."""
    for pipeline in api.items("/ingestion/pipelines"):
        for status in ("running", "queued"):
            for run in api.items(f"/ingestion/pipelines/{pipeline['id']}/runs", status=status):
                assert api.post(f"/ingestion/runs/{run['id']}/cancel").status_code == 202
                assert api.wait_for_run(run["id"])["status"] == "cancelled"


def test_a_second_signal_ends_it_now_and_the_run_goes_on(command):
    """The first lets tasks finish, for as long as the grace lasts; the run is the next host's."""
    command.write("pipelines/wait.sql", "select pg_sleep(8);\n")
    path = command.write("pipelines/slow-twice.yaml", SLOW.format(id="slow-twice"))
    host = command.host
    try:
        host.start()
        api = Api(host.url, "admin", PASSWORD)
        cancel_what_is_left(api)
        answer = api.post("/ingestion/pipelines/slow-twice/trigger", {})
        assert answer.status_code == 202, answer.text
        run_id = answer.json()["run_id"]
        until = time.monotonic() + TIMEOUT_S
        while api.get(f"/ingestion/runs/{run_id}").json()["status"] != "running":
            assert time.monotonic() < until
        workers = [pid for pid in host.children() if is_worker(pid)]
        assert workers
        server = server_of(host)
        os.kill(host.process.pid, signal.SIGTERM)
        while not host.log().splitlines()[-1].count("stopping"):
            assert time.monotonic() < until and host.process.poll() is None
            time.sleep(0.05)
        said = host.log().splitlines()[-1]
        assert "a second signal ends it at once" in said
        assert "tasks=1" in said and "at_most_ms=20000" in said
        while os.path.exists(os.path.join(host.data_dir, "control.sock")):
            assert time.monotonic() < until
            time.sleep(0.05)
        done = command.run("run", "good")
        assert done.returncode == 1 and done.stdout == "", done
        assert "is stopping and begins nothing" in done.stderr
        assert "Wait until it has ended" in done.stderr and "no host runs" not in done.stderr
        os.kill(host.process.pid, signal.SIGTERM)
        assert host.process.wait(5) == -signal.SIGTERM
        host.process = None
        assert "taken up at the next start" in host.log()
        # Its database server ends with it, which nobody would look for else.
        while lives(server):
            assert time.monotonic() < until
            time.sleep(0.05)
        host.start()
        assert not [pid for pid in workers if is_worker(pid)]
        api = Api(host.url, "admin", PASSWORD)
        run = api.wait_for_run(run_id)
        assert run["status"] == "succeeded"
        # An attempt that ended with its host uses up none.
        assert (run["jobs"][0]["attempt"], run["jobs"][0]["max_attempts"]) == (2, 2)
        assert run["retry_count"] == 0
    finally:
        host.stop()
        os.remove(path)
