"""What a reviewer can decide about a run. Each decision is a DAG run of its own, started by a form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    """An action on a run. label: on its button.  description: what it does, in a sentence.  dag_id: the DAG that it starts.

    run: the engine's id of the run that it is about.  tables: the tables that it can be limited to.
    danger: whether readers see other rows after it.  blocked: why it isn't possible, "" when it is.
    token: proves to the receiver of the form that one of these pages has sent it.
    """

    label: str
    description: str
    dag_id: str
    run: str
    tables: tuple[str, ...] = ()
    danger: bool = False
    blocked: str = ""
    token: str = ""
