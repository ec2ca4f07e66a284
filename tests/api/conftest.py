"""The drawn shop behind the API, in process and behind a real server."""

import threading
from collections.abc import Generator

import pytest
import uvicorn
from drawn_shop import Shop, open_shop
from starlette.testclient import TestClient

from lookalike.api import create_app
from lookalike.settings import Settings

SMALL = Settings(max_upload_bytes=200_000, max_pixels=4_000_000, max_results=50)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    with open_shop(tmp_path_factory.mktemp("photos")) as shop:
        yield shop


@pytest.fixture(scope="session")
def client(drawn: Shop) -> Generator[TestClient]:
    """Answers 500 as a user would see it, instead of raising."""
    with TestClient(create_app(drawn.engine, SMALL), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def address(drawn: Shop) -> Generator[str]:
    """A real uvicorn on a free port."""
    config = uvicorn.Config(create_app(drawn.engine, SMALL), port=0, log_level="error", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join()
