"""Estimate what another policy would have been worth, from logged decisions."""
