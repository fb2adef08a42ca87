"""What the desk does around incidents: queues, people, visits, changes, problems. Times are server time."""

from collector.service import change_models, desk_models, problem_models, visit_models  # noqa: F401 - Django looks here
