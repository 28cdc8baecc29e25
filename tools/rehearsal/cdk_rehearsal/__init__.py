"""Carries out the delivery of a CDK Pipelines app on an AWS that is emulated on this machine.

The names below are the interface for other programs; README.md describes it.
"""

from cdk_rehearsal.actions.cloudformation import settled
from cdk_rehearsal.assembly import Environment, Stack, pipeline_stack, stacks
from cdk_rehearsal.commit import Commit, find
from cdk_rehearsal.console import Answer, Console, Request, Step
from cdk_rehearsal.delivery import Rehearsal
from cdk_rehearsal.documented import Block, CommandError, Teardown, Terminal, blocks, bootstrap_commands
from cdk_rehearsal.emulator import Emulator, EmulatorError
from cdk_rehearsal.errors import DeliveryError, RehearsalError
from cdk_rehearsal.report import Report, remains
from cdk_rehearsal.settings import Settings
from cdk_rehearsal.workplace import Workplace
from cdk_rehearsal.workstation import bootstrap_account

__all__ = [
    "Answer", "Block", "CommandError", "Commit", "Console", "DeliveryError", "Emulator", "EmulatorError",
    "Environment", "Rehearsal", "RehearsalError", "Report", "Request", "Settings", "Stack", "Step", "Teardown",
    "Terminal", "Workplace", "blocks", "bootstrap_account", "bootstrap_commands", "find", "pipeline_stack", "remains",
    "settled", "stacks",
]  # fmt: skip
