"""How the suite is shared: executes the notebooks, checks them, writes the pages (python -m publish)."""
