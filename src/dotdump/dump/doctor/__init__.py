"""What would stop a dump here, and what to do about it: facts gathered once, then checks that are pure functions.

``gather`` looks at the machine and the process, ``facts`` are what it saw, ``checks`` judge. Nothing here changes
anything, stops anything or asks the runtime for more than its name.
"""
