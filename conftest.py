"""Tests run as pages are built: figures without sliders, whatever front end the terminal belongs to."""

import os

os.environ["DOJO_STATIC"] = "1"
