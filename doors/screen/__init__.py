"""What full-screen programs share: text that nobody can act on, lists, and the line of keys."""

from pathlib import Path

STYLE = Path(__file__).with_name("screen.tcss")
"""How these parts look; the first style sheet of a program that uses them."""
