"""The embedded store: one SQLite file, one thread that writes, readers apart. All SQL of the store is in this folder."""
