"""Live updates: what a WebSocket client sees of a real host."""
import asyncio
import contextlib
import json
import os
import re
import socket
import time

import pytest
import requests
import websockets

from host import PASSWORD, Api, Host, running
from source_server import SourceServer

WITHIN_S = 30
RESYNC = "resync"


def headers(api):
    return {"Cookie": "; ".join(f"{c.name}={c.value}" for c in api.http.cookies)}


def address(api, **query):
    return requests.Request("GET", api.url + "/api/v1/events", params=query).prepare().url.replace(
        "http", "ws", 1)


def opened(api, origin=True, **query):
    return websockets.connect(address(api, **query), origin=api.url if origin is True else origin,
                              extra_headers=headers(api), open_timeout=WITHIN_S)


async def message(ws):
    return json.loads(await asyncio.wait_for(ws.recv(), WITHIN_S))


async def until_over(ws, run_id):
    """All messages up to the end of the run."""
    messages = []
    while True:
        messages.append(await message(ws))
        last = messages[-1]
        if last["type"] == "run.updated" and last["data"]["id"] == run_id and \
                last["data"]["status"] in ("succeeded", "failed", "cancelled"):
            return messages


def trigger(api, pipeline, params=None):
    answer = api.post(f"/ingestion/pipelines/{pipeline}/trigger", {"params": params or {}})
    assert answer.status_code == 202, answer.text
    return answer.json()["run_id"]


def of_type(messages, kind, run_id):
    return [m["data"] for m in messages
            if m["type"] == kind and m["data"].get("run_id", m["data"].get("id")) == run_id]


def statuses(states):
    """Each once, as long as it lasted."""
    found = []
    for state in states:
        if not found or found[-1] != state["status"]:
            found.append(state["status"])
    return found


def refused(api, status, **arguments):
    async def attempt():
        with pytest.raises(websockets.InvalidStatusCode) as caught:
            async with opened(api, **arguments):
                pass
        assert caught.value.status_code == status
    asyncio.run(attempt())


def test_a_run_from_its_start_to_its_end(api):
    async def watch():
        async with opened(api, topics="runs,logs") as ws:
            run_id = await asyncio.to_thread(trigger, api, "orders")
            messages = await until_over(ws, run_id)
        return run_id, messages

    run_id, messages = asyncio.run(watch())
    runs = of_type(messages, "run.updated", run_id)
    assert statuses(runs) == ["queued", "running", "succeeded"]
    assert all(run["pipeline_id"] == "orders" for run in runs)
    jobs = of_type(messages, "job.updated", run_id)
    for job in ("fetch", "check", "load", "by-customer", "check-sums"):
        seen = statuses([j for j in jobs if j["id"] == job])
        assert seen[-1] == "succeeded", (job, seen)
    # The last state told is what the API says.
    told, asked = runs[-1], api.get(f"/ingestion/runs/{run_id}").json()
    for name in ("status", "rows_loaded", "rows_rejected", "finished_at", "started_at", "trigger"):
        assert told[name] == asked[name], name
    lines = of_type(messages, "log.line", run_id)
    log = {job: api.items(f"/ingestion/runs/{run_id}/jobs/{job}/logs") for job in {l["job_id"] for l in lines}}
    for line in lines:
        assert {k: line[k] for k in ("at", "level", "message", "attempt")} in log[line["job_id"]]
    ids = [m["id"] for m in messages]
    assert all(re.fullmatch(r"[0-9a-f]{16}-[0-9]+", i) for i in ids)
    numbers = [int(i.split("-")[1]) for i in ids]
    assert numbers == sorted(set(numbers))


def test_short_runs_leave_no_status_out(api):
    async def watch():
        async with opened(api, topics="runs") as ws:
            for _ in range(5):
                run_id = await asyncio.to_thread(trigger, api, "slow", {"seconds": 0})
                runs = of_type(await until_over(ws, run_id), "run.updated", run_id)
                assert statuses(runs) == ["queued", "running", "succeeded"]
    asyncio.run(watch())


def test_cancel_and_retry(api):
    async def watch():
        async with opened(api, topics="runs") as ws:
            run_id = await asyncio.to_thread(trigger, api, "slow", {"seconds": 60})
            while (await message(ws))["data"]["status"] != "running":
                pass
            await asyncio.to_thread(api.post, f"/ingestion/runs/{run_id}/cancel")
            first = await until_over(ws, run_id)
            assert first[-1]["data"]["status"] == "cancelled"
            answer = await asyncio.to_thread(api.post, f"/ingestion/runs/{run_id}/retry")
            assert answer.status_code == 202, answer.text
            while (await message(ws))["data"]["status"] != "running":
                pass
            await asyncio.to_thread(api.post, f"/ingestion/runs/{run_id}/cancel")
            await until_over(ws, run_id)
    asyncio.run(watch())


def test_only_what_was_asked_for(api):
    async def watch():
        first = await asyncio.to_thread(trigger, api, "slow", {"seconds": 3})
        async with opened(api, topics="runs", run_id=first) as ws:
            other = await asyncio.to_thread(trigger, api, "orders")
            messages = await until_over(ws, first)
            await asyncio.to_thread(api.wait_for_run, other)
        assert {m["data"].get("run_id", m["data"]["id"]) for m in messages} == {first}
        assert {m["type"] for m in messages} == {"run.updated", "job.updated"}
    asyncio.run(watch())


def test_coming_back(api):
    async def watch():
        async with opened(api, topics="runs") as ws:
            run_id = await asyncio.to_thread(trigger, api, "slow", {"seconds": 0})
            messages = await until_over(ws, run_id)
        cut = messages[0]["id"]
        missed = await asyncio.to_thread(trigger, api, "slow", {"seconds": 0})
        await asyncio.to_thread(api.wait_for_run, missed)
        async with opened(api, topics="runs", last_event_id=cut) as ws:
            again = await until_over(ws, missed)
        assert again[:len(messages) - 1] == messages[1:]
        assert statuses(of_type(again, "run.updated", missed)) == ["queued", "running", "succeeded"]
        for gone in ("0123456789abcdef-7", "nonsense", cut.split("-")[0] + "-99999999"):
            async with opened(api, last_event_id=gone) as ws:
                assert (await message(ws))["type"] == RESYNC
    asyncio.run(watch())


def test_who_may(api):
    refused(api, 403, origin="https://elsewhere.example")
    refused(api, 403, origin=None)
    refused(Api(api.url), 401)
    refused(api, 400, topics="runs,nothing")
    refused(api, 400, run_id="nothing")
    refused(api, 400, topic="runs")


def test_what_is_no_handshake(api):
    answer = api.get("/events", headers={"Origin": api.url})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    proper = {"Origin": api.url, "Connection": "Upgrade", "Upgrade": "websocket",
              "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    for name, value in (("Upgrade", "h2c"), ("Sec-WebSocket-Version", "8"), ("Sec-WebSocket-Key", "short"),
                        ("Sec-WebSocket-Key", "!" * 22 + "==")):
        assert api.get("/events", headers={**proper, name: value}).status_code == 400, (name, value)


def close_code(api, send):
    async def attempt():
        async with opened(api) as ws:
            await send(ws)
            await asyncio.wait_for(ws.wait_closed(), WITHIN_S)
            return ws.close_code
    return asyncio.run(attempt())


def test_clients_have_nothing_to_say(api):
    async def fragments(ws):
        await ws.send([b"a", b"b", b"c"])

    async def many_pings(ws):
        with contextlib.suppress(websockets.ConnectionClosed):
            for i in range(100000):
                await ws.ping(str(i).encode())

    assert close_code(api, lambda ws: ws.send("hello")) == 1003
    assert close_code(api, lambda ws: ws.send(b"\0\1")) == 1003
    assert close_code(api, fragments) == 1003
    assert close_code(api, lambda ws: ws.send("x" * 100000)) == 1009
    assert close_code(api, many_pings) in (1006, 1008)


def test_the_end_of_a_session_is_the_end_of_coming_back(api):
    user = Api(api.url, "admin", PASSWORD)

    async def watch():
        async with opened(user, topics="runs") as ws:
            run_id = await asyncio.to_thread(trigger, api, "slow", {"seconds": 0})
            return (await until_over(ws, run_id))[-1]["id"]

    last = asyncio.run(watch())
    assert user.post("/auth/logout").status_code == 204
    refused(user, 401, last_event_id=last)


def test_a_token_needs_no_origin(api):
    made = api.post("/auth/tokens", {"name": "watcher", "role": "viewer"})
    assert made.status_code == 201, made.text
    bearer = {"Authorization": "Bearer " + made.json()["token"]}

    def connect(**query):
        return websockets.connect(address(api, **query), extra_headers=bearer, open_timeout=WITHIN_S)

    async def watch():
        async with connect() as ws:
            run_id = await asyncio.to_thread(trigger, api, "orders")
            messages = await until_over(ws, run_id)
        # Log lines quote rows, which are not for viewers, and neither is the log of alerts.
        assert "log.line" not in {m["type"] for m in messages}
        for topics in ("logs", "alerts", "alerts,logs"):
            with pytest.raises(websockets.InvalidStatusCode) as caught:
                async with connect(topics=topics):
                    pass
            assert caught.value.status_code == 403
    asyncio.run(watch())
    assert api.http.delete(f"{api.url}/api/v1/auth/tokens/{made.json()['id']}", timeout=30).status_code == 204

    async def again():
        with pytest.raises(websockets.InvalidStatusCode) as caught:
            async with connect():
                pass
        assert caught.value.status_code == 401
    asyncio.run(again())


def raw_socket(api):
    """A connection behind its handshake, on which nothing is read."""
    port = int(api.url.rsplit(":", 1)[1])
    sock = socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)
    sock.sendall((f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {api.url}\r\n"
                  f"Cookie: {headers(api)['Cookie']}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        assert byte, head
        head += byte
    assert head.startswith(b"HTTP/1.1 101"), head
    return sock


def test_junk_ends_the_connection_that_sent_it(api):
    with contextlib.ExitStack() as stack:
        watcher = stack.enter_context(contextlib.closing(raw_socket(api)))
        for _ in range(20):
            sock = stack.enter_context(contextlib.closing(raw_socket(api)))
            with contextlib.suppress(OSError):     # it may have been cut by then
                sock.sendall(b"\xff" + os.urandom(4096))
            with contextlib.suppress(ConnectionResetError):
                while sock.recv(65536):
                    pass
        watcher.sendall(b"\x89\x80\0\0\0\0")    # a ping; the others' junk did it no harm
        answer = b""
        while b"\x8a\0" not in answer:
            byte = watcher.recv(4096)
            assert byte
            answer += byte


def resident_mb(host):
    with open(f"/proc/{host.process.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) / 1024


def test_what_many_deaf_clients_cost(host, api):
    api.run("orders")
    before = resident_mb(host)
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(contextlib.closing(raw_socket(api)))
        for _ in range(5):
            api.run("orders")
        # 64 KiB of theirs at most, what libmicrohttpd keeps of each, and the ring that all share.
        assert resident_mb(host) - before < 300 * 0.15 + 8
    assert api.run("orders")["status"] == "succeeded"


def test_the_page_shows_what_it_is_told(browser, host, api):
    from test_phase5_pipeline_e2e import Page
    page = Page(browser, host.url)
    page.sign_in()
    page.see("Live")
    page.button("A slow one").click()
    page.node("wait")
    page.see("Live")
    run_id = trigger(api, "slow", {"seconds": 3})
    # A page that only asks does so every half minute while nothing is under way.
    page.wait_for_node("wait", "running", within_s=10)
    api.wait_for_run(run_id)
    page.wait_for_node("wait", "succeeded", within_s=10)
    assert not page.errors()


def test_ping_is_answered(api):
    async def attempt():
        async with opened(api) as ws:
            await asyncio.wait_for(await ws.ping(b"there?"), WITHIN_S)
    asyncio.run(attempt())


def test_many_clients(api):
    async def watch():
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(opened(api, topics="runs")) for _ in range(200)]
            run_id = await asyncio.to_thread(trigger, api, "slow", {"seconds": 0})
            seen = await asyncio.gather(*(until_over(ws, run_id) for ws in clients))
            for messages in seen:
                assert messages == seen[0]
            assert statuses(of_type(seen[0], "run.updated", run_id)) == ["queued", "running", "succeeded"]
            assert (await asyncio.to_thread(api.get, "/auth/me")).status_code == 200
    asyncio.run(watch())


def test_a_host_that_stops_says_goodbye():
    with running(Host("goodbye")) as host:
        api = Api(host.url, "admin", PASSWORD)

        async def watch():
            async with opened(api) as ws:
                stopping = asyncio.create_task(asyncio.to_thread(host.stop))
                await asyncio.wait_for(ws.wait_closed(), WITHIN_S)
                assert ws.close_code == 1001
                assert await stopping == 0
        asyncio.run(watch())
        host.start()  # for `running`, which stops it


def test_runs_of_another_host(api):
    from test_hosts import TeamHost
    server = SourceServer("secret-of-the-team")
    try:
        server.start()
        server.sql(f"create role team login createdb createrole password '{server.password}'",
                   "create database team owner team")
        with running(TeamHost("live-1", server)) as one, running(TeamHost("live-2", server)) as two:
            here, there = (Api(host.url, "admin", PASSWORD) for host in (one, two))

            async def watch():
                async with opened(here, topics="runs") as ws:
                    # Hosts see each other within two seconds.
                    until = time.monotonic() + WITHIN_S
                    while time.monotonic() < until:
                        run = await asyncio.to_thread(there.run, "note")
                        assert run["status"] == "succeeded", run
                        with contextlib.suppress(asyncio.TimeoutError):
                            return await asyncio.wait_for(until_over(ws, run["id"]), 2)
                    raise AssertionError("nothing came of the other host's runs")

            async def watch_alerts():
                """What one host sends, clients of the other are told of."""
                wish = {"name": "nowhere", "kind": "webhook", "url": "https://127.0.0.1:1"}
                made = await asyncio.to_thread(there.post, "/alerts/channels", wish)
                async with opened(here, topics="alerts") as ws:
                    channel = made.json()["id"]
                    await asyncio.to_thread(there.post, f"/alerts/channels/{channel}/test")
                    return await message(ws)
            messages = asyncio.run(watch())
            told = asyncio.run(watch_alerts())
            assert (told["type"], told["data"]["channel"]) == ("alert.failed", "nowhere")
            run_id = messages[-1]["data"]["id"]
            assert statuses(of_type(messages, "run.updated", run_id))[-1] == "succeeded"
    finally:
        server.remove()
