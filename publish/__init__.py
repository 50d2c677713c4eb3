"""How the suite is shared: executes the notebooks, checks them, writes the pages (python -m publish)."""

import sys

# nbformat brings jsonschema, which would spend most of a second on a grammar of internationalised addresses; it does
# without where there is none, and no notebook holds what the grammar is for. Other programs, JupyterLab too, have it
sys.modules.setdefault("rfc3987_syntax", None)
