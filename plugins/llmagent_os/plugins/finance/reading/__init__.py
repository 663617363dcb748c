"""Reads statements of banks and lists of holdings: every format becomes a sheet, whose columns are then understood."""
