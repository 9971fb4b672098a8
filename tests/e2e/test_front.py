"""What stands before the API: TLS with a certificate that is renewed, and proxies."""
import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest
import requests
import websockets

from host import PASSWORD, Api, Host, running

WITHIN_S = 30


def make_certificate(folder, user, name):
    """A certificate for 127.0.0.1; its key belongs to the host's user alone."""
    files = [os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True)
    for file in files:
        if user:
            shutil.chown(file, user.pw_uid, user.pw_gid)
    return files


def served_name(host, trusted):
    """The name in the certificate that the host shows."""
    context = ssl.create_default_context(cafile=trusted)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", host.port), timeout=10) as plain:
        with context.wrap_socket(plain) as secure:
            der = secure.getpeercert(binary_form=True)
    text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject"], input=der, check=True,
                          capture_output=True).stdout.decode()
    return text.strip().rsplit("=", 1)[1].strip()


@pytest.fixture(scope="module")
def secure():
    made = Host("tls")
    made.certificate, made.key = make_certificate(os.path.dirname(made.config), made.user, "first")
    with open(made.config, "a", encoding="utf-8") as f:
        f.write("tls: {certificate: cert.pem, key: key.pem}\nhttp: {trusted_proxies: [127.0.0.1]}\n")
    made.url = made.url.replace("http://", "https://")
    os.environ["REQUESTS_CA_BUNDLE"] = made.certificate
    try:
        with running(made) as started:
            yield started
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]


def test_pages_and_calls_go_by_tls(secure):
    assert f"https://127.0.0.1:{secure.port}" in secure.log()
    answer = requests.post(secure.url + "/api/v1/auth/login",
                           json={"username": "admin", "password": PASSWORD}, timeout=10)
    assert answer.status_code == 200
    assert "Secure" in answer.headers["Set-Cookie"]
    assert requests.get(secure.url + "/", timeout=10).headers["Strict-Transport-Security"]
    assert Api(secure.url, "admin", PASSWORD).get("/system").status_code == 200
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(secure.url.replace("https://", "http://"), timeout=10)


def test_old_versions_of_tls_are_refused(secure):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", "-tls1_1",
                           "-cipher", "ALL:@SECLEVEL=0"], input=b"", capture_output=True, timeout=30)
    assert done.returncode != 0 and b"Cipher is (NONE)" in done.stdout


def test_live_updates_go_by_tls(secure):
    api = Api(secure.url, "admin", PASSWORD)
    cookie = "; ".join(f"{c.name}={c.value}" for c in api.http.cookies)
    url = secure.url.replace("https://", "wss://") + "/api/v1/events?topics=runs"

    async def trigger_and_hear():
        async with websockets.connect(url, ssl=ssl.create_default_context(cafile=secure.certificate),
                                      origin=secure.url, extra_headers={"Cookie": cookie}) as client:
            run = api.post("/ingestion/pipelines/orders/trigger", {}).json()["run_id"]
            while run not in await client.recv():
                pass
            return run

    api.wait_for_run(asyncio.run(asyncio.wait_for(trigger_and_hear(), WITHIN_S)))


def test_a_renewed_certificate_is_taken_up(secure):
    assert served_name(secure, secure.certificate) == "first"
    make_certificate(os.path.dirname(secure.config), secure.user, "second")
    secure.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + WITHIN_S
    while served_name(secure, secure.certificate) != "second":
        assert time.monotonic() < until
        time.sleep(0.1)
    with open(secure.key, "w", encoding="utf-8") as f:
        f.write("no key\n")
    secure.process.send_signal(signal.SIGHUP)
    while "the old one stays" not in secure.log():
        assert time.monotonic() < until
        time.sleep(0.1)
    assert served_name(secure, secure.certificate) == "second"
    assert requests.get(secure.url + "/healthz", timeout=10).status_code == 200


def test_what_a_trusted_proxy_says_is_kept(secure):
    """The audit log names the client, and not what the client wrote in front of it."""
    answer = requests.post(secure.url + "/api/v1/auth/login", timeout=10,
                           headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9"},
                           json={"username": "admin", "password": "not the pass phrase"})
    assert answer.status_code == 401
    api = Api(secure.url, "admin", PASSWORD)
    items = api.get("/audit").json()["items"]
    assert "203.0.113.9" in [item["source_ip"] for item in items], items
    assert "6.6.6.6" not in [item["source_ip"] for item in items]


def test_a_key_that_does_not_fit_is_refused(secure):
    """Last: the files of the running host are changed."""
    folder = os.path.dirname(secure.config)
    make_certificate(folder, secure.user, "third")
    kept = secure.key + ".kept"
    os.rename(secure.key, kept)
    make_certificate(folder, secure.user, "fourth")
    os.rename(kept, secure.key)
    assert secure.stop() == 0
    done = secure.command("serve")
    assert done.returncode == 1 and "does not belong to the first certificate" in done.stderr, done
    os.remove(secure.key)
    done = secure.command("serve")
    assert done.returncode == 1 and secure.key in done.stderr and "No such file" in done.stderr, done
    make_certificate(folder, secure.user, "fifth")
    secure.start()
