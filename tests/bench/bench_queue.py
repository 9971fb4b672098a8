"""How fast runs go through: triggers, chains, many at once."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading
import time

import machine
from bench_host import PASSWORD, Host

NOOP = "sql: noop.sql"
WAIT_S = 120
CLIENTS = 8
WINDOW_S = 5
KEPT_S = 5  # a connection is used again; the host closes one that is idle for longer

# Sequences are seen at once, before their transaction has ended: one tells when an attempt's SQL
# began, the other sends every first attempt to sleep.
RECOVER = """\
id: recover
retries: {max: 1, backoff: 1ms}
jobs:
  - {id: job, transform: {sql: recover.sql}}
"""
RECOVER_SQL = """\
select setval('bench.began_us', (extract(epoch from clock_timestamp()) * 1000000)::bigint);
select pg_sleep(case when nextval('bench.attempts') % 2 = 1 then 600 else 0 end);
"""


def chain(name, length):
    """A pipeline of `length` transforms that do nothing, each waiting for the one before it."""
    jobs = []
    for i in range(length):
        needs = f"needs: [j{i - 1}], " if i else ""
        jobs.append(f"  - {{id: j{i}, {needs}transform: {{{NOOP}}}}}")
    return f"id: {name}\njobs:\n" + "\n".join(jobs) + "\n"


class Client:
    """A signed-in client; a connection for each thread that uses it."""

    def __init__(self, port):
        self.port = port
        self.local = threading.local()
        self.cookie = None
        status, _, headers = self.call("POST", "/api/v1/auth/login",
                                       {"username": "admin", "password": PASSWORD})
        if status != 200:
            raise RuntimeError(f"cannot sign in: {status}")
        self.cookie = headers["Set-Cookie"].split(";")[0]

    def call(self, method, path, body=None):
        connection = getattr(self.local, "connection", None)
        if connection is None or time.monotonic() - self.local.used > KEPT_S:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            self.local.connection = connection
        self.local.used = time.monotonic()
        headers = {"Content-Type": "application/json"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, answer.headers

    def trigger(self, pipeline, or_busy=False):
        """Gives the run's id; None when one is under way and that is no error."""
        status, answer, _ = self.call(
            "POST", f"/api/v1/ingestion/pipelines/{pipeline}/trigger", {})
        if status == 409 and or_busy:
            return None
        if status != 202:
            raise RuntimeError(f"{pipeline} was not started: {status} {answer}")
        return answer["run_id"]


class QueueBench:
    def __init__(self, folder, n_runs=0, name="queue", workers=2):
        self.n_runs = n_runs
        self.host = Host(folder, name, workers)
        self.host.put_file("pipelines/noop.sql", "select 1\n")
        self.host.put_pipeline("one", chain("one", 1))
        self.host.put_pipeline("chain", chain("chain", 100))
        self.host.put_file("pipelines/recover.sql", RECOVER_SQL)
        self.host.put_pipeline("recover", RECOVER)
        for i in range(n_runs):
            self.host.put_pipeline(f"pair-{i}", chain(f"pair-{i}", 2))
        self.client = None

    def start(self):
        self.host.start()
        self.client = Client(self.host.port)

    def sql(self, text):
        return self.host.psql(text, database="metadata")[1]

    def wait_for_end(self, run_id):
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            status = self.sql(f"select status from run where id = '{run_id}'")
            if status not in ("queued", "running"):
                if status != "succeeded":
                    raise RuntimeError(f"run {run_id} {status}")
                return
            time.sleep(0.02)
        raise RuntimeError(f"run {run_id} does not end: {self.host.log()}")

    def latencies_ms(self, n):
        """From a moment before the trigger is sent to the start of the job, by one clock."""
        found = []
        for _ in range(n):
            sent = time.time()
            run_id = self.client.trigger("one")
            self.wait_for_end(run_id)
            started = float(self.sql(
                f"select extract(epoch from started_at) from job_run where run_id = '{run_id}'"))
            found.append((started - sent) * 1000)
        return found

    def chain_s(self):
        run_id = self.client.trigger("chain")
        self.wait_for_end(run_id)
        return float(self.sql("select extract(epoch from finished_at - started_at) from run"
                              f" where id = '{run_id}'"))

    def runs_per_s(self):
        """All triggered as fast as the API takes them; counted from the first to the last end."""
        since = self.sql("select now()")
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda i: self.client.trigger(f"pair-{i}"), range(self.n_runs)))
        deadline = time.monotonic() + WAIT_S
        ended = f"from run where queued_at >= '{since}' and pipeline_id like 'pair-%'"
        while time.monotonic() < deadline:
            if int(self.sql(f"select count(*) {ended} and finished_at is not null")) == self.n_runs:
                break
            time.sleep(0.25)
        if int(self.sql(f"select count(*) {ended} and status = 'succeeded'")) != self.n_runs:
            raise RuntimeError(f"not all runs succeeded: {self.host.log()}")
        whole = float(self.sql(
            f"select extract(epoch from max(finished_at) - min(queued_at)) {ended}"))
        return self.n_runs / whole

    @contextlib.contextmanager
    def open_transaction(self):
        """A session that has written a row in the warehouse and then does nothing."""
        self.host.psql("CREATE TABLE IF NOT EXISTS public.held (i int)")
        session = subprocess.Popen(self.host.psql_command("warehouse"), text=True,
                                   env=self.host.environment(), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, **self.host.as_user())
        try:
            self._ask(session, "BEGIN; INSERT INTO public.held VALUES (1); SELECT 'open';", "open")
            yield
            # It was open all the time: only then can it still be ended with what it wrote.
            self._ask(session, "SELECT count(*) FROM public.held; ROLLBACK;", "1")
        finally:
            session.stdin.close()
            session.wait()

    @staticmethod
    def _ask(session, sql, expected):
        session.stdin.write(sql + "\n")
        session.stdin.flush()
        answer = session.stdout.readline().strip()
        if answer != expected:
            raise RuntimeError(f"the open transaction said {answer!r}, not {expected!r}")

    def keep_busy(self, pipelines, until):
        while time.monotonic() < until:
            for i in pipelines:
                while not self.client.trigger(f"pair-{i}", or_busy=True):
                    if time.monotonic() > until:
                        return
                    time.sleep(0.1)

    def rates_for(self, seconds):
        """Runs a second in each window of so long, with more of them waiting all the time."""
        since = self.sql("select now()")
        until = time.monotonic() + seconds
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda i: self.keep_busy(range(i, self.n_runs, CLIENTS), until),
                          range(CLIENTS)))
        counts = self.sql(
            f"select floor(extract(epoch from finished_at - '{since}') / {WINDOW_S})::int, count(*)"
            f" from run where status = 'succeeded' and finished_at >= '{since}' group by 1")
        found = dict(line.split("|") for line in counts.splitlines())
        return [int(found.get(str(w), 0)) / WINDOW_S for w in range(seconds // WINDOW_S)]

    def prepare_recovery(self):
        self.host.psql("SET ROLE headgate_user", "CREATE SCHEMA bench",
                       "CREATE SEQUENCE bench.began_us", "CREATE SEQUENCE bench.attempts")

    def recovery_s(self, after_s):
        """From the kill of the only worker, so long within a statement, to the retry's first one."""
        _, before = self.host.psql("SELECT last_value FROM bench.began_us")
        run_id = self.client.trigger("recover")
        deadline = time.monotonic() + WAIT_S
        while self.host.psql("SELECT last_value FROM bench.began_us")[1] == before:
            if time.monotonic() > deadline:
                raise RuntimeError(f"run {run_id} does not start: {self.host.log()}")
        time.sleep(after_s)
        worker, = machine.workers(self.host.process.pid)
        killed = time.time()
        os.kill(worker, signal.SIGKILL)
        self.wait_for_end(run_id)
        _, began_us = self.host.psql("SELECT last_value FROM bench.began_us")
        attempt = self.sql(f"select attempt from job_run where run_id = '{run_id}'")
        if attempt != "2":
            raise RuntimeError(f"run {run_id} ended with attempt {attempt}, not with the second")
        return int(began_us) / 1e6 - killed
