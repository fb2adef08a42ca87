"""Which queue something goes to, and what its worker must know. Pure: rules are data, the first that fits decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of an incident. `priority` 1 to 4, 1 the gravest; 0 where it is not known."""

    code: str
    source: str = "monitoring"
    severity: str = "error"
    subject: str = "terminal"
    priority: int = 0
    customer: int = 0
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An empty field fits everything; `codes` are patterns such as `fiscal.*`. `skills`: who works on it should have
    them."""

    queue: str
    codes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    priorities: tuple[int, ...] = ()
    customers: tuple[int, ...] = ()
    regions: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    name: str = ""

    def fits(self, facts: Facts) -> bool:
        return (
            (not self.codes or any(fnmatchcase(facts.code, pattern) for pattern in self.codes))
            and (not self.sources or facts.source in self.sources)
            and (not self.severities or facts.severity in self.severities)
            and (not self.subjects or facts.subject in self.subjects)
            and (not self.priorities or facts.priority in self.priorities)
            and (not self.customers or facts.customer in self.customers)
            and (not self.regions or facts.region in self.regions)
        )


def route(facts: Facts, rules: Sequence[Rule]) -> Rule | None:
    """The rule that decides; None where none fits: it stays where people look first."""
    return next((rule for rule in rules if rule.fits(facts)), None)
