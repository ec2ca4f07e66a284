"""Everything the shop sells."""

from lookalike.demo.kind import Kind
from lookalike.demo.kinds import dresser, fashion, gadgets, garage, kids, kitchen, living, media, office, sports
from lookalike.demo.photo import Pose

_HOME, _KIDS, _TOOLS = "Home & Garden", "Baby & Kids Stuff", "DIY Tools & Materials"
_FLOOR, _TABLE, _FLAT = Pose("floor"), Pose("table"), Pose("flat")


def kinds() -> tuple[Kind, ...]:
    """Return the kinds of things on sale, in a fixed order that seeds rely on."""
    return (
        Kind(
            living.sofa,
            f"{_HOME} / Sofas, Armchairs & Suites",
            ("{colour} armchair", "{colour} two-seater sofa", "{colour} three-seater sofa"),
            "fabric",
            (60, 900),
            _FLOOR,
            count=9,
        ),
        Kind(
            living.wardrobe,
            f"{_HOME} / Beds & Bedroom Furniture / Wardrobes, Shelving & Storage",
            ("{colour} two-door wardrobe", "{colour} three-door wardrobe", "{colour} chest of drawers"),
            "wood",
            (40, 450),
            _FLOOR,
            count=9,
        ),
        Kind(
            kids.teddy,
            f"{_KIDS} / Toys / Soft Toys",
            ("{colour} teddy bear", "{colour} toy rabbit"),
            "fur",
            (3, 25),
            _TABLE,
            count=8,
        ),
        Kind(
            garage.hammer,
            f"{_TOOLS} / Hand Tools / Hammers",
            ("claw hammer with {colour} grip", "mallet with {colour} grip"),
            "tools",
            (3, 20),
            _FLAT,
            count=8,
        ),
        Kind(
            media.books,
            "Music, Films, Books & Games / Books, Comics & Magazines",
            ("pile of books", "hardback book"),
            "bright",
            (2, 15),
            _TABLE,
            count=8,
        ),
        Kind(
            gadgets.phone,
            "Phones, Mobile Phones & Telecoms / Mobile Phones",
            ("{colour} smartphone, screen on", "{colour} smartphone"),
            "tech",
            (40, 450),
            _FLAT,
            count=8,
        ),
        Kind(
            fashion.tshirt,
            "Clothes, Footwear & Accessories / Tops & Shirts",
            ("{colour} T-shirt", "{colour} long-sleeved top", "{colour} short-sleeved shirt"),
            "bright",
            (3, 25),
            _FLAT,
            count=12,
        ),
        Kind(
            sports.football,
            "Sports, Leisure & Travel / Ball & Racquet Sports",
            ("football", "{colour} basketball"),
            "bright",
            (4, 20),
            _TABLE,
            count=8,
        ),
        Kind(
            kitchen.fridge,
            "Appliances / Refrigerators & Freezers",
            ("{colour} fridge-freezer", "{colour} under-counter fridge"),
            "tech",
            (50, 350),
            _FLOOR,
            count=8,
        ),
        Kind(
            office.desk,
            "Office Furniture & Equipment / Desks",
            ("{colour} desk with drawers", "{colour} desk"),
            "wood",
            (30, 250),
            _FLOOR,
            count=8,
        ),
        Kind(office.laptop, "Computers & Software / Laptops", ("{colour} laptop",), "tech", (80, 700), _TABLE, count=8),
        Kind(
            gadgets.controller,
            "Video Games & Consoles / Accessories",
            ("{colour} game controller",),
            "tech",
            (10, 45),
            _TABLE,
            count=8,
        ),
        Kind(
            dresser.perfume,
            "Health & Beauty / Fragrances",
            (
                "{colour} perfume, square bottle",
                "{colour} perfume, round bottle",
                "{colour} perfume, ball-shaped bottle",
            ),
            "scent",
            (8, 60),
            _TABLE,
            count=9,
        ),
        Kind(
            dresser.mug,
            "Other Goods / Kitchenalia",
            ("{colour} mug", "two {colour} mugs"),
            "bright",
            (2, 12),
            _TABLE,
            count=8,
        ),
    )
