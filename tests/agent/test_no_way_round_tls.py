"""Verification of the collector cannot be switched off: no key of the configuration, no option, no variable does it,
and one place in the code alone looks at an unproven authority, to prove it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from agent.config.model import Config

ROOT = Path(__file__).resolve().parents[2]
_SUSPECT = re.compile(
    r"insecure|no_?verify|skip_?(tls|ssl|cert|verif)|(tls|ssl|cert)_?(verif|check)|verify_?(tls|ssl|cert|peer|host)"
    r"|trust_?(all|any)|allow_?(self|untrusted|invalid)|ssl_?check",
    re.IGNORECASE,
)
_SWITCHES = {"CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context", "_create_default_https_context"}
ONE_PLACE = ("agent/uplink/enrol.py", "_trust_nobody_yet")


def keys(model: object, path: str = "") -> Iterator[str]:
    for name, field in getattr(model, "model_fields", {}).items():
        yield f"{path}{name}"
        for inner in _models(field.annotation):
            yield from keys(inner, f"{path}{name}.")


def _models(annotation: object) -> Iterator[object]:
    if hasattr(annotation, "model_fields"):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


def sources(*rooms: str) -> Iterator[tuple[str, str]]:
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), file.read_text("utf-8")


def test_no_key_of_the_configuration_sounds_like_it() -> None:
    known = list(keys(Config))
    assert "collector.url" in known
    assert [key for key in known if _SUSPECT.search(key)] == []


def test_no_option_variable_or_example_sounds_like_it() -> None:
    """A grep over the text of everything that a person can set."""
    found = []
    for name, text in sources("agent"):
        found += [
            (name, arg) for arg in re.findall(r'add_argument\(\s*"(--[\w-]+)"', text) if _SUSPECT.search(arg)
        ]
        found += [
            (name, key)
            for key in re.findall(r'environ(?:\.get\(|\[)\s*"(\w+)"', text)
            if _SUSPECT.search(key)
        ]
    for file in (ROOT / "config").rglob("*.toml"):
        lines = [line.partition("#")[0] for line in file.read_text("utf-8").splitlines()]
        found += [(file.name, line) for line in lines if _SUSPECT.search(line)]
    assert found == []


def switched_off(text: str) -> list[str]:
    """The functions in which verification is switched off."""
    found = []
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [function.name for node in ast.walk(function) if _off(node)]
    return found


def _off(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and node.attr in _SWITCHES:
        return True
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is False:
        return any(isinstance(t, ast.Attribute) and t.attr == "check_hostname" for t in node.targets)
    if isinstance(node, ast.keyword) and node.arg in (
        "verify",
        "assert_hostname",
        "check_hostname",
        "cert_reqs",
    ):
        return isinstance(node.value, ast.Constant) and node.value.value in (False, None, "CERT_NONE", "NONE")
    return False


def test_one_place_alone_looks_at_an_unproven_authority() -> None:
    places = {
        (name, function) for name, text in sources("agent", "protocols") for function in switched_off(text)
    }
    assert places == {ONE_PLACE}


def test_a_switch_would_be_seen() -> None:
    """The control."""
    assert switched_off("def f():\n    context.verify_mode = ssl.CERT_NONE") == ["f"]
    assert switched_off("def f():\n    context.check_hostname = False") == ["f"]
    assert switched_off("def f():\n    get(url, verify=False)") == ["f"]
    assert switched_off("def f():\n    get(url, verify=ca)") == []
    for name in ("insecure", "tls_verify", "no_ssl_check", "skip-cert-verification", "trust_all"):
        assert _SUSPECT.search(name.replace("-", "_")), name
