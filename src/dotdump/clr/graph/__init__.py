"""The whole heap as columns: objects, references, and what follows from them."""
