"""Commands on the record of a log: whether it is whole, and how it is mended."""
