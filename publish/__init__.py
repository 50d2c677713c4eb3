"""How the suite is shared: executes the notebooks, checks them, writes the pages (python -m publish)."""

import sys

# nbformat brings jsonschema, which would spend most of a second on a grammar of internationalised addresses, and some
# more on durations; it does without where there are none, and no notebook holds what they are for. Other programs,
# JupyterLab too, have them
for name in ("rfc3987_syntax", "isoduration"):
    sys.modules.setdefault(name, None)
