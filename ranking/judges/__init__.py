"""Judges that are language models: how far they agree with people, and what sways them."""
