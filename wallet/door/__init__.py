"""What the wallet's two doors share, the commands and the screens: words, the folder, the way outside."""
