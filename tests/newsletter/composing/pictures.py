"""Pictures of mails for a person to look at: `python -m tests.newsletter.composing.pictures
FOLDER`.

Takes every .html of a folder, such as `manage.py preview_digest --out FOLDER` writes, and puts
pictures beside it: on a desktop, on a phone, in dark colours, inverted, without images, and
enlarged to 200 %.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CONDITIONS = {
    "desktop": {"viewport": {"width": 800, "height": 1000}},
    "phone": {"viewport": {"width": 390, "height": 800}},
    "dark": {"viewport": {"width": 800, "height": 1000}, "color_scheme": "dark"},
    "inverted": {"viewport": {"width": 800, "height": 1000}},
    "no-images": {"viewport": {"width": 800, "height": 1000}},
    "200-percent": {"viewport": {"width": 400, "height": 500}, "device_scale_factor": 2},
}


def show(page: Page, condition: str, html: str) -> None:
    if condition == "no-images":
        page.route("**/*.{png,jpg,jpeg,gif}", lambda route: route.abort())
    page.set_content(html)
    if condition == "inverted":
        page.add_style_tag(content="html{filter:invert(1) hue-rotate(180deg);background:#ffffff}")


def main(folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for mail in sorted(folder.glob("*.html")):
            for condition, options in CONDITIONS.items():
                page = browser.new_page(**options)
                show(page, condition, mail.read_text(encoding="utf-8"))
                page.screenshot(path=folder / f"{mail.stem}.{condition}.png", full_page=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
