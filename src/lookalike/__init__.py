"""Lookalike: visual search for marketplaces, from a product table and a folder of photos to ranked look-alikes."""

__version__ = "0.1.0"  # written out: to ask the installed package for it takes 40 ms of every start
