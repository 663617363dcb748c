"""Calendars of other programs, as iCalendar files (RFC 5545): read, imported, and offered as a feed.

======================  =========================================================
``file_reading``        the entries of a file, whatever the file holds
``entry_reading``       one entry (VEVENT) as an event
``recurrence_reading``  its recurrence rule, if it can be kept
``zone_reading``        its time zone, as an IANA name
``notes``               notes of events: the description of an entry
``alarms``              reminders at an event's start and before it: the alarms of an entry
``series``              the events of one UID: a repetition and its exceptions
``event_writing``       an event as an entry
``import_plan``         what an import adds, changes and leaves out
``import_request``      the import of a file or an address that a person sends
``feed``                a person's calendar at a secret address
``page_keys``           finds a page from the secret in its address
======================  =========================================================
"""
