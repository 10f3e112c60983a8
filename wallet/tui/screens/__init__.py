"""The screens: each shows values it was given, and ends with an answer or a message."""
