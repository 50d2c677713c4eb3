"""The vocabulary the notebooks speak. Start with `tables`, `show` and `charts`."""
