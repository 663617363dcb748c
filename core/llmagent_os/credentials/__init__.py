"""What people give tools to sign in elsewhere for them: tokens, passwords, and sign-ins by OAuth 2.0."""
