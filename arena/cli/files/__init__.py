"""Commands that write votes into files of other forms."""
