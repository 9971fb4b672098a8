"""Several hosts on one server that asks for passwords."""
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from host import PASSWORD, Api, Host, running
from source_server import SourceServer

PIPELINE = """\
id: note
jobs:
  - {id: note, transform: {sql: note.sql}}
"""
SQL = "create table if not exists public.note (at timestamptz); insert into public.note values (now())"


class TeamHost(Host):
    """A host of several: the same databases and pipelines, a data folder of its own."""

    def __init__(self, name, server, database="metadata"):
        super().__init__(name)
        folder = os.path.dirname(self.config)
        url = f"postgresql://team:{server.password}@127.0.0.1:{server.port}/team"
        with open(self.config, "a", encoding="utf-8") as f:
            f.write(f"database: {{{database}: '{url}'}}\n")
        for name, text in (("note.yaml", PIPELINE), ("note.sql", SQL)):
            path = os.path.join(folder, "pipelines", name)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            os.chmod(path, 0o644)


@pytest.fixture(scope="module")
def server():
    made = SourceServer("secret-of-the-team")
    try:
        made.start()
        made.sql(f"create role team login createdb createrole password '{made.password}'",
                 "create database team owner team")
        yield made
    finally:
        made.remove()


def run_with_new_logins(api, server):
    """Workers keep their connection from task to task, which would hide a login that is refused."""
    server.sql("select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'headgate_load'")
    run = api.run("note")
    assert run["status"] == "succeeded", run


def test_hosts_that_start_at_once_on_a_new_server(server):
    hosts = [TeamHost(f"team-{i}", server) for i in range(3)]
    try:
        with ThreadPoolExecutor(len(hosts)) as threads:
            list(threads.map(lambda host: host.start(), hosts))
        for host in hosts:
            run_with_new_logins(Api(host.url, "admin", PASSWORD), server)
            assert host.stop() == 0, host.log()
    finally:
        for host in hosts:
            host.remove()


def test_what_starts_beside_a_host_leaves_its_workers_their_login(server):
    second = TeamHost("team-2", server)
    try:
        with running(TeamHost("team-1", server)) as first:
            api = Api(first.url, "admin", PASSWORD)
            run_with_new_logins(api, server)
            second.start()
            assert second.stop() == 0, second.log()
            run_with_new_logins(api, server)
            done = second.command("migrate")
            assert done.returncode == 0, done
            run_with_new_logins(api, server)
            done = second.command("run", "note")
            assert done.returncode == 0, done
            run_with_new_logins(api, server)
    finally:
        second.remove()


def test_hosts_that_start_on_a_restored_server(server):
    """Roles are restored without their passwords where the dump was made by no superuser."""
    with running(TeamHost("team-1", server)) as first:
        server.sql("alter role headgate_load password null")
        with running(TeamHost("team-2", server)):
            for _ in range(4):
                run_with_new_logins(Api(first.url, "admin", PASSWORD), server)


def test_a_warehouse_alone_on_a_server(server):
    """Metadata in the private cluster; and the host is no superuser, who may do less with users' tables."""
    server.sql("drop database if exists team_warehouse with (force)", "drop database team with (force)",
               "create database team owner team")
    host = TeamHost("team-warehouse", server, "warehouse")
    try:
        for _ in range(2):
            host.start()
            api = Api(host.url, "admin", PASSWORD)
            run_with_new_logins(api, server)
            run = api.run("orders")
            assert run["status"] == "succeeded", run
            lines = api.get("/datasets/shop.orders/export").text.splitlines()
            assert lines[0].startswith("order_id,") and len(lines) == 6, lines
            assert host.stop() == 0, host.log()
    finally:
        host.remove()
