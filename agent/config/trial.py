"""What becomes of a wish of the collector: tried, kept as the last good one, or refused. Pure: the caller reads, writes
and tells."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from agent.config import desired
from agent.config.desired import Laid
from agent.config.kept import STARTS, Kept, Refused, Trial
from protocols.errors import ConfigError
from protocols.wire import v1
from protocols.wire.desired import digest_of, shaped

NOT_UP = "config.start_failed"
DIFFERS = 100


@dataclass(frozen=True, slots=True)
class Standing:
    """`laid` is by what the agent runs, None: the till's own file alone. `holds` is the number of its version.
    `anew`: another run must begin to go by what is kept."""

    kept: Kept
    laid: Laid | None = None
    holds: int = 0
    anew: bool = False


def begin(kept: Kept, local: dict[str, object]) -> Standing:
    """At the start of a run. A version on trial, or one that was refused for what stands in the till's file, gets
    this start; with the start that is one too many it is refused for good."""
    wished = kept.trial.wished if kept.trial else kept.refused.wished if kept.refused else None
    starts = kept.trial.starts if kept.trial else 0
    if wished is None or (kept.refused and kept.refused.for_good):
        return _good(kept, local)
    if starts >= STARTS:
        error = f"the agent did not stay up in {STARTS} starts with it"
        refused = Refused(wished=wished, code=NOT_UP, key="", error=error, for_good=True)
        return _good(Kept(good=kept.good, refused=refused), local)
    try:
        laid = _lay(wished, local)
    except ConfigError as e:
        return _good(Kept(good=kept.good, refused=_refused(wished, e)), local)
    tried = Kept(good=kept.good, trial=Trial(wished=wished, starts=starts + 1))
    return Standing(tried, laid, wished.number)


def judge(standing: Standing, wished: v1.Desired, local: dict[str, object]) -> Standing:
    """While the agent runs, with nothing on trial."""
    kept = standing.kept
    known = kept.known()
    if known is not None and known.digest == wished.digest:
        return replace(standing, kept=_renumbered(kept, wished), holds=_holds(standing, wished))
    try:
        laid = _lay(wished, local)
    except ConfigError as e:
        return replace(standing, kept=Kept(good=kept.good, refused=_refused(wished, e)))
    if standing.laid is not None and laid.config == standing.laid.config:
        return Standing(Kept(good=wished), laid, wished.number)
    return replace(standing, kept=Kept(good=kept.good, trial=Trial(wished=wished)), anew=True)


def stayed_up(standing: Standing) -> Standing:
    """The version on trial is the last good one from now on."""
    trial = standing.kept.trial
    return standing if trial is None else replace(standing, kept=Kept(good=trial.wished))


def ended(kept: Kept) -> Kept:
    """A clean end says nothing against a version on trial."""
    if kept.trial is None or kept.trial.starts == 0:
        return kept
    fewer = kept.trial.model_copy(update={"starts": kept.trial.starts - 1})
    return kept.model_copy(update={"trial": fewer})


def report(standing: Standing, at: datetime) -> v1.Configuration | None:
    """What the collector should know; None while something is on trial."""
    kept, laid = standing.kept, standing.laid
    if kept.trial:
        return None
    judged = kept.known()
    if judged is None:
        return v1.Configuration(seq=1, at=at, number=0, digest="", outcome=v1.Outcome.APPLIED)
    told: Mapping[str, object] = {"seq": 1, "at": at, "number": judged.number, "digest": judged.digest}
    if kept.refused or laid is None:
        why = kept.refused
        words = {"code": why.code, "key": why.key[:160], "error": why.error[:400]} if why else {}
        return v1.Configuration(**told, **words, outcome=v1.Outcome.REFUSED, holds=standing.holds)
    return v1.Configuration(
        **told,
        outcome=laid.outcome,
        holds=standing.holds,
        differs=laid.differs[:DIFFERS],
        left_off=max(len(laid.differs) - DIFFERS, 0),
    )


def _good(kept: Kept, local: dict[str, object]) -> Standing:
    """By the last good one; where the till's file has changed so that it does not fit any more, by that alone."""
    if kept.good is None:
        return Standing(kept)
    try:
        return Standing(kept, _lay(kept.good, local), kept.good.number)
    except ConfigError as e:
        refused = kept.refused or _refused(kept.good, e)
        return Standing(kept.model_copy(update={"refused": refused}))


def _lay(wished: v1.Desired, local: dict[str, object]) -> Laid:
    source = f"version {wished.number} of the collector"
    laid = desired.lay(local, wished.tables, source)
    if digest_of(shaped(wished.tables)) != wished.digest:
        raise ConfigError(source, "(file)", "is not what its digest says", code="config.digest")
    return laid


def _refused(wished: v1.Desired, error: ConfigError) -> Refused:
    return Refused(wished=wished, code=error.code, key=error.key, error=error.problem)


def _renumbered(kept: Kept, wished: v1.Desired) -> Kept:
    """The same content under another number."""
    if kept.refused:
        return kept.model_copy(update={"refused": kept.refused.model_copy(update={"wished": wished})})
    return kept.model_copy(update={"good": wished})


def _holds(standing: Standing, wished: v1.Desired) -> int:
    return standing.holds if standing.kept.refused else wished.number
