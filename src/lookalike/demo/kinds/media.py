"""Music, films, books and games."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Part, Parts, ball, box, curve, hoop, lathe, loft, move, panel, rod, turn


def books(look: Look) -> Parts:
    """A pile of books, or a single one standing a little open towards the viewer."""
    if look.style == 1:
        return turn(_book(look, look.between(0.13, 0.17), look.between(0.2, 0.24), look.between(0.02, 0.04)), x=72)
    parts: Parts = []
    level = 0.0
    for _ in range(int(look.rng.integers(3, 7))):
        thick = look.between(0.018, 0.04)
        book = _book(look, look.between(0.13, 0.16), look.between(0.19, 0.23), thick)
        parts += move(turn(book, z=90 + look.between(-12, 12)), z=level)
        level += thick
    return parts


def _book(look: Look, width: float, height: float, thick: float) -> Parts:
    """A closed book lying flat, its spine at the left."""
    cover = look.artwork(width, height, gloss=0.35)
    spine = look.plastic(cover.colour, 0.3)
    paper = Paint(
        tx.rgb("#e9e0cb"), 0.0, texture=tx.stripes(tx.rgb("#efe7d3"), tx.rgb("#cfc5ae"), width=0.0016, along=True)
    )
    return [
        box((width - 0.006, height - 0.008, thick - 0.005), paper, edge=0.001).move(x=0.001, z=thick / 2),
        box((width, height, 0.003), spine, edge=0.001).move(z=0.0015),
        box((width, height, 0.003), cover, edge=0.001).move(z=thick - 0.0015),
        box((0.004, height, thick), spine, edge=0.002).move(x=-width / 2, z=thick / 2),
    ]
