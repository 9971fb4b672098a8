"""The pipelines under fault, their files, and the model of what must be stored afterwards."""
import json
import os
import random

APPEND = """\
id: append
retries: {max: 12, backoff: 50ms, max_backoff: 1s}
jobs:
  - id: fetch
    extract:
      source: csv
      config: {path: ../data/append/*.csv, columns: {id: int64, file: int64, note: utf8, price: float64}}
  - id: check
    needs: [fetch]
    check: {rules: [{rule: not_null, columns: [price], on_fail: reject}, {rule: unique, columns: [id], on_fail: reject}]}
  - {id: load, needs: [check], load: {table: crash.append, mode: append}}
  - {id: after, needs: [load], transform: {sql: after.sql}}
"""
MERGE = """\
id: merge
retries: {max: 12, backoff: 50ms, max_backoff: 1s}
jobs:
  - id: fetch
    extract:
      source: csv
      config: {path: ../data/merge.csv, columns: {id: int64, value: int64}}
  - {id: load, needs: [fetch], load: {table: crash.merge, mode: merge, key: [id]}}
"""
REPLACE = """\
id: replace
retries: {max: 12, backoff: 50ms, max_backoff: 1s}
jobs:
  - id: fetch
    extract:
      source: csv
      config: {path: ../data/replace.csv, columns: {id: int64, round: int64}}
  - {id: load, needs: [fetch], load: {table: crash.replace, mode: replace}}
"""
# Commits on its way: see `checkpoint` in the host's file.
PARTS = """\
id: parts
retries: {max: 12, backoff: 50ms, max_backoff: 1s}
jobs:
  - id: fetch
    extract:
      source: csv
      config: {path: ../data/append/*.csv, columns: {id: int64, file: int64, note: utf8, price: float64}}
  - {id: check, needs: [fetch], check: {rules: [{rule: not_null, columns: [price], on_fail: reject}]}}
  - {id: load, needs: [check], load: {table: crash.parts, mode: append}}
"""
# Cut flows: two loads read the same new rows, one of them behind a script; another stage is between.
FAN = """\
id: fan
retries: {max: 12, backoff: 50ms, max_backoff: 1s}
parallelism: 3
jobs:
  - id: fetch
    extract:
      source: csv
      config: {path: ../data/append/*.csv, columns: {id: int64, file: int64, note: utf8, price: float64}}
  - {id: direct, needs: [fetch], load: {table: crash.fan_direct, mode: append}}
  - {id: between, needs: [fetch], transform: {sql: between.sql}}
  - id: check
    needs: [fetch, between]
    from: fetch
    check: {rules: [{rule: not_null, columns: [price], on_fail: reject}]}
  - {id: keep, needs: [check], load: {table: crash.fan_merge, mode: merge, key: [id]}}
  - {id: log, needs: [check], load: {table: crash.fan_checked, mode: append}}
"""
# One row a run: a script that ran twice would leave two.
AFTER = """\
create table if not exists crash.after (run_id uuid, at timestamptz);
insert into crash.after values (${run.id}::uuid, clock_timestamp());
"""
PIPELINES = ("append", "merge", "replace", "parts", "fan")
# Those that append go on where they were; the others read all there is.
WITH_CURSOR = ("append", "parts", "fan")
MAX_ATTEMPTS = 13     # a first one and 12 retries


class Workload:
    """Files that only ever gain rows, and what a host that loses and doubles nothing has made of them.

    Files are put in place whole (rename) and before a run is asked for, so a run that has ended well
    has seen all that lay there when it was asked for.
    """

    def __init__(self, folder, seed):
        self.folder = folder
        self.random = random.Random(seed)
        self.round = 0
        self.next_id = 0
        self.good = {}        # id of an appended row -> its file's number
        self.bad = 0          # rows that must be in quarantine
        self.files = {}       # appended file -> what a source says of it once it is read: size, time in ms
        self.merged = {}
        self.replaced = 0     # rows of the newest replace.csv
        for name in ("pipelines", "data/append"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        for name, text in (("append", APPEND), ("merge", MERGE), ("replace", REPLACE), ("parts", PARTS),
                           ("fan", FAN)):
            self._put(f"pipelines/{name}.yaml", text)
        self._put("pipelines/after.sql", AFTER)
        self._put("pipelines/between.sql", "select 1;\n")

    def _put(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def lay_down(self):
        """A new file to append, new values to merge, a new table to replace."""
        self.round += 1
        lines = ["id,file,note,price"]
        for _ in range(self.random.choice((1, 2000, 40000, 100000))):
            self.next_id += 1
            if self.random.random() < 0.02:
                self.bad += 1
                lines.append(f"{self.next_id},{self.round},bad,")
            else:
                self.good[self.next_id] = self.round
                lines.append(f"{self.next_id},{self.round},row {self.next_id},{self.next_id / 8}")
        self._put(f"data/append/{self.round:05}.csv", "\n".join(lines) + "\n")
        path = os.path.join(self.folder, f"data/append/{self.round:05}.csv")
        stat = os.stat(path)
        self.files[path] = [stat.st_size, stat.st_mtime_ns // 1000000]
        for _ in range(self.random.choice((10, 20000))):
            self.merged[self.random.randrange(40000)] = self.round * 100000 + self.random.randrange(99999)
        rows = list(self.merged.items())
        self.random.shuffle(rows)
        self._put("data/merge.csv", "id,value\n" + "".join(f"{k},{v}\n" for k, v in rows))
        self.replaced = self.random.choice((0, 1, 60000))
        self._put("data/replace.csv",
                  "id,round\n" + "".join(f"{i},{self.round}\n" for i in range(self.replaced)))

    def describe(self):
        return json.dumps({"round": self.round, "good": len(self.good), "bad": self.bad,
                           "merged": len(self.merged), "replaced": self.replaced})
