"""The arena for programs: the shapes of its answers as JSON, their document, what need not be sent again."""
