"""The people who vote: how reliable, how far they agree, what sways them."""
