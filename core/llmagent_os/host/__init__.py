"""The host: from the durable inbox to a reply that was sent."""
