#!/usr/bin/env python
"""evoweb's command line: `manage.py serve` runs it, `manage.py help` lists the rest."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # What evoweb writes, its database above all, is nobody else's to read.
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evoweb.settings")
    execute_from_command_line(sys.argv)
