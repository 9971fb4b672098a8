"""How fast, and at what cost, a thousand open pages are told of what happens."""
import concurrent.futures
import json
import os
import subprocess
import time

import machine
from bench_queue import CLIENTS, QueueBench

LISTENERS = 1000
EVENTS_PER_S = 100
SECONDS = 20
WARM_S = 3
PIPELINES = 200  # so that none is asked to run twice at once
HERE = os.path.dirname(os.path.abspath(__file__))


class LiveBench:
    def __init__(self, folder, name="live"):
        self.folder = folder
        self.queue = QueueBench(folder, PIPELINES, name)

    def build(self):
        program = os.path.join(self.folder, "listeners")
        subprocess.run(["gcc", "-O2", "-o", program, os.path.join(HERE, "listeners.c")], check=True)
        return program

    def trigger_at(self, rate, seconds):
        """So many runs a second, evenly; gives how many there were."""
        began, n = time.monotonic(), int(rate * seconds)

        def one(i):
            time.sleep(max(0.0, began + i / rate - time.monotonic()))
            return self.queue.client.trigger(f"pair-{i % PIPELINES}", or_busy=True) is not None

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            return sum(pool.map(one, range(n)))

    def events_per_run(self):
        """What a client is told of a run of two jobs, found by listening to some."""
        with self.listening(1) as listener:
            n = self.trigger_at(20, WARM_S)
            time.sleep(1)
        return listener.result["most"] / n

    def listening(self, n):
        return Listeners(self.build(), self.queue, n)

    def measure(self):
        """What the clients say, with `events_per_s` and `cpu`: cores that the host process used."""
        self.queue.start()
        try:
            self.queue.chain_s()
            rate = EVENTS_PER_S / self.events_per_run()
            with self.listening(LISTENERS) as listener:
                self.trigger_at(rate, WARM_S)
                use = machine.CpuUse(self.queue.host.process.pid, self.queue.host.postmaster(),
                                     listener.process.pid)
                before, began = machine.cpu_s(self.queue.host.process.pid), time.monotonic()
                self.trigger_at(rate, SECONDS)
                time.sleep(0.5)
                took = time.monotonic() - began
                cpu = machine.cpu_s(self.queue.host.process.pid) - before
                foreign = use.foreign_share()
            told = listener.result
            return {**told, "listeners": LISTENERS, "runs_per_s": round(rate, 1),
                    "events_per_s": round(told["least"] / (SECONDS + WARM_S), 1),
                    "host_cores": round(cpu / took, 3), "foreign_cpu": round(foreign, 3)}
        finally:
            self.queue.host.stop()


class Listeners:
    """The program of listeners.c around a block; `result` behind it."""

    def __init__(self, program, queue, n):
        self.command = [program, str(queue.host.port), str(n), queue.client.cookie]
        self.process = self.result = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("not all listeners were let in")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.result = json.loads(self.process.stdout.readline())
        self.process.wait()
