"""The holder's side: keeps credentials and keys sealed, and discloses only what its owner picks."""
