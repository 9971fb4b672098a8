"""What the pages show of several runs: backfills, the timeline, two runs compared; with the keyboard."""
import pytest
from selenium.webdriver.common.keys import Keys

from test_phase5_pipeline_e2e import page, signed_in, text_of  # noqa: F401 (fixtures)

SET_VALUE = """
const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
set.call(arguments[0], arguments[1]);
arguments[0].dispatchEvent(new Event('input', {bubbles: true}));
"""


@pytest.fixture(scope="module")
def two_runs(api):
    """The later one first."""
    return [api.run("orders") for _ in range(2)][::-1]


def set_moment(page, name, value):
    """A date field takes keys in the order of the browser's language, so its value is set whole."""
    page.driver.execute_script(SET_VALUE, page.one(f"input[name='/{name}']"), value)


def press(page, name, key=Keys.ENTER):
    """With the keyboard alone."""
    button = page.button(name)
    page.driver.execute_script("arguments[0].focus()", button)
    button.send_keys(key)


def focused(page):
    return page.driver.switch_to.active_element


def rows(page, label):
    return [text_of(row) for row in page.all(f"[aria-label='{label}'] tbody tr")]


def start_backfill(page, first, before):
    press(page, "Backfill…")
    page.see("Choose a window")
    set_moment(page, "from", first)
    set_moment(page, "to", before)


def test_a_window_of_the_past_is_made_up_for(signed_in, api):
    page = signed_in
    page.driver.get(page.url + "/pipelines/sp500-daily?view=list")
    # From a Monday to before Wednesday, in New York: two times.
    start_backfill(page, "2026-03-02T00:00", "2026-03-04T00:00")
    page.see("2 runs: for Mon 2 Mar 2026, 22:30 to Tue 3 Mar 2026, 22:30")
    press(page, "Start the backfill")
    page.see("The backfill has begun")
    page.until(lambda: any("Succeeded" in row and "2 of 2" in row for row in rows(page, "Backfills")),
               "the end of the backfill", 120)
    made = [run for run in api.items("/ingestion/pipelines/sp500-daily/runs") if run["trigger"] == "backfill"]
    assert {run["scheduled_for"] for run in made} == {"2026-03-03T03:30:00.000Z", "2026-03-04T03:30:00.000Z"}
    assert not page.errors()


def test_a_backfill_is_stopped_and_the_keyboard_stays_there(signed_in):
    page = signed_in
    page.driver.get(page.url + "/pipelines/sp500-daily?view=list")
    start_backfill(page, "2026-01-05T00:00", "2026-03-01T00:00")
    page.see("40 runs: for")
    press(page, "Start the backfill")
    press(page, "Stop the backfill of 40 runs")
    page.until(lambda: any("Cancelled" in row for row in rows(page, "Backfills")), "a stopped backfill", 60)
    page.until(lambda: focused(page).get_attribute("aria-label") == "Backfills", "the focus on the list")
    assert not page.errors()


def test_the_timeline_shows_when_each_job_ran(signed_in, two_runs):
    page = signed_in
    page.driver.get(f"{page.url}/pipelines/orders?run={two_runs[0]['id']}&view=timeline")
    region = page.one("[aria-label='Timeline of the run']")
    for job in two_runs[0]["jobs"]:
        row = page.until(lambda job=job: next((r for r in region.find_elements("css selector", "tbody tr")
                                               if job["id"] in r.get_attribute("innerHTML")), None),
                         f"row of {job['id']}")
        assert row.find_elements("css selector", "[data-part='run']"), job["id"]
    # What needs another begins behind it.
    begun = [b.rect["x"] for b in region.find_elements("css selector", "[data-part='run']")]
    assert begun == sorted(begun)
    assert not page.errors()


def test_two_runs_are_compared_and_the_keyboard_comes_back(signed_in, two_runs):
    page = signed_in
    shown, other = two_runs
    page.driver.get(f"{page.url}/pipelines/orders?run={shown['id']}&view=list")
    press(page, f"Compare with the shown run, run {other['id']}")
    page.see("Two runs compared")
    compared = page.until(lambda: rows(page, "Two runs compared"), "the comparison")
    assert len(compared) == len(shown["jobs"]) + 1
    whole = next(row for row in compared if row.startswith("The whole run"))
    assert whole.split().count(str(shown["rows_loaded"])) == 2, whole
    assert f"compare={other['id']}" in page.driver.current_url
    press(page, "Close the comparison")
    page.until(lambda: not rows(page, "Two runs compared"), "the comparison closed")
    page.until(lambda: focused(page).get_attribute("aria-label")
               == f"Compare with the shown run, run {other['id']}", "the focus where it came from")
    assert not page.errors()


def test_a_run_is_stopped_and_tried_again_by_keyboard(signed_in, api):
    page = signed_in
    run_id = api.post("/ingestion/pipelines/slow/trigger", {"params": {"seconds": 60}}).json()["run_id"]
    page.driver.get(f"{page.url}/pipelines/slow?run={run_id}&view=list")
    press(page, "Stop the run")
    page.button("Try again from where it stopped")
    page.until(lambda: text_of(focused(page)) == "Try again from where it stopped",
               "the focus on what can be done next")
    focused(page).send_keys(Keys.ENTER)
    page.until(lambda: text_of(focused(page)) == "Stop the run", "the focus on what can be done next")
    focused(page).send_keys(Keys.ENTER)
    api.wait_for_run(run_id)
    assert not page.errors()
