"""The master key: made, rotated while the host runs, lost; and where secrets must not be.

Secrets are stored by test-tools/vault_tool, which does what a service of the host does.
"""
import base64
import os
import re
import resource
import secrets
import shutil
import signal
import subprocess

import pytest
import requests

from canary import conninfo, dump, forms, pieces, processes
from host import BUILD, PASSWORD, ROOT, Api, Host, running

N = 250
TOOL = os.path.join(BUILD, "test-tools/vault_tool")
if not os.path.exists(TOOL):
    TOOL = os.path.join(ROOT, "build/release/test-tools/vault_tool")
HAS_SANITIZER = "asan" in BUILD


def has_faults():
    with open(os.path.join(BUILD, "headgate"), "rb") as f:
        return b"HEADGATE_FAULT_DIR" in f.read()


class Vault:
    """The vault of a running host."""

    def __init__(self, host):
        self.host = host
        self.key_file = os.path.join(host.data_dir, "master.key")
        self.value = "can/ary+" + secrets.token_hex(8)
        host.add(TOOL, "test-tools")
        self.tool = os.path.join(host.folder, "app/test-tools/vault_tool")

    def call(self, word, n=N):
        return subprocess.run(
            [self.tool, word, self.host.data_dir, conninfo(self.host), str(n)], text=True,
            input=self.value + "\n", capture_output=True, timeout=120, **self.host.as_user())

    def put(self):
        result = self.call("put")
        assert result.returncode == 0, result.stderr

    def check(self):
        result = self.call("check")
        assert result.returncode == 0, result.stderr

    def keys(self):
        """The numbers of the keys in the file."""
        with open(self.key_file, encoding="ascii") as f:
            return [int(line.split()[0]) for line in f if not line.startswith("#")]

    def key_digits(self):
        with open(self.key_file, encoding="ascii") as f:
            return [line.split()[1] for line in f if not line.startswith("#")]


@pytest.fixture(scope="module")
def host():
    with running(Host("vault")) as running_host:
        yield running_host


@pytest.fixture(scope="module")
def vault(host):
    return Vault(host)


def test_nothing_to_rotate_yet(host, vault):
    result = host.command("key", "rotate")
    assert result.returncode == 0, result.stderr
    assert "made with the first secret" in result.stdout
    assert not os.path.exists(vault.key_file)


def test_wrong_use(host):
    for words, says in ((["key"], "usage: headgate key rotate"),
                        (["key", "rotat"], "Did you mean key rotate?"),
                        (["key", "rotate", "--prepair"], "Did you mean --prepare?"),
                        (["key", "rotate", "now"], "usage: headgate key rotate")):
        result = host.command(*words)
        assert result.returncode == 2, result.stdout
        assert says in result.stderr


def test_rotate_while_the_host_runs(host, vault):
    vault.put()
    assert vault.keys() == [1]
    assert os.stat(vault.key_file).st_mode & 0o7777 == 0o600
    assert os.stat(vault.key_file).st_uid == host.user.pw_uid
    result = host.command("key", "rotate")
    assert result.returncode == 0, result.stderr
    assert f"rotated to key 2: {N} secrets sealed anew" in result.stdout
    assert vault.keys() == [2]
    vault.check()
    metrics = requests.get(host.url + "/metrics", timeout=30).text
    assert f'headgate_vault_key_uses{{key="2"}} {N}\n' in metrics, metrics
    assert f"headgate_vault_key_uses_max {2 ** 31}\n" in metrics
    result = host.command("key", "rotate", "--prepare")
    assert "key 3 is in the file and not used yet" in result.stdout
    assert vault.keys() == [2, 3]
    vault.check()
    result = host.command("key", "rotate")
    assert "rotated to key 3" in result.stdout
    assert vault.keys() == [3]
    vault.check()
    assert os.stat(vault.key_file).st_mode & 0o7777 == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="only root may read other processes' environ")
@pytest.mark.skipif(not shutil.which("pg_dump"), reason="needs pg_dump")
def test_the_canary_is_nowhere(host, vault):
    """Neither secrets nor master keys: in dumps, files, the log of writes, logs, arguments, environments."""
    api = Api(host.url, "admin", PASSWORD)
    vault.put()
    keys = vault.key_digits()
    host.command("key", "rotate")
    keys += vault.key_digits()
    vault.check()
    assert len(set(keys)) == 2
    wanted = forms(vault.value) + [form for key in keys for form in
                                   (bytes.fromhex(key), key.encode(),
                                    base64.b64encode(bytes.fromhex(key))[:40])]
    seen = 0
    assert dump(host, "metadata").count(b"INTO public.secret ") == N
    for name, content in pieces(host, vault.key_file):
        seen += 1
        for form in wanted:
            assert form not in content, f"{name} holds {form!r}"
    assert seen > 500
    for path in ("/api/v1/system", "/metrics", "/api/v1/ingestion/pipelines"):
        content = api.http.get(host.url + path, timeout=30).content
        assert not any(form in content for form in wanted)


def test_no_core_dumps(host):
    """Neither the host nor a worker leaves one, and no other process of the same user looks into it."""
    Api(host.url, "admin", PASSWORD).get("/ingestion/pipelines")
    ours = [pid for pid in processes(host.process.pid)
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "headgate"] \
        if os.getuid() == 0 else [host.process.pid]
    assert os.getuid() != 0 or len(ours) >= 3
    for pid in ours:
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            assert re.search(r"Max core file size +0 +0 ", f.read())
        if not HAS_SANITIZER:
            for name in ("environ", "mem", "maps"):
                result = subprocess.run(["cat", f"/proc/{pid}/{name}"], capture_output=True,
                                        timeout=30, **host.as_user())
                assert result.returncode != 0 and b"Permission denied" in result.stderr


def test_a_lost_file_is_told_and_nothing_is_changed(host, vault):
    vault.put()
    kid = vault.keys()[0]
    assert host.stop() == 0
    aside = vault.key_file + ".aside"
    os.rename(vault.key_file, aside)
    result = host.command("serve")
    assert result.returncode == 1
    assert (f"key {kid}, used by {N} secrets, is not in the file \"{vault.key_file}\""
            in result.stderr)
    assert "Put back the file" in result.stderr
    assert not os.path.exists(vault.key_file)
    for command in (["key", "rotate"], ["run", "good-csv"]):
        result = host.command(*command)
        assert result.returncode == 1 or command[0] == "run"
        assert f"key {kid}, used by {N} secrets" in result.stderr
    os.rename(aside, vault.key_file)
    os.chmod(vault.key_file, 0o640)
    result = host.command("serve")
    assert result.returncode == 1
    assert "others than its owner may use" in result.stderr
    assert "others than its owner may use" in host.command("check").stderr
    os.chmod(vault.key_file, 0o400)
    host.start()
    vault.check()


@pytest.mark.parametrize("name, spoil, says, check_says", [
    ("torn", lambda text: text[:-20], "is not written with 64 hex digits", "is not written with 64 hex digits"),
    ("another", lambda text: text[:-9] + "01234567\n", "the key of that number there is another one", None),
    ("of another number", lambda text: re.sub(r"(?m)^\d+ ", "777 ", text), "is not in the file", None),
    ("empty", lambda text: "", "is not in the file", None)])
def test_a_spoiled_file_is_told_and_nothing_is_changed(host, vault, name, spoil, says, check_says):
    """`check` asks no database, so it sees what the file alone can tell."""
    assert host.stop() == 0
    with open(vault.key_file, encoding="ascii") as f:
        good = f.read()
    spoiled = spoil(good)
    assert spoiled != good
    kept = os.stat(vault.key_file)

    def write(text):
        with open(vault.key_file, "w", encoding="ascii") as f:
            f.write(text)
        os.chown(vault.key_file, kept.st_uid, kept.st_gid)
    os.chmod(vault.key_file, 0o600)
    write(spoiled)
    try:
        for command in (["serve"], ["run", "good-csv"], ["key", "rotate"]):
            result = host.command(*command)
            assert result.returncode == 1, (name, result)
            assert says in result.stderr and vault.key_file in result.stderr, (name, result.stderr)
        result = host.command("check")
        assert (check_says or "") in result.stderr
        assert (result.returncode == 2 and vault.key_file in result.stderr) or not check_says
        with open(vault.key_file, encoding="ascii") as f:
            assert f.read() == spoiled
    finally:
        write(good)
        os.chmod(vault.key_file, kept.st_mode & 0o7777)
        host.start()
    vault.check()


@pytest.mark.skipif(not has_faults(), reason="faults are in builds for tests alone")
@pytest.mark.parametrize("step", ["writes_file", "activated", "rewrapped", "retired"])
def test_a_host_that_is_killed_while_it_rotates(host, vault, step):
    """The next one opens all secrets, and the next rotation goes on where this one ended."""
    kid = vault.keys()[0]
    faults = os.path.join(host.folder, "faults")
    os.makedirs(faults, exist_ok=True)
    os.chmod(faults, 0o777)
    environment = host.environment
    host.environment = lambda **more: environment(HEADGATE_FAULT_DIR=faults, **more)
    try:
        assert host.stop() == 0
        host.start()
        fault = os.path.join(faults, "vault." + step)
        with open(fault, "w", encoding="ascii") as f:
            f.write("kill\n")
        result = host.command("key", "rotate")
        assert result.returncode == 1, result
        assert host.process.wait(60) == -signal.SIGKILL
        host.process = None
    finally:
        host.environment = environment
    host.start()
    vault.check()
    result = host.command("key", "rotate")
    assert result.returncode == 0, result.stderr
    assert vault.keys() == [kid + (2 if step == "retired" else 1)]
    vault.check()


def test_rotate_without_a_host(host, vault):
    kid = vault.keys()[0]
    assert host.stop() == 0
    result = host.command("key", "rotate")
    assert result.returncode == 0, result.stderr
    assert f"rotated to key {kid + 1}: {N} secrets" in result.stdout
    assert vault.keys() == [kid + 1]
    assert os.stat(vault.key_file).st_mode & 0o7777 == 0o400
    host.start()
    vault.check()


def test_abort_leaves_no_core(host, vault):
    """Even where the system writes cores to the working folder, and the parent's limit allows it."""
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (limits[1], limits[1]))
    try:
        os.chmod(host.folder, 0o777)
        before = set(os.listdir(host.folder))
        assert host.stop() == 0
        host.start()
        host.process.send_signal(signal.SIGABRT)
        host.process.wait(60)
        assert host.process.returncode in (-signal.SIGABRT, 1)  # 1: sanitizers end it their way
        host.process = None
        assert set(os.listdir(host.folder)) == before
    finally:
        os.chmod(host.folder, 0o755)
        resource.setrlimit(resource.RLIMIT_CORE, limits)
    host.start()
    vault.check()
