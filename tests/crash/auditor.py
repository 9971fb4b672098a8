"""Compares what was promised with what is stored."""
import json
import os
import re
import subprocess
import time

import faults
from workload import MAX_ATTEMPTS, WITH_CURSOR

SEGMENTS_GONE_S = 5


class Database:
    """psql on the host's databases, as an administrator."""

    def __init__(self, host):
        self.host = host

    def ask(self, database, sql):
        """The rows of a query, as objects."""
        where, env = self.host.psql(database)
        text = f"select coalesce(json_agg(q), '[]') from ({sql}) q"
        done = subprocess.run(["psql", "-XAtq", *where, "-c", text], env={**os.environ, **env},
                              capture_output=True, text=True, timeout=60, check=False, **self.host.as_user())
        if done.returncode != 0:
            raise RuntimeError(f"{sql}: {done.stderr}")
        return json.loads(done.stdout)

    def number(self, database, sql):
        return self.ask(database, f"select ({sql}) as n")[0]["n"]


class Auditor:
    def __init__(self, host, workload):
        self.database = Database(host)
        self.host = host
        self.workload = workload
        self.wrong = []
        self.known_segments = {os.path.join("/dev/shm", name) for name in os.listdir("/dev/shm")}

    def _expect(self, what, found, wanted):
        if found != wanted:
            self.wrong.append(f"{what}: {found}, not {wanted}")

    def _warehouse(self, what, sql, wanted):
        self._expect(what, self.database.number("warehouse", sql), wanted)

    def _metadata(self, what, sql, wanted):
        self._expect(what, self.database.number("metadata", sql), wanted)

    def audit(self, promised):
        """`promised`: run id -> pipeline of all that were answered with 202, ever."""
        self.wrong = []
        self._runs(promised)
        self._rows()
        self._ledger()
        self._cursors()
        self._tasks()
        self._left_over()
        self._files()
        return self.wrong

    def audit_stopped(self):
        """Of a host that was asked to stop, and did."""
        self.wrong = []
        self._folder(running=False)
        for pid, (_, words) in faults.processes().items():
            if self.host.binary in words or self._is_ours(pid):
                self.wrong.append(f"process {pid} is left: {words}")
        return self.wrong

    def _runs(self, promised):
        runs = {r["id"]: r for r in self.database.ask(
            "metadata", "select id, pipeline_id, status, error from run")}
        for run_id, pipeline in promised.items():
            if run_id not in runs:
                self.wrong.append(f"run {run_id} of {pipeline} was promised and is not there")
            elif runs[run_id]["status"] != "succeeded":
                self.wrong.append(f"run {run_id} of {pipeline} is {runs[run_id]['status']}: "
                                  f"{runs[run_id]['error']}")
        self._metadata("tasks that have not ended", "select count(*) from task", 0)
        self._metadata("slots of runs that have ended", "select count(*) from run_slot", 0)
        self._metadata("jobs that have not ended", "select count(*) from job_run where status in"
                       " ('queued', 'running', 'retrying')", 0)

    def _rows(self):
        work = self.workload
        self._warehouse("appended rows", "select count(*) from crash.append", len(work.good))
        self._warehouse("rows appended twice", "select count(*) - count(distinct id) from crash.append", 0)
        self._warehouse("sum of appended ids", "select coalesce(sum(id), 0)::bigint from crash.append",
                        sum(work.good))
        self._warehouse("rejected rows", "select count(*) from headgate.quarantine"
                        " where pipeline_id = 'append'", work.bad)
        self._warehouse("merged rows", "select count(*) from crash.merge", len(work.merged))
        self._warehouse("sum of merged values", "select coalesce(sum(value), 0)::bigint from crash.merge",
                        sum(work.merged.values()))
        self._warehouse("replaced rows", "select count(*) from crash.replace", work.replaced)
        self._warehouse("replaced rows of an older round",
                        f"select count(*) from crash.replace where round <> {work.round}", 0)

        for table, wanted in (("fan_direct", work.next_id), ("fan_merge", len(work.good)),
                              ("fan_checked", len(work.good)), ("parts", len(work.good))):
            self._warehouse(f"rows of {table}", f"select count(*) from crash.{table}", wanted)
            self._warehouse(f"different rows of {table}", f"select count(distinct id) from crash.{table}",
                            wanted)
        for pipeline in ("fan", "parts"):
            self._warehouse(f"rejected rows of {pipeline}", "select count(*) from headgate.quarantine"
                            f" where pipeline_id = '{pipeline}'", work.bad)
        self._warehouse("rows of parts by the ledger", "select coalesce(sum(rows_loaded), 0)::bigint"
                        " from headgate.ledger where table_name = 'crash.parts'", len(work.good))

    def _ledger(self):
        self._warehouse("flows with two final entries", "select count(*) from (select from headgate.ledger"
                        " where final group by run_id, task_key having count(*) > 1) d", 0)
        self._warehouse("rows by the ledger", "select coalesce(sum(rows_loaded), 0)::bigint from headgate.ledger"
                        " where table_name = 'crash.append'", len(self.workload.good))
        self._warehouse("rejected rows by the ledger", "select coalesce(sum(rows_rejected), 0)::bigint"
                        " from headgate.ledger where table_name = 'crash.append'", self.workload.bad)
        runs = self.database.number("metadata", "select count(*) from run where pipeline_id = 'append'"
                                    " and status = 'succeeded'")
        self._warehouse("runs of the script", "select count(*) from crash.after", runs)
        self._warehouse("scripts that ran twice for a run",
                        "select count(*) - count(distinct run_id) from crash.after", 0)
        counted = self.database.number("metadata", "select coalesce(sum(rows_out), 0)::bigint from job_run"
                                       " where job_id = 'load' and status = 'succeeded' and run_id in"
                                       " (select id from run where pipeline_id = 'append')")
        self._expect("rows by the runs", counted, len(self.workload.good))

    def _cursors(self):
        """The files that the newest committed load has read: all, each as it lay there."""
        of = {pipeline: {} for pipeline in WITH_CURSOR}
        runs = {r["id"]: r["pipeline_id"] for r in self.database.ask(
            "metadata", "select id, pipeline_id from run where status = 'succeeded'")}
        for row in self.database.ask("warehouse", "select * from headgate.cursor"):
            pipeline = row["pipeline_id"]
            if pipeline not in of or row["job_id"] != "fetch":
                self.wrong.append(f"{pipeline} has a cursor of {row['job_id']}")
                continue
            self._expect(f"pipeline of the run {row['run_id']} in a cursor", runs.get(row["run_id"]), pipeline)
            of[pipeline] = {os.path.normpath(path): said for path, said in row["state"].pop("files", {}).items()}
            self._expect(f"more in the cursor of {pipeline}", row["state"], {})
        for pipeline, files in of.items():
            if files != self.workload.files:
                differ = [os.path.basename(path) for path in sorted({*files, *self.workload.files})
                          if files.get(path) != self.workload.files.get(path)]
                self.wrong.append(f"the cursor of {pipeline} is wrong for {', '.join(differ)}")

    def _tasks(self):
        """Each task of each run ended once, within its attempts, and the ledger has its commit."""
        history = self.database.ask("metadata", "select id, run_id, pipeline_id, key, state, attempt, max_attempts,"
                                    " n_lost, fence from task_history")
        ended = {(t["run_id"], t["key"]): t for t in history}
        self._expect("tasks that ended", len(history), len(ended))
        self._expect("different tasks that ended", len({t["id"] for t in history}), len(history))
        self._expect("different fences", len({t["fence"] for t in history}), len(history))
        self._metadata("tasks that have ended and have not",
                       "select count(*) from task t join task_history h on h.id = t.id", 0)
        jobs = self.database.ask("metadata", "select run_id, task_id, max(attempt) as attempt, min(attempt) as least"
                                 " from job_run group by run_id, task_id")
        self._expect("tasks of jobs without an end", {j["task_id"] for j in jobs} - {t["id"] for t in history}, set())
        self._expect("ends without a job", {t["id"] for t in history} - {j["task_id"] for j in jobs}, set())
        attempts = {j["task_id"]: (j["least"], j["attempt"]) for j in jobs}
        for t in history:
            name = f"task {t['key']} of run {t['run_id']}"
            self._expect(f"{name} is", t["state"], "done")
            self._expect(f"attempts of the jobs of {name}", attempts.get(t["id"]), (t["attempt"], t["attempt"]))
            # What is lost with its host, or given back, is no attempt of its own making.
            if not 1 <= t["attempt"] <= t["max_attempts"] or t["max_attempts"] < MAX_ATTEMPTS + t["n_lost"]:
                self.wrong.append(f"{name} has {t['attempt']} attempts of {t['max_attempts']}, {t['n_lost']} lost")
        self._commits(ended)
        self._attempts_in_logs(ended)

    def _commits(self, ended):
        final = set()
        newest = {}
        for c in self.database.ask("warehouse", "select run_id, task_key, part, attempt, fence from headgate.ledger"
                                   " order by final, part"):
            key = (c["run_id"], c["task_key"])
            name = f"part {c['part']} of task {c['task_key']} of run {c['run_id']}"
            if key not in ended:
                self.wrong.append(f"{name} has committed, and the task never ended")
                continue
            part, attempt = newest.get(key, (0, 1))
            self._expect(f"the part behind {part} of {key}", c["part"], 0 if c["part"] == 0 else part + 1)
            newest[key] = (c["part"], c["attempt"])
            if not attempt <= c["attempt"] <= ended[key]["attempt"] or c["fence"] > ended[key]["fence"]:
                self.wrong.append(f"{name} committed in attempt {c['attempt']} behind {attempt},"
                                  f" the last being {ended[key]['attempt']}")
            if c["part"] == 0:
                final.add(key)
        self._expect("tasks that are done and never committed", set(ended) - final, set())

    def _attempts_in_logs(self, ended):
        """Each attempt that wrote a log has a number up to that of the last one."""
        tasks = {}
        for j in self.database.ask("metadata", "select run_id, job_id, attempt from job_run"):
            tasks[(j["run_id"], j["job_id"])] = j["attempt"]
        logs = os.path.join(self.host.data_dir, "logs")
        self._expect("runs that only have a log", set(os.listdir(logs)) - {run for run, _ in ended}, set())
        for run in os.listdir(logs):
            for name in os.listdir(os.path.join(logs, run)):
                found = re.fullmatch(r"(.+)\.(\d+)\.jsonl", name)
                if not found or not 1 <= int(found[2]) <= tasks.get((run, found[1]), 0):
                    self.wrong.append(f"no attempt has written logs/{run}/{name}")

    def _files(self):
        """Spill files, sockets, shared memory. What a process holds and nobody can name goes with it."""
        self._folder(running=True)
        with open(f"/proc/{self.host.process.pid}/maps", encoding="utf-8") as f:
            n_pages = sum("headgate-blame" in line for line in f)
        if n_pages > 2:
            self.wrong.append(f"the host shares {n_pages} pages with 2 workers")
        self._expect("shared memory that nobody maps", self._unmapped(), set())

    def _folder(self, running):
        """What lies in the data dir (but for the logs and what PostgreSQL makes of its own) and beside it."""
        host = self.host
        wanted = {"host.lock", "host_id", "logs", "plugins.json"}
        maybe = set()
        if host.proxy is None:
            wanted |= {"postgres", "postgres.log", "postgres.lock", "postgres.users"}
            maybe |= {"postgres.log.1"}
        wanted |= {"control.sock"} if running else set()
        found = set(os.listdir(host.data_dir))
        self._expect("missing in the data dir", wanted - found, set())
        self._expect("left in the data dir", found - wanted - maybe, set())
        self._expect("left in TMPDIR", os.listdir(host.tmp_dir), [])
        self._expect("left in the app's folder", set(os.listdir(os.path.join(host.folder, "app"))),
                     {"build", "config", "data"})
        self._expect("left beside the app", set(os.listdir(host.folder)), {"app", "faults", "tmp"})
        spilled = [name for folder, _, names in os.walk(os.path.join(host.data_dir, "postgres"))
                   if folder.endswith("pgsql_tmp") for name in names]
        self._expect("spilled by the server and left", spilled, [])
        sockets = host.socket_folder()
        if sockets:
            self._expect("in the folder of the socket", set(os.listdir(sockets)) if os.path.isdir(sockets) else set(),
                         {".s.PGSQL.5432", ".s.PGSQL.5432.lock"} if running else set())

    def _unmapped(self):
        """Segments that stay; one of a server that is just ending, ours or another test's, does not."""
        until = time.monotonic() + SEGMENTS_GONE_S
        found = self._unmapped_now()
        while found and time.monotonic() < until:
            time.sleep(0.2)
            found &= self._unmapped_now()
        return found

    def _unmapped_now(self):
        """Segments of the host's user that came since the auditor did, and no process has."""
        mine = {os.path.join("/dev/shm", e.name) for e in os.scandir("/dev/shm")
                if e.stat().st_uid == self.host.user.pw_uid} - self.known_segments
        for pid in faults.processes() if mine else ():
            try:
                with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
                    text = f.read()
            except OSError:
                continue
            mine = {path for path in mine if path not in text}
        return {path for path in mine if os.path.exists(path)}    # a query's own are gone with it

    def _left_over(self):
        self._warehouse("temporary tables", "select count(*) from pg_class where relpersistence = 't'", 0)
        self._warehouse("stages", "select count(*) from headgate.stage", 0)
        self._warehouse("tables of stages", "select count(*) from pg_tables"
                        " where schemaname = 'headgate_stage'", 0)
        self._warehouse("open transactions", "select count(*) from pg_stat_activity where datname = current_database()"
                        " and state like 'idle in transaction%'", 0)
        known = {self.host.process.pid}
        for pid, (_, words) in faults.processes().items():
            if self.host.binary in words and pid not in known:
                self.wrong.append(f"process {pid} is left: {words}")
        masters = [pid for pid, (_, words) in faults.processes().items()
                   if "postgres" in words and self.host.data_dir in words]
        self._expect("postmasters", len(masters), 0 if self.host.proxy else 1)
        workers = faults.workers(self.host)
        if len(workers) > 2:
            self.wrong.append(f"{len(workers)} workers")
        orphans = [pid for pid, (parent, words) in faults.processes().items()
                   if words.startswith("headgate worker") and parent == 1
                   and self._is_ours(pid)]
        self._expect("orphaned workers", len(orphans), 0)

    def _is_ours(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/exe").startswith(self.host.folder)
        except OSError:
            return False
