"""The derivatives that influence functions are made of, one file a backend."""
