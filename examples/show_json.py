"""Prints a JSON file for people: indented, with lists of plain values on one line."""

import json
import re
import sys
from pathlib import Path

text = json.dumps(json.loads(Path(sys.argv[1]).read_text()), indent=2, ensure_ascii=False)
print(re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: "[" + re.sub(r"\s*\n\s*", " ", found[1]) + "]", text))
