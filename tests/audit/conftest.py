"""A drawn shop with planted faults, built and audited once for all tests."""

import pytest
from faulty_shop import Audited, build, draw_faulty_shop

from lookalike import audit, pipeline


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    root = tmp_path_factory.mktemp("faulty")
    source = draw_faulty_shop(root / "shop")
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr(
            "logging.Logger.warning", lambda self, text, *values: said.append(text % values if values else text)
        )
        build(source, root / "site")
    artifact = pipeline.audit_site(root / "site", audit.AuditConfig())
    return Audited(root / "site", source / "images", artifact, "\n".join(said))
