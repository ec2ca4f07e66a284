"""The only home of torch: teach a network the catalogue's categories, and export it as an encoder.

Nothing here is imported unless `lookalike train` or `lookalike export` asks for it (the `train` extra).
"""
