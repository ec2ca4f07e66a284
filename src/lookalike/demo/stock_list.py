"""Everything the shop sells, by parent category."""

from lookalike.demo.kind import Kind
from lookalike.demo.kinds import (
    dresser,
    fashion,
    gadgets,
    garage,
    kids,
    kitchen,
    living,
    media,
    office,
    shelf,
    sports,
    worn,
)
from lookalike.demo.look import Drawing
from lookalike.demo.photo import Pose


# fmt: off
def kinds() -> tuple[Kind, ...]:
    """Return the kinds of things on sale, in a fixed order that seeds rely on."""
    return (
        *_home(), *_children(), *_tools(), *_media(), *_phones(), *_clothes(), *_sports(), *_appliances(),
        *_computers(), *_office(), *_games(), *_beauty(), *_other(),
    )


def _kind(
    drawing: Drawing, category: str, styles: str, palette: str, prices: tuple[int, int], about: tuple[str, int, str]
) -> Kind:
    """One line of the lists below; `about` is stage, count, remark, and styles stand between bars."""
    stage, count, remark = about
    swing = 70.0 if stage == "flat" else 38.0
    pose = Pose(stage, swing)
    return Kind(drawing, category, tuple(styles.split("|")), palette, prices, pose, (remark,), count)


def _home() -> tuple[Kind, ...]:
    top = "Home & Garden / "
    bedroom = f"{top}Beds & Bedroom Furniture / "
    return (
        _kind(living.sofa, f"{top}Sofas, Armchairs, Couches & Suites",
              "{colour} armchair|{colour} two-seater sofa|{colour} three-seater sofa",
              "fabric", (60, 900), ("floor", 4, "Very comfy, the covers come off for washing.")),
        _kind(living.wardrobe, f"{bedroom}Wardrobes, Shelving & Storage",
              "{colour} two-door wardrobe|{colour} three-door wardrobe|{colour} chest of drawers",
              "wood", (40, 1450), ("floor", 4, "Can be taken apart for moving, all screws are there.")),
        _kind(living.bed, f"{bedroom}Double Beds & Single Beds",
              "single bed with {colour} quilt|double bed with {colour} quilt",
              "fabric", (50, 600), ("floor", 3, "Mattress included, always used with a protector.")),
        _kind(living.lamp, f"{top}Lighting & Fittings / Lamps",
              "table lamp with {colour} shade|floor lamp with {colour} shade",
              "fabric", (8, 90), ("table", 3, "Bulb included.")),
        _kind(living.plant, f"{top}Garden & Patio / Plants",
              "leafy house plant in a {colour} pot|snake plant in a {colour} pot|cactus in a {colour} pot",
              "bright", (4, 35), ("table", 3, "Happy on a window sill, water once a week.")),
        _kind(living.rug, f"{top}Curtains, Blinds & Rugs / Rugs", "{colour} rug|round {colour} rug",
              "fabric", (15, 180), ("flat", 3, "No stains, hoovered weekly.")),
        _kind(living.bookcase, f"{top}Dining & Living Room Furniture / Bookcases & Shelving", "{colour} bookcase",
              "wood", (20, 160), ("floor", 2, "The books are not for sale, sorry!")),
        _kind(living.picture, f"{top}Other Household Goods / Pictures & Frames", "framed picture, {colour} frame",
              "wood", (8, 70), ("floor", 2, "Ready to hang.")),
    )


def _children() -> tuple[Kind, ...]:
    top = "Baby & Kids Stuff / "
    return (
        _kind(kids.teddy, f"{top}Toys / Soft Toys", "{colour} teddy bear|{colour} toy rabbit",
              "fur", (3, 25), ("table", 4, "Washed and ready to be cuddled 🧸")),
        _kind(kids.pram, f"{top}Prams & Strollers", "{colour} pushchair|{colour} pram",
              "fabric", (30, 350), ("garden", 3, "Folds flat for the car boot, rain cover included.")),
        _kind(kids.cot, f"{top}Nursery & Children's Furniture / Cots & Beds", "{colour} cot|{colour} cradle on rockers",
              "wood", (25, 180), ("floor", 3, "From birth to about two years.")),
        _kind(kids.train, f"{top}Toys / Wooden Toys",
              "{colour} wooden train with one wagon|{colour} wooden train with two wagons",
              "bright", (4, 30), ("table", 3, "Solid wood, a little play wear.")),
        _kind(kids.stacker, f"{top}Toys / Baby Toys", "stacking rings|wooden building blocks",
              "bright", (2, 15), ("table", 3, "All pieces are there, I counted.")),
    )


def _tools() -> tuple[Kind, ...]:
    top = "DIY Tools & Materials / "
    return (
        _kind(garage.drill, f"{top}Power Tools / Drills", "{colour} cordless drill",
              "tools", (20, 120), ("table", 4, "Battery holds its charge, charger included.")),
        _kind(garage.hammer, f"{top}Hand Tools / Hammers", "claw hammer with {colour} grip|mallet with {colour} grip",
              "tools", (3, 20), ("flat", 4, "A few knocks, as you would expect.")),
        _kind(garage.toolbox, f"{top}Tool Storage", "{colour} toolbox|{colour} toolbox with drawers",
              "tools", (8, 60), ("table", 3, "Sold empty.")),
        _kind(garage.ladder, f"{top}Ladders & Handtrucks",
              "aluminium stepladder with {colour} treads|wooden stepladder",
              "tools", (12, 80), ("garden", 3, "Sturdy and stable, rubber feet.")),
        _kind(garage.paint_tin, f"{top}Paint & Decorating / Paint",
              "tin of {colour} paint with brush|open tin of {colour} paint",
              "bright", (4, 25), ("table", 3, "Left over from the hall, nearly full.")),
    )


def _media() -> tuple[Kind, ...]:
    top = "Music, Films, Books & Games / "
    return (
        _kind(media.guitar, f"{top}Musical Instruments & DJ Equipment / Guitars",
              "acoustic guitar|{colour} electric guitar",
              "bright", (40, 650), ("floor", 4, "New strings last month, plays beautifully.")),
        _kind(media.piano, f"{top}Musical Instruments & DJ Equipment / Keyboards & Pianos",
              "{colour} electronic keyboard|{colour} electronic keyboard with stand",
              "tech", (40, 400), ("table", 4, "All keys work.")),
        _kind(media.record, f"{top}Music / Vinyl", "LP with {colour} label|LP with {colour} label and sleeve",
              "bright", (4, 45), ("flat", 4, "Plays without a scratch, sleeve a bit worn.")),
        _kind(media.books, f"{top}Books, Comics & Magazines / Books", "pile of books|hardback book",
              "bright", (2, 20), ("table", 4, "Read once, spine not broken.")),
    )


def _phones() -> tuple[Kind, ...]:
    top = "Phones, Mobile Phones & Telecoms / "
    return (
        _kind(gadgets.phone, f"{top}Mobile Phones / Smartphones", "{colour} smartphone|{colour} smartphone, back shown",
              "tech", (40, 450), ("flat", 6, "Unlocked to all networks, battery health 88 %.")),
        _kind(gadgets.phone_case, f"{top}Mobile Phone Accessories / Cases & Covers",
              "{colour} phone case|{colour} wallet phone case",
              "bright", (2, 15), ("flat", 5, "Changed phones, so no use for it.")),
        _kind(gadgets.headphones, f"{top}Mobile Phone Accessories / Headphones & Headsets",
              "{colour} headphones|{colour} headphones, lying flat",
              "tech", (10, 180), ("table", 5, "Great sound, cable and pouch included.")),
    )


def _clothes() -> tuple[Kind, ...]:
    top = "Clothes, Footwear & Accessories / "
    return (
        _kind(fashion.tshirt, f"{top}Men's Clothing / Tops & Shirts",
              "{colour} T-shirt|{colour} long-sleeved top|{colour} short-sleeved shirt",
              "bright", (3, 25), ("flat", 4, "Size M, true to size.")),
        _kind(fashion.dress, f"{top}Women's Clothing / Dresses",
              "{colour} summer dress|{colour} dress with short sleeves",
              "bright", (6, 60), ("flat", 3, "Size 12, worn to one wedding.")),
        _kind(fashion.trousers, f"{top}Men's Clothing / Jeans & Trousers", "pair of trousers|pair of shorts",
              "fabric", (5, 35), ("flat", 3, "32 waist.")),
        _kind(worn.trainer, f"{top}Shoes & Boots", "{colour} trainers|{colour} ankle boots",
              "leather", (8, 70), ("table", 3, "Size 7, soles hardly worn.")),
        _kind(worn.handbag, f"{top}Women's Accessories / Handbags, Purses & Wallets",
              "{colour} handbag|{colour} satchel",
              "leather", (10, 150), ("table", 3, "Clean lining, two inner pockets.")),
        _kind(worn.watch, f"{top}Jewellery & Watches / Watches",
              "wristwatch with {colour} strap|wristwatch with bracelet",
              "leather", (15, 1250), ("flat", 3, "Keeps good time, new battery.")),
    )


def _sports() -> tuple[Kind, ...]:
    top = "Sports, Leisure & Travel / "
    return (
        _kind(sports.bicycle, f"{top}Bicycles & Accessories / Bicycles",
              "{colour} bicycle|{colour} step-through bicycle with basket",
              "bright", (50, 650), ("garden", 4, "Serviced in spring, new brake pads.")),
        _kind(sports.football, f"{top}Ball & Racquet Sports / Balls", "football|{colour} basketball",
              "bright", (4, 20), ("table", 3, "Holds its air.")),
        _kind(sports.racket, f"{top}Ball & Racquet Sports / Tennis",
              "{colour} tennis racket|{colour} tennis racket with two balls",
              "bright", (8, 70), ("flat", 3, "Strung last year.")),
        _kind(sports.tent, f"{top}Camping & Hiking / Tents", "{colour} ridge tent|{colour} dome tent",
              "fabric", (20, 180), ("garden", 3, "Pitched twice, no leaks. Pegs and bag included.")),
        _kind(sports.dumbbell, f"{top}Fitness & Gym Equipment / Weights",
              "pair of {colour} dumbbells|{colour} kettlebell",
              "tools", (6, 40), ("table", 3, "New year's resolution, you know how it goes.")),
        _kind(sports.suitcase, f"{top}Luggage & Travel Equipment / Suitcases",
              "{colour} hard-shell suitcase|{colour} soft suitcase",
              "bright", (10, 70), ("floor", 3, "Fits most cabin rules, wheels run smoothly.")),
    )


def _appliances() -> tuple[Kind, ...]:
    top = "Appliances / "
    return (
        _kind(kitchen.fridge, f"{top}Kitchen Appliances / Refrigerators & Freezers",
              "{colour} fridge-freezer|{colour} under-counter fridge",
              "tech", (50, 350), ("floor", 4, "Works perfectly, defrosted and cleaned.")),
        _kind(kitchen.washer, f"{top}Washing Machines & Dryers", "{colour} washing machine|{colour} tumble dryer",
              "tech", (60, 300), ("floor", 4, "8 kg, hoses included.")),
        _kind(kitchen.kettle, f"{top}Small Appliances / Kettles", "{colour} electric kettle|{colour} stovetop kettle",
              "tech", (5, 35), ("table", 3, "Descaled.")),
        _kind(kitchen.toaster, f"{top}Small Appliances / Toasters",
              "{colour} two-slice toaster|{colour} four-slice toaster",
              "tech", (5, 40), ("table", 3, "Toasts evenly, crumb tray emptied 😄")),
        _kind(kitchen.microwave, f"{top}Kitchen Appliances / Ovens, Hobs & Microwaves",
              "{colour} microwave|{colour} microwave with two knobs",
              "tech", (15, 80), ("table", 3, "800 W, turntable included.")),
    )


def _computers() -> tuple[Kind, ...]:
    top = "Computers & Software / "
    return (
        _kind(office.laptop, f"{top}Laptops & Netbooks / Laptops", "{colour} laptop",
              "tech", (80, 1100), ("table", 4, "Wiped and set up afresh, charger included.")),
        _kind(office.monitor, f"{top}Monitors & Projectors / Monitors", "{colour} monitor",
              "tech", (25, 220), ("table", 4, "No dead pixels.")),
        _kind(office.keyboard, f"{top}Keyboards, Mice & Input Devices", "{colour} keyboard|{colour} keyboard and mouse",
              "tech", (5, 60), ("table", 4, "Every key works, UK layout.")),
        _kind(office.printer, f"{top}Printers & Scanners / Printers", "{colour} inkjet printer|{colour} office printer",
              "tech", (15, 120), ("table", 4, "Prints fine, ink half full.")),
    )


def _office() -> tuple[Kind, ...]:
    top = "Office Furniture & Equipment / "
    return (
        _kind(office.desk, f"{top}Desks & Tables / Desks", "{colour} desk with drawers|{colour} desk",
              "wood", (30, 250), ("floor", 5, "Sturdy, a few pen marks on the top.")),
        _kind(office.office_chair, f"{top}Office Chairs / Swivel Chairs",
              "{colour} office chair with arms|{colour} office chair",
              "fabric", (15, 160), ("floor", 5, "Goes up and down as it should.")),
        _kind(office.cabinet, f"{top}Storage & Filing / Filing Cabinets",
              "{colour} 2-drawer filing cabinet|{colour} 3-drawer filing cabinet|{colour} 4-drawer filing cabinet",
              "tools", (15, 110), ("floor", 5, "Comes with both keys.")),
    )


def _games() -> tuple[Kind, ...]:
    top = "Video Games & Consoles / "
    return (
        _kind(gadgets.console, f"{top}Consoles / Home Consoles",
              "{colour} games console|{colour} upright games console",
              "tech", (60, 380), ("table", 5, "One pad and all cables included.")),
        _kind(gadgets.controller, f"{top}Gaming Accessories / Controllers", "{colour} game controller",
              "tech", (10, 45), ("table", 5, "No stick drift.")),
        _kind(gadgets.handheld, f"{top}Consoles / Handhelds",
              "{colour} handheld console|retro {colour} handheld console",
              "bright", (20, 220), ("flat", 5, "Screen without scratches, case included.")),
    )


def _beauty() -> tuple[Kind, ...]:
    top = "Health & Beauty / "
    return (
        _kind(dresser.perfume, f"{top}Fragrances / Perfume",
              "{colour} perfume, square bottle|{colour} perfume, tall bottle|{colour} perfume, round bottle",
              "scent", (8, 60), ("table", 5, "Sprayed twice, not my scent.")),
        _kind(dresser.lipstick, f"{top}Make Up & Cosmetics / Lipstick", "{colour} lipstick|two lipsticks, one {colour}",
              "lips", (3, 20), ("table", 3, "Swatched once.")),
        _kind(dresser.nail_polish, f"{top}Make Up & Cosmetics / Nails & Skin Care",
              "set of nail polish|jar of face cream",
              "scent", (3, 25), ("table", 4, "Unopened, best before next year.")),
        _kind(dresser.hair_dryer, f"{top}Hair Care & Styling / Hair Dryers",
              "{colour} hair dryer|{colour} hair dryer, lying",
              "tech", (6, 60), ("table", 4, "Two speeds, cool shot.")),
    )


def _other() -> tuple[Kind, ...]:
    top = "Other Goods / "
    return (
        _kind(shelf.mug, f"{top}Kitchenalia / Mugs & Cups", "{colour} mug|two {colour} mugs",
              "bright", (2, 12), ("table", 3, "Dishwasher-safe, coffee not included ☕")),
        _kind(shelf.candle, f"{top}Gifts & Candles", "{colour} candles in holders|{colour} candle in a glass",
              "scent", (2, 20), ("table", 3, "Lit for the photo only 🕯")),
        _kind(shelf.umbrella, f"{top}Miscellaneous / Umbrellas", "{colour} umbrella, open|{colour} umbrella, rolled",
              "bright", (3, 18), ("floor", 3, "No broken ribs.")),
        _kind(shelf.clock, f"{top}Collectables / Clocks", "{colour} alarm clock|{colour} wall clock",
              "bright", (4, 45), ("table", 3, "Ticks quietly.")),
        _kind(shelf.vase, f"{top}Collectables / Vases & Ceramics", "{colour} vase|{colour} vase with flowers",
              "bright", (4, 50), ("table", 4, "No chips or cracks.")),
    )
# fmt: on
