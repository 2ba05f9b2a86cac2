# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills, breaks and races the playbooks against the stand-ins, and says how much of it was survived."""
