"""Another PostgreSQL, which pipelines read: private, on a loopback port, with a password."""
import glob
import os
import shutil
import subprocess
import tempfile

from host import free_port, run_as, service_user

BIN = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]


class SourceServer:
    ROLE = "reader"

    def __init__(self, password):
        self.password = password
        self.port = free_port()
        self.user = service_user()
        self.folder = tempfile.mkdtemp(prefix="hg-source-", dir="/tmp")
        self.data = os.path.join(self.folder, "data")
        secret = os.path.join(self.folder, "password")
        with open(secret, "w", encoding="utf-8") as f:
            f.write(password)
        if os.getuid() == 0:
            for path in (self.folder, secret):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        self._run("initdb", "-D", self.data, "-U", "owner", "--auth=scram-sha-256",
                  f"--pwfile={secret}", "-E", "UTF8", "--no-sync")

    def _run(self, program, *arguments):
        done = subprocess.run([os.path.join(BIN, program), *arguments], cwd=self.folder,
                              env={**os.environ, "PGPASSWORD": self.password},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False,
                              **run_as(self.user))
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}")
        return done.stdout

    def start(self):
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k '' -c fsync=off"
        log = os.path.join(self.folder, "log")
        self._run("pg_ctl", "-D", self.data, "-l", log, "-w", "-s", "-o", options, "start")

    def sql(self, *statements):
        commands = [argument for s in statements for argument in ("-c", s)]
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                         "127.0.0.1", "-p", str(self.port), "-U", "owner", "-d", "postgres",
                         *commands).strip()

    def stop(self):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "-s", "stop")

    def remove(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
