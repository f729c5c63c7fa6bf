"""The log of use: what models were drawn for, and what people did then; apart from votes."""
