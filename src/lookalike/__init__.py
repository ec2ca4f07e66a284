"""Lookalike: visual search for marketplaces, from a product table and a folder of photos to ranked look-alikes."""

from importlib.metadata import version

__version__ = version("lookalike")
