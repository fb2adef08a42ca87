"""What the desk does by itself, in a thread of its own: a look over many incidents holds up nobody's hold time."""

from collector.core.ticker import Duty
from collector.service import desk, escalating, problems, reminding, reviewing

DUTIES: tuple[Duty, ...] = (
    desk.route_new,
    escalating.escalate,
    problems.find,
    problems.draft_articles,
    reminding.remind,
    reviewing.remind,
)
