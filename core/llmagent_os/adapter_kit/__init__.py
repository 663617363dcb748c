"""What adapters share: set-up, delivery, files, button values, order, read positions, watching connections."""
