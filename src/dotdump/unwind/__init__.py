"""Native call stacks: from the registers of a thread to the frames that led there, and how well each is known."""
