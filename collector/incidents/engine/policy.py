"""By what figures a rule decides. All times in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Self

from collector.incidents.engine.facts import MARKS, RANK
from protocols.errors import PlombaError
from protocols.status.faults import FAULTS, Severity

YEAR_S = 366 * 86_400.0


class PolicyRefused(PlombaError):
    """`rule.value`: a figure of a rule is none, or out of its bounds; the message names it and what is allowed."""

    code = "rule.value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`need` of the last `of` reports within `window_s` must say that the fault is there, and it must last `wait_s`
    before an incident opens. It ends when the last `good` reports say that it is gone and it stayed away for
    `hold_s`; back within `reopen_s` after it went, it is the same incident. `flaps` comings within `flap_s`: it
    flaps, and ends only when it was calm for `calm_s`. `worsens`: lasting so long, it is as grave as this.
    `trading`: less grave while the shop is closed. More than `storm` incidents of one code within `storm_s` are one."""

    need: int = 1
    of: int = 1
    window_s: float = 86_400
    wait_s: float = 0
    good: int = 1
    hold_s: float = 30
    reopen_s: float = 900
    flaps: int = 6
    flap_s: float = 3600
    calm_s: float = 900
    worsens: tuple[tuple[float, Severity], ...] = ()
    trading: bool = True
    repeats: bool = True
    storm: int = 30
    storm_s: float = 60
    spans: "Spans" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "spans", Spans.of(self))

    def changed(self, values: Mapping[str, object]) -> "Policy":
        """PolicyRefused for a figure that is none."""
        found = {name: _value(name, value) for name, value in values.items()}
        new = replace(self, **found)  # type: ignore[arg-type]
        if new.need > new.of:
            raise PolicyRefused(f"need is {new.need}, more than the {new.of} of `of`")
        return new

    def differing(self, other: "Policy") -> dict[str, object]:
        """The figures of `other` that are not these."""
        return {
            one.name: getattr(other, one.name)
            for one in fields(self)
            if one.init and getattr(other, one.name) != getattr(self, one.name)
        }


@dataclass(frozen=True, slots=True)
class Spans:
    """The figures of a policy as what times are reckoned with, worked out once: they are asked for with every event.
    `same`: back within so long after it went means the same incident. `graver`: for each severity, the steps that are
    graver, with the time that each takes."""

    wait: timedelta
    hold: timedelta
    calm: timedelta
    same: timedelta
    storm: timedelta
    window_us: int
    flap_us: float
    graver: Mapping[Severity, tuple[tuple[timedelta, Severity], ...]]

    @classmethod
    def of(cls, policy: Policy) -> Self:
        steps = [(timedelta(seconds=after_s), severity) for after_s, severity in policy.worsens]
        return cls(
            wait=timedelta(seconds=policy.wait_s),
            hold=timedelta(seconds=policy.hold_s),
            calm=timedelta(seconds=policy.calm_s),
            same=timedelta(seconds=max(policy.reopen_s, policy.hold_s)),
            storm=timedelta(seconds=policy.storm_s),
            window_us=int(policy.window_s * 1e6),
            flap_us=policy.flap_s * 1e6,
            graver={now: tuple(step for step in steps if RANK[step[1]] > RANK[now]) for now in Severity},
        )


BOUNDS: Mapping[str, tuple[float, float]] = {
    "need": (1, MARKS),
    "of": (1, MARKS),
    "window_s": (1, YEAR_S),
    "wait_s": (0, 7 * 86_400),
    "good": (1, 8),
    "hold_s": (0, 7 * 86_400),
    "reopen_s": (0, 30 * 86_400),
    "flaps": (3, MARKS // 2),
    "flap_s": (10, 7 * 86_400),
    "calm_s": (1, 7 * 86_400),
    "storm": (2, 100_000),
    "storm_s": (1, 3600),
}
_WHOLE = frozenset({"need", "of", "good", "flaps", "storm"})
_YES = frozenset({"trading", "repeats"})


def _value(name: str, value: object) -> object:
    if name == "worsens":
        return _steps(value)
    if name in _YES:
        if isinstance(value, bool):
            return value
        raise PolicyRefused(f"{name} is true or false, not {value!r}")
    if name not in BOUNDS:
        raise PolicyRefused(f"{name} is no figure of a rule; they are {', '.join([*BOUNDS, *sorted(_YES)])}")
    low, high = BOUNDS[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise PolicyRefused(f"{name} must be between {low:g} and {high:g}, not {value!r}")
    if name in _WHOLE and value != int(value):
        raise PolicyRefused(f"{name} must be a whole number, not {value!r}")
    return int(value) if name in _WHOLE else float(value)


def _steps(value: object) -> tuple[tuple[float, Severity], ...]:
    """From [[seconds, severity], …]."""
    found = []
    for step in value if isinstance(value, list | tuple) else (None,):
        match step:
            case [int() | float() as after_s, str() as severity] if 0 < after_s <= YEAR_S:
                try:
                    found.append((float(after_s), Severity(severity)))
                except ValueError as e:
                    raise PolicyRefused(f"worsens: {severity} is no severity") from e
            case _:
                raise PolicyRefused("worsens is a list of steps, each seconds and a severity")
    return tuple(sorted(found, key=lambda step: step[0]))


@dataclass(frozen=True, slots=True)
class Text:
    lv: str
    en: str
    ru: str

    def in_(self, language: str) -> str:
        return {"lv": self.lv, "ru": self.ru}.get(language, self.en)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of fault. `codes`: those that begin so, or are so, are its own. `hold`: the key of [hold_s] in the
    collector's configuration; "" takes that of `policy`. `special`: figures of single codes that differ.
    `owner`: the queue whose affair it is; `action`: what that queue does first; `article`: what it reads."""

    name: str
    codes: tuple[str, ...]
    owner: str
    action: Text
    article: str
    policy: Policy = Policy()
    hold: str = ""
    special: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def applies(self, code: str) -> bool:
        return code.startswith(self.codes)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules with the figures that hold now, by code; nothing for a code that is not in the closed list, which a
    newer agent may tell."""

    by_code: Mapping[str, tuple[Rule, Policy]]

    @classmethod
    def of(
        cls,
        rules: tuple[Rule, ...],
        hold_s: Mapping[str, float] | None = None,
        changes: Mapping[str, Mapping[str, object]] | None = None,
    ) -> Self:
        """The first rule that a code belongs to has it. `changes`: rule -> figures that people set; they hold for
        all its codes."""
        found: dict[str, tuple[Rule, Policy]] = {}
        for code in FAULTS:
            rule = next((rule for rule in rules if rule.applies(code)), None)
            if rule is None:
                continue
            policy = rule.policy
            if hold_s and rule.hold in hold_s:
                policy = replace(policy, hold_s=hold_s[rule.hold])
            policy = policy.changed(rule.special.get(code, {}))
            found[code] = (rule, policy.changed((changes or {}).get(rule.name, {})))
        return cls(found)

    def for_code(self, code: str) -> tuple[Rule, Policy] | None:
        return self.by_code.get(code)
