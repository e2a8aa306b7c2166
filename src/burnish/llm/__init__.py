"""The only road to a language model."""
