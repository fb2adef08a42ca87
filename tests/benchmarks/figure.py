"""One figure as a JSON line, with its bar and whether it is met."""

import json
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`bar`: what is asked for; None: the figure is told alone. `at_least`: a higher value is better."""

    bench: str
    metric: str
    value: float
    unit: str
    bar: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool:
        if self.bar is None:
            return True
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def line(self, **more: object) -> str:
        told: dict[str, object] = {
            "bench": self.bench,
            "metric": self.metric,
            "value": round(self.value, 3),
            "unit": self.unit,
        }
        if self.bar is not None:
            told |= {"bar": self.bar, "met": self.met}
        return json.dumps(told | more)

    def tell(self, **more: object) -> bool:
        """Print it; whether the bar is met."""
        sys.stdout.write(self.line(**more) + "\n")
        sys.stdout.flush()
        return self.met
