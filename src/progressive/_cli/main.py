"""The group of commands; a command's module is loaded when it is called.

Floor 5.
"""

from __future__ import annotations

import importlib

import click

from progressive import __version__

_COMMANDS = {
    "run": "progressive._cli.commands.run:run",
    "status": "progressive._cli.commands.status:status",
    "history": "progressive._cli.commands.history:history",
    "explain": "progressive._cli.commands.explain:explain",
    "abort": "progressive._cli.commands.decide:abort",
    "hold": "progressive._cli.commands.decide:hold",
    "resume": "progressive._cli.commands.decide:resume",
    "promote": "progressive._cli.commands.decide:promote",
    "approve": "progressive._cli.commands.decide:approve",
    "retry": "progressive._cli.commands.retry:retry",
    "sweep": "progressive._cli.commands.sweep:sweep",
    "detach": "progressive._cli.commands.detach:detach",
    "plan": "progressive._cli.commands.plan:plan",
    "route": "progressive._cli.commands.route:route",
    "rbac": "progressive._cli.commands.rbac:rbac",
    "simulate": "progressive._cli.commands.simulate:simulate",
    "demo": "progressive._cli.commands.demo:demo",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="progressive %(version)s")
def cli() -> None:
    """Release to Kubernetes step by step: shift traffic, judge metrics, promote or roll back.

    Exit codes of a release: 0 promoted, initialized or unchanged · 1 unexpected error · 2 usage ·
    3 rolled back · 4 inconclusive, or left on hold · 5 timed out · 6 rejected · 7 superseded ·
    8 busy · 9 unreachable · 10 stuck (traffic may be split) · 11 aborted.
    """
