import os
import shutil
import tempfile

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from contract import Contract
from host import LOGS, PASSWORD, Api, Host, running

CHROMIUM_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--window-size=1440,1000",
)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets the browser fixture see whether its test failed."""
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


@pytest.fixture(scope="session", autouse=True)
def contract():
    """Every answer that a test gets is held against the host's document."""
    watching = Contract()
    watching.install()
    yield watching
    watching.remove()
    assert not watching.pending, "answers that no document was found for"


@pytest.fixture(scope="session")
def host():
    with running(Host()) as started:
        yield started


@pytest.fixture(scope="session")
def api(host):
    return Api(host.url, "admin", PASSWORD)


@pytest.fixture
def browser(request, host):
    """A fresh Chromium profile; a failed test leaves a picture of the page."""
    profile = tempfile.mkdtemp(prefix="hg-chromium-")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in CHROMIUM_FLAGS + (f"--user-data-dir={profile}",):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield driver
        report = getattr(request.node, "report_call", None)
        if report is not None and report.failed:
            driver.save_screenshot(os.path.join(LOGS, request.node.name + ".png"))
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
