"""`qthermo view`: the server, whom it answers, and the page in a browser where there is one."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import pytest

from datasets import two_baths
from processes import QTHERMO, until


@pytest.fixture
def file(tmp_path):
    two_baths().to_netcdf(tmp_path / "result.h5", engine="h5netcdf")
    return tmp_path / "result.h5"


def test_without_bokeh_the_command_names_the_extra(monkeypatch, qthermo, file):
    for name in [name for name in sys.modules if name.startswith("qthermo_jax.viewer")]:
        monkeypatch.delitem(sys.modules, name)
    loaded = {name for name in sys.modules if name.partition(".")[0] == "bokeh"}
    for name in {"bokeh", *loaded}:
        monkeypatch.setitem(sys.modules, name, None)
    code, out, err = qthermo("view", file)
    assert (code, out) == (2, "")
    assert re.fullmatch(r'qthermo: view: no bokeh\S*: pip install "qthermo_jax\[view\]"\n', err)


def test_the_command_opens_two_results(monkeypatch, qthermo, file, tmp_path):
    two_baths().assign_attrs(title="Second").to_netcdf(tmp_path / "second.h5", engine="h5netcdf")
    seen = []

    def serve(data, second, port, *, browser, tell):
        seen.append((data.title, second and second.title, port, browser))
        tell("http://here/")

    monkeypatch.setattr("qthermo_jax.viewer.serve", serve)
    asked = ("view", file, tmp_path / "second.h5", "--port", "5", "--no-browser")
    assert qthermo(*asked) == (0, "http://here/  Ctrl-C ends it\n", "")
    assert qthermo("view", file)[0] == 0
    assert seen == [("Two <baths>", "Second", 5, False), ("Two <baths>", None, 0, True)]
    assert qthermo("view", file, tmp_path / "none.h5")[2].endswith("none.h5: no such file\n")


@pytest.fixture
def served(file):
    """The address of a page, from the command line; it ends by Ctrl-C."""
    with subprocess.Popen(
        [*QTHERMO, "view", str(file), "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BOKEH_RESOURCES": "cdn", "BOKEH_ALLOW_WS_ORIGIN": "elsewhere.org:80"},
    ) as process:
        try:
            yield process.stdout.readline().split()[0]
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=30)[0] == "stopped\n"
            assert process.returncode == 0
        finally:
            process.kill()


def answer(port, path="/", **headers):
    """The HTTP status that a request with these headers gets."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={name: value for name, value in headers.items() if value})
    with contextlib.closing(connection):
        return connection.getresponse().status


def answer_to_websocket(port, origin, host=""):
    more = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    own = {"Origin": origin, "Host": host, "Upgrade": "websocket", "Connection": "Upgrade"}
    return answer(port, "/ws", **own, **more)


@pytest.mark.long
def test_another_host_or_no_origin_is_refused(served):
    own = served.rstrip("/")
    port = int(own.rsplit(":", 1)[1])
    assert answer(port) == 200
    assert answer(port, Host=f"localhost:{port}") == 200
    for host in ("elsewhere.org", f"elsewhere.org:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}"):
        assert answer(port, Host=host) == 403, host
    # A link's query lets nobody in, and whatever it says is a choice at most.
    assert answer(port, "/?observable=position&x=T&at.g=0.4&scale=%ff&arguments=x") == 200
    assert answer(port, "/?observable=position", Host=f"elsewhere.org:{port}") == 403
    assert answer(port, "/?observable=position", Origin="http://elsewhere.org") == 403
    assert answer(port, Origin="http://elsewhere.org") == 403
    assert answer_to_websocket(port, own) == 101
    for origin in ("", "null", "http://elsewhere.org", f"https://127.0.0.1:{port}"):
        assert answer_to_websocket(port, origin) == 403, origin
    assert answer_to_websocket(port, own, f"elsewhere.org:{port}") == 403


@pytest.mark.slow
def test_the_page_is_local_and_brings_all_that_it_loads(served, file):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", served)
    with urllib.request.urlopen(served, timeout=30) as answer:
        html = answer.read().decode()
    assert "<title>Two &lt;baths&gt;</title>" in html
    sources = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert any("bokeh" in source for source in sources)
    assert not [source for source in sources if source.startswith(("http", "//"))]
    port = int(served.rsplit(":", 1)[1].strip("/"))
    assert answer_to_websocket(port, "http://elsewhere.org") == 403
    assert answer_to_websocket(port, served.rstrip("/")) == 101
    command = [*QTHERMO, "view", str(file), "--port", str(port)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"qthermo: port {port}: ")
    assert run.stderr.count("\n") == 1


# All elements of a page, those inside of shadow roots too.
EVERYWHERE = """
const found = [];
const visit = (root) => root.querySelectorAll("*").forEach((element) => {
  if (element.matches(arguments[0])) found.push(element);
  if (element.shadowRoot) visit(element.shadowRoot);
});
visit(document);
return found;
"""
DRAWN = """
const source = Array.from(Bokeh.documents[0]._all_models.values())
  .find((each) => each.name === arguments[0]);
const plain = (each) => each instanceof Object ? Array.from(each) : each;
return Array.from(source.data[arguments[1]], plain);
"""


@pytest.fixture
def browser(tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium with its chromedriver on the PATH")
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "window-size=1200,700",
        f"user-data-dir={tmp_path / 'profile'}",
    ):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as opened:
        yield opened


@pytest.mark.slow
def test_a_browser_shows_the_curves_and_its_controls_move_them(served, browser, tmp_path):
    def drawn(source, column):
        return browser.execute_script(DRAWN, source, column)

    def everywhere(selector):
        return browser.execute_script(EVERYWHERE, selector)

    browser.get(served)
    handle = until(lambda: everywhere(".noUi-handle"))[0]
    assert drawn("lines", "y") == [[3.0, 4.0, 6.0], [-3.0, -4.0, -6.0]]
    before = browser.get_screenshot_as_png()
    # The slider T from 2 to 3, by the keyboard as a user would.
    handle.send_keys("\ue014")
    until(lambda: drawn("flags", "x") == [0.2])
    assert [row[0] for row in drawn("lines", "y")] == [4.0, -4.0]
    assert browser.get_screenshot_as_png() != before
    notes = until(lambda: [each.text for each in everywhere("div.bk-clearfix") if "unique" in each.text])
    (note,) = notes
    assert note.startswith("\u00d7 1 point: the steady state is not unique")
    browser.save_screenshot(tmp_path / "view.png")
    options = {each.text: each for each in everywhere("option")}
    options["position: position"].click()
    until(lambda: drawn("lines", "name") == ["position"])
    assert drawn("lines", "y")[0][0] == pytest.approx(10.0)
    browser.save_screenshot(tmp_path / "view-observable.png")
    # Nothing failed, and nothing came from elsewhere.
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [
        entry["params"]["request"]["url"]
        for entry in asked
        if entry["method"] == "Network.requestWillBeSent"
    ]
    assert any(url.startswith(served) for url in urls)
    assert [url for url in urls if not url.startswith((served, "data:", "chrome"))] == []


@pytest.mark.slow
def test_a_browser_shows_maps_and_what_is_known_of_the_point_under_the_pointer(served, browser):
    chains = pytest.importorskip("selenium.webdriver.common.action_chains")

    def drawn(source, column):
        return browser.execute_script(DRAWN, source, column)

    def everywhere(selector):
        return browser.execute_script(EVERYWHERE, selector)

    def told():
        return [each.text for each in everywhere("table") if "status" in each.text]

    browser.get(f"{served}?observable=position&x=T&y=g")
    until(lambda: everywhere("canvas"))
    before = until(told)
    assert drawn("profile g", "y") == [[10.0, 20.0, 40.0]]
    plot = everywhere("canvas")[0]
    chains.ActionChains(browser).move_to_element_with_offset(plot, 60, -100).perform()
    until(lambda: told() and told() != before)
    # The address follows the choice.
    options = {each.text: each for each in everywhere("option")}
    options["log"].click()
    until(lambda: "scale=log" in browser.current_url)
    browser.get(browser.current_url)
    until(lambda: everywhere("canvas"))
    assert "scale=log" in browser.current_url
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
