"""Holds every answer of the API that a test gets against the host's own OpenAPI document."""
import copy
import json
import re
import urllib.parse

import jsonschema
import requests

BASE = "/api/v1"
# Whoever reads or changes is not told by the document that its method or address is none.
NOT_IN_DOCUMENT = (404, 405, 501)


class Contract:
    """One for all hosts of a test run: they are the same build, so the document is the same."""

    def __init__(self):
        self.document = None
        self.routes = []
        self.pending = []
        self.checked = {}
        self._send = requests.Session.send
        self._fetching = False

    # ---- listening ----

    def install(self):
        contract = self

        def send(session, request, **arguments):
            answer = contract._send(session, request, **arguments)
            contract.saw(session, request, answer)
            return answer

        requests.Session.send = send

    def remove(self):
        requests.Session.send = self._send

    def saw(self, session, request, answer):
        url = urllib.parse.urlsplit(request.url)
        if self._fetching or not url.path.startswith(BASE + "/") or answer.is_redirect:
            return
        if answer.raw is not None and not answer.raw.isclosed() and not answer._content_consumed:
            return  # streamed: its reader takes it
        seen = (request.method, url.path, answer.status_code,
                answer.headers.get("Content-Type", ""), answer.content)
        if self.document is None and answer.status_code < 400:
            self._fetch(session, f"{url.scheme}://{url.netloc}")
        if self.document is None:
            self.pending.append(seen)
            return
        for earlier in self.pending:
            self.check(*earlier)
        self.pending.clear()
        self.check(*seen)

    def _fetch(self, session, root):
        self._fetching = True
        try:
            answer = session.get(f"{root}{BASE}/openapi.json", timeout=30)
        except requests.RequestException:
            return
        finally:
            self._fetching = False
        if answer.status_code == 200:
            self.use(answer.json())

    def use(self, document):
        strict = copy.deepcopy(document)
        close(strict["components"]["schemas"])
        self.document = strict
        for pattern, methods in document["paths"].items():
            shape = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(pattern)) + "/?$")
            self.routes.append((shape, pattern, methods))

    # ---- checking ----

    def check(self, method, path, status, content_type, body):
        where = f"{method} {path} answered {status}"
        found = [(pattern, methods) for shape, pattern, methods in self.routes
                 if shape.match(path)]
        named = [(pattern, methods["get" if method == "HEAD" else method.lower()])
                 for pattern, methods in found
                 if ("get" if method == "HEAD" else method.lower()) in methods]
        if status >= 400:
            self._check_problem(where, content_type, body, method)
        if not named:
            assert status in NOT_IN_DOCUMENT or status in (204, 400, 413, 414, 503), (
                f"{where}, and the document does not name it")
            return
        pattern, operation = named[0]
        answers = operation["responses"]
        assert str(status) in answers, f"{where}; {pattern} may answer {sorted(answers)}"
        self.checked.setdefault((method, pattern), set()).add(status)
        if status < 400 and method != "HEAD":
            self._check_good(where, answers[str(status)], content_type, body)

    def _check_problem(self, where, content_type, body, method):
        assert content_type.startswith("application/problem+json"), f"{where} as {content_type}"
        if method != "HEAD":
            self._validate(where, {"$ref": "#/components/schemas/Problem"}, json.loads(body))

    def _check_good(self, where, answer, content_type, body):
        if "content" not in answer:
            assert body == b"", f"{where} with a body that the document does not name"
            return
        kind = content_type.split(";")[0]
        assert kind in answer["content"], f"{where} as {content_type}"
        if kind == "application/json":
            self._validate(where, answer["content"][kind]["schema"], json.loads(body))

    def _validate(self, where, schema, value):
        validator = jsonschema.Draft202012Validator(
            {**schema, "components": self.document["components"]},
            format_checker=jsonschema.draft202012_format_checker)
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
        if error is not None:
            raise AssertionError(f"{where}, and {error.json_path} is not as documented:"
                                 f" {error.message}")


def close(schema):
    """Members that the document does not name are errors here; its readers must bear them."""
    if isinstance(schema, list):
        for one in schema:
            close(one)
    elif isinstance(schema, dict):
        if "properties" in schema and schema.get("properties") and "required" in schema:
            schema.setdefault("additionalProperties", False)
        for one in schema.values():
            close(one)
