"""What a person does, from the first question to the last line; each step is a screen or a use case."""
