# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an integration on a real tenant and a real cluster, for whoever has both."""
