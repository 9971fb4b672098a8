"""Live updates as the pages use them, through a proxy that can be cut or lets no WebSocket pass."""
import contextlib
import socket
import threading

import pytest

from host import PASSWORD, Api, Host, running
from test_phase5_pipeline_e2e import Page

# A page that only asks does so every half minute while nothing is under way.
TOLD_WITHIN_S = 15


class Proxy:
    """Passes connections on to a host. `sockets` off: it refuses WebSockets, as some proxies do."""

    def __init__(self, port, sockets=True):
        self.port = port
        self.sockets = sockets
        self.cut = False
        self.refused = 0
        self.told = b""         # what came over WebSockets
        self._open = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), contextlib.closing(client):
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(65536)
                if not more:
                    return
                head += more
            upgrade = b"\r\nupgrade: websocket\r\n" in head.lower()
            if self.cut:
                return
            if upgrade and not self.sockets:
                self.refused += 1
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with contextlib.closing(socket.create_connection(("127.0.0.1", self.port))) as host:
                with self._lock:
                    self._open |= {client, host}
                host.sendall(head)
                back = threading.Thread(target=self._pass, args=(host, client, upgrade), daemon=True)
                back.start()
                self._pass(client, host, False)
                back.join()

    def _pass(self, source, target, keep):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if keep:
                    self.told += data
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def break_off(self):
        """Ends what is open and lets nothing new through until mended."""
        self.cut = True
        with self._lock:
            gone, self._open = self._open, set()
        for end in gone:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.told = b""
        self.cut = False

    def close(self):
        self._listener.close()
        self.break_off()


@pytest.fixture
def passing(host):
    with contextlib.closing(Proxy(host.port)) as proxy:
        yield proxy


@pytest.fixture
def without_sockets(host):
    with contextlib.closing(Proxy(host.port, sockets=False)) as proxy:
        yield proxy


def open_pipeline(browser, proxy, name):
    page = Page(browser, proxy.url)
    page.sign_in()
    page.one("article")
    page.button(name).click()
    return page


def shown_runs(page):
    return page.all("[aria-label='Runs'] tbody tr")


def test_the_page_comes_back_to_what_it_missed(browser, passing, api):
    page = open_pipeline(browser, passing, "A slow one")
    page.see("Live")
    first = api.run("slow", {"seconds": 0})
    page.wait_for_node("wait", "succeeded", within_s=TOLD_WITHIN_S)
    page.see("Runs")
    passing.break_off()
    page.see("Disconnected", within_s=60)
    missed = api.run("slow", {"seconds": 0})
    assert missed["id"] != first["id"]
    passing.mend()
    page.see("Live", within_s=60)
    page.until(lambda: missed["id"] in page.driver.find_element("css selector", "[aria-label='Runs']")
               .get_attribute("innerHTML"), "the run that was missed", TOLD_WITHIN_S)
    # The ring still had it, so that it was told one by one.
    assert missed["id"].encode() in passing.told and b"resync" not in passing.told


def test_the_page_reads_all_anew_behind_a_ring_that_has_passed(browser):
    """A host that was started again has a new ring: the page's place in the old one is gone."""
    with running(Host("resync")) as host, contextlib.closing(Proxy(host.port)) as proxy:
        api = Api(host.url, "admin", PASSWORD)
        api.run("orders")
        page = open_pipeline(browser, proxy, "Orders")
        page.see("Live")
        api.run("orders")
        page.until(lambda: len(shown_runs(page)) == 2, "the run that was told", TOLD_WITHIN_S)
        proxy.break_off()
        page.see("Disconnected", within_s=60)
        assert host.stop() == 0, host.log()
        host.start()
        Api(host.url, "admin", PASSWORD).run("orders")
        proxy.mend()
        page.see("Live", within_s=60)
        page.until(lambda: len(shown_runs(page)) == 3, "the run that nobody told", TOLD_WITHIN_S)
        page.until(lambda: b'"resync"' in proxy.told, "that the page was told of the gap")
        # And it is told what comes now.
        Api(host.url, "admin", PASSWORD).run("orders")
        page.until(lambda: len(shown_runs(page)) == 4, "the next run", TOLD_WITHIN_S)


def test_the_page_asks_where_a_proxy_lets_no_socket_through(browser, without_sockets, api):
    page = open_pipeline(browser, without_sockets, "A slow one")
    page.see("Checks every 5 s", within_s=60)
    assert without_sockets.refused >= 3
    # Longer than the pause between two questions, so that it is found running.
    run = api.post("/ingestion/pipelines/slow/trigger", {"params": {"seconds": 8}}).json()
    page.wait_for_node("wait", "running", within_s=TOLD_WITHIN_S)
    api.wait_for_run(run["run_id"])
    page.wait_for_node("wait", "succeeded", within_s=TOLD_WITHIN_S)
    assert page.one("[title*='may not pass WebSockets']").text.strip() == "Checks every 5 s"
