"""What the desk does around incidents: queues, people, visits, changes, problems. Times are server time."""

from collector.service.change_models import (
    Approval,
    CertifiedVersion,
    Change,
    ChangeStep,
    ChangeTask,
    Freeze,
)
from collector.service.desk_models import (
    Absence,
    Chain,
    Escalation,
    Member,
    Override,
    Queue,
    QueueRule,
    Rota,
    RotaPerson,
    Round,
    Rung,
    Swap,
    Watch,
    Worker,
)
from collector.service.problem_models import Candidate, Draft, Problem, ProblemStep
from collector.service.visit_models import Visit, VisitFile, VisitPart, VisitStep

__all__ = [
    "Absence",
    "Approval",
    "Candidate",
    "CertifiedVersion",
    "Chain",
    "Change",
    "ChangeStep",
    "ChangeTask",
    "Draft",
    "Escalation",
    "Freeze",
    "Member",
    "Override",
    "Problem",
    "ProblemStep",
    "Queue",
    "QueueRule",
    "Rota",
    "RotaPerson",
    "Round",
    "Rung",
    "Swap",
    "Visit",
    "VisitFile",
    "VisitPart",
    "VisitStep",
    "Watch",
    "Worker",
]
