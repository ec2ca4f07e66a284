"""One settings class: command-line flag > environment (`LOOKALIKE_…`) > `lookalike.toml` here > default."""

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lookalike.errors import SettingsError

_FILE = "lookalike.toml"


class Settings(BaseSettings):
    """What a running Lookalike can be told from outside; each field is documented in `docs/deploy.md`."""

    model_config = SettingsConfigDict(
        env_prefix="LOOKALIKE_",
        toml_file=_FILE,
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    host: str = Field(default="127.0.0.1", description="Address that the server listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port that the server listens on; 0 picks a free one.")
    photos: Path | None = Field(default=None, description="Photo root; default: where the catalogue was ingested from.")
    precision: str = Field(default="auto", pattern="^(auto|bf16|fp32)$", description="Arithmetic of the encoder.")
    fold: str = Field(
        default="max", pattern="^(max|mean|top2)$", description="How the scores of a product's photos become its own."
    )
    prototypes: bool = Field(default=False, description="Score products by the mean of their photos, too.")
    boost: str = Field(
        default="off", description="Weight of the guessed category: off, auto (as validation chose), or a number."
    )
    max_upload_bytes: int = Field(default=20_000_000, ge=1, description="Largest photo that a request may upload.")
    max_pixels: int = Field(default=80_000_000, ge=1, description="Largest photo, in pixels, that is decoded.")
    max_results: int = Field(default=200, ge=1, description="Largest k that a request may ask for.")
    upload_seconds: float = Field(default=60, gt=0, description="Longest time, in seconds, that an upload may take.")
    threads: int | None = Field(default=None, ge=1, description="Requests worked on at once; default: eight per core.")
    queue: int | None = Field(
        default=None, ge=0, description="Requests that may wait for a thread, others get 503; default: 4 per thread."
    )
    uploads: int | None = Field(
        default=None, ge=1, description="Uploads that may arrive at once; default: twice as many as may work and wait."
    )
    log_level: str = Field(
        default="info",
        pattern="^(debug|info|warning|error)$",
        description="debug tells each request, info and warning tell warnings, error only errors.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: what was given in code (flags), the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**flags: object) -> Settings:
    """Gather the settings; `flags` are those that the command has, None where one was not given.

    Raises
    ------
    SettingsError
        Names the first setting that makes no sense, or says that `lookalike.toml` cannot be read.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # pyright: ignore[reportArgumentType] - pydantic checks them
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        flag = f"--{name}, " if name in flags else ""
        raise SettingsError(
            f"the setting {name!r} makes no sense ({first['msg']})",
            mend=f"Correct {flag}LOOKALIKE_{name.upper()} or {_FILE}, wherever it was set",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"this is no readable TOML ({error})", where=_FILE, mend="Correct it") from error
