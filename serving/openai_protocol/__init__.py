"""Models behind the OpenAI protocol, whoever serves them."""
