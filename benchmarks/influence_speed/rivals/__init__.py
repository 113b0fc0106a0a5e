"""A program for each library that does the job; each runs in the library's own environment."""
