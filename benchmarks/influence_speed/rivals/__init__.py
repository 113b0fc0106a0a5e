"""The other libraries' side of the contest, one file a library."""
