"""The root of the staging area: a URL (`s3://bucket/x`, `file:///x`) or a local path, as Arrow's file system and a path within it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl

import pyarrow.fs as pafs

from penstock.errors import ConnectionFailed, MigrationError
from penstock.state import place_faults

_SECRET = re.compile(r"password|passwd|secret|token|credential|signature|\bsig\b|access_?key|account_?key|sas", re.IGNORECASE)
_FORMS = "write for instance s3://bucket/folder, gs://bucket/folder, abfs://container@account.dfs.core.windows.net/folder, or a path"
_CHAIN = (
    "leave it out: the store's own chain finds it in the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
    " GOOGLE_APPLICATION_CREDENTIALS), in a profile, or as the role of the machine"
)


def opened(root: str) -> tuple[str, pafs.FileSystem, str]:
    """The root as a URL, its file system, and its path there. Raises MigrationError and ConnectionFailed, which show no secret."""
    if "://" not in root:
        if "\0" in root or re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", root):
            raise _unreadable(root, "a URL has // after its scheme" if ":/" in root else "a path has no zero byte")
        root = Path(root).absolute().as_uri()
    _refuse_secret(root)
    try:
        return root, *pafs.FileSystem.from_uri(_with_options(root))
    except (ValueError, NotImplementedError) as error:
        raise _unreadable(root, str(error).splitlines()[0]) from None
    except OSError as error:
        why = next(iter(str(error).splitlines()), "")
        fix = "check the bucket, the network, the credentials and what the store's client needs"
        raise (place_faults.fault(error, root) or ConnectionFailed("can't reach the staging area", root, why, fix)) from None


def _with_options(root: str) -> str:
    """The URL with the option that lets Arrow send a small object by one request instead of three."""
    option = "allow_delayed_open"
    return root if not root.startswith("s3:") or option in root else f"{root}{'&' if '?' in root else '?'}{option}=true"


def _refuse_secret(root: str) -> None:
    """Raise MigrationError for a URL that has a secret in it: a run writes this URL into its report."""
    scheme, _, rest = root.partition("://")
    # not parsed: the secret keys of AWS often have a slash, which ends what a parser takes for the host
    names = parse_qsl(rest.partition("?")[2], keep_blank_values=True)
    secret = re.match(r"[^@?]*:[^@?]*@", rest) or any(_SECRET.search(name) for name, _ in names)
    if secret:
        raise MigrationError(
            "the URL of the staging area has a secret in it", f"{scheme}://***", "the report of a run shows this URL", _CHAIN
        )


def _unreadable(root: str, why: str) -> MigrationError:
    return MigrationError("the staging area can't be read as a URL or a path", root, why, _FORMS)
