"""What the collector wishes of this till, in lines for a person: which version holds, what it sets and what not."""

from pathlib import Path

from agent.config import desired, kept, trial
from agent.config.kept import Kept
from agent.config.model import Config
from agent.config.trial import Standing
from agent.spool import Json
from protocols.wire import v1
from protocols.wire.desired import toml

_WHY = {
    v1.DifferenceReason.LOCAL: "the file marks it as local",
    v1.DifferenceReason.ABSENT: "there is none of this name here",
}


def standing_of(state_dir: Path, local: dict[str, object]) -> tuple[Kept | None, Standing]:
    """What is kept, None where this account may not look, and by what an agent that is started now would go. Nothing is
    counted or written."""
    if kept.is_hidden(state_dir):
        return None, Standing(Kept())
    found = kept.read(state_dir)
    seen = (
        found
        if found.trial is None
        else found.model_copy(update={"trial": kept.Trial(wished=found.trial.wished)})
    )
    return found, trial.begin(seen, local)


def config_of(standing: Standing, own: Config) -> Config:
    return standing.laid.config if standing.laid else own


def lines(found: Kept | None, standing: Standing, local: dict[str, object]) -> list[str]:
    """In words, then key by key."""
    return [*head(found, standing), *_taken(standing, local), *_differences(standing)]


def head(found: Kept | None, standing: Standing) -> list[str]:
    """Which version holds, is tried, or is refused."""
    if found is None:
        return ["What the collector wishes is unknown: this account may not look into the state folder"]
    if found.known() is None:
        return ["The collector wishes nothing for this till"]
    good, tried, refused = standing.kept.good, standing.kept.trial, standing.kept.refused
    said = []
    if good and good.number == standing.holds:
        said.append(f"Version {good.number} of the collector holds{_by(good)}")
    if tried:
        when = "is on trial" if found.trial else "was refused, fits now, and is tried at the next start"
        said.append(f"Version {tried.wished.number} of the collector {when}{_by(tried.wished)}")
    if refused:
        key = f"{refused.key}: " if refused.key else ""
        said.append(f"Version {refused.wished.number} is refused: {key}{refused.error} ({refused.code})")
    return said if standing.holds else [*said, "The till goes by its own file alone"]


def _by(version: v1.Desired) -> str:
    at = f" at {version.at.astimezone():%Y-%m-%d %H:%M}" if version.at else ""
    return f", by {version.by}{at}" if version.by else ""


def _taken(standing: Standing, local: dict[str, object]) -> list[str]:
    said = []
    for key, value in (standing.laid.taken if standing.laid else {}).items():
        own = desired.local_value(local, key)
        said.append(f"  {key} = {toml(value)}" + (f" (the file: {own})" if own else ""))
    return said


def _differences(standing: Standing) -> list[str]:
    found = standing.laid.differs if standing.laid else ()
    return [
        f"  not taken: {one.key} = {one.desired}: {_WHY[one.reason]}"
        + (f" (the file: {one.local})" if one.local else "")
        for one in found
    ]


def facts(found: Kept | None, standing: Standing) -> dict[str, Json]:
    """For a machine: the numbers of what holds (0: the till's file alone), is tried and is refused, null for none.
    Empty where it is unknown."""
    if found is None:
        return {}
    refused = standing.kept.refused
    return {
        "holds": standing.holds,
        "trial": found.trial.wished.number if found.trial else None,
        "refused": refused.wished.number if refused else None,
        "code": refused.code if refused else "",
        "key": refused.key if refused else "",
        "error": refused.error if refused else "",
        "differs": [one.key for one in standing.laid.differs] if standing.laid else [],
    }
