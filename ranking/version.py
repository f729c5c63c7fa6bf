"""The version of Agon; part of every fingerprint."""

from __future__ import annotations

VERSION = "0.1.0"
