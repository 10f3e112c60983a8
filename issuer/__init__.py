"""The issuer: defines credential types, offers and issues credentials, and says which still count."""
