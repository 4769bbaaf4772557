"""
The page of ``rds-ssl web`` in a real browser, of a real cluster with objects in many states.

Chromium runs no script of the page, and knows no name but this machine's.
"""

import asyncio
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support import browser, gallery
from support.browser import Browser, Page
from support.cluster import Cluster
from support.gallery import Gallery
from support.operator_process import OperatorProcess
from support.shop import sweep
from support.simulator import Simulator
from support.web_process import WebProcess

OPERATOR = dict(gallery.OPERATOR)

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(browser.program() is None, reason=browser.MISSING),
]

_PATHS = (
    *("", "?state=held", "?namespace=billing&sort=expiry", "plans", "changes"),
    *("object?namespace=shop&name=orders", "object?namespace=shop&name=stock", "?q=nothing"),
)


@pytest.fixture(scope="module")
def swept(cluster: Cluster) -> None:
    """Nothing is left of the modules before: the page is of all namespaces."""
    sweep(cluster)


@pytest.fixture(scope="module")
def filled(cluster: Cluster, rds: Simulator, swept: None, operator: OperatorProcess) -> Gallery:
    """Three namespaces with objects in many states."""
    del swept, operator  # It runs, and was started after the other.
    made = Gallery(cluster, rds)
    made.fill()
    return made


@pytest.fixture(scope="module")
def web(cluster: Cluster, filled: Gallery) -> Iterator[WebProcess]:
    """The page of all namespaces, as the administrator sees it."""
    del filled
    with WebProcess(cluster.control_plane.kubeconfig, "-A", "--context", "") as web:
        yield web.wait_serving()


def looked(work: Callable[[Browser], Awaitable[None]]) -> None:
    """Look at something with a browser of one's own."""

    async def run() -> None:
        async with Browser() as chromium:
            await work(chromium)

    asyncio.run(run())


async def text(page: Page) -> str:
    """Give what a person can read."""
    return str(await page.value("document.body.innerText"))


def test_no_page_asks_for_anything_but_this_machine_or_is_refused_anything(
    web: WebProcess,
) -> None:
    async def work(chromium: Browser) -> None:
        for path in _PATHS:
            page = await chromium.open(web.url + path)

            assert {urlsplit(each).netloc for each in page.requests} == {urlsplit(web.url).netloc}
            assert page.complaints == [], path
            assert await page.value("document.styleSheets[0].cssRules.length > 50"), path
            assert await page.value("document.scripts.length") == 0

    looked(work)


def test_the_first_page_shows_each_object_what_holds_it_and_the_way_out(
    web: WebProcess, filled: Gallery
) -> None:
    plan = filled["shop"].status("stock")["plan"]

    async def work(chromium: Browser) -> None:
        page = await chromium.open(web.url)
        shown = await text(page)

        for name in ("shop/orders", "billing/archive", "analytics/warehouse", "shop/payments"):
            assert name in shown
        assert f"rds-ssl approve -n shop stock --digest {plan['digest']}" in shown
        assert "0 3 * * SAT Asia/Shanghai" in shown
        assert "心愿单 · 杭州" in shown
        counts = await page.value(
            "Object.fromEntries([...document.querySelectorAll('.tile')].map(each =>"
            " [each.querySelector('.label').innerText, +each.querySelector('.count').innerText]))"
        )
        assert counts == {
            "All": 23,
            "Stalled": 3,
            "Held": 7,
            "Expiring": 5,
            "Working": counts["Working"],
            "Not known": 0,
            "Ready": counts["Ready"],
        }

    looked(work)


def test_the_command_that_is_shown_approves_that_plan(
    web: WebProcess, filled: Gallery, cluster: Cluster
) -> None:
    shop = filled["shop"]
    shop.start_custom("wallet", clientAuthentication=None)
    shop.patch("wallet", enabled=False, serverCertificate=None)
    shop.wait("ChangePending", "True", "AwaitingApproval", name="wallet")
    commands: list[str] = []

    async def work(chromium: Browser) -> None:
        page = await chromium.open(f"{web.url}object?namespace=shop&name=wallet")
        # As a click selects it, and a copy takes it.
        await page.value("getSelection().selectAllChildren(document.querySelector('.command'))")
        commands.append(str(await page.value("getSelection().toString().trim()")))

    looked(work)
    program, *arguments = commands[0].split()
    assert program == "rds-ssl"
    ended = subprocess.run(
        [sys.executable, "-m", "rds_ssl", *arguments, "--yes"],
        env={**os.environ, "KUBECONFIG": str(cluster.control_plane.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    shop.wait("Ready", "True", name="wallet")
    assert shop.ssl("wallet")["enabled"] is False


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_a_page_fits_a_phone_and_is_legible_by_day_and_by_night(
    web: WebProcess, width: int, *, dark: bool
) -> None:
    async def work(chromium: Browser) -> None:
        for path in _PATHS:
            page = await chromium.open(web.url + path, width=width, dark=dark)

            assert await page.value("document.documentElement.scrollWidth") <= width, path
            faint = await page.value(_FAINT)
            assert faint == [], path

    looked(work)


_FAINT = """
(() => {
  const parsed = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const over = (top, below) => {
    const a = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a));
  };
  const back = each => {
    const chain = [];
    for (let at = each; at; at = at.parentElement) chain.unshift(at);
    return chain.reduce((below, at) => {
      const found = parsed(getComputedStyle(at).backgroundColor);
      return found.length ? over(found, below) : below;
    }, [255, 255, 255]);
  };
  const light = colour => {
    const [r, g, b] = colour.map(v => v / 255).map(
      v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const each = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || each.closest('svg') || !each.offsetParent) continue;
    const below = back(each), ink = over(parsed(getComputedStyle(each).color), below);
    const [high, low] = [light(ink), light(below)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faint.add(`${each.tagName}.${each.className} ${ratio.toFixed(2)}`);
  }
  return [...faint];
})()
"""
"""Text with less contrast than WCAG 2.1 asks for (AA, 4.5 to 1)."""


def test_whoever_does_not_see_is_told_tables_fields_and_the_drawing(web: WebProcess) -> None:
    async def work(chromium: Browser) -> None:
        page = await chromium.open(web.url)
        tree = (await page.do("Accessibility.getFullAXTree"))["nodes"]
        found = [
            (each["role"]["value"], each.get("name", {}).get("value", ""))
            for each in tree
            if not each["ignored"]
        ]
        roles = [role for role, _ in found]

        assert ("image", "1 expired, ") not in found
        assert any(role == "image" and name.startswith("1 expired, ") for role, name in found)
        assert {"banner", "main", "contentinfo", "navigation", "search"} <= set(roles)
        assert roles.count("table") >= 3
        assert "rowheader" in roles
        assert "columnheader" in roles
        nameless = [
            role
            for role, name in found
            if role in {"combobox", "searchbox", "button", "link", "table"} and not name
        ]
        assert nameless == []

    looked(work)


def test_a_filter_works_without_a_script(web: WebProcess) -> None:
    async def work(chromium: Browser) -> None:
        page = await chromium.open(web.url)
        target = await page.value(
            "(() => { const form = document.querySelector('form.filters');"
            " form.elements.namespace.value = 'billing'; form.elements.state.value = 'stalled';"
            " return form.action + '?' + new URLSearchParams(new FormData(form)); })()"
        )
        await page.load(str(target))

        rows = await page.value(
            "[...document.querySelectorAll('.instances tbody tr')]"
            ".map(each => each.querySelector('a').innerText)"
        )
        assert rows == ["billing/ledger", "billing/mail"]

    looked(work)


def test_a_tenant_sees_what_he_may_list_and_nothing_else(cluster: Cluster, filled: Gallery) -> None:
    del filled
    cluster.request(
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/billing/rolebindings",
        {
            "metadata": {"name": "ann-views"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "rds-ssl-dbinstancessl-viewer",
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ann"}],
        },
    )
    kubeconfig = cluster.control_plane.kubeconfig

    with WebProcess(kubeconfig, "-A", "--as", "ann") as refused:
        assert refused.wait_ended() == 1
        assert "Or ask for one namespace with -n." in refused.log
    with WebProcess(kubeconfig, "-n", "billing", "--as", "ann") as web:
        url = web.wait_serving().url

        async def work(chromium: Browser) -> None:
            page = await chromium.open(url)
            shown = await text(page)
            assert "billing/ledger" in shown
            assert "shop/" not in shown
            other = await chromium.open(f"{url}object?namespace=shop&name=orders")
            assert "There is no such object" in await text(other)

        looked(work)


def test_a_hostile_certificate_and_message_are_text(
    web: WebProcess, filled: Gallery, cluster: Cluster
) -> None:
    evil = "\"'><img src=//evil.example/x onerror=alert(1)><script>document.title='had'</script>"
    shop = filled["shop"]
    shop.add_instance("evil")
    leaf = shop.root.leaf(shop.host("evil"), common_name=evil[:64])
    shop.set_pair(leaf, "evil")
    shop.write_pair(leaf, "evil")
    shop.declare_custom("evil", suspend=True)
    shop.wait("Ready", "True", name="evil")
    status = shop.status("evil")
    foreign = {**status["conditions"][0], "type": "example.com/Foreign", "message": evil}
    path = "/apis/rds-ssl.dev/v1alpha1/namespaces/shop/dbinstancessls/evil/status"
    body = {"status": {"conditions": [*status["conditions"], foreign]}}
    cluster.request("PATCH", path, body)

    async def work(chromium: Browser) -> None:
        for path in ("?q=evil", "object?namespace=shop&name=evil", "plans?namespace=shop"):
            page = await chromium.open(web.url + path)
            assert await page.value("document.images.length") == 1, path
            assert await page.value("document.scripts.length") == 0, path
            assert "had" not in str(await page.value("document.title"))
            assert page.complaints == []
        page = await chromium.open(f"{web.url}object?namespace=shop&name=evil")
        assert evil in await text(page)

    looked(work)


def test_ctrl_c_ends_it_without_a_word(cluster: Cluster, filled: Gallery) -> None:
    del filled
    with WebProcess(cluster.control_plane.kubeconfig, "-n", "shop") as web:
        web.wait_serving()
        os.kill(web.pid, signal.SIGINT)

        assert web.wait_ended() == 0
        assert "Traceback" not in web.log


def test_the_wheel_brings_templates_style_and_icon(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-m", "uv", "build", "--wheel", "--out-dir", str(tmp_path), str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0 and "hatchling" in ended.stderr:
        pytest.skip(f"hatchling cannot be had here: {ended.stderr}")
    assert ended.returncode == 0, ended.stderr

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {each for each in wheel.namelist() if "/templates/" in each}
    folder = root / "operator" / "rds_ssl" / "commands" / "page" / "templates"
    expected = {f"rds_ssl/commands/page/templates/{each.name}" for each in folder.iterdir()}
    assert packed == expected
