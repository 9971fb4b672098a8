"""Compares what was promised with what is stored."""
import json
import os
import subprocess

import faults


class Database:
    """psql on the host's own cluster, as its administrator."""

    def __init__(self, host):
        self.host = host

    def _socket(self):
        for folder, _, files in os.walk(self.host.data_dir):
            if "postmaster.pid" in files:
                with open(os.path.join(folder, "postmaster.pid"), encoding="utf-8") as f:
                    lines = f.read().splitlines()
                return lines[4], lines[3]
        raise RuntimeError("there is no postmaster")

    def ask(self, database, sql):
        """The rows of a query, as objects."""
        folder, port = self._socket()
        text = f"select coalesce(json_agg(q), '[]') from ({sql}) q"
        done = subprocess.run(
            ["psql", "-XAtq", "-h", folder, "-p", port, "-U", "headgate_admin", "-d", database,
             "-c", text], capture_output=True, text=True, timeout=60, check=False,
            **self.host.as_user())
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
        self._left_over()
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

    def _left_over(self):
        self._warehouse("temporary tables", "select count(*) from pg_class where relpersistence = 't'", 0)
        self._warehouse("stages", "select count(*) from headgate.stage", 0)
        self._warehouse("tables of stages", "select count(*) from pg_tables"
                        " where schemaname = 'headgate_stage'", 0)
        self._warehouse("open transactions", "select count(*) from pg_stat_activity where datname = 'warehouse'"
                        " and state like 'idle in transaction%'", 0)
        known = {self.host.process.pid}
        for pid, (_, words) in faults.processes().items():
            if self.host.binary in words and pid not in known:
                self.wrong.append(f"process {pid} is left: {words}")
        masters = [pid for pid, (_, words) in faults.processes().items()
                   if "postgres" in words and self.host.data_dir in words]
        self._expect("postmasters", len(masters), 1)
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
