"""What does each type of job, written by hand. What is not here cannot be done."""

from collections.abc import Mapping
from typing import Any

from agent.jobs.clear_spooler import Clear
from agent.jobs.collect_logs import Collect
from agent.jobs.drawer_test import Drawer
from agent.jobs.read_state_now import Reading
from agent.jobs.reload_configuration import Reload
from agent.jobs.restart_service import Restart
from agent.jobs.restore import Over, ToFile
from agent.jobs.run_backup import Backup
from agent.jobs.run_drill import Drill
from agent.jobs.self_test import Test
from agent.jobs.update import Updating
from agent.jobs.work import Work
from protocols.wire.job import Type

WORKS: Mapping[Type, Work[Any]] = {
    Type.READ_STATE_NOW: Reading(),
    Type.DRAWER_TEST: Drawer(),
    Type.RUN_BACKUP: Backup(),
    Type.RUN_DRILL: Drill(),
    Type.RESTORE_FILE: ToFile(),
    Type.RESTORE_OVER: Over(),
    Type.RESTART_SERVICE: Restart(),
    Type.CLEAR_SPOOLER: Clear(),
    Type.COLLECT_LOGS: Collect(),
    Type.RELOAD_CONFIGURATION: Reload(),
    Type.SELF_TEST: Test(),
    Type.UPDATE: Updating(),
}
"""The parameters of a job are of the class that its type has in the catalogue: the wire has checked that."""
