"""`python -m agents.sandbox`: the same as `manage.py sandbox`, without Django."""

import sys

from agents.sandbox.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
