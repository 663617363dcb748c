"""Forms that people fill in: what is asked, and what typed words mean by the kind of their field.

===============  =====================================================================================================
``form``         a form and its fields, as a plugin declares them and as people see them
``form_values``  what was filled in, checked by kind
``typed_words``  reads days, times, numbers and yes or no as people type them
===============  =====================================================================================================
"""
