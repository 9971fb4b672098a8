"""How fast pages are answered by a host with a long history: what the browser asks for, by page."""
import datetime
import http.client
import itertools
import random
import threading
import time

from bench_queue import QueueBench

PIPELINES = 1000
RUNS = 1_000_000
DAYS = 89  # of history, evenly; run history is kept for 90 by default
WEEK_MS = 7 * 86_400_000
MONDAY_MS = 4 * 86_400_000  # the first one of the epoch
ASKS = 300  # of each page
CLIENTS = 4
TABLES = {"run": "id", "job_run": "run_id", "check_result": "run_id", "task_history": "run_id"}
PARTITION = """create table {name} (like {table} including all excluding identity);
 alter table {table} attach partition {name} for values from ('{since}') to ('{until}')"""

# One in fifty failed, with a retry; each twentieth pipeline was given up two months ago.
HISTORY = """
create function pg_temp.uuid_at(ms bigint, n bigint) returns uuid language sql immutable as $$
 select (lpad(to_hex(ms), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
 || substr(md5(n::text), 4, 15))::uuid $$;
create temp table old as select n, pg_temp.uuid_at(at_ms, n) as id, pg_temp.uuid_at(at_ms, -n) as task,
 'pair-' || n % {pipelines} as pipeline_id, to_timestamp(at_ms / 1000.0) as at,
 case when n / {pipelines} % 50 = 7 then 'failed' else 'succeeded' end as status
 from generate_series(0, {runs} - 1) n cross join lateral (select {since_ms}
 + (n * {span_ms}::numeric / {runs})::bigint as at_ms) t
 where n % 20 <> 3 or n < {runs} / 3;
insert into run (id, pipeline_id, version, status, trigger, scheduled_for, queued_at, started_at,
 finished_at, retry_count) select id, pipeline_id, 1, status, 'schedule', at, at,
 at + interval '5 ms', at + interval '1.5 s', (status = 'failed')::int from old;
insert into job_run (run_id, job_id, task_id, type, status, attempt, max_attempts, started_at,
 finished_at, rows_in, rows_out, error, position)
 select o.id, 'j' || j, o.task, 'transform', o.status, 1, 4, o.at, o.at + interval '1 s', 5000, 5000,
 case o.status when 'failed' then '{{"message": "relation \\"market.prices\\" does not exist"}}'::jsonb
 end, j from old o, generate_series(0, 1) j order by o.id;
insert into check_result (run_id, job_id, rule, column_name, severity, on_fail, evaluated, failed, status)
 select id, 'j0', 'not_null', 'symbol', 'error', 'reject', 5000, 0, 'pass' from old;
insert into task_history (id, run_id, pipeline_id, key, kind, state, needed_by, attempt, max_attempts,
 n_lost, spec, ended_at) select task, id, pipeline_id, 'j0', 'transform', case status when 'failed' then
 'failed' else 'done' end, '{{}}', 1, 4, 0, '{{}}', at from old;
"""
LEDGER = """
insert into headgate.ledger (pipeline_id, run_id, task_key, attempt, fence, table_name, mode,
 rows_extracted, rows_loaded, final, committed_at) select 'pair-' || n % {pipelines},
 gen_random_uuid(), 'j1', 1, n, 'market.table_' || n % {pipelines}, 'append', 5000, 5000, true,
 now() - (({runs} - n)::numeric * {span_ms} / {runs}) * interval '1 ms'
 from generate_series(0, {runs} - 1) n;
insert into headgate.quarantine (pipeline_id, run_id, job_id, at, source, position, reasons, row_data)
 select 'pair-' || n % 10, gen_random_uuid(), 'j0', now(), 'csv', 'prices.csv:' || n,
 '[{{"rule": "not_null", "column": "symbol", "message": "is null"}}]', '{{"symbol": null, "close": 1.5}}'
 from generate_series(0, {runs} / 10) n;
"""
DATASETS = """do $$ begin for i in 0 .. {pipelines} - 1 loop
 execute format('create table market.table_%s (symbol text, ts timestamptz, close float8, volume int8,'
 ' primary key (symbol, ts))', i);
 execute format('insert into market.table_%s select ''S'' || n %% 50, ''2025-01-01''::timestamptz'
 ' + n * interval ''1 min'', n, n from generate_series(1, %s) n', i, case when i % 100 = 0 then 200000
 else 2000 end); end loop; end $$"""


def uuid_from(ms):
    """The lowest id of a moment, as partitions are bounded."""
    text = f"{ms:012x}"
    return f"{text[:8]}-{text[8:]}-0000-0000-000000000000"


class PagesBench:
    """A host whose pipelines have run for three months; what its pages ask for."""

    def __init__(self, folder):
        self.queue = QueueBench(folder, PIPELINES, "pages")
        self.host = self.queue.host

    # ---- history ----

    def make_history(self):
        """Between two lives of the host, as it would lie there; gives how many runs there are."""
        self.queue.start()
        now_ms = int(time.time() * 1000)
        values = {"pipelines": PIPELINES, "runs": RUNS, "span_ms": DAYS * 86_400_000,
                  "since_ms": now_ms - DAYS * 86_400_000}
        self.make_partitions(values["since_ms"], now_ms)
        self.host.psql(HISTORY.format(**values), database="metadata")
        self.host.psql("SET ROLE headgate_user", "CREATE SCHEMA market",
                       DATASETS.format(**values))
        self.host.psql(LEDGER.format(**values))
        # As autovacuum would have by then.
        for database in ("metadata", "warehouse"):
            self.host.psql("VACUUM ANALYZE", "CHECKPOINT", database=database)
        self.host.stop()
        self.queue.start()
        for i in range(0, PIPELINES, 100):
            self.queue.wait_for_end(self.queue.client.trigger(f"pair-{i}"))
        return int(self.queue.sql("select count(*) from run"))

    def make_partitions(self, since_ms, until_ms):
        for at in range(since_ms - (since_ms - MONDAY_MS) % WEEK_MS, until_ms, WEEK_MS):
            day = datetime.datetime.fromtimestamp(at / 1000, datetime.timezone.utc)
            for table in TABLES:
                name = f"{table}_{day:%Y%m%d}"
                if self.queue.sql(f"select to_regclass('{name}')"):
                    continue
                self.queue.sql(PARTITION.format(name=name, table=table, since=uuid_from(at),
                                                until=uuid_from(at + WEEK_MS)))

    # ---- pages ----

    def pages(self):
        """By name: what gives the paths of one look at the page after the other."""
        draw = random.Random(1)
        runs = self.queue.sql("select id from run tablesample system (0.1) limit 500").split()
        old = self.queue.sql("select id from run where pipeline_id = 'pair-5' order by id desc"
                             " offset 500 limit 100").split()
        newest = self.queue.sql("select run_id from job_run where finished_at > now()"
                                " - interval '1 hour' and status = 'succeeded' limit 10").split()

        def pipeline():
            return f"/ingestion/pipelines/pair-{draw.randrange(PIPELINES)}"

        def dataset():
            return f"/datasets/market.table_{draw.randrange(PIPELINES)}"

        return {
            "pipelines": lambda: ["/ingestion/pipelines?limit=200",
                                  "/ingestion/pipelines?limit=200&cursor=pair-549"],
            "pipeline": lambda: [pipeline()],
            "runs": lambda: [f"{pipeline()}/runs?limit=25"],
            "runs-failed": lambda: [f"{pipeline()}/runs?limit=25&status=failed"],
            "runs-never": lambda: [f"{pipeline()}/runs?limit=25&status=cancelled"],
            "runs-older": lambda: [
                f"/ingestion/pipelines/pair-5/runs?limit=25&cursor={draw.choice(old)}"],
            "run": lambda: [f"/ingestion/runs/{draw.choice(runs)}"],
            "log": lambda: [f"/ingestion/runs/{draw.choice(newest)}/jobs/j0/logs?limit=500"],
            "backfills": lambda: [f"{pipeline()}/backfills?limit=25"],
            "schedule": lambda: ["/ingestion/schedules/next?cron=30+22+*+*+1-5"
                                 "&timezone=America/New_York&count=5"],
            "rejected": lambda: [f"/ingestion/quarantine?limit=50&pipeline=pair-{draw.randrange(20)}"],
            "rejected-run": lambda: [f"/ingestion/quarantine?limit=50&run={draw.choice(runs)}"],
            "datasets": lambda: ["/datasets?limit=100",
                                 "/datasets?limit=100&cursor=market.table_549"],
            "rows": lambda: [f"{dataset()}/rows?limit=200"],
            "rows-sorted": lambda: [f"{dataset()}/rows?limit=200&order=-ts"],
            "alerts": lambda: ["/alerts?limit=50"],
            "channels": lambda: ["/alerts/channels?limit=200"],
            "users": lambda: ["/users?limit=200"],
            "sessions": lambda: ["/auth/sessions?limit=50"],
            "plugins": lambda: ["/plugins"],
            "system": lambda: ["/system"],
            "audit": lambda: ["/audit?limit=50"],
        }

    def ask(self, connection, path):
        """Gives the milliseconds until its answer has been read whole."""
        started = time.monotonic()
        connection.request("GET", "/api/v1" + path, headers={"Cookie": self.queue.client.cookie})
        answer = connection.getresponse()
        text = answer.read()
        took = (time.monotonic() - started) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {text[:500]}")
        return took

    def look(self, page, n):
        """Looks at a page so often; the milliseconds of each answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.host.port, timeout=60)
        found = []
        for _ in range(n):
            found += [self.ask(connection, path) for path in page()]
        connection.close()
        return found

    def measure(self):
        """By page: the milliseconds of each answer, sorted; asked by one client."""
        found = {}
        for name, page in self.pages().items():
            self.look(page, 10)
            found[name] = sorted(self.look(page, ASKS))
        return found

    def measure_together(self):
        """The same of all pages in a mix, asked by several clients at once."""
        pages = itertools.cycle(self.pages().values())
        lock, found = threading.Lock(), []

        def client():
            for _ in range(ASKS):
                with lock:
                    page = next(pages)
                took = self.look(page, 1)
                with lock:
                    found.extend(took)

        threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(found)
