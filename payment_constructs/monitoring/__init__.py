"""Alarms, dashboards and budgets, one module per monitored part.

A module of this package describes each alarm in one call: metric, threshold, how many data points, what missing data
means, and the runbook. A family's ``functools.partial`` fixes what its alarms or metrics share.
"""
