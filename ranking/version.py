"""The version of the distribution, which every board carries."""

import agon

VERSION = agon.__version__
