"""Other job queues, on the cluster of a running host, in a database of their own."""
import json
import os
import shutil
import subprocess

from bench_host import ROOT

PEERS = os.path.join(ROOT, "tests", "bench", "peers")
WITHIN_S = 300


def node():
    """The Node that set-up found or fetched."""
    found = subprocess.run(["bash", "-c", '. "$0"; use_node && command -v node',
                            os.path.join(ROOT, "tools", "lib.sh")],
                           capture_output=True, text=True, check=False).stdout.strip()
    if not found or not os.path.exists(os.path.join(PEERS, "node_modules")):
        raise RuntimeError("Node or what it is to run is missing: tools/setup bench installs both")
    return found


class Graphile:
    def __init__(self, host):
        self.host = host
        # Where the cluster's user can read them.
        self.folder = shutil.copytree(PEERS, os.path.join(host.folder, "peers"))
        self.node = shutil.copy2(os.path.realpath(node()), os.path.join(self.folder, "node"))
        subprocess.run(["chmod", "-R", "a+rX,go-w", self.folder], check=True)

    def versions(self):
        with open(os.path.join(self.folder, "node_modules", "graphile-worker", "package.json"),
                  encoding="utf-8") as f:
            worker = json.load(f)["version"]
        return {"graphile-worker": worker,
                "node": subprocess.run([self.node, "--version"], capture_output=True, text=True,
                                       check=True).stdout.strip().lstrip("v")}

    def _run(self, *arguments):
        self.host.psql("DROP DATABASE IF EXISTS peer", "CREATE DATABASE peer")
        env = self.host.environment()
        env.update(PGHOST=self.host.socket_folder(), PGUSER="headgate_admin", PGDATABASE="peer")
        done = subprocess.run([self.node, "graphile.mjs", *(str(a) for a in arguments)],
                              cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=WITHIN_S,
                              **self.host.as_user())
        if done.returncode != 0:
            raise RuntimeError(f"graphile-worker failed: {done.stderr}")
        return json.loads(done.stdout)

    def latencies_ms(self, n):
        return self._run("latency", n)["ms"]

    def jobs_per_s(self, n, processes):
        """From the first job's start to the last end; and from before they were added."""
        took = self._run("jobs", n, processes)
        return n / took["s"], n / took["added_s"]
