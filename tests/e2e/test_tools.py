"""The front door: tools/up, and the shell functions that decide how the host runs (tools/lib.sh)."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from host import free_port, run_as, service_user

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="asks the kernel as another user: needs root")
def test_a_file_below_a_closed_folder_cannot_be_read_by_another_user():
    with tempfile.TemporaryDirectory(prefix="hg-closed-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        closed_folder(pathlib.Path(folder))


def closed_folder(folder):
    closed = folder / "closed"
    checkout = closed / "checkout"
    checkout.mkdir(parents=True)
    (checkout / "file").write_text("x")

    def can_read(path):
        script = f'. "{ROOT}/tools/lib.sh"; cd "$1"; can_read daemon "$2"'
        done = subprocess.run(["bash", "-c", script, "-", str(checkout), path], check=False)
        return done.returncode == 0

    closed.chmod(0o755)
    assert can_read("file") and can_read(str(checkout / "file"))
    closed.chmod(0o700)
    # A relative path starts below the closed folder: the kernel itself would let it through.
    assert not can_read(str(checkout / "file"))
    assert not can_read("file")


FAKE_HOST = """\
#!/usr/bin/python3
# Stands in for the host: ready at once, ends at the second SIGTERM. `run` only says so.
import http.server, os, signal, sys, threading
if sys.argv[1] == "run":
    print("ran", sys.argv[2], flush=True)
    sys.exit(0)
terms = []
def on_term(number, frame):
    terms.append(number)
    print("host got", len(terms), flush=True)
    if len(terms) == 2:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
signal.signal(signal.SIGTERM, on_term)
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments):
        pass
host, port = os.environ["HEADGATE_LISTEN"].split(":")
server = http.server.HTTPServer((host, int(port)), Ready)
threading.Thread(target=server.serve_forever, daemon=True).start()
signal.alarm(60)
while True:
    signal.pause()
"""


def lay_out_front_door(folder):
    """A checkout with the real tools/up and stand-ins for what it calls."""
    for name in ("tools", "build/plugins", "config/pipelines", "frontend/dist"):
        (folder / name).mkdir(parents=True)
    for name in ("up", "lib.sh"):
        shutil.copy2(ROOT / "tools" / name, folder / "tools" / name)
    for name, text in (("tools/setup", "#!/bin/sh\n"), ("tools/build", "#!/bin/sh\n"),
                       ("build/headgate", FAKE_HOST), ("config/headgate.yaml", "workers: 1\n"),
                       ("config/pipelines/sp500-daily.yaml", "id: sp500-daily\n"),
                       ("config/pipelines/my-own.yaml", "id: my-own\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def read_until(process, text):
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError("\n".join(lines))


@pytest.fixture
def front_door():
    """tools/up in a checkout of its own, as a user who is not root, with nothing set up by it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hg-up-", dir="/tmp"))
    port = free_port()
    process = None
    try:
        lay_out_front_door(folder)
        user = service_user()
        subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
        env = {**os.environ, "HEADGATE_LISTEN": f"127.0.0.1:{port}",
               "HEADGATE_DATA_DIR": str(folder / "data")}
        # Tests that run in the background inherit that Ctrl-C is ignored, and a shell cannot undo it.
        process = subprocess.Popen(["env", "--default-signal=INT", folder / "tools/up"], cwd=folder,
                                   env=env, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True, **run_as(user))
        process.port = port
        yield process
    finally:
        if process and process.poll() is None:
            process.terminate()
            process.terminate()
            process.wait(30)
        shutil.rmtree(folder)


def test_up_is_not_taken_in_by_another_host():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hg-up-", dir="/tmp"))
    try:
        lay_out_front_door(folder)
        subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            env = {**os.environ, "HEADGATE_LISTEN": address, "HEADGATE_DATA_DIR": str(folder / "data")}
            done = subprocess.run([folder / "tools/up"], cwd=folder, env=env, text=True, timeout=60,
                                  capture_output=True, stdin=subprocess.DEVNULL, check=False,
                                  start_new_session=True, **run_as(service_user()))
        assert done.returncode == 1
        assert f"something listens on {address} already" in done.stderr
        assert "ready" not in done.stdout and "starting the host" not in done.stdout
    finally:
        shutil.rmtree(folder)


def test_up_ends_with_the_address_and_passes_a_second_ctrl_c_on(front_door):
    shown = read_until(front_door, "sign in as admin")
    assert shown[-2] == f"==> Headgate is ready: http://127.0.0.1:{front_door.port}/"
    # Pipelines of the user's own are served, not run.
    assert "ran sp500-daily" in shown and "ran my-own" not in shown
    front_door.send_signal(signal.SIGINT)
    shown = read_until(front_door, "host got 1")
    assert any("Ctrl-C again ends it now" in line for line in shown)
    front_door.send_signal(signal.SIGINT)
    shown = read_until(front_door, "==> ended")
    assert "host got 2" in shown
    assert front_door.wait(30) == 0
