"""Plots as inline SVG, and the arithmetic behind them. Values in, markup out."""
