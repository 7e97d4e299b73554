"""Protection: which tables' staged rows are encrypted, and with which key.

Rows of a protected table are staged as encrypted Parquet files (penstock/state/encrypted_files.py). The key of a run is made of two
parts: a random one, kept in the journal of the target database, and a secret from outside, where one is configured. Each file has a
key of its own, derived from the run's and from the file's path.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.errors import StagingLocked

SECRETS = {"staging_key": "penstock_staging", "mask_key": "penstock_mask"}
"""The secrets from outside that may be a part of a run's key, the preferred first, with the Airflow connection that has each."""


@dataclass(frozen=True)
class Protection:
    """How a run's staged rows are protected.

    folders: the folders of protected tables.  key: of the run; None where nobody has asked for it, and then no protected file can be
    written or read.
    """

    folders: frozenset[str] = frozenset()
    key: bytes | None = field(default=None, repr=False)

    def of(self, file: str) -> bytes | None:
        """The key of a staged file, given by its path relative to the run; None when it is not encrypted. Raises StagingLocked."""
        if not self.folders.intersection(file.split("/")[1:2]):  # <stage>/<table>/…
            return None
        if self.key is None:
            raise StagingLocked(f"the staged file {file} is encrypted, and its key was not asked for")
        return _derived(self.key, f"file\0{file}")


def chosen(secrets: Mapping[str, str]) -> str:
    """Which of the configured secrets a new run's key is made with: its name in `secrets`, empty when none is configured."""
    return next((name for name in SECRETS if secrets.get(name)), "")


def mixed(random: bytes, secret: str) -> bytes:
    """The key of a run, of the part that the journal keeps and the secret from outside ("" when there is none)."""
    return _derived(_derived(random, f"outside\0{secret}"), "run")


def check(key: bytes) -> str:
    """A value by which a wrong key is recognized. The key can't be computed from it."""
    return _derived(key, "check")[:8].hex()


def _derived(key: bytes, purpose: str) -> bytes:
    """HKDF's expand step (RFC 5869) for one block: 32 bytes of a key for one purpose."""
    return hmac.new(key, purpose.encode() + b"\x01", hashlib.sha256).digest()
