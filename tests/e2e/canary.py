"""Looks for secrets in all places where they must not be."""
import base64
import glob
import gzip
import os
import subprocess
import urllib.parse


def forms(text):
    """A secret in all the ways in which it may be written somewhere."""
    raw = text.encode()
    # Behind other bytes base64 looks otherwise; what depends on them is cut off at both ends.
    packed = [base64.b64encode(b"\0" * before + raw)[(before * 8 + 5) // 6:][:(len(raw) - 2) // 3 * 4] for before in range(3)]
    return [raw, raw.hex().encode(), raw.hex().upper().encode(), urllib.parse.quote(text, safe="").encode(),
            text.replace("/", "\\/").encode(), *packed, *(p.replace(b"+", b"-").replace(b"/", b"_") for p in packed)]


def processes(pid):
    """A process and all below it."""
    found = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path, encoding="ascii") as f:
            for child in f.read().split():
                found += processes(int(child))
    return found


def conninfo(host, user="headgate", database="metadata"):
    """Of the host's own cluster."""
    with open(os.path.join(host.data_dir, "postgres/postmaster.pid"), encoding="utf-8") as f:
        lines = f.read().split("\n")
    return f"host={lines[4]} port={lines[3]} user={user} dbname={database}"


def dump(host, database):
    done = subprocess.run(["pg_dump", "--inserts", conninfo(host, "headgate_admin", database)],
                          capture_output=True, timeout=120, **host.as_user())
    assert done.returncode == 0, done.stderr
    return done.stdout


def unpacked(content):
    """Archived logs are looked into: they are gzip members, one behind the other."""
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def pieces(host, key_file):
    """All that could hold a secret, by name, but for the file of master keys and what the host was given itself."""
    for database in ("metadata", "warehouse"):
        yield f"pg_dump {database}", dump(host, database)
    with open(host.log_path, "rb") as f:
        yield "the host's log", f.read()
    for folder, _, names in os.walk(host.data_dir):
        for name in names:
            path = os.path.join(folder, name)
            if path != key_file and os.path.isfile(path):
                with open(path, "rb") as f:
                    yield path, unpacked(f.read())
    for pid in processes(host.process.pid):
        for name in ("cmdline", "environ"):
            if (pid, name) != (host.process.pid, "environ"):
                with open(f"/proc/{pid}/{name}", "rb") as f:
                    yield f"{name} of {pid}", f.read()
