"""How fast runs go through: triggers, chains, many at once."""
import concurrent.futures
import http.client
import json
import threading
import time

from bench_host import PASSWORD, Host

NOOP = "sql: noop.sql"
WAIT_S = 120


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
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            self.local.connection = connection
        headers = {"Content-Type": "application/json"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, answer.headers

    def trigger(self, pipeline):
        status, answer, _ = self.call(
            "POST", f"/api/v1/ingestion/pipelines/{pipeline}/trigger", {})
        if status != 202:
            raise RuntimeError(f"{pipeline} was not started: {status} {answer}")
        return answer["run_id"]


class QueueBench:
    def __init__(self, folder, n_runs):
        self.n_runs = n_runs
        self.host = Host(folder, "queue", workers=2)
        self.host.put_file("pipelines/noop.sql", "select 1\n")
        self.host.put_pipeline("one", chain("one", 1))
        self.host.put_pipeline("chain", chain("chain", 100))
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
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
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

