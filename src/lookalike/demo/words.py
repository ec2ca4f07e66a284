"""How sellers write: names with tails, cheerful descriptions, towns, prices."""

import numpy as np

from lookalike.demo.kind import Kind

_TOWNS = (
    "Wokingham, Berkshire", "Didsbury, Manchester", "Leith, Edinburgh", "Clifton, Bristol",
    "Headingley, West Yorkshire", "Walthamstow, London", "Pontcanna, Cardiff", "Hove, East Sussex",
    "Jesmond, Tyne and Wear", "Totnes, Devon", "Hackney, London", "Kelham Island, South Yorkshire",
    "Stroud, Gloucestershire", "Harborne, West Midlands", "Partick, Glasgow", "Whitstable, Kent",
    "Cowley, Oxfordshire", "Saltaire, West Yorkshire", "Ely, Cambridgeshire", "Holywood, County Down",
)  # fmt: skip
_CONDITIONS = (
    "good condition", "excellent condition", "like new", "hardly used", "well loved", "vintage", "bargain", "new",
    "collection only", "can deliver", "great condition", "needs to go",
)  # fmt: skip
_OPENERS = (
    "Selling our {thing} as we are moving house.", "Lovely {thing}, {condition}.",
    "Here is a {thing} looking for a new home.", "{Thing} in {condition}.", "Up for sale: {thing}.",
    "For sale is this {thing}, {condition}.", "Having a clear-out, so this {thing} has to go.",
    "Much loved {thing}, sadly no space for it any more.",
)  # fmt: skip
_MIDDLES = (
    "From a smoke-free, pet-free home.", "A few small marks, see the photos.",
    "Bought two years ago and cost far more new.", "The colour is truer in the second photo.",
    "No returns, please look at the pictures carefully.", "Was in the spare room, so hardly touched.",
    "It has been cleaned and is ready to go.", "Only used a couple of times.",
    'Known in our house as "the good one".', "Can be seen any evening after 6.",
    "A present that was never the right size.",
)  # fmt: skip
_CLOSERS = (
    "Collection only.", "Cash on collection, please.", "Can post at cost.",
    "Happy to help load it into your car 🚗", "No time wasters please 🙏", "Sensible offers considered 😊",
    "First to see will buy!", "Message me with any questions 👍", "Bargain at this price ⭐",
    "Local delivery possible for a little petrol money.", "Thanks for looking ❤️",
)  # fmt: skip


def name_of(thing: str, rng: np.random.Generator) -> str:
    """Word a listing's title, without its tail."""
    title = thing[0].upper() + thing[1:]
    return f"{title}, {_pick(_CONDITIONS, rng)}" if rng.random() < 0.6 else title


def town(rng: np.random.Generator) -> str:
    """Choose where a seller lives."""
    return _pick(_TOWNS, rng)


def with_tail(name: str, place: str) -> str:
    """Add the tail that the site puts behind each title."""
    return f"{name} | in {place} | Gumtree"


def price_of(kind: Kind, rng: np.random.Generator) -> str:
    """Choose a price within the kind's range, rounded as people do; `£1,250.00`."""
    low, high = np.log(kind.prices)
    value = float(np.exp(rng.uniform(low, high)))
    step = 1 if value < 20 else 5 if value < 150 else 25 if value < 800 else 50
    pounds = max(1, round(value / step) * step)
    pence = 0.99 if value < 60 and rng.random() < 0.2 else 0.0
    return f"£{pounds - 1 + pence if pence else pounds:,.2f}"


def description_of(kind: Kind, thing: str, rng: np.random.Generator) -> str:
    """Word a description; now and then with line breaks of the three sorts, as typed on telephones."""
    condition = _pick(_CONDITIONS, rng)
    opener = _pick(_OPENERS, rng).format(thing=thing, Thing=thing[0].upper() + thing[1:], condition=condition)
    middle = [_MIDDLES[int(index)] for index in rng.choice(len(_MIDDLES), int(rng.integers(0, 3)), replace=False)]
    remarks = [_pick(kind.remarks, rng)] if kind.remarks else []
    sentences = [opener, *remarks, *middle, _pick(_CLOSERS, rng)]
    joint = _pick((" ", " ", " ", "\r", "\r", "\n", "\r\n"), rng)
    return joint.join(sentences)


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
