"""The languages of the pages: what a reader is told in which words, and how the language is chosen."""
