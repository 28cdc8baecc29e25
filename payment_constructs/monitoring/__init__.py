"""Alarms, dashboards and budgets, one module per monitored part.

Each alarm is one call with its metric, threshold, data points, missing-data handling and runbook; a ``partial`` sets
what the alarms or metrics of a family share.
"""
