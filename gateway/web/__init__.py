"""The doors: HTTP in and out. One module per noun, views of a few lines; what all doors share is in `door.py`."""
