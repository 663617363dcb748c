"""Turns words into moments: dates, times of day, durations and repetitions in a person's words.

=======================  =============================================================================================
``time_mentions``        finds the parts of a message that say when
``time_expressions``     a date and a time ("next tuesday", "half past six") become a moment
``date_parsing``         ... its dates
``time_parsing``         ... its times of day
``duration_parsing``     ... its durations
``usual_half``           ... morning or evening, by the title
``recurrence``           ... its repetitions, as RRULEs
``holidays``             dates of named days
``text_normalization``   one spelling for spoken dates and times
``time_errors``          the error for words that cannot be resolved
=======================  =============================================================================================
"""
