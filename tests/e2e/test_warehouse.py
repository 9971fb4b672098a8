"""What docs/configuration.md tells users to run in the embedded warehouse works as it stands there."""
import os
import re
import shutil
import subprocess

import pytest

from host import ROOT


def command_of_docs():
    with open(os.path.join(ROOT, "docs/configuration.md"), encoding="utf-8") as f:
        section = f.read().split("## SQL in the embedded warehouse\n")[1].split("\n## ")[0]
    return re.search(r"```sh\n(psql .*)\n```", section)[1]


def run(host, sql):
    """The answer to statements that are typed in at the prompt."""
    env = host.environment(PSQLRC="/dev/null")
    done = subprocess.run(
        ["sh", "-c", command_of_docs() + " -X -A -t -q -v ON_ERROR_STOP=1"], input=sql, text=True,
        cwd=host.data_dir, env=env, capture_output=True, timeout=60, check=False, **host.as_user())
    assert done.returncode == 0, done
    return done.stdout.split()


@pytest.mark.skipif(not shutil.which("psql"), reason="needs psql")
def test_the_command_reaches_the_warehouse(host):
    assert run(host, "select current_database(), current_user;") == ["warehouse|headgate_admin"]
    assert run(host, "set role headgate_user; create table public.by_hand (a int);"
                     "alter table public.by_hand add column b text;"
                     "select tableowner from pg_tables where tablename = 'by_hand';"
                     "drop table public.by_hand;") == ["headgate_user"]
    # Of a stage that is none: the function is there and may be called.
    run(host, "select headgate.stage_drop(0);")
