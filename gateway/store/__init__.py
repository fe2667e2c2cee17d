"""The embedded store: one SQLite file, one thread that writes, readers apart. All its SQL is in this folder."""
