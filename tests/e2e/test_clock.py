"""The wall clock is set, hours forward and hours back, while the host runs (libfaketime)."""
import collections
import contextlib
import glob
import os
import tempfile
import time

import pytest

from alert_sink import Sink
from host import PASSWORD, Api, running
from source_server import SourceServer
from test_alerts import add_pipeline, configure, make, wait_for_delivery
from test_file_objects import FileHost

FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
TICK = """\
id: tick
schedule: "* * * * *"
missed: all
jobs:
  - {id: job, transform: {sql: good.sql}}
"""
WITHIN_S = 60
KEEPS = "nothing is dropped for its age for 24 hours"
MADE_UP = "the clock was set: nothing is made up for"

pytestmark = pytest.mark.skipif(
    FAKETIME is None or any(s in os.environ.get("HG_BUILD_DIR", "") for s in ("asan", "tsan")),
    reason="needs libfaketime (tools/setup test), which does not go with sanitizers")


class Clock:
    """The wall clock of those who are started with its environment; the steady one is not."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hg-clock-", dir="/tmp")
        os.chmod(self.folder.name, 0o755)
        self.path = os.path.join(self.folder.name, "clock")
        self.environment = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": self.path,
                            "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.set(0)

    def set(self, hours):
        with open(self.path + ".new", "w", encoding="ascii") as f:
            f.write(f"{hours:+d}h\n")
        os.chmod(self.path + ".new", 0o644)
        os.rename(self.path + ".new", self.path)


class ClockServer(SourceServer):
    """A host keeps its environment from a PostgreSQL that it starts itself."""

    def __init__(self, clock):
        super().__init__("secret-of-the-clock")
        self.more = {**clock.environment, "FAKETIME_NO_CACHE": "1"}   # all sessions at once

    def start(self):
        before = dict(os.environ)
        os.environ.update(self.more)
        try:
            super().start()
        finally:
            os.environ.clear()
            os.environ.update(before)


class ClockHost(FileHost):
    def __init__(self, clock, server):
        super().__init__("clock")
        self.clock = clock
        url = f"postgresql://owner:{server.password}@127.0.0.1:{server.port}/postgres"
        configure(self, f"database: {{metadata: '{url}'}}\n")

    def environment(self, **more):
        return super().environment(**self.clock.environment, **more)


def ticks(api):
    return [run for run in api.items("/ingestion/pipelines/tick/runs") if run["trigger"] == "schedule"]


def set_clock(host, hours):
    """Sets it, and waits until the scheduler has seen it."""
    seen = host.log().count(MADE_UP)
    host.clock.set(hours)
    until = time.monotonic() + WITHIN_S
    while host.log().count(MADE_UP) == seen:
        assert time.monotonic() < until
        host.reload()       # pokes the scheduler, which would look within half a minute
        time.sleep(0.3)


@pytest.fixture
def host():
    with contextlib.ExitStack() as stack:
        clock = Clock()
        stack.callback(clock.folder.cleanup)
        server = ClockServer(clock)
        stack.callback(server.remove)
        server.start()
        made = ClockHost(clock, server)
        configure(made, "outbound: {allow_private: [127.0.0.1/32]}\n")
        add_pipeline(made, "bad", "select 1/0", ["ops"])
        add_pipeline(made, "good", "select 1")
        made.write("pipelines/tick.yaml", TICK)
        yield stack.enter_context(running(made))


@pytest.fixture
def sink():
    made = Sink()
    yield made
    made.close()


def test_a_clock_that_is_set(host, sink):
    api = Api(host.url, "admin", PASSWORD)
    make(api, "ops", sink.url + "/ops")
    assert api.run("bad")["status"] == "failed"
    sink.wait("/ops", 1)
    kept = {run["id"] for run in ticks(api)}
    began = time.monotonic()
    for n, hours in enumerate((5, 0)):
        set_clock(host, hours)
        # Work goes on, and so do the session and alerts, which no window of before swallows.
        assert api.run("bad")["status"] == "failed"
        sink.wait("/ops", n + 2)
        wait_for_delivery(api, "bad", "sent")
    # What lies between was no time that went by: nothing of it is made up for, and none came twice.
    made = [run for run in ticks(api) if run["status"] != "skipped"]
    assert len(made) <= len(kept) + (time.monotonic() - began) / 60 + 3, made
    times = collections.Counter(run["scheduled_for"] for run in ticks(api))
    assert not times or max(times.values()) == 1, times
    assert kept <= {run["id"] for run in ticks(api)}
    assert KEEPS in host.log()
    keeps_what_is_there_after_a_restart(host, api)


def keeps_what_is_there_after_a_restart(host, api):
    """More than a year forward, as a bad battery does it: behind a start, and while no host runs."""
    runs = {run["id"] for run in api.items("/ingestion/pipelines/bad/runs")}
    assert runs
    set_clock(host, 400 * 24)
    for hours in (400 * 24, 800 * 24):
        assert host.stop() == 0
        host.clock.set(hours)
        said = host.log().count(KEEPS)
        host.start()
        until = time.monotonic() + WITHIN_S
        while host.log().count(KEEPS) == said:
            assert time.monotonic() < until, "the host doubts nothing"
            time.sleep(0.2)
        api = Api(host.url, "admin", PASSWORD)
        assert api.run("good")["status"] == "succeeded"
        assert runs <= {run["id"] for run in api.items("/ingestion/pipelines/bad/runs")}
        assert len(api.items("/alerts")) >= 3
