"""What the routes give, typed, with examples for the documentation."""

from decimal import Decimal

from fastapi.responses import Response
from pydantic import BaseModel, Field

from lookalike.types import Product, Result


class FoundProduct(BaseModel):
    """A product as a grid shows it, by one of its photos."""

    image_id: str = Field(examples=["photo-1"])
    product_id: str = Field(examples=["product-1"])
    name: str = Field(examples=["Oak bookcase, five shelves"])
    price: Decimal | None = Field(description="Exact, as text; null where unknown.", examples=["45.00"])
    currency: str | None = Field(description="ISO 4217.", examples=["GBP"])
    category: str | None = Field(description="The full path.", examples=["Home & Garden / Storage / Bookcases"])

    @classmethod
    def of(cls, product: Product, image_id: str) -> "FoundProduct":
        """Show a product by one of its photos."""
        return cls(
            image_id=image_id,
            product_id=product.product_id,
            name=product.name,
            price=product.price,
            currency=product.currency,
            category=product.category,
        )


class FoundResult(FoundProduct):
    """A product or photo that was found for a query."""

    score: float = Field(
        description="-1 to 1, higher is more alike: cosine similarity, unless the server folds or boosts scores.",
        examples=[0.83],
    )

    @classmethod
    def of_result(cls, result: Result) -> "FoundResult":
        """Show a result of the engine."""
        return cls(
            image_id=result.image_id,
            product_id=result.product_id,
            name=result.name,
            price=result.price,
            currency=result.currency,
            category=result.category,
            score=result.score,
        )


class SearchAnswer(BaseModel):
    """What was found, the most similar first."""

    query: FoundProduct | None = Field(
        default=None, description="What was asked by, if it is in the catalogue; null for a photo that was sent."
    )
    results: list[FoundResult]


class BrowseAnswer(BaseModel):
    """A varied sample of the catalogue, always the same for the same seed and filters."""

    products: list[FoundProduct]


class PhotoFacts(BaseModel):
    """A photo of a product; sizes are those of the upright photo in pixels."""

    image_id: str = Field(examples=["photo-1"])
    width: int = Field(examples=[1024])
    height: int = Field(examples=[768])


class ProductAnswer(BaseModel):
    """A product and its photos."""

    product_id: str = Field(examples=["product-1"])
    name: str = Field(examples=["Oak bookcase, five shelves"])
    description: str = Field(examples=["Solid oak, collection only."])
    price: Decimal | None = Field(description="Exact, as text; null where unknown.", examples=["45.00"])
    currency: str | None = Field(examples=["GBP"])
    location: str | None = Field(examples=["Wokingham, Berkshire"])
    category: str | None = Field(examples=["Home & Garden / Storage / Bookcases"])
    images: list[PhotoFacts]


class CategoryNode(BaseModel):
    """A category; the counts take in everything below it."""

    category: str = Field(description="The full path, as filters take it.", examples=["Home & Garden / Beds"])
    name: str = Field(description="The last part of the path.", examples=["Beds"])
    depth: int = Field(description="0 for a parent category.", examples=[1])
    products: int = Field(examples=[12])
    images: int = Field(examples=[30])


class CategoriesAnswer(BaseModel):
    """All categories in the order of a tree: each directly after its parent or its parent's other children."""

    categories: list[CategoryNode]


class LabelGuess(BaseModel):
    """A label, which is a full category prefix, and its probability."""

    label: str = Field(examples=["Home & Garden / Beds"])
    probability: float = Field(examples=[0.91])


class ClassifyAnswer(BaseModel):
    """The most probable labels, best first."""

    labels: list[LabelGuess]


class Health(BaseModel):
    """A sign of life."""

    message: str = Field(examples=["API is up and running!"])


class SimilarUuids(BaseModel):
    """Image ids of the most similar photos: one list for the one photo that was sent."""

    ids: list[list[str]] = Field(serialization_alias="Nearest similar image UUIDS", examples=[[["photo-1", "photo-2"]]])


class EncoderFacts(BaseModel):
    """The network that embeds query photos."""

    name: str = Field(examples=["lite0"])
    hash: str = Field(examples=["0123456789abcdef"])
    dim: int = Field(description="Width of its features.", examples=[1280])
    precision: str = Field(description="Arithmetic in use.", examples=["bf16"])


class HeadFacts(BaseModel):
    """The linear map from features to embeddings."""

    kind: str = Field(examples=["mix"])
    dim: int = Field(description="Width of the embeddings.", examples=[256])
    labels: int = Field(description="How many labels it can tell apart; 0 if it can not classify.", examples=[17])


class Info(BaseModel):
    """What is served, and what a request may ask for."""

    version: str = Field(description="Version of Lookalike.", examples=["0.1.0"])
    images: int = Field(description="Photos in the collection.", examples=[5000])
    categories: int = Field(description="Different category paths.", examples=[13])
    generation: int = Field(description="Rises with every change of the collection.", examples=[1])
    read_only: bool
    encoder: EncoderFacts
    head: HeadFacts
    max_upload_bytes: int = Field(examples=[20_000_000])
    max_pixels: int = Field(examples=[80_000_000])
    max_results: int = Field(examples=[200])


def as_json(answer: BaseModel) -> Response:
    """Write an answer as it is: what these models hold was checked when they were made."""
    return Response(answer.model_dump_json(by_alias=True), media_type="application/json")
