"""Tools by the Model Context Protocol: servers whose tools a bot has, and a bot's tools as a server for others."""
