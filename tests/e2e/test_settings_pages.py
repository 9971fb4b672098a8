"""Settings as their pages show them: each done in the browser, seen in the API, and the other way round."""
import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from host import PASSWORD, Api
from test_phase5_pipeline_e2e import page, signed_in, text_of  # noqa: F401 (fixtures)
from test_run_pages import press, rows

NEW_PASSWORD = "another long enough phrase"


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


def test_who_may_not_sees_no_users_and_leaves_no_mark(page, api, made_user):
    made_user("page-viewer", "viewer")
    page.driver.get(page.url + "/settings/users")
    page.one("input[name=username]").send_keys("page-viewer")
    page.one("input[name=password]").send_keys(PASSWORD, Keys.ENTER)
    page.see("Your role does not show the users")
    assert "Users" not in [text_of(link) for link in page.all("nav a")]
    assert not [row for row in api.items("/audit", actor="page-viewer") if row["outcome"] == "denied"]
    assert not page.errors()
