"""The calendar's week and month as a picture."""
