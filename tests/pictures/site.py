"""
The start page of the site in both languages, as a browser shows it.

    PYTHONPATH=tests python -m pictures.site [light|dark] [PAGE]

Needs chromium and fonts-noto-cjk (Debian), and a site that `make site` has built. Without a page it
writes docs/pictures/site-en.png and site-zh.png; a page such as conditions/ goes into build/, to be
looked at.
"""

import functools
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.polling import patience
from support.site_build import ROOT, SITE

PICTURES = ROOT / "docs" / "pictures"
SIZE = (1280, 1040)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; give its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def take(address: str, picture: Path, *, dark: bool = False, size: tuple[int, int] = SIZE) -> None:
    """
    Have a browser show an address, and keep what it shows.

    Raises:
        FileNotFoundError: If there is no browser.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise FileNotFoundError("chromium is needed: apt-get install chromium fonts-noto-cjk")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--disable-extensions", "--no-first-run", "--force-device-scale-factor=1"),
                # Nothing but what is served here: a page that asked elsewhere would look broken.
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                f"--user-data-dir={profile}",
                f"--window-size={size[0]},{size[1]}",
                "--virtual-time-budget=5000",
                *(("--blink-settings=preferredColorScheme=0",) if dark else ()),
                f"--screenshot={picture}",
                address,
            ],
            check=True,
            capture_output=True,
            timeout=patience(30),
        )


def main(*arguments: str) -> int:
    """Take the pictures; return the exit code."""
    if not (SITE / "index.html").exists():
        print("there is no site: make site", file=sys.stderr)
        return 1
    dark = "dark" in arguments
    pages = [each for each in arguments if each not in {"light", "dark"}]
    wanted = (
        {f"{each}": ROOT / "build" / f"{each.strip('/').replace('/', '-')}.png" for each in pages}
        if pages
        else {"": PICTURES / "site-en.png", "zh/": PICTURES / "site-zh.png"}
    )
    with served(SITE) as address:
        for path, picture in wanted.items():
            size = (1280, 2400) if pages else SIZE
            take(f"{address}/{path}", picture, dark=dark, size=size)
            print(picture.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
