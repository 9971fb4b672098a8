"""What is done to the host, its workers and its database while they work."""
import os
import signal
import threading
import time

# Steps of a load and of its bookkeeping, in their order (HG_FAULT in core).
WORKER_STEPS = ("worker.begins", "flow.begun", "flow.batch", "flow.read", "flow.loaded", "flow.quarantined",
                "flow.commits", "flow.checkpointed", "flow.committed", "worker.reports", "worker.reported")
HOST_STEPS = ("host.creates", "host.created", "host.claimed", "host.ends", "host.ended")
PROXY_KINDS = ("cut-all", "cut-message", "stall", "stall-commit")


def processes():
    """pid -> (parent's pid, command line)."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as f:
                parent = int(f.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{name}/cmdline", "rb") as f:
                words = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(name)] = (parent, words)
    return found


def workers(host):
    """The worker processes of a host."""
    return [pid for pid, (parent, words) in processes().items()
            if parent == host.process.pid and words.startswith("headgate worker")]


def postmaster(host):
    """The postmaster's pid, or None while there is none."""
    for folder, _, files in os.walk(host.data_dir):
        if "postmaster.pid" in files:
            with open(os.path.join(folder, "postmaster.pid"), encoding="utf-8") as f:
                return int(f.readline())
    return None


def backends(host):
    """The server processes that hold a connection."""
    parent = postmaster(host)
    return [pid for pid, (ppid, words) in processes().items()
            if ppid == parent and words.startswith("postgres: ") and "[local]" in words]


def end(pid, signal_number=signal.SIGKILL):
    try:
        os.kill(pid, signal_number)
        return True
    except (ProcessLookupError, TypeError):
        return False


class Faults:
    """Each fault is called once the round's runs have been asked for; it says what it did."""

    def __init__(self, host, random, fault_dir, proxy=None):
        self.host = host
        self.random = random
        self.fault_dir = fault_dir
        self.proxy = proxy
        self.kinds = self._of_connections() if proxy else self._of_processes()

    def _of_connections(self):
        return dict(zip(PROXY_KINDS, (self._cut_all, self._cut_message, self._stall, self._stall_commit)))

    def _of_processes(self):
        kinds = {
            "none": lambda: "nothing",
            "kill-worker": lambda: self._one_of(workers, signal.SIGKILL),
            "stop-worker": lambda: self._one_of(workers, signal.SIGSTOP),
            "kill-backend": lambda: self._one_of(backends, signal.SIGKILL),
            "kill-postmaster": self._kill_postmaster,
            "kill-host": self._kill_host,
            "stop-host-politely": self._stop_host,
            "step-worker": lambda: self._step(WORKER_STEPS, "kill"),
            "freeze-worker": lambda: self._step(WORKER_STEPS, "stop"),
            "step-host": lambda: self._step(HOST_STEPS, "kill"),
        }
        if self.host.has_small_disk:
            kinds["fill-disk"] = self._fill_disk
        return kinds

    def _pause(self):
        time.sleep(self.random.random() * self.random.choice((0.05, 0.3, 1.0)))

    def _one_of(self, find, signal_number):
        done = 0
        for _ in range(self.random.choice((1, 1, 3))):
            self._pause()
            found = find(self.host) if self.host.process.poll() is None else []
            if found:
                done += end(self.random.choice(found), signal_number)
        return f"{done} times {signal.Signals(signal_number).name}"

    def _kill_postmaster(self):
        self._pause()
        return f"postmaster {'killed' if end(postmaster(self.host)) else 'was not there'}"

    def _fill_disk(self):
        """Hardly a byte is left when the work begins, and after a moment there is room again."""
        path = os.path.join(self.host.data_dir, "filler")
        left = self.random.choice((0, 64 << 10, 1 << 20))
        disk = os.statvfs(self.host.data_dir)
        n_bytes = max(0, disk.f_bavail * disk.f_frsize - left)
        with open(path, "wb") as f:
            os.posix_fallocate(f.fileno(), 0, n_bytes)
        threading.Timer(self.random.random() * 2.0, os.unlink, [path]).start()
        return f"all but {left >> 10} KB of the disk taken"

    def _kill_host(self):
        self._pause()
        self.host.process.kill()
        self.host.process.wait()
        return "host killed"

    def _stop_host(self):
        self._pause()
        self.host.process.send_signal(signal.SIGTERM)
        self.host.process.wait(60)
        return "host stopped by SIGTERM"

    def arm(self, kind):
        """What is done before runs are asked for, so that their first steps are hit too."""
        if kind not in ("step-worker", "freeze-worker", "step-host", "fill-disk", "cut-message"):
            return None
        return self.kinds[kind]()

    def _step(self, steps, action):
        step = self.random.choice(steps)
        path = os.path.join(self.fault_dir, step)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(action)
        os.chmod(path + ".new", 0o666)
        os.rename(path + ".new", path)
        return f"{action} at {step}"

    def _cut_all(self):
        n = []
        for _ in range(self.random.choice((1, 1, 3))):
            self._pause()
            n.append(self.proxy.cut_all())
        return f"{' + '.join(map(str, n))} connections cut"

    def _cut_message(self):
        place = self.random.choice(("commit", "commit", "copy", "request"))
        # Nothing answers the rows of a COPY.
        how = "half-request" if place == "copy" else self.random.choice(
            ("half-request", "no-answer", "half-answer"))
        nth = self.random.randrange(40 if place == "request" else 12)
        self.proxy.arm(place, how, nth)
        return f"{how} at {place} {nth + 1}"

    def _stall(self):
        self._pause()
        seconds = self.random.choice((0.5, 3, 8))
        return f"{seconds} s of nothing, then {self.proxy.stall(seconds)} cut"

    def _stall_commit(self):
        """A COMMIT arrives, and whoever sent it hears nothing of it until all are cut."""
        nth = self.random.randrange(6)
        self.proxy.arm("commit", "black-hole", nth)
        self.proxy.wait(lambda: self.proxy.hits > 0, 3)
        seconds = self.random.choice((0.5, 3, 8))
        return f"black-hole at commit {nth + 1}, {seconds} s of nothing, then {self.proxy.stall(seconds)} cut"

    def disarm(self):
        """What came of what was armed, in words."""
        for name in os.listdir(self.fault_dir):
            os.unlink(os.path.join(self.fault_dir, name))
        hits = self.proxy.disarm() if self.proxy else None
        return "" if hits is None else f", {hits} hit"
