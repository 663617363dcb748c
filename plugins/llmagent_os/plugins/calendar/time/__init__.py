"""Turns words into moments: dates, times of day, durations and repetitions in a person's words.

=======================  =============================================================================================
``time_mentions``        finds the parts of a message that say when
``mention_tokens``       ... its tokens, and which of them can say when
``mention_candidate``    ... a part of the message, and the words around it
``mention_rules``        ... what only looks like a time: room 4, lunch with April
``clock_mentions``       ... what only looks like a time of day
``date_mentions``        ... what only looks like a date
``time_arguments``       puts right which words a model took for a date, a time or a repetition
``expression_parsing``   a date and a time ("next tuesday", "half past six") become expressions
``time_expressions``     ... and these a place in the calendar
``day_lists``            lists of dates and spans
``date_parsing``         ... one of them
``period_parsing``       ... weeks, months and their parts
``day_parsing``          ... single days
``calendar_dates``       ... days as calendars write them
``date_ranges``          one day, or several in a row
``time_parsing``         times of day, and lists of them
``clock_times``          ... times on a clock
``parts_of_day``         ... the morning, lunch, after work
``time_of_day``          a time of day, in minutes
``duration_parsing``     durations, and shifts such as "an hour later"
``lead_parsing``         how long before an event
``usual_half``           morning or evening, by the title
``clock_changes``        moments when the clocks change
``zone_names``           time zones in people's words
``recurrence``           repetitions, as RRULEs
``recurrence_rules``     ... without their limits
``recurrence_limits``    ... their start, end, count and exceptions
``limit_parsing``        ... in words
``bounded_rules``        ... both together
``recurrence_text``      repetitions as replies say them
``holidays``             dates of named days
``text_normalization``   one spelling for spoken dates and times
``time_errors``          the error for words that cannot be resolved
=======================  =============================================================================================
"""
