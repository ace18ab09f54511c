"""Runs the command line."""

from .command_line import main
from .processes import leave

leave(main())
