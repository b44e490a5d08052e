"""Turns runs into Jobs and their outcome into status."""
