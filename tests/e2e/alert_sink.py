"""What alerts are sent to: a server that remembers what it got and answers as it is told."""
import contextlib
import http.server
import threading
import time


class Sink:
    """`answers` are given one after the other, the last of them for ever: a status, or (status, headers)."""

    def __init__(self):
        self.got = []  # (path, headers, body)
        self.answers = [200]
        self.hanging = threading.Event()  # while it is set, nobody gets an answer
        self.n_waiting = 0
        self._changed = threading.Condition()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = sink._take(self.path, self.headers, body)
                with contextlib.suppress(ConnectionError):
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _take(self, path, headers, body):
        with self._changed:
            self.got.append((path, headers, body))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self._changed.notify_all()
            while self.hanging.is_set():
                self._changed.wait(0.1)
        return answer if isinstance(answer, tuple) else (answer, {})

    def at(self, path):
        with self._changed:
            return [(headers, body) for at, headers, body in self.got if at == path]

    def wait(self, path, n=1, within_s=30):
        """What has come to the path, once that is n at least."""
        until = time.monotonic() + within_s
        while True:
            found = self.at(path)
            if len(found) >= n:
                return found
            with self._changed:
                assert self._changed.wait(until - time.monotonic()), \
                    f"{len(found)} of {n} came to {path} within {within_s} s"

    def close(self):
        self.hanging.clear()
        self._server.shutdown()
        self._server.server_close()
