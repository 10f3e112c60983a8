"""The wallet as a full-screen program (Textual).

`screens/` show values and give answers back; `flows/` are what a person does, read from top to bottom, and
call the same use cases as the commands. Whatever is shown goes through `text`.
"""

import os

# Before anything here imports Textual, which reads them then: with these it would write every key that is
# pressed, passphrases among them, and pictures of the screen into files, or send them to its tools.
for _name in ("TEXTUAL", "TEXTUAL_DEBUG", "TEXTUAL_LOG", "TEXTUAL_SCREENSHOT", "TEXTUAL_SCREENSHOT_LOCATION"):
    os.environ.pop(_name, None)
