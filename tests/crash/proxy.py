"""A proxy before a PostgreSQL server that cuts connections, in the middle of a message too, and swallows bytes."""
import fcntl
import re
import select
import socket
import struct
import termios
import threading
import time

CHUNK = 64 << 10
LOOK_S = 0.02             # how soon a cut or a stall is noticed
COPY_BYTES = 8 << 10      # only rows under way come in pieces as large as this
ANSWER_WITHIN_S = 5
RESET = struct.pack("ii", 1, 0)    # SO_LINGER: close() sends RST

# A simple query, or the text of one that is prepared.
COMMIT = re.compile(rb"(?:Q....|P....\0)commit;?\0", re.I | re.S)

# What a client sends, and so where a cut can be.
PLACES = {
    "commit": lambda sent: COMMIT.search(sent) is not None,
    "copy": lambda sent: len(sent) >= COPY_BYTES,
    "request": lambda sent: True,
}


class Link:
    """One connection of a client and its own to the server."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = socket.create_connection(proxy.server_address)
        self.lock = threading.Lock()
        self.is_cut = False
        self.swallow = None     # what becomes of the next answer
        for s in (self.client, self.server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.setblocking(False)
        threading.Thread(target=self._pump, args=(self.client, self.server, self._sent), daemon=True).start()
        threading.Thread(target=self._pump, args=(self.server, self.client, self._answered), daemon=True).start()

    def cut(self, gently=False):
        """Both sides are reset: what they have sent and the other has not read is gone."""
        with self.lock:
            if self.is_cut:
                return
            self.is_cut = True
            for s in (self.client, self.server):
                if not gently:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                s.close()     # takes effect once no select() looks at it any more
        self.proxy.forget(self)

    def _pump(self, source, to, forward):
        gently = False
        try:
            while not self.is_cut:
                if self.proxy.stalled:
                    time.sleep(LOOK_S)
                elif select.select([source], [], [], LOOK_S)[0] and not self.proxy.stalled:
                    data = source.recv(CHUNK)
                    if not data:
                        gently = True
                        break
                    forward(data, to)
        except (OSError, ValueError):    # reset by the other side; cut by us
            pass
        self.cut(gently)

    def _send(self, to, data):
        """All of it, unless the link is cut meanwhile: a peer that does not read holds nobody up."""
        while data and not self.is_cut:
            if select.select([], [to], [], LOOK_S)[1]:
                data = data[to.send(data):]

    def _sent(self, data, server):
        how = self.proxy.due(data)
        if how is None:
            self._send(server, data)
        elif how == "half-request":
            self._send(server, data[:len(data) // 2])
            self._drain(server)
            self.cut()
        else:
            self.swallow = how
            self._send(server, data)
            if how == "no-answer":
                self.proxy.wait(lambda: self.is_cut, ANSWER_WITHIN_S)
                self.cut()

    def _answered(self, data, client):
        if self.swallow is None:
            self._send(client, data)
        elif self.swallow == "half-answer":
            self._send(client, data[:len(data) // 2])
            self._drain(client)
            self.cut()
        elif self.swallow == "no-answer":
            self.cut()
        # "black-hole": the answer is gone, and the client waits until all are cut.

    @staticmethod
    def _drain(s):
        """A reset throws away what is still in the sending buffer: the peer is to get its half."""
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            if struct.unpack("i", fcntl.ioctl(s.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0] == 0:
                return
            time.sleep(0.001)


class Proxy:
    def __init__(self, server_port):
        self.server_address = ("127.0.0.1", server_port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.links = set()
        self.stalled = False
        self.armed = None       # (place, how, how many of that place are let pass)
        self.hits = None        # of what is armed
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                link = Link(self, client)
            except OSError:
                client.close()
                continue
            with self.lock:
                if not link.is_cut:
                    self.links.add(link)

    def forget(self, link):
        with self.lock:
            self.links.discard(link)

    @staticmethod
    def wait(is_so, within_s):
        until = time.monotonic() + within_s
        while not is_so() and time.monotonic() < until:
            time.sleep(0.002)

    def due(self, sent):
        """How this very piece is to be treated; None: as any other."""
        with self.lock:
            if self.armed is None:
                return None
            place, how, n_pass = self.armed
            if not PLACES[place](sent):
                return None
            if n_pass > 0:
                self.armed = (place, how, n_pass - 1)
                return None
            self.armed = None
            self.hits += 1
            return how

    def arm(self, place, how, n_pass):
        with self.lock:
            self.armed = (place, how, n_pass)
            self.hits = 0

    def disarm(self):
        """Whether the armed cut was made; None: nothing was armed."""
        with self.lock:
            hits, self.armed, self.hits = self.hits, None, None
            return hits

    def cut_all(self):
        """Resets every connection there is and says how many that were."""
        with self.lock:
            links = list(self.links)
        for link in links:
            link.cut()
        return len(links)

    def stall(self, seconds):
        """A black hole: takes connections and bytes, passes nothing on; then all are cut."""
        self.stalled = True
        try:
            time.sleep(seconds)
            return self.cut_all()
        finally:
            self.stalled = False

    def close(self):
        self.listener.close()
        self.cut_all()
