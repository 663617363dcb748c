"""Keeps a person's calendar in step with one on a CalDAV server (RFC 4791), both ways.

===================  ====================================================================================
``dav_xml``          requests and answers in XML
``dav_client``       finds, reads and writes calendar objects on the server
``account``          which server and calendar, how the last sync went, and the credential that people give
``connect``          ``/caldav``, the way to the form for the password, and the choice of a calendar
``calendar_object``  the events of one UID as an object of the server
``synced_objects``   what both sides had after the last sync
``reconcile``        which side has changed, and which change wins
``phone_alarms``     alarms of the phone as reminders here
``sync``             one sync
===================  ====================================================================================
"""
