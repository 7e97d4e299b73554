"""What a reviewer can decide about a run: each a DAG run of its own, started by a form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    """An action on a run. verb: what its button says.  told: what it does, in a sentence.  dag_id: the DAG whose run it is.

    run: the engine's id of the run that it is about.  tables: what it can be limited to.  grave: whether readers see other rows by it.
    hindrance: why it can't be done now, "" when it can.  token: proves to the form's receiver that a page of ours has sent it.
    """

    verb: str
    told: str
    dag_id: str
    run: str
    tables: tuple[str, ...] = ()
    grave: bool = False
    hindrance: str = ""
    token: str = ""
