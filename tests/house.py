"""The house's own rules that no linter knows: sizes of files and functions, and what no file may hold."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 500
FUNCTION_LINES = 50
DATA = {"protocols/status/faults.py"}
"""Tables of data, which may be long."""

FORBIDDEN = re.compile("p[y]pi[.]org|python[h]osted|deb[.]debia[n]|registry[.]np[m]js")


def main() -> int:
    found = [*sizes(), *addresses()]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


def tracked(*patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def sizes() -> Iterator[str]:
    for path in tracked("agent/*.py", "collector/*.py", "protocols/*.py"):
        name = str(path.relative_to(ROOT))
        if "/migrations/" in name or name in DATA:
            continue
        text = path.read_text()
        if (lines := text.count("\n")) > FILE_LINES:
            yield f"{name}: {lines} lines, at most {FILE_LINES}"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{name}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LINES}"


def addresses() -> Iterator[str]:
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if hit := FORBIDDEN.search(text):
            yield f"{path.relative_to(ROOT)}: holds the address of a package registry ({hit[0]})"


if __name__ == "__main__":
    sys.exit(main())
