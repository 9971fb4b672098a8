"""Moving a private cluster to another major version of PostgreSQL, by the steps of docs/configuration.md."""
import os
import re
import subprocess
import tempfile

from host import PASSWORD, Api, Host, ROOT, running


def steps():
    """The commands as they stand in the documentation."""
    with open(os.path.join(ROOT, "docs/configuration.md"), encoding="utf-8") as f:
        section = f.read().split("## Another major version of PostgreSQL", 1)[1]
    return re.search(r"```sh\n(.*?)```", section, re.S).group(1)


def programs():
    """The newest PostgreSQL there is here; the steps are the same between two of one version."""
    root = "/usr/lib/postgresql"
    return os.path.join(root, max(os.listdir(root), key=int), "bin")


def datasets(api):
    """What there is, but for what depends on how it lies on the disk."""
    items = api.get("/datasets").json()["items"]
    return [{k: v for k, v in item.items() if k not in ("row_count", "row_count_exact", "size_bytes")}
            for item in items]


def rows(api):
    page = api.get("/datasets/market.sp500_daily/rows", params={"limit": 500}).json()
    assert len(page["rows"]) == 500
    return page["rows"]


def test_what_was_loaded_is_there_after_a_move():
    host = Host("upgrade")
    host.start()
    try:
        api = Api(host.url, "admin", PASSWORD)
        run = api.run("sp500-daily")
        assert run["status"] == "succeeded"
        before = datasets(api), rows(api)
        assert host.stop() == 0
        with tempfile.TemporaryDirectory(prefix="hg-", dir="/tmp") as folder:
            if os.getuid() == 0:
                os.chown(folder, host.user.pw_uid, host.user.pw_gid)
            done = subprocess.run(
                ["sh", "-euc", steps()], cwd=host.data_dir, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=300, check=False, **host.as_user(),
                env=host.environment(OLD=programs(), NEW=programs(), SOCKET=folder,
                                     CONFIG=host.config, PATH=f"{os.path.dirname(host.binary)}:/usr/bin:/bin"))
        assert done.returncode == 0, done.stdout + done.stderr
        with running(host):
            api = Api(host.url, "admin", PASSWORD)
            assert (datasets(api), rows(api)) == before
            assert api.get(f"/ingestion/runs/{run['id']}").json()["status"] == "succeeded"
            again = api.run("sp500-daily")
            assert again["status"] == "succeeded"
    finally:
        host.remove()
