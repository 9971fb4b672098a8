"""A release host with its private cluster in a folder of its own, and psql on that same cluster."""
import http.client
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HG_BUILD_DIR", os.path.join(ROOT, "build"))
READY_WITHIN_S = 120
STOPPED_WITHIN_S = 60
POLL_S = 0.002
PASSWORD = "a long enough pass phrase"

CONFIG = """\
listen: 127.0.0.1:{port}
data_dir: {data}
pipelines: {folder}/pipelines/*.yaml
plugins: {{dir: {folder}/plugins}}
workers: {workers}
files: {{roots: [{folder}/..]}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def service_user():
    """Whom the host runs as: us, or, as PostgreSQL refuses root, the service's user."""
    return pwd.getpwuid(os.getuid()) if os.getuid() != 0 else pwd.getpwnam("headgate")


class Host:
    def __init__(self, folder, name, workers=1):
        self.workers = workers
        self.user = service_user()
        self.folder = os.path.join(folder, name)
        self.data = os.path.join(self.folder, "data")
        self.config = os.path.join(self.folder, "headgate.yaml")
        self.binary = os.path.join(self.folder, "headgate")
        self.log_path = os.path.join(self.folder, "host.log")
        self.port = free_port()
        self.process = None
        self._lay_out()

    def _lay_out(self):
        os.makedirs(os.path.join(self.folder, "pipelines"))
        os.makedirs(os.path.join(self.folder, "plugins"))
        shutil.copy2(os.path.join(BUILD, "headgate"), self.binary)
        for name in os.listdir(os.path.join(BUILD, "plugins")):
            if name.endswith(".so"):
                shutil.copy2(os.path.join(BUILD, "plugins", name),
                             os.path.join(self.folder, "plugins", name))
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(port=self.port, data=self.data, folder=self.folder,
                                  workers=self.workers))
        subprocess.run(["chmod", "-R", "go=u-w", self.folder], check=True)
        self.forget_data()

    def forget_data(self):
        """As if it had never run."""
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data, mode=0o700)
        if os.getuid() == 0:
            os.chown(self.data, self.user.pw_uid, self.user.pw_gid)

    def put_pipeline(self, name, text):
        self.put_file(f"pipelines/{name}.yaml", text)

    def put_file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o644)

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("HEADGATE_", "PG"))}
        env.update(HOME=self.folder, HEADGATE_ADMIN_PASSWORD=PASSWORD)
        return env

    def as_user(self):
        """For subprocess: the host's user, whom the cluster knows."""
        if os.getuid() != 0:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()[-5000:]

    def start(self):
        """Gives the seconds until the host answers that it is ready."""
        started = time.monotonic()
        with open(self.log_path, "ab") as log:
            # In a session of its own: a signal to all of us would reach it twice.
            self.process = subprocess.Popen(
                [self.binary, "serve", "-c", self.config], cwd=self.folder, start_new_session=True,
                env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **self.as_user())
        while not self._is_ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"the host ended: {self.log()}")
            if time.monotonic() - started > READY_WITHIN_S:
                raise RuntimeError(f"not ready within {READY_WITHIN_S} s: {self.log()}")
            time.sleep(POLL_S)
        return time.monotonic() - started

    def _is_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"the host did not stop: {self.log()}") from None
        finally:
            self.process = None

    def run(self, pipeline):
        """Runs a pipeline to its end, as a person would from the command line; gives the seconds."""
        started = time.monotonic()
        done = subprocess.run([self.binary, "run", pipeline, "-c", self.config], cwd=self.folder,
                              env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, **self.as_user())
        took = time.monotonic() - started
        if done.returncode != 0:
            raise RuntimeError(f"{pipeline} failed: {done.stdout}{done.stderr}{self.log()}")
        return took

    def psql_command(self, database):
        return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                self.socket_folder(), "-U", "headgate_admin", "-d", database]

    def psql(self, *commands, transaction=False, database="warehouse"):
        """Gives the seconds psql took, and what it printed."""
        arguments = self.psql_command(database) + (["-1"] if transaction else [])
        for command in commands:
            arguments += ["-c", command]
        started = time.monotonic()
        done = subprocess.run(arguments, cwd=self.folder, env=self.environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False, **self.as_user())
        took = time.monotonic() - started
        if done.returncode != 0:
            raise RuntimeError(f"psql failed: {done.stderr}")
        return took, done.stdout.strip()

    def _postmaster_lines(self):
        path = os.path.join(self.data, "postgres", "postmaster.pid")
        with open(path, encoding="utf-8") as f:
            return f.read().splitlines()

    def socket_folder(self):
        return self._postmaster_lines()[4]

    def postmaster(self):
        return int(self._postmaster_lines()[0])
