# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Split public SQL as psql does: for whoever has fetched some, outside of ``make test``."""
