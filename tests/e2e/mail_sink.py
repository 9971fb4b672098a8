"""A mail server that remembers what it got (aiosmtpd)."""
import asyncio
import email
import email.policy
import ssl
import threading
import time

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class MailSink:
    """`tls`: "none", "starttls" or "implicit", the latter two with a certificate and its key."""

    def __init__(self, port, tls="none", certificate=None, key=None, user=None):
        self.got = []  # (from, recipients, message)
        self.refuse = None  # what the next recipients are answered instead of 250
        self._changed = threading.Condition()
        self._user = user
        context = None
        if tls != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
        starttls = context if tls == "starttls" else None

        more = {"authenticator": self._authenticate, "auth_required": True} if user else {}

        def serve_one():
            return SMTP(self, tls_context=starttls, require_starttls=bool(starttls),
                        auth_require_tls=tls == "starttls", loop=self._loop, **more)

        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(self._loop.create_server(
            serve_one, "127.0.0.1", port, ssl=context if tls == "implicit" else None))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def _authenticate(self, _server, _session, _envelope, _mechanism, data):
        good = isinstance(data, LoginPassword) and \
            (data.login.decode(), data.password.decode()) == self._user
        return AuthResult(success=good)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        with self._changed:
            self.got.append((envelope.mail_from, envelope.rcpt_tos, message))
            self._changed.notify_all()
        return "250 OK"

    def wait(self, n=1, within_s=30):
        until = time.monotonic() + within_s
        with self._changed:
            while len(self.got) < n:
                assert self._changed.wait(until - time.monotonic()), \
                    f"{len(self.got)} of {n} mails came within {within_s} s"
            return list(self.got)

    def close(self):
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
