"""The things in the shop, one function each: a `Look` goes in, parts standing on z = 0 come out."""
