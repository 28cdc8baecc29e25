"""Alarms, dashboards and budgets, one module per monitored part."""
