"""What the kernel says about processes and about the machine."""
import os
import platform
import re
import resource

TICKS = os.sysconf("SC_CLK_TCK")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def _stat(pid):
    """The fields of /proc/PID/stat behind the name, or None when it is gone."""
    try:
        return read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    except OSError:
        return None


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        fields = _stat(name) if name.isdigit() else None
        if fields and int(fields[1]) == pid:
            found.append(int(name))
    return found


def tree(*pids):
    """These processes and all below them."""
    todo, found = list(pids), set()
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.add(pid)
            todo += children(pid)
    return found


def workers(host_pid):
    """The worker processes of a host."""
    found = []
    for pid in children(host_pid):
        try:
            words = read(f"/proc/{pid}/cmdline").split("\0")
        except OSError:
            continue
        if len(words) > 1 and words[1] == "worker":
            found.append(pid)
    return found


def forget_peak(pid):
    """From here on peak_mb() starts anew."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="utf-8") as f:
        f.write("5")


def _status_mb(path, key):
    return int(re.search(rf"^{key}:\s+(\d+) kB", read(path), re.M).group(1)) / 1024


def peak_mb(pid):
    return _status_mb(f"/proc/{pid}/status", "VmHWM")


def pss_mb(pid):
    return _status_mb(f"/proc/{pid}/smaps_rollup", "Pss")


def cpu_s(pid):
    """The CPU seconds of one process alone, all its threads."""
    return sum(int(x) for x in _stat(pid)[11:13]) / TICKS


class CpuUse:
    """From its start on: the CPU seconds of ours, and the share (0 to 1) that others took."""

    def __init__(self, *roots):
        self.roots = roots
        self.at = self._all()

    def _all(self):
        fields = [int(x) for x in read("/proc/stat").splitlines()[0].split()[1:9]]
        total, idle = sum(fields), fields[3] + fields[4]
        ours = 0
        for pid in tree(*self.roots):
            stat = _stat(pid)
            # Of itself, and of its children that have ended.
            ours += sum(int(x) for x in stat[11:15]) if stat else 0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            used = resource.getrusage(who)
            ours += (used.ru_utime + used.ru_stime) * TICKS
        return total, total - idle, ours

    def own_s(self):
        return (self._all()[2] - self.at[2]) / TICKS

    def foreign_share(self):
        total, busy, ours = (b - a for a, b in zip(self.at, self._all()))
        return max(0.0, (busy - ours) / total) if total > 0 else 0.0


def facts():
    """What kind of machine it is; nothing that says which."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"), re.M)
    memory_kb = int(re.search(r"MemTotal:\s+(\d+)", read("/proc/meminfo")).group(1))
    name = re.search(r'^PRETTY_NAME="?([^"\n]*)', read("/etc/os-release"), re.M)
    return {"cpu": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count(),
            "memory_gib": round(memory_kb / 1024 / 1024, 1),
            "kernel": platform.release().split("-")[0],
            "system": name.group(1) if name else platform.system()}
