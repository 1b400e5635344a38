"""`python -m emovec`."""

from emovec.cli import main

main()
