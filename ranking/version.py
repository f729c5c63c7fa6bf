"""The version of Agon; part of every fingerprint."""

VERSION = "0.1.0"
