"""The wallet as a full-screen program (Textual).

`screens/` show values and give answers back; `flows/` are what a person does, read from top to bottom, and
call the same use cases as the commands. Whatever is shown goes through `text`.
"""
