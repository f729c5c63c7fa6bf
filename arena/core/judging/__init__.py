"""Language models as judges: what they are asked, what they said, and the votes that follow."""
