"""Settings as their pages show them: each done in the browser, seen in the API, and the other way round."""
import base64
import os

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from alert_sink import Sink
from host import PASSWORD, Api, Host, running
from test_phase5_pipeline_e2e import page, signed_in, text_of  # noqa: F401 (fixtures)
from test_run_pages import press, rows

NEW_PASSWORD = "another long enough phrase"


FAILS = """\
id: fails
name: What fails
jobs:
  - {id: job, transform: {sql: fails.sql}}
on_failure: [page-ops, nobody]
"""
FILES = {
    "config/pipelines/fails.yaml": FAILS,
    "config/pipelines/fails.sql": "select 1/0",
    "config/users/team.yaml": "{username: file-user, role: viewer, password: '${file:user-password}'}\n",
    "config/users/user-password": PASSWORD,
    "config/channels/ops.yaml": "{name: file-ops, kind: slack, url: 'http://127.0.0.1:9/${file:hook}'}\n",
    "config/channels/hook": "hook",
    "build/plugins/vendor.so": "not an object at all",
}


@pytest.fixture(scope="module")
def host():
    """May call this machine, and has a pipeline that tells when it fails."""
    host = Host("settings")
    with open(host.config, "a", encoding="utf-8") as f:
        f.write("outbound: {allow_private: [127.0.0.1/32]}\n")
    for name, content in FILES.items():
        path = os.path.join(host.folder, "app", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(content)
    with running(host):
        yield host


@pytest.fixture(scope="module")
def api(host):
    return Api(host.url, "admin", PASSWORD)


@pytest.fixture
def sink():
    made = Sink()
    yield made
    made.close()


@pytest.fixture
def made_user(api):
    made = []

    def make(name, role):
        answer = api.post("/users", {"username": name, "password": PASSWORD, "role": role})
        assert answer.status_code == 201, answer.text
        made.append(name)
        return Api(api.url, name, PASSWORD)
    yield make
    for name in made:
        api.http.delete(f"{api.url}/api/v1/users/{name}", timeout=30)


def audit_of(api, action):
    return [row["object"] for row in api.items("/audit", action=action)]


# Users

def test_a_user_is_added_and_signs_in(signed_in, api):
    page = signed_in
    page.driver.get(page.url + "/settings/users")
    press(page, "Add a user")
    page.one("[role=dialog] input[name=username]").send_keys("page.made")
    Select(page.one("[role=dialog] select[name=role]")).select_by_visible_text("Data scientist")
    page.one("[role=dialog] input[name=password]").send_keys(NEW_PASSWORD, Keys.ENTER)
    page.see("page.made is added")
    assert any("page.made" in row and "Data scientist" in row for row in rows(page, "Users"))
    made = Api(api.url, "page.made", NEW_PASSWORD)
    assert made.get("/auth/me").json()["user"] == {"username": "page.made", "role": "data_scientist"}
    assert "page.made" in audit_of(api, "user.create")
    press(page, "Add a user")
    page.one("[role=dialog] input[name=username]").send_keys("page.made")
    page.one("[role=dialog] input[name=password]").send_keys("adminadmin12", Keys.ENTER)
    page.see("the password is among those that are guessed first")
    field = page.one("[role=dialog] input[name=password]")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(NEW_PASSWORD, Keys.ENTER)
    page.see('There is a user "page.made" already.')
    assert NEW_PASSWORD not in page.driver.page_source
    api.http.delete(f"{api.url}/api/v1/users/page.made", timeout=30)


def test_a_user_is_changed_and_removed(signed_in, api, made_user):
    page = signed_in
    theirs = made_user("page-changed", "viewer")
    page.driver.get(page.url + "/settings/users")
    page.button("page-changed").click()
    Select(page.one("form[aria-label=Role] select")).select_by_visible_text("Administrator")
    press(page, "Save")
    page.see("Saved.")
    assert theirs.get("/auth/me").json()["user"]["role"] == "admin"

    page.one("input[name=password]").send_keys(NEW_PASSWORD)
    press(page, "Set the password")
    page.see("The password of page-changed is changed")
    assert theirs.get("/auth/me").status_code == 401
    again = Api(api.url, "page-changed", NEW_PASSWORD)
    token = again.post("/auth/tokens", {"name": "theirs", "role": "viewer"}).json()
    page.driver.refresh()
    page.until(lambda: len(rows(page, "Sessions of page-changed")) == 1, "the session of now")
    page.until(lambda: any("theirs" in row for row in rows(page, "API tokens of page-changed")), "the token")
    press(page, "End the token theirs")
    press(page, "End the token theirs for good")
    page.see("No tokens.")
    assert not [one for one in again.items("/auth/tokens") if one["id"] == token["id"]]

    # Somebody else changes the user while the page is open.
    api.http.patch(f"{api.url}/api/v1/users/page-changed", json={"role": "data_scientist"}, timeout=30)
    page.one("form[aria-label=Role] input[type=checkbox]").click()
    press(page, "Save")
    page.see("Somebody else has changed this user")
    press(page, "Load what holds now")
    page.until(lambda: Select(page.one("form[aria-label=Role] select")).first_selected_option.text
               == "Data scientist", "the role of now")
    page.one("form[aria-label=Role] input[type=checkbox]").click()
    press(page, "Save")
    page.see("Switched off")
    assert Api(api.url).login("page-changed", NEW_PASSWORD).status_code == 401

    press(page, "Remove the user…")
    page.one("[role=dialog] input").send_keys("page-changed")
    press(page, "Remove for good")
    page.until(lambda: page.driver.current_url.endswith("/settings/users"), "the list again")
    page.until(lambda: rows(page, "Users") and not any("page-changed" in row for row in rows(page, "Users")),
               "a list without the user")
    assert api.get("/users/page-changed").status_code == 404
    refused = [message for message in page.errors() if "status of 412" not in message]
    assert not refused


def test_the_last_administrator_stays(signed_in):
    page = signed_in
    page.driver.get(page.url + "/settings/users/admin?dialog=remove")
    page.see("The last administrator who can sign in")
    assert not page.one("form[aria-label=Role] select").is_enabled()
    assert not page.all("[role=dialog]")
    assert not page.errors()


def test_who_may_not_sees_no_users(page, made_user):
    made_user("page-viewer", "viewer")
    page.driver.get(page.url + "/settings/users")
    page.one("input[name=username]").send_keys("page-viewer")
    page.one("input[name=password]").send_keys(PASSWORD, Keys.ENTER)
    page.see("Your role does not show the users")
    assert "Users" not in [text_of(link) for link in page.all("nav a")]
    assert not page.errors()


# Alert channels

def fill(page, name, value):
    field = page.one(f"form [name={name}]")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(value)


def the_channel(api, name):
    return next((one for one in api.items("/alerts/channels") if one["name"] == name), None)


def test_a_channel_is_added_tested_changed_and_removed(signed_in, api, sink):
    page = signed_in
    page.driver.get(page.url + "/settings/alerts")
    page.see("file-ops")
    press(page, "Add a channel")
    fill(page, "name", "page-ops")
    fill(page, "url", sink.url + "/first")
    page.see("Not https")
    press(page, "Add the channel")
    page.see("This is the secret of “page-ops”")
    secret = text_of(page.one("[role=alert] code"))
    assert secret.startswith("whsec_") and len(base64.b64decode(secret[6:])) >= 24
    press(page, "I have stored it")
    page.driver.refresh()
    page.until(lambda: any("page-ops" in row for row in rows(page, "Alert channels")), "the channel")
    assert secret not in page.driver.page_source

    page.button("page-ops").click()
    press(page, "Send a test")
    page.see("The test was taken")
    page.see("It answered 200 after")
    assert sink.at("/first")
    sink.answers = [404]
    press(page, "Send a test")
    page.see("The test was not delivered")
    sink.answers = [200]

    # Another origin wants another secret; the page says so where it is missing.
    with_other_origin = sink.url.replace("127.0.0.1", "localhost") + "/second"
    fill(page, "url", with_other_origin)
    press(page, "Save")
    page.see("another origin")
    mine = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    fill(page, "secret", mine)
    press(page, "Save")
    page.see("Saved.")
    assert the_channel(api, "page-ops")["target"] == sink.url.replace("127.0.0.1", "localhost")
    assert mine not in page.driver.page_source and "/second" not in page.driver.page_source
    assert not page.one("form [name=url]").get_attribute("value")

    press(page, "Remove the channel…")
    page.one("[role=dialog] input").send_keys("page-ops")
    press(page, "Remove for good")
    page.until(lambda: [row.split()[0] for row in rows(page, "Alert channels")] == ["file-ops"],
               "the list without it")
    assert not the_channel(api, "page-ops")
    assert {"alert_channel.create", "alert_channel.test", "alert_channel.update", "alert_channel.delete"} <= {
        row["action"] for row in api.items("/audit")}
    assert not [message for message in page.errors() if "status of 422" not in message]


def test_the_delivery_log_says_who_took_it(signed_in, api, sink):
    page = signed_in
    made = api.post("/alerts/channels", {"name": "page-ops", "kind": "webhook", "url": sink.url}).json()
    sink.answers = [503]
    assert api.run("fails")["status"] == "failed"
    page.driver.get(page.url + "/settings/alerts?tab=log&pipeline=fails")
    page.until(lambda: any("Waiting" in row and "page-ops" in row for row in rows(page, "Delivery log")),
               "a delivery that waits", 60)
    assert any("Failed" in row and "nobody" in row for row in rows(page, "Delivery log"))
    page.driver.get(f"{page.url}/settings/alerts/{made['id']}")
    page.see("failed since it last took something", 60)
    sink.answers = [200]
    press(page, "Try again now")
    page.until(lambda: "Delivers" in text_of(page.one("main")), "a channel that delivers", 60)
    page.driver.get(page.url + "/settings/alerts?tab=log&pipeline=fails")
    page.until(lambda: any("Sent" in row and "page-ops" in row for row in rows(page, "Delivery log")),
               "a delivery that was taken", 60)
    _, channel, delivery = (Select(field) for field in page.all("main select"))
    delivery.select_by_value("failed")
    page.until(lambda: rows(page, "Delivery log"), "what nobody took")
    channel.select_by_value("page-ops")
    page.see("No alert matches")
    assert "channel=page-ops" in page.driver.current_url and "delivery=failed" in page.driver.current_url
    api.http.delete(f"{api.url}/api/v1/alerts/channels/{made['id']}", timeout=30)
    assert not page.errors()


def test_a_channel_by_mail_wants_a_mail_server(signed_in, api):
    page = signed_in
    page.driver.get(page.url + "/settings/alerts?dialog=add")
    fill(page, "name", "page-mail")
    Select(page.one("form select[name=kind]")).select_by_value("email")
    fill(page, "to", "oncall@example.com")
    press(page, "Add the channel")
    page.see("Set alerts.smtp in the host's file.")
    assert not the_channel(api, "page-mail")


def test_a_data_scientist_looks_at_channels_and_changes_none(page, api, made_user, sink):
    made_user("page-scientist", "data_scientist")
    made = api.post("/alerts/channels", {"name": "page-seen", "kind": "slack", "url": sink.url}).json()
    page.driver.get(f"{page.url}/settings/alerts/{made['id']}")
    page.one("input[name=username]").send_keys("page-scientist")
    page.one("input[name=password]").send_keys(PASSWORD, Keys.ENTER)
    page.see("Only an administrator changes and tests channels.")
    assert not page.all("main button, main form")
    api.http.delete(f"{api.url}/api/v1/alerts/channels/{made['id']}", timeout=30)
    assert not page.errors()


# Plugins, the host, the audit log

def test_a_plugin_that_cannot_be_loaded_says_why_and_what_to_do(signed_in, api):
    page = signed_in
    page.driver.get(page.url + "/settings/plugins")
    page.see("1 plugin cannot be used: pipelines that need it do not run")
    listed = {plugin["file"].rsplit("/", 1)[1]: plugin for plugin in api.items("/plugins")}
    broken = listed["vendor.so"]
    assert broken["status"] == "failed"
    page.see(broken["error"][1:])
    page.see(f"headgate plugin check {broken['file']}")
    shown = rows(page, "All plugins")
    assert len(shown) == len(api.items("/plugins"))
    assert "vendor.so" in shown[0] and "Cannot be used" in shown[0]
    assert sum("Ready" in row for row in shown) == len(shown) - 1
    page.one("input[placeholder='Find a plugin']").send_keys("csv")
    page.until(lambda: len(rows(page, "All plugins")) < len(shown), "fewer plugins")
    assert "q=csv" in page.driver.current_url
    system = api.get("/system").json()
    facts = text_of(page.one("dl[aria-label=Host]"))
    assert system["version"] in facts
    assert f"PostgreSQL {system['database']['metadata']['version']}" in facts
    assert not page.errors()


def test_the_audit_log_is_read_by_who_and_by_what(signed_in, api, made_user):
    page = signed_in
    theirs = made_user("page-auditee", "viewer")
    assert theirs.post("/users", {}).status_code == 403
    assert Api(api.url).login("page-auditee", "wrong").status_code == 401
    page.driver.get(page.url + "/settings/audit?action=user.create")
    page.until(lambda: any("Added a user" in row and "page-auditee" in row for row in rows(page, "Audit log")),
               "the new user")
    assert not any("Signed in" in row for row in rows(page, "Audit log"))
    Select(page.one("main select")).select_by_value("")
    page.until(lambda: any("Tried to sign in as" in row and "Refused" in row for row in rows(page, "Audit log")),
               "the refused sign-in")
    page.one("main input").send_keys("page-auditee")
    page.until(lambda: "actor=page-auditee" in page.driver.current_url, "the name in the address")
    page.until(lambda: rows(page, "Audit log") and all("page-auditee" in row for row in rows(page, "Audit log")),
               "only theirs")
    assert any("Tried to add a user" in row and "Refused" in row for row in rows(page, "Audit log"))
    # What comes meanwhile waits above.
    before = rows(page, "Audit log")
    token = theirs.post("/auth/tokens", {"name": "theirs", "role": "viewer"})
    assert token.status_code == 201
    page.see("1 new entry", 60)
    assert rows(page, "Audit log") == before
    press(page, "Show")
    page.until(lambda: "Made an API token" in rows(page, "Audit log")[0], "the new entry")
    assert not page.errors()


# The command palette

def open_palette(page):
    page.one("body").send_keys(Keys.CONTROL, "k")
    return page.one("[role=dialog] [role=combobox]")


def test_the_palette_goes_everywhere_by_the_keyboard(signed_in, api):
    page = signed_in
    run = api.run("orders")
    open_palette(page).send_keys("audit", Keys.ENTER)
    page.see("Who changed what")
    page.until(lambda: text_of(page.driver.switch_to.active_element) == "Audit log", "the focus on the heading")
    open_palette(page).send_keys(run["id"])
    page.see(f"Run {run['id'][:8]} of orders")
    page.one("[role=combobox]").send_keys(Keys.ENTER)
    page.until(lambda: f"/pipelines/orders?run={run['id']}" in page.driver.current_url, "the run")
    page.see("Runs")
    before = {one["id"] for one in api.items("/ingestion/pipelines/orders/runs")}
    open_palette(page).send_keys("run orders")
    page.until(lambda: [one for one in page.all("[role=option][aria-selected=true]") if text_of(one) == "Run Orders"],
               "the command")
    page.one("[role=combobox]").send_keys(Keys.ENTER)
    made = page.until(lambda: {one["id"] for one in api.items("/ingestion/pipelines/orders/runs")} - before, "a run")
    page.until(lambda: next(iter(made)) in page.driver.current_url, "the new run in the address")
    assert api.wait_for_run(made.pop())["status"] == "succeeded"
    open_palette(page).send_keys("theme: dark", Keys.ENTER)
    page.until(lambda: page.scheme() == "dark", "the dark theme")
    open_palette(page).send_keys("01a210b8-fd3a-7773-89e0-40bead06ffff")
    page.see("No run has this id.")
    page.one("[role=combobox]").send_keys(Keys.ESCAPE)
    page.until(lambda: not page.all("[role=dialog]"), "no dialog")
    open_palette(page).send_keys("sign out", Keys.ENTER)
    page.one("input[name=username]")
    assert not [message for message in page.errors() if "status of 404" not in message]


# What stands in files

def test_what_stands_in_a_file_is_shown_and_not_changed(signed_in, api):
    page = signed_in
    page.driver.get(page.url + "/settings/users")
    page.until(lambda: any("file-user" in row and "from a file" in row for row in rows(page, "Users")), "the user")
    page.button("file-user").click()
    page.see("From the host’s files")
    page.see(api.get("/users/file-user").json()["file"])
    assert not page.all("main form") and "Remove" not in text_of(page.one("main"))
    channel = the_channel(api, "file-ops")
    page.driver.get(f"{page.url}/settings/alerts/{channel['id']}")
    page.see("From the host’s files")
    page.see(channel["file"])
    press(page, "Send a test")
    page.see("The test was not delivered")
    assert not page.all("main form") and "Remove" not in text_of(page.one("main"))
    assert not page.errors()


# The first steps

def test_the_first_steps_go_as_they_are_done(signed_in, api):
    """A channel and a second user are there from files."""
    page = signed_in
    api.run("orders")
    page.driver.get(page.url + "/pipelines")
    page.see("3 of 4 done")
    press(page, "Hide")
    page.until(lambda: not page.all("[aria-label='First steps']"), "the panel gone")
    page.driver.refresh()
    page.one("article")
    assert not page.all("[aria-label='First steps']")
    open_palette(page).send_keys("first steps", Keys.ENTER)
    page.see("3 of 4 done")
    press(page, "Change it")
    page.see("Your access")
    for old, new in ((PASSWORD, NEW_PASSWORD), (NEW_PASSWORD, PASSWORD)):
        changed = api.post("/auth/password", {"current_password": old, "new_password": new})
        assert changed.status_code == 204, changed.text
    page.sign_in()
    page.one("article")
    assert not page.all("[aria-label='First steps']")
    assert not page.errors()
