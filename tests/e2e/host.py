"""A real host in a folder of its own, as the unprivileged user it runs as in earnest."""
import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import requests

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HG_BUILD_DIR", os.path.join(ROOT, "build"))
LOGS = os.path.join(ROOT, "build", "test-logs")
PASSWORD = "a long enough pass phrase"
READY_WITHIN_S = 120
STOPPED_WITHIN_S = 60

CONFIG = """\
listen: 127.0.0.1:{port}
data_dir: ../data
pipelines: [pipelines/*.yaml, samples-pipelines/*.yaml]
plugins: {{dir: ../build/plugins}}
workers: 2
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def service_user():
    """The passwd entry to run the host as: ours, or, for root, the service's (PostgreSQL refuses root)."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    for name in ("headgate", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise RuntimeError("no unprivileged user to run the host as: run tools/setup test")


def run_as(user):
    """What subprocess needs to run something as that user; nothing when we are no root."""
    if os.getuid() != 0:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def running(host):
    """Starts a host for tests; it must stop in good order behind them, and is removed."""
    try:
        host.start()
        yield host
        assert host.stop() == 0, host.log()
        assert not os.path.exists(os.path.join(host.data_dir, "control.sock"))
    finally:
        if host.process is not None:
            host.process.kill()
        host.remove()


class Host:
    """Copies what a host reads to a folder that its user can reach, and starts it there."""

    def __init__(self, name="e2e"):
        self.name = name
        self.user = service_user()
        # Short, for the cluster's socket; and not below a folder that only root may enter.
        self.folder = tempfile.mkdtemp(prefix="hg-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        beside = os.environ.get("PYTEST_XDIST_WORKER")      # others may have a host of this name
        self.log_path = os.path.join(LOGS, f"host-{name}.log" if beside is None else
                                     f"host-{name}-{beside}.log")
        self.binary = os.path.join(self.folder, "app/build/headgate")
        self.config = os.path.join(self.folder, "app/config/headgate.yaml")
        self.data_dir = os.path.join(self.folder, "app/data")
        self._lay_out()

    def _lay_out(self):
        app = os.path.join(self.folder, "app")
        self._copy(os.path.join(BUILD, "headgate"), "build/headgate")
        self._copy(os.path.join(BUILD, "plugins"), "build/plugins", "*.so")
        self._copy(os.path.join(ROOT, "frontend/dist"), "frontend/dist")
        self._copy(os.path.join(ROOT, "migrations"), "migrations")
        self._copy(os.path.join(ROOT, "tests/e2e/pipelines"), "config/pipelines")
        self._copy(os.path.join(ROOT, "tests/e2e/data"), "config/data")
        self._copy(os.path.join(ROOT, "config/pipelines"), "config/samples-pipelines")
        self._copy(os.path.join(ROOT, "config/samples"), "config/samples", "*.csv")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(port=self.port))
        os.makedirs(self.data_dir, mode=0o700)
        if os.getuid() == 0:
            os.chown(self.data_dir, self.user.pw_uid, self.user.pw_gid)
        subprocess.run(["chmod", "-R", "go=u-w", os.path.join(app, "build"),
                        os.path.join(app, "config")], check=True)

    def _copy(self, source, to, pattern=None):
        """Copies a file or a folder (of it only what fits the pattern) into the app's folder."""
        target = os.path.join(self.folder, "app", to)
        if os.path.isfile(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)
        elif os.path.isdir(source):
            def others(folder, names):
                return [n for n in names if pattern and not n.endswith(pattern[1:])
                        and not os.path.isdir(os.path.join(folder, n))]
            shutil.copytree(source, target, ignore=others)

    def add(self, source, to):
        """Puts one more file into a folder of the app before its start."""
        os.makedirs(os.path.join(self.folder, "app", to), exist_ok=True)
        target = shutil.copy2(source, os.path.join(self.folder, "app", to))
        os.chmod(target, 0o755)

    def children(self):
        """Ids of the processes that the host started itself."""
        found = []
        for children in glob.glob(f"/proc/{self.process.pid}/task/*/children"):
            with open(children, encoding="utf-8") as f:
                found += [int(child) for child in f.read().split()]
        return found

    def environment(self, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("HEADGATE_", "PG"))}
        env.update(HOME=self.folder, HEADGATE_ADMIN_PASSWORD=PASSWORD, **more)
        return env

    def as_user(self):
        """What subprocess needs to run something as the host's user."""
        return run_as(self.user)

    def start(self):
        os.makedirs(LOGS, exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "-c", self.config], cwd=self.folder,
                env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **self.as_user())
        self._wait_until_ready()

    def _wait_until_ready(self):
        until = time.monotonic() + READY_WITHIN_S
        answer = "no answer"
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"the host ended with {self.process.returncode}: {self.log()}")
            try:
                answer = requests.get(self.url + "/readyz", timeout=5)
                if answer.status_code == 200:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"not ready within {READY_WITHIN_S} s ({answer}): {self.log()}")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()[-100000:]

    def command(self, *arguments, timeout=120):
        """Runs the command line against this host's config, as the host's user."""
        return subprocess.run(
            [self.binary, *arguments, "-c", self.config], cwd=self.folder,
            env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout, **self.as_user())

    def stop(self):
        """Asks the host to stop and gives its exit status."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"the host did not stop within {STOPPED_WITHIN_S} s: {self.log()}") \
                from None
        finally:
            self.process = None

    def remove(self):
        """A host that a failed test has left running is stopped before."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Api:
    """The API as a signed-in user sees it: paths below /api/v1, JSON in and out."""

    def __init__(self, url, username=None, password=None):
        self.url = url
        self.http = requests.Session()
        if username:
            answer = self.login(username, password)
            assert answer.status_code == 200, answer.text

    def login(self, username, password):
        return self.post("/auth/login", {"username": username, "password": password})

    def get(self, path, **arguments):
        return self.http.get(f"{self.url}/api/v1{path}", timeout=30, **arguments)

    def post(self, path, body=None, **arguments):
        return self.http.post(f"{self.url}/api/v1{path}", json={} if body is None else body,
                              timeout=30, **arguments)

    def items(self, path, **params):
        """All items of a list, page after page."""
        items, cursor = [], None
        while True:
            page = self.get(path, params={**params, **({"cursor": cursor} if cursor else {})})
            assert page.status_code == 200, page.text
            items += page.json()["items"]
            cursor = page.json()["next_cursor"]
            if cursor is None:
                return items

    def wait_for_run(self, run_id, within_s=120):
        """Polls until the run has ended and gives it."""
        until = time.monotonic() + within_s
        while True:
            answer = self.get(f"/ingestion/runs/{run_id}")
            assert answer.status_code == 200, answer.text
            run = answer.json()
            if run["status"] in ("succeeded", "failed", "cancelled"):
                return run
            assert time.monotonic() < until, f"still {run['status']} after {within_s} s: {run}"
            time.sleep(0.2)

    def run(self, pipeline, params=None):
        """Triggers a pipeline and waits for its run."""
        body = {"params": params} if params is not None else {}
        answer = self.post(f"/ingestion/pipelines/{pipeline}/trigger", body)
        assert answer.status_code == 202, answer.text
        return self.wait_for_run(answer.json()["run_id"])
